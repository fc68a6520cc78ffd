"""Somebody else's upload is not there: the same answer as for no upload, after the same steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from webob import Response

from ajaxupload import upload_endpoint
from ajaxupload.errors import NotAuthenticated
from ajaxupload.upload import Upload, new_id
from tests.backends.test_local_syscalls import Call, calls
from tests.support.quotas import Site

TUS: dict[str, Any] = {"Tus_Resumable": "1.0.0"}
IETF: dict[str, Any] = {"Upload_Draft_Interop_Version": "8"}
ASKED: list[tuple[str, dict[str, Any]]] = [
    *((method, {}) for method in ("GET", "HEAD", "PATCH", "DELETE")),
    *((method, TUS) for method in ("GET", "HEAD", "DELETE")),
    *((method, IETF) for method in ("GET", "HEAD", "DELETE")),
    ("PATCH", {**TUS, "Content_Type": "application/offset+octet-stream", "Upload_Offset": "0"}),
    ("PATCH", {**IETF, "Content_Type": "application/partial-upload", "Upload_Offset": "0", "Upload_Complete": "?1"}),
]
PLACES = ("/{}", "/{}?_method=DELETE", "/?upload={}", "/?patch={}", "/?load={}", "/?restore={}")


def told(answer: Response, upload_id: str) -> tuple[Any, ...]:
    """All of it, the id itself excepted."""
    headers = sorted((name, value.replace(upload_id, "ID")) for name, value in answer.headers.items())
    return answer.status_code, answer.text.replace(upload_id, "ID"), headers


def filled(root: Path) -> tuple[Site, str, str]:
    """A site that Ann looks at; and what Bob has stored there, and begun."""
    site = Site(root, None, allow_delete=True, allow_list=True, serve=True)
    site.who = "bob"
    stored, begun = site.put(5).json["id"], site.create(10).headers["Location"].strip("/")
    site.who = "ann"
    return site, stored, begun


@pytest.mark.parametrize("place", PLACES)
def test_what_is_somebody_elses_is_answered_as_what_is_not_there(tmp_path: Path, place: str) -> None:
    site, *bobs = filled(tmp_path)
    for method, headers in ASKED:
        missing = new_id()
        nothing = told(site.ask(method, place.format(missing), **headers), missing)
        for upload_id in bobs:
            assert told(site.ask(method, place.format(upload_id), **headers), upload_id) == nothing, (method, headers)
    assert site.stored() == 5
    posted = site.ask("POST", f"/{bobs[0]}?_method=DELETE")
    assert told(posted, bobs[0]) == told(site.ask("POST", f"/{(other := new_id())}?_method=DELETE"), other)
    assert posted.status_code == 404


def test_the_application_is_asked_about_what_is_not_there_as_about_what_is(tmp_path: Path) -> None:
    site, _stored, begun = filled(tmp_path)
    asked: list[tuple[str, str]] = []

    def authorize(_request: Any, action: str, upload: Upload) -> str:
        asked.append((action, upload.id))
        return "ann"

    site.endpoint.guard._authorize = authorize
    missing = new_id()
    for upload_id in (begun, missing):
        assert site.ask("HEAD", f"/{upload_id}", **TUS).status_code == 404
    assert asked == [("status", begun), ("status", missing)]


def test_who_must_log_in_first_hears_of_that_whatever_is_there(tmp_path: Path) -> None:
    site, _stored, begun = filled(tmp_path)

    def authorize(_request: Any, _action: str, _upload: Upload) -> str:
        raise NotAuthenticated

    site.endpoint.guard._authorize = authorize
    assert [site.ask("HEAD", f"/{each}", **TUS).status_code for each in (begun, new_id())] == [401, 401]


def test_a_hook_that_falls_over_what_is_not_there_has_answered(tmp_path: Path) -> None:
    site, _stored, begun = filled(tmp_path)
    site.endpoint.guard._authorize = lambda _request, _action, upload: upload.metadata["filename"]
    assert [site.ask("HEAD", f"/{each}", **TUS).status_code for each in (begun, new_id())] == [404, 404]
    site.endpoint.guard._authorize = lambda _request, _action, upload: upload.metadata["album"]
    assert [site.ask("HEAD", f"/{each}", **TUS).status_code for each in (begun, new_id())] == [500, 404]


#: Bob's two, one that is not there, and each once before, so that nothing is done for the first time.
PROGRAM = """
import os, sys
from pathlib import Path
from ajaxupload.upload import new_id
from tests.wire.test_not_told import TUS, filled
site, stored, begun = filled(Path(sys.argv[1]) / "site")
for word in ("first", "again"):
    for name, upload_id in (("stored", stored), ("begun", begun), ("missing", new_id())):
        os.write(2, f"STEP {{word}} {{name}}\\n".encode())
        assert site.ask("{method}", "/" + upload_id, **{headers}).status_code == 404
