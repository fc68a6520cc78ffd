"""One upload URL: who words a refusal, what becomes of a body nobody wants, and what may be known beforehand."""

from __future__ import annotations

import io
import json
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest

from ajaxupload import events, upload_endpoint
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.body import DRAIN_LIMIT
from ajaxupload.config import load, short_form
from ajaxupload.endpoint import Endpoint
from ajaxupload.errors import ConfigError, UploadError
from ajaxupload.upload import Upload

GIB = 1 << 30


class Input:
    """A body of zeros that counts what is read of it, and remembers when."""

    def __init__(self, size: int = 0) -> None:
        self.left, self.taken = size, 0

    def read(self, size: int, /) -> bytes:
        size = min(size, self.left)
        self.left -= size
        self.taken += size
        return bytes(size)


class Reply:
    """One answer: what was sent before the body was, and after."""

    def __init__(self, application: Any, environ: dict[str, Any]) -> None:
        source: Any = environ["wsgi.input"]
        answer = application(environ, self.start_response)
        self.body = b"".join(answer)
        self.read_before = getattr(source, "taken", 0)
        answer.close()
        self.read_in_all = getattr(source, "taken", 0)

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> None:
        self.status, self.headers = int(status[:3]), {name.lower(): value for name, value in headers}

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def environ(method: str = "POST", source: Any = b"", **more: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": "",
        "SCRIPT_NAME": "/upload",
        "QUERY_STRING": "",
        "wsgi.input": io.BytesIO(source) if isinstance(source, bytes) else source,
        "wsgi.errors": sys.stderr,
        "CONTENT_LENGTH": str(len(source)) if isinstance(source, bytes) else "",
        **more,
    }
    setup_testing_defaults(made)
    return made


def endpoint(**options: Any) -> Endpoint:
    return upload_endpoint("memory", **options)


@pytest.fixture
def heard() -> Iterator[list[tuple[str, Any]]]:
    """Every signal, with its error where it has one."""
    log: list[tuple[str, Any]] = []
    signals = [events.created, events.completed, events.refused, events.aborted]
    listeners: list[Callable[..., None]] = []
    for signal in signals:

        def listen(sender: str, *, upload: Upload, error: Any = None, name: str = str(signal.name), **_: Any) -> None:
            log.append((name, getattr(error, "code", None)))

        listeners.append(listen)
        signal.connect(listen)
    yield log
    for signal, listener in zip(signals, listeners, strict=True):
        signal.disconnect(listener)


# ---- early refusals -------------------------------------------------------------------------------------------------


def test_ten_gib_over_the_limit_are_answered_before_a_byte_is_read_and_little_is_read_after() -> None:
    reply = Reply(endpoint(), environ("PUT", Input(10 * GIB), CONTENT_LENGTH=str(10 * GIB)))
    assert (reply.status, reply.json["code"]) == (413, "too_large")
    assert reply.read_before == 0
    assert reply.read_in_all <= DRAIN_LIMIT == 1 << 20


def test_so_is_a_form_that_is_larger_than_all_that_it_may_hold() -> None:
    asked = {"CONTENT_TYPE": "multipart/form-data; boundary=B", "CONTENT_LENGTH": str(10 * GIB)}
    reply = Reply(endpoint(), environ(source=Input(10 * GIB), **asked))
    assert (reply.status, reply.json["code"], reply.read_before) == (413, "too_large", 0)


def test_a_form_that_may_hold_so_much_is_read_until_it_proves_to_be_none() -> None:
    asked = {"CONTENT_TYPE": "multipart/form-data; boundary=B", "CONTENT_LENGTH": str(GIB)}
    reply = Reply(endpoint(), environ(source=Input(GIB), **asked))
    assert (reply.status, reply.json["code"]) == (400, "malformed_form")
    assert 0 < reply.read_before <= DRAIN_LIMIT


def test_a_small_refused_body_is_read_before_the_answer() -> None:
    body = Input(300_000)
    reply = Reply(endpoint(max_size="100 KB"), environ("PUT", body, CONTENT_LENGTH="300000"))
    assert (reply.status, reply.read_before) == (413, 300_000)


def test_a_chunked_body_is_refused_at_one_block_more_than_the_limit() -> None:
    body = Input(10 * GIB)
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}
    reply = Reply(endpoint(max_size="100 KB"), environ("PUT", body, **chunked))
    assert reply.status == 413
    assert reply.read_before < 100_000 + (256 << 10)


def test_a_cross_origin_body_is_not_read_before_the_answer() -> None:
    asked = environ("PUT", Input(10 * GIB), CONTENT_LENGTH=str(10 * GIB), HTTP_SEC_FETCH_SITE="cross-site")
    reply = Reply(endpoint(), asked)
    assert (reply.status, reply.read_before) == (403, 0)


def test_the_body_of_a_client_that_asked_first_is_left_alone() -> None:
    asked = environ("PUT", Input(300_000), CONTENT_LENGTH="300000", HTTP_EXPECT="100-continue")
    reply = Reply(endpoint(max_size="100 KB"), asked)
    assert (reply.status, reply.read_in_all) == (413, 0)


@pytest.mark.parametrize("length", ["-5", "+5", "0x5", "9" * 20])
def test_a_body_whose_end_cannot_be_known_is_not_read(length: str) -> None:
    reply = Reply(endpoint(), environ("PUT", Input(1000), CONTENT_LENGTH=length))
    assert (reply.status, reply.json["code"], reply.read_in_all) == (400, "bad_content_length", 0)


def test_what_nobody_reads_is_drained_after_the_answer_whatever_the_method() -> None:
    for method in ("GET", "OPTIONS", "DELETE"):
        assert Reply(endpoint(), environ(method, Input(5000), CONTENT_LENGTH="5000")).read_in_all == 5000


