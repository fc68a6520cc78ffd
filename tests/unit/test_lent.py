"""What is taken straight from a connection is exactly the body, and the server's own parts know it.

What lives here: the installed gunicorn's parts, and Python's BufferedReader, over a socket pair. What must not: whole
servers (tests/wire/test_lent.py).
"""

from __future__ import annotations

import io
import os
import socket
from typing import Any

import hypothesis.strategies as st
import pytest
from gunicorn.http.body import Body, LengthReader
from gunicorn.http.unreader import IterUnreader, SocketUnreader
from hypothesis import given

from ajaxupload.body import body_of
from ajaxupload.lent import Lent, lent_source

CONTENT = bytes(range(256)) * 40
NEXT = b"GET / HTTP/1.1\r\n\r\n"


def gunicorn(connection: Any, held: bytes, length: int) -> dict[str, Any]:
    """The environ of a request of whose body gunicorn has received `held` with the head."""
    unreader = SocketUnreader(connection)
    unreader.unread(held)
    return {
        "wsgi.input": Body(LengthReader(unreader, length)),
        "gunicorn.socket": connection,
        "CONTENT_LENGTH": str(length),
    }


@given(data=st.data())
def test_it_is_the_body_and_what_stands_behind_it_stays(data: st.DataObject) -> None:
    """However much had come with the head or was read by somebody else, in whatever sizes it is read, and whoever
    reads on: gunicorn itself does not notice that somebody else has read."""
    length = data.draw(st.integers(1, len(CONTENT)), "length")
    stream = CONTENT[:length] + NEXT
    came = data.draw(st.integers(0, len(stream)), "held")
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(stream[came:])
        environ = gunicorn(ours, stream[:came], length)
        peeked = data.draw(st.integers(0, length), "peeked")
        taken = environ["wsgi.input"].read(peeked)
        if data.draw(st.booleans(), "a line, too"):
            taken += environ["wsgi.input"].readline(50)
        source = lent_source(environ, length)
        assert source is not None
        while len(taken) < length:
            size = data.draw(st.integers(1, length - len(taken)), "size")
            if data.draw(st.integers(0, 4), "who reads"):
                block = source.read(size)
                assert 0 < len(block) <= size
            else:
                block = environ["wsgi.input"].read(size)
            taken += bytes(block)
        assert taken == CONTENT[:length]
        assert environ["wsgi.input"].read(1) == b""
        behind = environ["wsgi.input"].reader.unreader
        assert behind.read(len(NEXT)) == NEXT


def test_a_connection_that_ends_early_ends_the_body() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"abc")
        theirs.shutdown(socket.SHUT_WR)
        source = lent_source(gunicorn(ours, b"", 10), 10)
        assert source is not None
        assert (bytes(source.read(10)), bytes(source.read(7))) == (b"abc", b"")


def test_a_block_is_reused() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        source = lent_source(gunicorn(ours, b"", 10), 10)
        assert source is not None
        theirs.sendall(b"aaaaa")
        first = source.read(10)
        theirs.sendall(b"bbbbb")
        assert bytes(source.read(10)) == b"bbbbb"
        assert bytes(first) == b"bbbbb"


def received(content: bytes) -> memoryview:
    """Of a body so large that it takes a whole block: the first that was lent of it. The body is over then."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        source = lent_source(gunicorn(ours, b"", 1 << 20), 1 << 20)
        assert source is not None
        theirs.sendall(content)
        block = source.read(1 << 20)
        assert isinstance(block, memoryview)
        return block


def test_the_next_body_has_the_same_block() -> None:
    assert received(b"one body").obj is not None
    again = received(b"two").obj
    assert isinstance(again, bytearray)
    assert again.startswith(b"two body"), "behind what came stands what it held before"


def test_a_block_that_somebody_kept_is_never_anybody_elses() -> None:
    """Who was lent it should not have, and sees no other upload's bytes for it."""
    kept = received(b"mine")
    others = [received(b"not yours") for _ in range(3)]
    assert bytes(kept) == b"mine"
    assert len({id(each.obj) for each in [kept, *others]}) == 4


class Otherwise(Body):  # type: ignore[misc]  # gunicorn has no types
    """A body of a gunicorn that nobody has seen."""


def test_what_is_not_known_is_left_alone() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        known = gunicorn(ours, b"", 10)
        assert isinstance(lent_source(known, 10), Lent)
        reader = known["wsgi.input"].reader
        wrapped = io.BytesIO(b"0123456789")
        changed = Body(reader)
        changed.buf = bytearray()
        for unknown in (wrapped, Otherwise(reader), changed, Body(LengthReader(IterUnreader([b"0123456789"]), 10))):
            assert lent_source({**known, "wsgi.input": unknown}, 10) is None
        assert lent_source({**known, "gunicorn.socket": theirs}, 10) is None
        assert lent_source({"wsgi.input": wrapped}, 10) is None
        assert lent_source({**known, "wsgi.input": Body(reader)}, None) is None


@pytest.mark.parametrize("length", [1, 700, len(CONTENT)])
def test_a_buffered_reader_gives_what_has_come(length: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, ours.makefile("rb") as stream:
        environ = {"wsgi.input": stream, "CONTENT_LENGTH": str(length)}
        theirs.sendall(CONTENT[:length] + NEXT)
        assert isinstance(lent_source(environ, length), Lent)
        assert b"".join(bytes(block) for block in body_of(environ)) == CONTENT[:length]
        assert stream.read(len(NEXT)) == NEXT


def test_an_option_switches_it_off() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"0123456789")
        environ = gunicorn(ours, b"", 10)
        body = body_of({**environ, "ajaxupload.fast_input": False})
        assert body._source is environ["wsgi.input"]
        assert isinstance(body_of(environ)._source, Lent)
        assert b"".join(bytes(block) for block in body) == b"0123456789"


def test_nothing_is_asked_of_a_broken_body_where_asking_could_wait() -> None:
    """CGI's standard input, a pipe: nobody could end a read of it."""
    reading, writing = os.pipe()
    with open(reading, "rb") as pipe, open(writing, "wb"):
        body = body_of({"wsgi.input": pipe, "CONTENT_LENGTH": "10"})
        body.broken = True
        assert body.salvage() == b""