os.write(2, b"STEP end\\n")
"""
LOOKING = "read,pread64,fstat,newfstatat,statx,flock,lseek,getdents64,pwrite64"


@pytest.mark.needs("strace")
@pytest.mark.slow
@pytest.mark.parametrize(("method", "headers"), [("HEAD", TUS), ("GET", {})])
def test_all_that_is_done_more_for_somebody_elses_upload_is_to_read_its_record(
    tmp_path: Path, method: str, headers: dict[str, Any]
) -> None:
    """By the kernel's own log: some twenty calls, none of which waits for a lock, a disk or a client."""
    (tmp_path / "site").mkdir()
    trace = calls(tmp_path, PROGRAM.format(method=method, headers=headers), also=LOOKING)
    missing = step(trace, "missing", "end")
    for found in (step(trace, "stored", "begun"), step(trace, "begun", "missing")):
        more = list(found)
        for name in missing:
            more.remove(name)  # ValueError for a call that is made for what is missing alone
        assert len(more) <= 20
        assert {*more} <= {"openat", "read", "pread64", "fstat", "newfstatat", "statx", "lseek", "close"}


def step(trace: list[Call], word: str, following: str) -> list[str]:
    """The names of the calls from the second time of a step on to what follows."""
    words = [call.arguments for call in trace]
    (first,) = (at for at, text in enumerate(words) if f"STEP again {word}" in text)
    (last,) = (at for at, text in enumerate(words) if f"STEP again {following}" in text or f"STEP {following}" in text)
    return [call.name for call in trace[first + 1 : last]]


@pytest.mark.parametrize("said", [{}, TUS, IETF], ids=["plain", "tus", "ietf"])
@pytest.mark.parametrize("by", [TUS, IETF], ids=["tus", "ietf"])
def test_what_a_visitor_has_stored_stays_the_visitors(tmp_path: Path, by: dict[str, Any], said: dict[str, Any]) -> None:
    """Whoever was given its link may read it, and cannot take the word of it away."""
    site = Site(tmp_path, None)
    allowed = dict.fromkeys(("allow_delete", "allow_list", "serve"), True)
    site.endpoint = upload_endpoint("local", upload_dir=str(tmp_path / "in"), durable=False, **allowed)
    cookie = site.ask("GET", "/", Accept="text/html").headers["Set-Cookie"].partition(";")[0]
    more = {"Upload_Length": "3", "Content_Type": "application/offset+octet-stream"} if by is TUS else {}
    done = site.ask("POST", "/", b"abc", Cookie=cookie, Upload_Complete="?1", **by, **more)
    url = done.headers.get("Location") or f"/{done.json['id']}"
    assert site.ask("DELETE", url, **said).status_code == 404
    assert site.ask("GET", url).body == b"abc"
    assert site.ask("DELETE", url, Cookie=cookie).status_code == 200
    assert list((tmp_path / "in").iterdir()) == []
