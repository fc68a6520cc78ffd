"""Who reads the body: we do, as it comes; and whoever else touches the request finds something sensible.

The server is werkzeug's, as in `flask run`: reading past a body's end there waits for ever, so a test that ends has
shown that nothing did.
"""

from __future__ import annotations

import http.client
import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import pytest

from ajaxupload.adapters.flask import AjaxUploadExtension
from tests.support.threads import served
from tests.wire.client import FORM, Answer, ask, connected, form, post, read_answer

#: A field, two files, an input that was left empty, a field behind them.
PARTS = form(
    ("album", None, b"cats"),
    ("f", "a.txt", b"one"),
    ("f", "b.txt", b"two" * 50_000),
    ("f", "", b""),
    ("last", None, b"x"),
)
Before = Callable[[], Any]


def make(folder: Path, before: Before | None = None, **options: Any) -> flask.Flask:
    app = flask.Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20
    app.config["AJAXUPLOAD"] = {"backend": "local", "upload_dir": folder, **options}
    if before is not None:
        app.before_request(lambda: (before(), None)[1])
    AjaxUploadExtension(app)
    return app


def stored(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


def send(app: flask.Flask, request: bytes) -> Answer:
    with served(app) as port:
        return ask(port, request)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


TOUCHES: dict[str, Before | None] = {
    "nothing": None,
    "form": lambda: flask.request.form,
    "files": lambda: flask.request.files,
    "values": lambda: flask.request.values,
    "get_data": lambda: flask.request.get_data(cache=True),
    "get_data, form": lambda: (flask.request.get_data(), flask.request.form),
    "data": lambda: flask.request.data,
    "stream, unread": lambda: flask.request.stream,
    "files, read": lambda: [file.read() for file in flask.request.files.values()],
}


@pytest.mark.parametrize("before", TOUCHES.values(), ids=TOUCHES)
def test_a_form_is_stored_whatever_touched_it_before(folder: Path, before: Before | None) -> None:
    seen: list[Any] = []
    app = make(folder, before, authorize=lambda request, action, upload: seen.append(dict(upload.fields)))
    answer = send(app, post("/upload", PARTS, FORM))
    assert (answer.status, [file["name"] for file in answer.json["files"]]) == (200, ["a.txt", "b.txt"])
    assert stored(folder) == {"a.txt": 3, "b.txt": 150_000}
    assert [fields["album"] for fields in seen] == ["cats", "cats"]


@pytest.mark.parametrize("before", [TOUCHES[name] for name in TOUCHES if "read" not in name or "un" in name])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_raw_body_is_stored_whatever_touched_it_before(folder: Path, before: Before | None, framing: str) -> None:
    body = b"x" * 100_000
    request = post("/upload/a.bin", body, "Content-Type: application/octet-stream", method="PUT")
    if framing == "chunked":
        request = request.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked")
        request = request[: -len(body)] + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    assert send(make(folder, before), request).status == 201
    assert stored(folder) == {"a.bin": 100_000}


def test_a_body_that_somebody_ate_as_a_form_is_an_error_that_says_so(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    app = make(folder, TOUCHES["form"])
    request = post("/upload?qqfile=a.txt", b"a=1", "Content-Type: application/x-www-form-urlencoded")
    with caplog.at_level(logging.ERROR):
        assert send(app, request).status == 500
    assert "Something read request.form before the upload view was called" in caplog.text
    assert not stored(folder)


def test_a_body_that_somebody_ate_as_a_stream_is_incomplete_and_nobody_waits(folder: Path) -> None:
    answer = send(make(folder, lambda: flask.request.stream.read(5)), post("/upload/a", b"x" * 10, method="PUT"))
    assert (answer.status, answer.json["code"]) == (400, "incomplete")
    assert not stored(folder)


def test_hooks_find_the_fields_before_the_first_file_and_nothing_else(folder: Path) -> None:
    seen = []

    def authorize(request: flask.Request, action: str, upload: Any) -> None:
        seen.append((request.form.to_dict(), dict(request.files), request.get_data(), request.stream.read()))

    assert send(make(folder, authorize=authorize), post("/upload", PARTS, FORM)).status == 200
    assert seen[0] == ({"album": "cats"}, {}, b"", b"")
    assert stored(folder) == {"a.txt": 3, "b.txt": 150_000}


def test_whoever_asks_for_the_form_afterwards_does_not_wait_for_the_client(folder: Path) -> None:
    app = make(folder)
    seen = []

    @app.after_request
    def audit(response: flask.Response) -> flask.Response:
        seen.append(flask.request.form.to_dict())
        return response

    assert send(app, post("/upload", PARTS, FORM)).status == 200
    assert send(app, post("/upload/a", b"x", method="PUT")).status == 201
    assert seen == [{"album": "cats"}, {}]


def test_the_endpoints_max_size_counts_and_not_flasks_limit(folder: Path) -> None:
    body = b"x" * (3 << 20)
    assert send(make(folder), post("/upload/a", body, method="PUT")).status == 201
    answer = send(make(folder, max_size="2 MiB"), post("/upload/b", body, method="PUT"))
    assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert stored(folder) == {"a": 3 << 20}


def test_a_refusal_after_the_body_was_eaten_is_still_that_refusal(folder: Path) -> None:
    app = make(folder, lambda: flask.request.form and flask.abort(401))
    request = post("/upload?qqfile=a.txt", b"a=1", "Content-Type: application/x-www-form-urlencoded")
    assert send(app, request).status == 401


# ---- refusals are seen, though the body was still coming ------------------------------------------------------------


REFUSALS: dict[str, dict[str, Any]] = {
    "limit": {"max_size": "1 KB"},
    "abort": {"authorize": lambda *_: flask.abort(401)},
    "before": {"before": lambda: flask.abort(401)},
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_client_that_sends_all_before_it_reads_sees_the_refusal(folder: Path, refusal: dict[str, Any]) -> None:
    """Half a MiB more than any socket buffer here would hide."""
    with served(make(folder, **refusal)) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(
            "POST", "/upload?qqfile=a", b"x" * 900_000, {"Content-Type": "text/plain", "Accept": "application/json"}
        )
        status = connection.getresponse().status
        connection.close()
    assert status in (401, 413)
    assert not stored(folder)


def test_a_stalled_client_of_a_refused_upload_is_waited_for_at_most_the_bounded_time(folder: Path) -> None:
    with served(make(folder, authorize=lambda *_: flask.abort(401))) as port, connected(port) as connection:
        connection.sendall(post("/upload/a", b"x" * 10, "Connection: close", method="PUT", length=50 << 20))
        assert read_answer(connection, "PUT").status == 401


# ---- Flask-WTF -----------------------------------------------------------------------------------------------------


class Protection:
    """What Flask-WTF's CSRFProtect does with a request: it looks for a token in the form, unless that is exempt."""

    def __init__(self, app: flask.Flask) -> None:
        app.extensions["csrf"] = self
        self.exempted: set[flask.Blueprint] = set()
        app.before_request(self.protect)

    def exempt(self, blueprint: flask.Blueprint) -> None:
        """Leave the blueprint's views alone."""
        self.exempted.add(blueprint)

    def protect(self) -> None:
        """Refuse a request without a token."""
        if flask.current_app.blueprints.get(flask.request.blueprint or "") not in self.exempted:
            flask.request.form.get("csrf_token") or flask.abort(400)


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_csrf_protection_leaves_the_body_to_us_whoever_was_initialised_first(folder: Path, first: bool) -> None:
    app = flask.Flask(__name__)
    app.config["AJAXUPLOAD"] = {"upload_dir": folder}
    for make_it in (Protection, AjaxUploadExtension) if first else (AjaxUploadExtension, Protection):
        make_it(app)
    app.add_url_rule("/other", "other", lambda: "stored", methods=["POST"])
    client = app.test_client()
    assert client.post("/other", data={"a": "b"}).status_code == 400
    data = {"file": (io.BytesIO(b"x"), "a.txt")}
    assert client.post("/upload", data=data).status_code == 200
    assert stored(folder) == {"a.txt": 1}


@pytest.mark.parametrize("header", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
def test_another_sites_request_is_refused_in_its_place(folder: Path, header: dict[str, str]) -> None:
    answer = make(folder).test_client().put("/upload/a.txt", data=b"x", headers=header)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "cross_origin")
    assert not stored(folder)
