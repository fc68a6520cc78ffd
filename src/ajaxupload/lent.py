"""Bodies received straight from the connection, where a server lends it, past the copies that the server would make.

What lives here: which of a server's own parts hold what is left of a body, and leaving them right. What must not: which
length a body has and what its breaking off means (body.py). Nothing of this shows outside: where a server, or a version
of it, is not built as this file knows it, the body comes from `wsgi.input` as it would anyway.

gunicorn hands out a body in copies of copies, and holds up to the kernel's whole buffer of it in memory beside ours;
received here, into one reused block, it takes less than half the time (benchmarks/bodies.py). What is taken from the
connection is subtracted from what gunicorn knows to be left, with every block: its own `read` could go on at any
moment, keep-alive and pipelined requests find what they would have found.
"""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Mapping
from types import GeneratorType
from typing import Any, cast

from .blocks import Borrowed
from .piped import Pipe, can_splice

__all__ = ["Lent", "lent_source"]

_BUFFERED = 256 << 10  # bytes of the block that a BufferedReader's are read into
#: Bytes that are waited for of a client that sends small chunks, while reads are quick, and seconds that they take.
_LEAST_WAITED, _MOST_WAITED = 16 << 10, 256 << 10
_QUICK, _SLOW = 0.005, 0.1


class Lent:
    """A body. `read` returns what has come, at most one block, when it is `waits_for` bytes: one, or where a server
    hands out crumbs a few more."""

    waits_for = 1

    def read(self, size: int, /) -> bytes | memoryview:
        """Up to `size` bytes, none at the end. A memoryview is lent until the next call, and shows a bytearray from its
        start: whoever searches it can search that. Raises OSError."""
        raise NotImplementedError

    def spliced(self, pipe: Pipe) -> Lent:
        """The same body, its blocks `Piped` from now on where they were received whole. Only if it `splices`."""
        raise NotImplementedError

    @property
    def splices(self) -> bool:
        """Can its bytes go to a file by themselves?"""
        return False


def lent_source(environ: Mapping[str, Any], length: int | None) -> Lent | None:
    """A source for the body of `length` bytes, or in the chunked coding (None), that is better than `wsgi.input`; None
    where there is none."""
    source = environ["wsgi.input"]
    if "gunicorn.socket" in environ:
        if length is None:
            return _Chunked(source) if _is_chunked(source) else None
        return _Gunicorn(environ["gunicorn.socket"], source) if _has_length(source, environ) else None
    # Werkzeug's development server, wsgiref: `read(n)` waits for n bytes, `readinto1` for any.
    return _Buffered(source, length) if length is not None and type(source) is io.BufferedReader else None


def _has_length(body: Any, environ: Mapping[str, Any]) -> bool:
    """gunicorn 23 to 27, any worker whose sockets can `recv_into`; not HTTP/2."""
    connection, reader = environ["gunicorn.socket"], getattr(body, "reader", None)
    unreader = getattr(reader, "unreader", None)
    return (
        _are_gunicorns((body, "body.Body"), (reader, "body.LengthReader"), (unreader, "unreader.SocketUnreader"))
        and _are_buffers(body, unreader)
        and type(getattr(reader, "length", None)) is int
        and getattr(unreader, "sock", None) is connection
        and hasattr(connection, "recv_into")
    )


def _is_chunked(body: Any) -> bool:
    """gunicorn 27, any worker; not HTTP/2. What an older one receives at a time, 8 KiB, is too little for a block."""
    reader = getattr(body, "reader", None)
    parser = getattr(reader, "parser", None)
    return (
        _are_gunicorns((body, "body.Body"), (reader, "body.ChunkedReader"))
        and _are_buffers(body, reader)
        and type(getattr(body, "failed", None)) is bool
        and (parser is None or type(parser) is GeneratorType)
    )


def _are_gunicorns(*parts: tuple[Any, str]) -> bool:
    """Is each of the parts of just this class of gunicorn's?"""
    return all(f"{type(part).__module__}.{type(part).__name__}" == f"gunicorn.http.{name}" for part, name in parts)


def _are_buffers(*parts: Any) -> bool:
    return all(type(getattr(part, "buf", None)) is io.BytesIO for part in parts)


