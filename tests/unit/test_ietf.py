"""The IETF protocol where no door leads: the end of an upload that is refused, interrupted or asked for twice, servers
that cannot tell a whole body from a cut one, and the interim responses of uWSGI."""

from __future__ import annotations

import io
import socket
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ajaxupload import upload_endpoint
from ajaxupload.endpoint import Endpoint
from ajaxupload.errors import Forbidden, StorageUnavailable
from ajaxupload.request import UploadRequest

HELLO = b"hello world"
VERSION = {"Upload_Draft_Interop_Version": "6"}


@pytest.fixture
def place(tmp_path: Path) -> dict[str, Any]:
    """Where to store."""
    return {"upload_dir": str(tmp_path / "in"), "private_dir": str(tmp_path / "private")}


def ask(endpoint: Endpoint, method: str, url: str = "/", body: bytes = b"", **more: Any) -> Any:
    """The response. `more` is the environ's."""
    environ = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": url,
        "QUERY_STRING": "filename=a.txt",
        "SERVER_NAME": "x",
        "SERVER_PORT": "80",
        "HTTP_HOST": "x",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "CONTENT_LENGTH": str(len(body)),
        **more,
    }
    return endpoint.respond(UploadRequest(environ))


def said(**headers: str) -> dict[str, Any]:
    """Headers as an environ has them."""
    return {f"HTTP_{name.upper()}": value for name, value in headers.items()}


PARTIAL: dict[str, Any] = {"CONTENT_TYPE": "application/partial-upload"}
END, MORE = said(Upload_Complete="?1"), said(Upload_Complete="?0")


def create(endpoint: Endpoint, body: bytes = b"") -> str:
    answer = ask(endpoint, "POST", "/", body, **MORE)
    assert answer.status_int == 201
    return str(answer.headers["Location"])


def files(tmp_path: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (tmp_path / "in").iterdir()}


def test_19_who_may_no_longer_upload_when_all_is_there_does_not(place: dict[str, Any], tmp_path: Path) -> None:
    allowed = {"finish": False}

    def authorize(request: Any, action: str, upload: Any) -> bool:
        return allowed.get(action, True)

    endpoint = upload_endpoint("local", authorize=authorize, **place)
    url = create(endpoint, HELLO)
    append = {**PARTIAL, **END, **said(Upload_Offset="11")}
    answer = ask(endpoint, "PATCH", url, **append)
    assert (answer.status_int, answer.headers["Upload-Complete"], files(tmp_path)) == (403, "?0", {})
    allowed["finish"] = True
    assert ask(endpoint, "PATCH", url, **append).status_int == 200
    assert files(tmp_path) == {"a.txt": HELLO}


def test_who_was_interrupted_at_the_end_is_finished_by_whoever_asks(
    place: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All came and its end was said, but the store was down: HEAD says what is true, and makes it true."""
    endpoint = upload_endpoint("local", **place)
    partials = endpoint.partials
    assert partials is not None
    url = create(endpoint)
    with monkeypatch.context() as patch:

        def fail(*_: Any) -> None:
            raise StorageUnavailable

        patch.setattr(type(partials), "finish", fail)
        answer = ask(endpoint, "PATCH", url, HELLO, **PARTIAL, **END, **said(Upload_Offset="0"))
        assert (answer.status_int, answer.headers["Upload-Complete"], answer.headers["Upload-Offset"]) == (
            503,
            "?0",
            "11",
        )
        assert ask(endpoint, "HEAD", url).status_int == 503
    found = ask(endpoint, "HEAD", url)
    assert (found.status_int, found.headers["Upload-Complete"]) == (204, "?1")
    assert files(tmp_path) == {"a.txt": HELLO}


def test_what_a_hook_refuses_before_the_first_byte_makes_no_upload(place: dict[str, Any]) -> None:
    def before_create(request: Any, upload: Any) -> None:
        raise Forbidden("not today")

    endpoint = upload_endpoint("local", before_create=before_create, **place)
    answer = ask(endpoint, "POST", "/", HELLO, **END)
    assert (answer.status_int, "Location" in answer.headers, answer.json["detail"]) == (403, False, "not today")


@pytest.mark.parametrize("silent", [{"asgi.scope": {}}, {"SERVER_SOFTWARE": "granian/2.8"}])
def test_07_a_body_whose_end_cannot_be_told_from_a_cut_completes_nothing(
    place: dict[str, Any], tmp_path: Path, silent: dict[str, Any]
) -> None:
    endpoint = upload_endpoint("local", **place)
    url = create(endpoint)
    chunked = {**silent, **said(Transfer_Encoding="chunked"), "CONTENT_LENGTH": "", "wsgi.input_terminated": True}
    assert ask(endpoint, "POST", "/", HELLO, **END, **chunked).status_int == 411
    append = {**PARTIAL, **END, **said(Upload_Offset="0"), **chunked}
    assert ask(endpoint, "PATCH", url, HELLO, **append).status_int == 411
    assert ask(endpoint, "HEAD", url).headers["Upload-Offset"] == "0"
    assert files(tmp_path) == {}


@pytest.mark.parametrize(
    ("options", "sent"),
    [
        ({b"http": b":80"}, True),
        ({"http-socket": ":80"}, True),
        ({"http": "", "socket": ""}, False),
        ({"socket": ""}, False),
    ],
)
def test_uwsgi_is_lent_to_where_it_speaks_http_itself(
    place: dict[str, Any], monkeypatch: pytest.MonkeyPatch, options: dict[Any, Any], sent: bool
) -> None:
    out: list[bytes] = []
    monkeypatch.setitem(sys.modules, "uwsgi", SimpleNamespace(opt=options, send=out.append))
    endpoint = upload_endpoint("local", **place)
    answer = ask(endpoint, "POST", "/", HELLO, **END, **said(Upload_Draft_Interop_Version="8"))
    assert answer.status_int == 200
    location = answer.headers["Location"].encode()
    assert [text.startswith(b"HTTP/1.1 104 ") and location in text for text in out] == [True] * sent


@pytest.mark.parametrize(
    ("interim", "proxied", "sent"),
    [(True, True, True), (None, False, True), (False, False, False), (None, True, False)],
)
def test_interim_responses_follow_the_setting(
    place: dict[str, Any], interim: bool | None, proxied: bool, sent: bool
) -> None:
    endpoint = upload_endpoint("local", interim=interim, **place)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        more = said(X_Forwarded_For="1.2.3.4", **VERSION) if proxied else said(**VERSION)
        assert ask(endpoint, "POST", "/", HELLO, **END, **more, **{"gunicorn.socket": ours}).status_int == 201
        ours.shutdown(socket.SHUT_WR)
        assert theirs.recv(4096).startswith(b"HTTP/1.1 104 ") is sent


def test_a_connection_that_is_gone_is_no_fault_of_the_interim_response(place: dict[str, Any]) -> None:
    endpoint = upload_endpoint("local", **place)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.shutdown(socket.SHUT_WR)
        answer = ask(endpoint, "POST", "/", HELLO, **END, **said(**VERSION), **{"gunicorn.socket": ours})
        assert answer.status_int == 201
