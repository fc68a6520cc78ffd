"""Uploads over several requests, as the application sees them: its hooks, what may be fetched, what is cleaned.

In process, by tus requests; the wire has its own tests.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from webob import Request, Response

from ajaxupload import events, upload_endpoint
from ajaxupload.endpoint import Endpoint
from ajaxupload.errors import Forbidden
from ajaxupload.upload import Upload

CONTENT = b"hello, world"


class Site:
    """One endpoint into `root`/in, and what its listeners heard."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.endpoint: Endpoint = upload_endpoint("local", upload_dir=str(root / "in"), **settings)
        self.heard: list[tuple[str, Upload]] = []

    def ask(self, method: str, url: str, body: bytes = b"", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked: Any = Request.blank(url, method=method, body=body, headers=named)
        return asked.get_response(self.endpoint)  # type: ignore[no-any-return]  # WebOb is untyped here

    def tus(self, method: str, url: str, body: bytes = b"", **headers: str) -> Response:
        if method == "PATCH":
            headers["Content_Type"] = "application/offset+octet-stream"
        return self.ask(method, url, body, Tus_Resumable="1.0.0", **headers)

    def create(self, size: int = len(CONTENT), name: str = "a.txt", **headers: str) -> str:
        metadata = f"filename {base64.b64encode(name.encode()).decode()}"
        made = self.tus("POST", "/", b"", Upload_Length=str(size), Upload_Metadata=metadata, **headers)
        assert made.status_code == 201, made.text
        return str(made.headers["Location"])

    def send(self, url: str, content: bytes = CONTENT, at: int = 0) -> Response:
        return self.tus("PATCH", url, content, Upload_Offset=str(at))

    def stored(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.root / "in").iterdir()}


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Any]:
    """Makes sites, whose listeners end with the test."""
    with ExitStack() as stack:

        def make(**settings: Any) -> Site:
            site = Site(tmp_path, **settings)
            for name in ("created", "progressed", "completed", "refused", "aborted", "expired"):
                stack.enter_context(
                    getattr(events, name).connected_to(
                        lambda _sender, name=name, **details: site.heard.append((name, details["upload"]))
                    )
                )
            return site

        yield make


def names(site: Site) -> list[str]:
    """What was told of uploads; of requests that are none, an upload without a name is told."""
    return [name for name, upload in site.heard if upload.name]


def test_each_moment_of_an_upload_is_told_with_its_principal(opened: Any) -> None:
    site: Site = opened(authorize=lambda request, action, upload: "ann")
    url = site.create()
    assert site.send(url, CONTENT[:5]).status_code == 204
    assert site.send(url, CONTENT[5:], at=5).status_code == 204
    assert names(site) == ["created", "progressed", "completed"]
    assert {upload.principal for _, upload in site.heard} == {"ann"}
    assert len({upload.id for _, upload in site.heard}) == 1
    assert site.heard[-1][1].filename == "a.txt"


def test_an_upload_that_is_deleted_is_told_as_aborted(opened: Any) -> None:
    site: Site = opened()
    url = site.create()
    assert site.tus("DELETE", url).status_code == 204
    assert names(site) == ["created", "aborted"]
    assert site.tus("HEAD", url).status_code == 404


def test_before_create_may_set_the_id_the_name_and_the_metadata(opened: Any) -> None:
    def before_create(request: Any, upload: Upload) -> None:
        upload.id, upload.name = "chosen-by-the-application", "b.txt"
        upload.metadata = {**upload.metadata, "album": "7"}

    site: Site = opened(before_create=before_create)
    url = site.create()
    assert url == "/chosen-by-the-application"
    assert site.send(url).status_code == 204
    assert site.stored() == {"b.txt": CONTENT}
    assert site.heard[-1][1].metadata["album"] == "7"


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_before_create_may_refuse_whole_files_too(opened: Any, size: int | None) -> None:
    def before_create(request: Any, upload: Upload) -> None:
        raise Forbidden("Not on Sundays.")

    site: Site = opened(before_create=before_create)
    answer = site.ask("PUT", "/a.txt", CONTENT) if size is None else site.tus("POST", "/", Upload_Length=str(size))
    assert answer.status_code == 403
    assert "Not on Sundays." in answer.text
    assert names(site) == ["refused"]
    assert site.stored() == {}