class _Gunicorn(Lent):
    """On gunicorn."""

    def __init__(self, connection: Any, body: Any) -> None:
        self._connection, self._body, self._reader = connection, body, body.reader
        self._block = Borrowed()

    @property
    def splices(self) -> bool:
        """Not below TLS, where what comes is not what was sent; and it must be a socket, not something like it."""
        plain = isinstance(self._connection, socket.socket) and not hasattr(self._connection, "do_handshake")
        return plain and can_splice()

    def spliced(self, pipe: Pipe) -> Lent:
        """As of all."""
        return _Spliced(self._connection, self._body, pipe)

    def read(self, size: int, /) -> bytes | memoryview:
        """As of all."""
        if pulled := self._body.buf.tell():  # by whoever looked before us
            return bytes(self._body.read(min(size, pulled)))
        size = min(size, self._reader.length)
        return self._take_held(size) or self._receive(size)

    def _take_held(self, size: int) -> bytes:
        """What gunicorn has received with the head already; behind it may stand the next request."""
        unreader = self._reader.unreader
        held = unreader.buf.getvalue()
        if not held or not size:
            return b""
        unreader.buf = io.BytesIO()
        unreader.buf.write(held[size:])
        self._reader.length -= len(held[:size])
        return bytes(held[:size])

    def _receive(self, size: int) -> memoryview:
        if not size:
            return memoryview(b"")
        block = self._block.next(self._reader.length)
        got = self._connection.recv_into(block[:size])
        self._reader.length -= got
        self._block.filled = got == len(block)
        return block[:got]


class _Spliced(_Gunicorn):
    """On gunicorn, past this process's memory."""

    def __init__(self, connection: Any, body: Any, pipe: Pipe) -> None:
        super().__init__(connection, body)
        self._pipe = pipe
        self._first = bytearray(1)

    def _receive(self, size: int) -> memoryview:
        # The connection waits for the first byte as it does for anybody: its time limit holds, and what interrupts it.
        if not size or not self._connection.recv_into(self._first, 1, socket.MSG_PEEK):
            return memoryview(b"")
        piped = self._pipe.fill(self._connection.fileno(), size)
        self._reader.length -= len(piped)
        return cast("memoryview", piped)  # whoever asked for it knows: Body.unseen


class _Chunked(Lent):
    """On gunicorn, in the chunked coding: what its own parser gives, before it is copied into one buffer after the
    other. So the parser's rules are all kept, and its trailers; whoever reads after us goes on with the same parser."""

    def __init__(self, body: Any) -> None:
        self._body, self._reader = body, body.reader
        self.waits_for = 1

    @property
    def splices(self) -> bool:
        """There is no telling where a chunk ends before it has been looked at."""
        return False

    def read(self, size: int, /) -> bytes:
        """As of all; of a client that is quick, and sends small chunks, several at once."""
        for reader in (self._body, self._reader):
            if pulled := reader.buf.tell():  # by whoever looked before us, and too much by us
                return bytes(reader.read(min(size, pulled)))
        began, pieces = time.monotonic(), self._pieces(min(size, self.waits_for))
        took = time.monotonic() - began
        if took < _QUICK:
            self.waits_for = min(_MOST_WAITED, max(_LEAST_WAITED, self.waits_for * 4))
        elif took > _SLOW:
            self.waits_for = 1
        block = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if len(block) > size:
            self._reader.buf.write(block[size:])
        return block[:size]

    def _pieces(self, least: int) -> list[bytes]:
        """The next ones, up to the first with which they have `least` bytes."""
        pieces, had = [], 0
        try:
            while had < least and (piece := self._next()):
                pieces.append(piece)
                had += len(piece)
        except BaseException:
            # gunicorn itself does so: the connection must not be used again. What has come can be read still.
            self._body.failed = True
            self._reader.buf.write(b"".join(pieces))
            raise
        return pieces

    def _next(self) -> bytes:
        """The next one, none at the end."""
        while (parser := self._reader.parser) is not None:
            if parser.gi_frame is None:  # its end would have been noted: it has raised, to somebody before us
                raise EOFError("the body broke off before")
            if piece := next(parser, None):
                return bytes(piece)
            if piece is None:
                self._reader.parser = None
        return b""


class _Buffered(Lent):
    """In a BufferedReader."""

    def __init__(self, stream: io.BufferedReader, length: int) -> None:
        self._stream = stream
        self._block = memoryview(bytearray(min(_BUFFERED, length)))

    def read(self, size: int, /) -> memoryview:
        """As of all."""
        got = self._stream.readinto1(self._block[:size])
        return self._block[:got]