# ---- who words it ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "status", "kind"),
    [
        (environ("DELETE"), 405, "application/json"),
        (environ("DELETE", HTTP_ACCEPT="text/html"), 405, "text/html"),
        (environ("BREW", HTTP_HX_REQUEST="true", HTTP_HX_SOURCE="x"), 405, "text/html"),
        (environ(CONTENT_TYPE="multipart/form-data"), 400, "application/json"),
        (environ(CONTENT_TYPE="multipart/form-data", HTTP_ACCEPT="text/html"), 400, "text/html"),
        (environ(CONTENT_TYPE="multipart/form-data", HTTP_SEC_FETCH_DEST="iframe"), 400, "text/html"),
    ],
)
def test_a_request_in_no_protocol_is_refused_in_its_clients_shape(
    asked: dict[str, Any], status: int, kind: str
) -> None:
    reply = Reply(endpoint(), {**asked, "wsgi.input": io.BytesIO()})
    assert (reply.status, reply.headers["content-type"].partition(";")[0]) == (status, kind)


def test_only_the_protocols_that_are_named_are_spoken() -> None:
    raw_only = endpoint(protocols=["raw"])
    asked = {"CONTENT_TYPE": "multipart/form-data; boundary=B"}
    assert Reply(raw_only, environ(source=b"--B--", **asked)).status == 415
    assert Reply(raw_only, environ("PUT", b"x", PATH_INFO="/a.txt")).status == 201
    assert Reply(raw_only, environ("GET")).json["protocols"] == ["raw"]


def test_what_nobody_planned_is_logged_and_answered_500_without_a_word_of_it(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: Any) -> None:
        raise ZeroDivisionError("secret")

    with caplog.at_level(logging.ERROR, "ajaxupload"):
        reply = Reply(endpoint(authorize=fail), environ("PUT", b"x", PATH_INFO="/a.txt"))
    assert (reply.status, reply.json["code"], reply.json["preventRetry"]) == (500, "internal", False)
    assert b"secret" not in reply.body
    assert "ZeroDivisionError: secret" in caplog.text


def test_a_framework_may_have_what_nobody_planned() -> None:
    def fail(*_: Any) -> None:
        raise LookupError("the framework's own redirect")

    settings = load(short_form("/upload", "memory", {"authorize": fail})).endpoints["/upload"]
    mounted = Endpoint(settings, propagate=True)
    body = Input(5000)
    with pytest.raises(LookupError):
        mounted(environ("PUT", body, CONTENT_LENGTH="5000"), lambda *_: None)
    assert body.taken == 5000, "so that the framework's answer is seen"


def test_every_refusal_is_told_once(heard: list[tuple[str, Any]]) -> None:
    small = endpoint(max_size=10)
    Reply(small, environ("DELETE"))
    Reply(small, environ("PUT", b"x" * 11))
    Reply(small, environ("PUT", b"x", HTTP_ORIGIN="https://evil.example"))
    Reply(small, environ("PUT", b"x" * 5, CONTENT_LENGTH="9"))
    assert heard == [
        ("refused", "method_not_allowed"),
        ("refused", "too_large"),
        ("refused", "cross_origin"),
        ("aborted", "incomplete"),
    ]


# ---- what may be known beforehand -----------------------------------------------------------------------------------


def test_limits_are_told_in_bytes_to_programs_and_in_words_to_people() -> None:
    limited = endpoint(max_size="2 MiB", min_size="1 KiB", max_files=3, allow=["image/*", ".pdf"], deny=[".gif"])
    assert Reply(limited, environ("GET")).json == {
        "max_size": 2 << 20,
        "min_size": 1 << 10,
        "max_files": 3,
        "allow": ["image/*", ".pdf"],
        "deny": [".gif"],
        "protocols": [each.name for each in limited.protocols],
        "resumable": "/upload",
    }
    assert Reply(limited, environ("GET", SCRIPT_NAME="")).json["resumable"] == "/"
    page = Reply(limited, environ("GET", HTTP_ACCEPT="text/html")).body.decode()
    assert "2 MiB" in page
    assert 'accept="image/*,.pdf"' in page


def test_the_default_limit_is_100_mib() -> None:
    assert Reply(endpoint(), environ("GET")).json["max_size"] == 100 << 20


def test_an_endpoint_stands_by_itself_and_keeps_to_pep_3333() -> None:
    application = validator(endpoint())
    for method in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE"):
        assert Reply(application, environ(method, b"x")).status in (200, 201, 204, 405)


# ---- the start ------------------------------------------------------------------------------------------------------


class Slow(MemoryUploadBackend):
    """Counts how often it was started."""

    started = 0

    def startup(self) -> None:
        type(self).started += 1


def test_a_backend_is_started_once_however_many_requests_come_first() -> None:
    Slow.started = 0
    lazy = Endpoint(load(short_form("/upload", Slow, {})).endpoints["/upload"])
    gate = threading.Barrier(8)

    def first_request() -> None:
        gate.wait()
        Reply(lazy, environ("GET"))

    threads = [threading.Thread(target=first_request) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Slow.started == 1


def test_a_place_that_cannot_be_stored_to_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError):
        upload_endpoint("local", media_root=str(tmp_path / "file"), upload_dir="x")


@pytest.mark.parametrize(
    "error", [each for each in UploadError.__subclasses__() if each.__module__.startswith("ajaxupload")]
)
def test_every_refusal_has_a_status_of_its_kind_and_says_what_to_do(error: type[UploadError]) -> None:
    assert 400 <= error.status < 600
    assert error.default.endswith((".", ".)"))