def test_a_validator_refuses_before_the_file_is_visible_and_its_word_stays(opened: Any) -> None:
    site: Site = opened(validators=[lambda upload: False])
    url = site.create()
    first, again = site.send(url), site.tus("HEAD", url)
    assert (first.status_code, again.status_code) == (422, 422)
    assert site.stored() == {}
    assert names(site) == ["created", "progressed", "refused"]
    assert not list(site.root.rglob("*.part"))


def test_a_type_is_refused_with_the_first_bytes_and_nothing_is_kept(opened: Any) -> None:
    site: Site = opened(allow=["image/*"])
    url = site.create(100 << 20, "a.jpg")
    answer = site.send(url, b"GIF89a" + bytes(10_000))
    assert answer.status_code == 422
    assert site.tus("HEAD", url).status_code == 422
    assert not list(site.root.rglob("*.part"))


def test_one_who_may_not_write_any_more_gets_no_further_and_loses_nothing(opened: Any) -> None:
    allowed = {"create", "write"}
    site: Site = opened(authorize=lambda request, action, upload: "ann" if action in allowed else False)
    url = site.create()
    assert site.send(url).status_code == 403  # `finish` was refused
    allowed |= {"finish", "status"}
    assert site.tus("HEAD", url).headers["Upload-Offset"] == str(len(CONTENT))
    assert site.stored() == {"a.txt": CONTENT}


@pytest.mark.parametrize("action", ["HEAD", "PATCH", "DELETE", "GET"])
def test_somebody_elses_upload_is_not_there(opened: Any, action: str) -> None:
    who = ["ann"]
    site: Site = opened(authorize=lambda request, action, upload: who[0], serve=True)
    url = site.create()
    who[0] = "bob"
    assert site.tus(action, url, Upload_Offset="0").status_code == 404
    who[0] = "ann"
    assert site.tus("HEAD", url).status_code == 200


def test_what_was_stored_can_be_fetched_where_that_is_on_and_does_no_harm(opened: Any) -> None:
    site: Site = opened(serve=True)
    url = site.create(name="päge.html")
    assert site.ask("GET", url).status_code == 404  # not all is there
    site.send(url)
    answer = site.ask("GET", url)
    assert answer.body == CONTENT
    assert answer.headers["Content-Type"].startswith("application/octet-stream")
    assert answer.headers["Content-Disposition"].startswith("attachment; filename=")
    assert "sandbox" in answer.headers["Content-Security-Policy"]
    assert site.ask("GET", url, Range="bytes=7-").body == b"world"


def test_what_was_stored_cannot_be_fetched_by_default(opened: Any) -> None:
    site: Site = opened()
    url = site.create()
    site.send(url)
    assert site.ask("GET", url).status_code == 404


def test_an_upload_that_nobody_came_back_for_expires_and_is_told(opened: Any) -> None:
    site: Site = opened(expires="0.3 s")
    url = site.create()
    time.sleep(0.4)
    assert site.tus("HEAD", url).status_code == 404
    assert site.endpoint.partials is not None
    assert site.endpoint.partials.sweep() == 1
    assert names(site) == ["created", "expired"]
    assert not [path for path in site.root.rglob("*") if path.suffix in (".part", ".json", ".log")]


@pytest.mark.slow
def test_the_process_that_serves_sweeps_by_itself(opened: Any) -> None:
    site: Site = opened(expires="1 s")
    site.create()
    deadline = time.monotonic() + 20
    while "expired" not in names(site):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_caps_on_unfinished_uploads(opened: Any) -> None:
    who = ["ann"]
    site: Site = opened(max_unfinished=3, max_unfinished_own=2, authorize=lambda request, action, upload: who[0])
    first = site.create()
    site.create()
    assert site.tus("POST", "/", Upload_Length="5").status_code == 429
    who[0] = "bob"
    site.create()
    assert site.tus("POST", "/", Upload_Length="5").status_code == 429  # the cap of all
    who[0] = "ann"
    site.send(first)
    assert site.tus("POST", "/", Upload_Length="5").status_code == 201


def test_caps_on_unfinished_bytes(opened: Any) -> None:
    site: Site = opened(max_unfinished_size=20)
    site.create(12)
    assert site.tus("POST", "/", Upload_Length="12").status_code == 507
    assert site.tus("POST", "/", Upload_Length="8").status_code == 201


def test_an_endpoint_without_them_refuses_them(opened: Any) -> None:
    site: Site = opened(resumable=False)
    assert site.tus("POST", "/", Upload_Length="5").status_code == 501
    assert site.ask("GET", "/", Accept="application/json").json["resumable"] is None
    assert site.ask("PUT", "/a.txt", CONTENT, Idempotency_Key="k").status_code == 201
