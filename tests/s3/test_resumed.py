"""A tus upload into S3: kept on this machine while it comes, then streamed into the store, once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from webob import Request, Response

from ajaxupload import upload_endpoint
from ajaxupload.endpoint import Endpoint
from ajaxupload.testing.driving import noise
from tests.s3.faults import reset
from tests.s3.proxy import Proxy
from tests.s3.stores import Bucket
from tests.s3.tools import MIB

pytestmark = pytest.mark.stores

CONTENT = noise(11 * MIB, 7)


def endpoint(root: Path, options: dict[str, Any]) -> Endpoint:
    """Made anew for each request, as if each went to another worker."""
    told = {name.lower(): value for name, value in options.items()}
    return upload_endpoint("s3", partials_dir=str(root / "partials"), part_size=5 * MIB, **told)


def tus(site: Endpoint, method: str, url: str, body: bytes = b"", **headers: str) -> Response:
    named = {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): value for name, value in headers.items()}}
    asked: Any = Request.blank(url, method=method, body=body, headers=named)
    return asked.get_response(site)  # type: ignore[no-any-return]  # WebOb is untyped here


def patch(site: Endpoint, url: str, at: int, end: int) -> Response:
    kind = "application/offset+octet-stream"
    return tus(site, "PATCH", url, CONTENT[at:end], Upload_Offset=str(at), Content_Type=kind)


def created(site: Endpoint) -> str:
    return str(tus(site, "POST", "/", Upload_Length=str(len(CONTENT))).headers["Location"])


def leftovers(root: Path) -> list[str]:
    return [path.name for path in root.rglob("*.part")]


def test_the_pieces_of_an_upload_become_one_object(bucket: Bucket, tmp_path: Path) -> None:
    options = bucket.options()
    url = created(endpoint(tmp_path, options))
    assert patch(endpoint(tmp_path, options), url, 0, 4 * MIB).status_code == 204
    assert not bucket.objects()
    assert patch(endpoint(tmp_path, options), url, 4 * MIB, len(CONTENT)).status_code == 204
    (key,) = bucket.objects()
    assert bucket.read(key) == CONTENT
    assert not bucket.unfinished()
    assert not leftovers(tmp_path)


def test_a_store_that_is_down_at_the_end_loses_nothing_and_is_asked_again(
    bucket: Bucket, proxy: Proxy, via: dict[str, Any], tmp_path: Path
) -> None:
    url = created(endpoint(tmp_path, via))
    proxy.fail("*", reset())
    answer = patch(endpoint(tmp_path, via), url, 0, len(CONTENT))
    assert answer.status_code == 503
    assert leftovers(tmp_path)
    assert not bucket.objects()
    proxy.heal()
    answer = tus(endpoint(tmp_path, via), "HEAD", url)
    assert (answer.status_code, answer.headers["Upload-Offset"]) == (200, str(len(CONTENT)))
    (key,) = bucket.objects()
    assert bucket.read(key) == CONTENT
    assert not leftovers(tmp_path)
