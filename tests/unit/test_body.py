"""The body as one counted stream, whatever a server's `wsgi.input` does; each source here behaves like a real one."""

from __future__ import annotations

import io
import sys
import types
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from gunicorn.http.errors import NoMoreData
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload.body import Body, body_of, declared_length
from ajaxupload.errors import (
    BadRequest,
    BodyIncomplete,
    BodyTimeout,
    ClientGone,
    LengthRequired,
    NotImplementedHere,
    UploadError,
)

MIB = 1 << 20


class Source:
    """Hands out what it is told to, an exception instead of a block where one is; remembers what was asked for."""

    def __init__(self, *script: bytes | BaseException) -> None:
        self.script: Iterator[bytes | BaseException] = iter(script)
        self.asked: list[int] = []

    def read(self, size: int, /) -> bytes:
        self.asked.append(size)
        block = next(self.script, b"")
        if isinstance(block, BaseException):
            raise block
        assert len(block) <= size, "a source never gives more than it was asked for"
        return block


class Endless:
    """Zeros for ever; counts them."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int, /) -> bytes:
        self.given += size
        return bytes(size)


def environ(stream: Any = b"", **more: Any) -> dict[str, Any]:
    return {"wsgi.input": io.BytesIO(stream) if isinstance(stream, bytes) else stream, **more}


def whole(body: Body) -> bytes:
    return b"".join(bytes(block) for block in body)


# ---- the length -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "length"),
    [("", None), (None, None), ("0", 0), ("5", 5), ("007", 7), ("9" * 18, int("9" * 18))],
)
def test_a_content_length_is_digits(text: str | None, length: int | None) -> None:
    assert declared_length({"CONTENT_LENGTH": text}) == length


@pytest.mark.parametrize(
    "text", ["-5", "+5", "5, 5", "5,3", "0x5", " 5", "5 ", "5\n", "1_0", "٣", "²", "5.0", "1e3", "9" * 19, "NaN"]
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadRequest) as caught:
        declared_length({"CONTENT_LENGTH": text})
    assert caught.value.code == "bad_content_length"


@given(st.text(max_size=20))
def test_no_content_length_is_read_otherwise_than_as_digits(text: str) -> None:
    try:
        length = declared_length({"CONTENT_LENGTH": text})
    except BadRequest:
        return
    assert (length is None and not text) or (text.isascii() and text.isdigit() and length == int(text))


CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked"}


@pytest.mark.parametrize(
    ("server", "given", "outcome"),
    [
        ("any, with a length", {"CONTENT_LENGTH": "3"}, b"abc"),
        ("any, without a body", {}, b""),
        ("wsgiref, without a body", {"CONTENT_LENGTH": ""}, b""),
        ("gunicorn, chunked", {**CHUNKED, "wsgi.input_terminated": True}, b"abcdef"),
        ("gunicorn, without a length", {"wsgi.input_terminated": True}, b"abcdef"),
        ("cheroot, with a length", {"CONTENT_LENGTH": "3", "wsgi.input_terminated": False}, b"abc"),
        ("waitress, chunked", {"CONTENT_LENGTH": "3", "wsgi.input_terminated": True}, b"abc"),
        ("a2wsgi, chunked", {**CHUNKED, "asgi.scope": {}}, LengthRequired),
        ("a2wsgi, without a body", {"asgi.scope": {}, "SERVER_PROTOCOL": "HTTP/1.1"}, b""),
        ("a2wsgi, HTTP/2", {"asgi.scope": {}, "SERVER_PROTOCOL": "HTTP/2"}, LengthRequired),
        ("granian, chunked", {**CHUNKED, "SERVER_SOFTWARE": "Granian", "wsgi.input_terminated": True}, LengthRequired),
        ("granian, with a length", {"CONTENT_LENGTH": "3", "SERVER_SOFTWARE": "Granian"}, b"abc"),
        ("in whatever case", {"HTTP_TRANSFER_ENCODING": " Chunked ", "wsgi.input_terminated": True}, b"abcdef"),
        ("wsgiref, chunked", CHUNKED, LengthRequired),
        ("wsgiref, chunked", {**CHUNKED, "CONTENT_LENGTH": ""}, LengthRequired),
        ("cheroot, both", {**CHUNKED, "CONTENT_LENGTH": "3", "wsgi.input_terminated": True}, BadRequest),
        ("wsgiref, both", {**CHUNKED, "CONTENT_LENGTH": "0"}, BadRequest),
        ("wsgiref, an unknown coding", {"HTTP_TRANSFER_ENCODING": "xchunked"}, NotImplementedHere),
        ("wsgiref, two codings", {"HTTP_TRANSFER_ENCODING": "gzip, chunked"}, NotImplementedHere),
        (
            "werkzeug, a coding and a length",
            {"HTTP_TRANSFER_ENCODING": "gzip", "CONTENT_LENGTH": "3"},
            NotImplementedHere,
        ),
    ],
)
def test_where_a_body_ends(server: str, given: dict[str, Any], outcome: bytes | type[UploadError]) -> None:
    if isinstance(outcome, bytes):
        assert whole(body_of(environ(b"abcdef", **given))) == outcome
    else:
        with pytest.raises(outcome):
            body_of(environ(b"abcdef", **given))


def test_uwsgi_hands_out_chunked_bodies_by_a_call_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    chunks = iter([b"a" * 20_000, b"bc", b""])
    uwsgi = types.ModuleType("uwsgi")
    uwsgi.chunked_read = lambda: next(chunks)  # type: ignore[attr-defined]  # the real one exists inside uWSGI only
    monkeypatch.setitem(sys.modules, "uwsgi", uwsgi)
    assert whole(body_of(environ(b"not here", **CHUNKED))) == b"a" * 20_000 + b"bc"


# ---- the end --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "error", "meaning"),
    [
        ("FIN, on most servers a clean end of file", None, BodyIncomplete),
        ("RST", ConnectionResetError(104, "Connection reset by peer"), ClientGone),
        ("a pipe that broke", BrokenPipeError(32, "Broken pipe"), ClientGone),
        ("FIN in a chunk, gunicorn", NoMoreData(b"rest"), BodyIncomplete),
        ("FIN, uWSGI", OSError("error during read(16384) on wsgi.input"), BodyIncomplete),
        ("FIN, gevent", OSError("unexpected end of file while reading request"), BodyIncomplete),
        ("a stalled client, cheroot", TimeoutError("timed out"), BodyTimeout),
        ("a stalled client, uWSGI", OSError("timeout during read(16384) on wsgi.input"), BodyTimeout),
        ("a broken chunk, cheroot", ValueError("Bad chunked transfer size: b'zz'"), BodyIncomplete),
        ("something else, some server", RuntimeError("?"), BodyIncomplete),
    ],
)
def test_a_body_that_breaks_off_is_never_whole(how: str, error: Exception | None, meaning: type[UploadError]) -> None:
    body = Body(Source(b"abc", *([error] if error else [])), 6)
    assert body.read() == b"abc"
    with pytest.raises(meaning) as caught:
        body.read()
    assert type(caught.value) is meaning
    assert (body.received, body.complete, body.broken) == (3, False, True)
    assert not caught.value.permanent, "the client may try again"


@pytest.mark.parametrize("error", [SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_what_ends_the_process_passes_through(error: BaseException) -> None:
    body = Body(Source(b"abc", error), 6)
    body.read()
    with pytest.raises(type(error)) as caught:
        body.read()
    assert caught.value is error
    assert body.broken


def test_a_broken_body_stays_broken() -> None:
    source = Source(b"abc", ConnectionResetError(), b"def")
    body = Body(source, 6)
    with pytest.raises(ClientGone):
        whole(body)
    with pytest.raises(BodyIncomplete):
        body.read()
    body.drain()
    assert len(source.asked) == 2, "nobody reads on after an error"


def test_a_chunked_body_is_whole_when_its_server_says_so() -> None:
    body = Body(Source(b"abc", b"def"), None)
    assert whole(body) == b"abcdef"
    assert (body.received, body.complete) == (6, True)
    assert body.read() == b""


def test_an_empty_body_is_whole_without_a_read() -> None:
    source = Source()
    body = Body(source, 0)
    assert (whole(body), body.complete, source.asked) == (b"", True, [])


@given(st.binary(max_size=300), st.lists(st.integers(1, 70), max_size=30), st.booleans())
def test_any_blocks_make_the_same_body(data: bytes, sizes: list[int], declared: bool) -> None:
    body = Body(Source(*pieces(data, sizes)), len(data) if declared else None)
    assert whole(body) == data
    assert body.complete
    assert body.received == len(data)


@given(st.binary(min_size=1, max_size=300), st.integers(0, 299), st.lists(st.integers(1, 70), max_size=30))
def test_one_byte_less_than_declared_is_not_whole(data: bytes, cut: int, sizes: list[int]) -> None:
    body = Body(Source(*pieces(data[: cut % len(data)], sizes)), len(data))
    with pytest.raises(BodyIncomplete):
        whole(body)
    assert body.received == cut % len(data)


@given(st.integers(0, 3 * MIB))
def test_never_more_is_read_than_declared(length: int) -> None:
    source = Endless()
    assert sum(map(len, Body(source, length))) == length
    assert source.given == length


def pieces(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    """`data` in blocks of these sizes, the rest as one."""
    blocks = []
    for size in sizes:
        blocks.append(data[:size])
        data = data[size:]
    return [block for block in (*blocks, data) if block]
