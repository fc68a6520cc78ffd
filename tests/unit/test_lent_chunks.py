"""A body in the chunked coding, taken from gunicorn's own parser: it is the body, and gunicorn goes on behind it.

What lives here: the installed gunicorn's parts over a socket pair. What must not: whole servers
(tests/wire/test_lent.py).
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import hypothesis.strategies as st
import pytest
from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.unreader import SocketUnreader
from hypothesis import given

from ajaxupload.body import body_of
from ajaxupload.errors import UploadError
from ajaxupload.lent import Lent, lent_source
from tests.unit.test_lent import CONTENT, NEXT


class Request:
    """What gunicorn's parser of the chunked coding needs of a request."""

    trailers: Any = None
    behind: Any = None  # whoever receives for it

    def parse_headers(self, data: bytes, *, from_trailer: bool) -> list[bytes]:
        return [data] if from_trailer else []


def in_chunks(connection: Any, held: bytes) -> tuple[dict[str, Any], Request]:
    """The environ of such a request of whose body gunicorn has received `held` with the head."""
    unreader, request = SocketUnreader(connection), Request()
    unreader.unread(held)
    request.behind = unreader
    environ = {
        "wsgi.input": Body(ChunkedReader(request, unreader)),
        "wsgi.input_terminated": True,
        "gunicorn.socket": connection,
        "HTTP_TRANSFER_ENCODING": "chunked",
    }
    return environ, request


@st.composite
def chunked_bodies(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """What is sent, and the body that it is."""
    sizes = draw(st.lists(st.integers(1, 3000), max_size=12))
    body, coded = b"", b""
    for size in sizes:
        chunk = CONTENT[len(body) % 512 :][:size]
        extension = draw(st.sampled_from([b"", b";a", b' ;b="c"']))
        coded += b"%x%s\r\n%s\r\n" % (len(chunk), extension, chunk)
        body += chunk
    return coded + b"0\r\n" + draw(st.sampled_from([b"", b"X-Sum: 1\r\n"])) + b"\r\n", body


@given(coded=chunked_bodies(), data=st.data())
def test_a_chunked_one_is_the_body_and_what_stands_behind_it_stays(
    coded: tuple[bytes, bytes], data: st.DataObject
) -> None:
    """Whoever reads how much; and what is told behind the last chunk is told."""
    sent, content = coded
    came = data.draw(st.integers(0, len(sent) + len(NEXT)), "held")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall((sent + NEXT)[came:])
        environ, request = in_chunks(ours, (sent + NEXT)[:came])
        taken = environ["wsgi.input"].read(data.draw(st.integers(0, len(content)), "peeked"))
        source = lent_source(environ, None)
        assert source is not None
        while len(taken) < len(content):
            size = data.draw(st.integers(1, len(content)), "size")
            reader = source if data.draw(st.integers(0, 4), "who reads") else environ["wsgi.input"]
            block = reader.read(size)
            assert 0 < len(block) <= size
            taken += block
        assert taken == content
        assert (source.read(5), source.read(5), environ["wsgi.input"].read(1)) == (b"", b"", b"")
        assert (request.trailers is not None) == (b"X-Sum" in sent)
        assert not environ["wsgi.input"].failed
        assert request.behind.read(len(NEXT)) == NEXT


@given(coded=chunked_bodies(), data=st.data())
def test_a_chunked_one_that_ends_early_never_ends_like_a_whole_one(
    coded: tuple[bytes, bytes], data: st.DataObject
) -> None:
    """Wherever it is cut; what came is handed out, and gunicorn is told that the connection is of no use any more."""
    sent, content = coded
    at = data.draw(st.integers(0, len(sent) - 1), "cut")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(sent[:at])
        theirs.shutdown(socket.SHUT_WR)
        environ, _ = in_chunks(ours, b"")
        body = body_of(environ)
        assert isinstance(body._source, Lent)
        taken = b""
        with pytest.raises(UploadError):
            while block := body.read():
                taken += bytes(block)
        taken += bytes(body.salvage())
        assert taken == content_of(sent[:at])
        assert content.startswith(taken)
        assert (body.complete, body.salvage(), environ["wsgi.input"].failed) == (False, b"", True)
        with pytest.raises(UploadError):
            body_of(environ).read()  # whoever asks after us is not told that it was whole


def content_of(coded: bytes) -> bytes:
    """What there is of a body, as far as its chunks came."""
    content = b""
    while True:
        line, end, coded = coded.partition(b"\r\n")
        size = int(line.split(b";")[0] or b"0", 16) if end else 0
        content, coded = content + coded[:size], coded[size + 2 :]
        if not size:
            return content


@pytest.mark.parametrize("size", [1, 100, 5000])
def test_small_chunks_are_put_together_while_their_client_is_quick(size: int) -> None:
    ours, theirs = socket.socketpair()
    chunk = b"%x\r\n%s\r\n" % (size, b"x" * size)
    with ours, theirs:
        environ, _ = in_chunks(ours, chunk * (60_000 // size) + b"0\r\n\r\n")
        source = lent_source(environ, None)
        assert source is not None
        sizes = [len(block) for block in iter(lambda: source.read(1 << 20), b"")]
    assert sizes[0] == size, "the first is not waited for"
    assert sum(sizes) == 60_000 // size * size
    assert len(sizes) <= 12, "a byte at a time, they are slow to parse"


def test_of_a_slow_client_each_chunk_is_seen_as_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    now = 0.0
    monkeypatch.setattr("ajaxupload.lent.time.monotonic", lambda: now)
    with ours, theirs:
        environ, _ = in_chunks(ours, b"2\r\nab\r\n")
        source = lent_source(environ, None)
        assert source is not None
        assert (source.read(100), source.waits_for) == (b"ab", 16 << 10)
        parser = environ["wsgi.input"].reader.parser

        def slowly() -> Iterator[bytes]:
            nonlocal now
            for piece in parser:
                now += 0.2
                yield piece

        environ["wsgi.input"].reader.parser = slowly()
        theirs.sendall(b"2\r\ncd\r\n2\r\nef\r\n0\r\n\r\n")
        assert (source.read(100), source.waits_for) == (b"cdef", 1)


class Interrupted(BaseException):
    """As gevent's timeouts are."""


def test_a_connection_is_of_no_use_after_any_interruption() -> None:
    class Breaking(socket.socket):
        def recv(self, *_: Any) -> bytes:
            raise Interrupted

    ours, theirs = socket.socketpair()
    with theirs, Breaking(fileno=ours.detach()) as breaking:
        environ, _ = in_chunks(breaking, b"5\r\nab")
        source = lent_source(environ, None)
        assert source is not None
        assert source.read(100) == b"ab"
        with pytest.raises(Interrupted):
            source.read(100)
        assert environ["wsgi.input"].failed
        with pytest.raises(EOFError):
            source.read(100)


def test_an_older_gunicorns_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        older, _ = in_chunks(ours, b"")
        del older["wsgi.input"].failed  # before 27
        assert lent_source(older, None) is None
