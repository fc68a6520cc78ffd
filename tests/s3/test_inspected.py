"""Inspectors in front of a real store: what they refuse is no object there, nor parts of one."""

from __future__ import annotations

from typing import Any, BinaryIO

import pytest
from webob import Request, Response

from ajaxupload import upload_endpoint
from ajaxupload.errors import Unprocessable
from ajaxupload.testing.driving import noise
from ajaxupload.upload import Upload
from tests.inspecting.inspectors import Watching
from tests.s3.stores import Bucket
from tests.s3.tools import MIB

pytestmark = pytest.mark.stores

CONTENT = noise(11 * MIB, 3)  # more than two parts


def put(bucket: Bucket, inspect: Any, content: bytes) -> Response:
    told = {name.lower(): value for name, value in bucket.options().items()}
    endpoint = upload_endpoint("s3", part_size=5 * MIB, inspect=inspect, **told)
    asked: Any = Request.blank("/a.bin", method="PUT", body=content)
    return asked.get_response(endpoint)  # type: ignore[no-any-return]  # WebOb is untyped here


def reading(request: Any, upload: Upload, file: BinaryIO) -> None:
    """Refuses what ends with a Z."""
    if file.read()[-1:] == b"Z":
        raise Unprocessable


@pytest.mark.parametrize("size", [1000, len(CONTENT)])
@pytest.mark.parametrize("inspect", [Watching(verdict=False), reading], ids=["watching", "reading"])
def test_what_is_refused_leaves_nothing_in_the_bucket(bucket: Bucket, inspect: Any, size: int) -> None:
    assert put(bucket, inspect, CONTENT[: size - 1] + b"Z").status_code == 422
    assert (bucket.objects(), bucket.unfinished()) == ([], [])


@pytest.mark.parametrize("inspect", [Watching, reading], ids=["watching", "reading"])
def test_what_is_clean_is_there(bucket: Bucket, inspect: Any) -> None:
    assert put(bucket, inspect, CONTENT + b"A").status_code == 201
    (key,) = bucket.objects()
    assert bucket.read(key) == CONTENT + b"A"
