"""Where a request's bytes come from: `wsgi.input` as each WSGI server really behaves, as one counted stream.

What lives here: the length rules of RFC 9112 section 6, the choice of the source, the counting, and what each way of
breaking off means. What must not: headers beyond those two that frame a body, files, forms, servers' insides (lent.py).

Measured quirks that shaped this: a client that hangs up looks like a clean end of file on most servers, so bytes are
counted against Content-Length always; `read(n)` blocks until n bytes are there, so n follows the client's speed.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any, Protocol

from .errors import BadRequest, BodyIncomplete, BodyTimeout, ClientGone, LengthRequired, NotImplementedHere
from .lent import Lent, lent_source
from .pace import Pace, descriptor_of, patience
from .piped import Pipe

__all__ = ["Block", "Body", "body_of", "declared_length"]

#: A block of the body. A memoryview is lent: it holds until the next block is asked for.
Block = bytes | bytearray | memoryview

# RFC 9110 section 8.6: Content-Length = 1*DIGIT. Not int(): servers hand on "-5", "+5", "5, 5" and "0x5" as they came.
# 18 digits fit into 64 bits with room for sums.
_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)

# Reads start small, so that a slow client's bytes are seen (and saved) as they come, and grow while they are quick:
# gunicorn hands out 64 KiB reads at a third of the speed of 1 MiB ones; over 1 MiB the copies leave the cache.
_FIRST_READ, _LARGEST_READ = 16 << 10, 1 << 20
_QUICK, _SLOW = 0.005, 0.1  # seconds that one read took

_GUNICORN = re.compile(r"gunicorn/([0-9]{1,4})\..*", re.ASCII)

#: Bytes for which it is worth making a pipe.
_PIPED_FROM = 1 << 20

#: What is read of a body that nobody wants, so that a browser which is still sending sees the answer.
DRAIN_LIMIT = 1 << 20
DRAIN_SECONDS = 2.0

#: Where servers lend their socket; other servers' reads end when they say so (cheroot 10 s, uWSGI 4 s), or never.
_LENT_SOCKETS = ("gunicorn.socket", "werkzeug.socket")


_NOBODY_WATCHES = nullcontext()


class _Source(Protocol):
    """What a body needs of its source: up to `size` bytes, none at the end."""

    def read(self, size: int, /) -> Block: ...


class _UwsgiChunked:
    """uWSGI leaves chunked bodies out of wsgi.input; its own call hands out one chunk at a time."""

    def __init__(self, chunked_read: Callable[[], bytes]) -> None:
        self._chunked_read = chunked_read
        self._rest = b""

    def read(self, size: int, /) -> bytes:
        if not self._rest:
            self._rest = self._chunked_read()
        block, self._rest = self._rest[:size], self._rest[size:]
        return block


def _uwsgi_chunked() -> _Source | None:
    try:
        import uwsgi  # type: ignore[import-untyped]  # exists only inside that server
    except ImportError:
        return None
    return _UwsgiChunked(uwsgi.chunked_read)


def declared_length(environ: Mapping[str, Any]) -> int | None:
    """The Content-Length, or None where there is none. BadRequest when it is not 1*DIGIT (RFC 9110 section 8.6)."""
    text = environ.get("CONTENT_LENGTH") or ""
    if not text:
        return None
    if not _DIGITS.fullmatch(text):
        raise BadRequest("The Content-Length header is not a number.", code="bad_content_length")
    return int(text)


def _ends_silently(environ: Mapping[str, Any]) -> bool:
    """Do reads end where the client hung up just as where the body ends? Of a body without a length nobody can tell
    then whether it is whole. (a2wsgi 1.10 and granian 2.8, cut between chunks and inside of one.)"""
    return "asgi.scope" in environ or str(environ.get("SERVER_SOFTWARE", "")).lower().startswith("granian")


def _keeps_failed_reads(environ: Mapping[str, Any]) -> bool:
    """Does a read that fails keep its bytes for the next one? gunicorn's from 27 on do. Elsewhere they are lost, and
    what a next read returns may stand behind a gap: worse than nothing (gunicorn 23, Python's BufferedReader)."""
    found = _GUNICORN.fullmatch(str(environ.get("SERVER_SOFTWARE", "")))
    return found is not None and int(found[1]) >= 27


def _source(environ: Mapping[str, Any]) -> tuple[_Source, int | None]:
    """The source and the length (None: until it ends), by the order of RFC 9112 section 6.3."""
    length = declared_length(environ)
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").strip().lower()
    if coding not in ("", "chunked"):
        raise NotImplementedHere(f"The transfer coding {coding[:40]!a} is not supported; send it chunked or plain.")
    if coding and length is not None:
        # RFC 9112 section 6.1: "A server MAY reject a request that contains both Content-Length and
        # Transfer-Encoding". Servers disagree about which one counts, and that is how requests are smuggled.
        raise BadRequest("Content-Length and Transfer-Encoding exclude each other.", code="bad_content_length")
    silent = _ends_silently(environ)
    if length is not None or (environ.get("wsgi.input_terminated") and not silent):
        lent = lent_source(environ, length) if environ.get("ajaxupload.fast_input", True) else None
        return lent or environ["wsgi.input"], length
    if coding and (chunked := _uwsgi_chunked()):
        return chunked, None
    # RFC 9113 section 8.1: a body in HTTP/2 is announced by neither header.
    if coding or (silent and environ.get("SERVER_PROTOCOL", "") >= "HTTP/2"):
        raise LengthRequired
    return environ[
        "wsgi.input"
    ], 0  # RFC 9112 section 6.3: "if this is a request message ... the message body length is zero"


def body_of(environ: Mapping[str, Any], idle: float | None = None, rate: tuple[int, float] = (0, 60.0)) -> Body:
    """The request's body; its client is given up after `idle` seconds without a byte where the server lends its socket,
    and when it is slower than `rate` (see `Pace`).

    Raises BadRequest, LengthRequired or NotImplementedHere when its end cannot be known.
    """
    will_wait = "100-continue" in environ.get("HTTP_EXPECT", "").lower()
    connection = next((environ[name] for name in _LENT_SOCKETS if name in environ), None)
    keeps = _keeps_failed_reads(environ)
    pace = Pace(*rate, descriptor_of(connection, environ.get("wsgi.input")))
    source, length = _source(environ)
    return Body(source, length, will_wait=will_wait, connection=connection, salvageable=keeps, idle=idle, pace=pace)


class Body:
    """One request's bytes, in order, counted.

    `length` is the declared number of bytes or None, `received` how many have come, `complete` whether the end was
    seen, `broken` whether it can never be. Iterating gives blocks until the end; a body that stops short raises.
    """

    def __init__(
        self,
        source: _Source,
        length: int | None,
        *,
        will_wait: bool = False,
        connection: socket.socket | None = None,
        salvageable: bool = False,
        idle: float | None = None,
        pace: Pace | None = None,
    ) -> None:
        self.length = length
        self.received = 0
        self.complete = length == 0
        self.broken = False
        self._source = source
        self._will_wait = will_wait
        self._connection = connection
        self._salvageable = salvageable or isinstance(source, Lent)
        self._idle = idle
        self._pace = pace or Pace()
        self._read_size = _LARGEST_READ if isinstance(source, Lent) else _FIRST_READ

    def __iter__(self) -> Iterator[Block]:
        while block := self.read():
            yield block

    def read(self) -> Block:
        """The next block, empty at the end. Raises BodyIncomplete, ClientGone or BodyTimeout: it is not whole."""
        if self.complete:
            return b""
        began = time.monotonic()
        block = self._read(self._read_size)
        self._adapt(len(block), time.monotonic() - began)
        return block

    def _read(self, size: int) -> Block:
        if self.broken:
            raise BodyIncomplete
        if self._pace.is_late():  # what has come was handed out before
            raise self._too_slow()
        remaining = size if self.length is None else min(size, self.length - self.received)
        unseen = min(remaining, self._source.waits_for - 1) if isinstance(self._source, Lent) else remaining
        try:
            with self._patience(), self._pace.waiting(unseen) if self._pace.rate else _NOBODY_WATCHES:
                block = self._source.read(remaining)
        except BaseException as error:  # gunicorn's sync worker raises SystemExit into a read when its time is up
            self.broken = True
            if isinstance(error, Exception):
                raise (self._too_slow() if self._pace.is_late() else _meaning(error)) from error
            raise
        self.received += len(block)
        self._pace.came(len(block))
        if not block and (self.length is not None or self._pace.cut):
            self.broken = True
            raise self._too_slow() if self._pace.is_late() else BodyIncomplete
        self.complete = self.received == self.length if block else True
        return block

    def _patience(self) -> AbstractContextManager[None]:
        watched = self._connection is not None and self._idle is not None
        return patience(self._connection, self._idle) if watched else _NOBODY_WATCHES

    def _too_slow(self) -> BodyTimeout:
        self.broken = True
        self._pace.give_up()
        return BodyTimeout("The upload came too slowly and was given up; please try again over a better connection.")

    def salvage(self) -> Block:
        """What the server holds of a body that broke off, once: never waits, never raises.

        A connection that is only slow is given up for good first; where nobody knows it, nothing is asked of it.
        """
        if not (self.broken and self._salvageable) or self.complete or not self._pace.give_up():
            return b""
        remaining = _LARGEST_READ if self.length is None else min(_LARGEST_READ, self.length - self.received)
        try:
            block = self._source.read(remaining)
        except Exception:  # noqa: BLE001 - it broke off, and servers say so in many ways
            return b""
        self.received += len(block)
        return block

    def _adapt(self, got: int, seconds: float) -> None:
        if isinstance(self._source, Lent):  # which waits for no more than one byte
            return
        if seconds > _SLOW:
            self._read_size = max(_FIRST_READ, self._read_size // 4)
        elif seconds < _QUICK and got == self._read_size:
            self._read_size = min(_LARGEST_READ, self._read_size * 4)

    def drain(self, limit: int = DRAIN_LIMIT, seconds: float = DRAIN_SECONDS) -> None:
        """Read and forget up to `limit` bytes, for at most about `seconds`; failures do not matter any more.

        A client that asked first (Expect: 100-continue) reads the answer before it sends: nothing to drain. One that
        sends nothing more is waited for no longer than `seconds` either, where the server lends its socket.
        """
        if self._is_settled():
            return
        deadline = time.monotonic() + seconds
        with suppress(BodyIncomplete, BodyTimeout), patience(self._connection, seconds):
            while not self._is_settled() and limit > 0 and time.monotonic() < deadline:
                limit -= len(self._read(min(_FIRST_READ, limit)))

    def _is_settled(self) -> bool:
        """Is there nothing more to come, or nothing that can?"""
        return self.complete or self.broken or self._will_wait

    @contextmanager
    def unseen(self) -> Iterator[None]:
        """Within this a block may be `Piped`: for who takes one after the other, and wants them in a file only."""
        source = self._source
        if not (isinstance(source, Lent) and source.splices) or (self.length or 0) - self.received < _PIPED_FROM:
            yield
            return
        try:
            pipe = Pipe()
        except OSError:  # too many open files: it goes without
            yield
            return
        self._source = source.spliced(pipe)
        try:
            yield
        finally:
            self._source = source
            pipe.close()

    @property
    def lent(self) -> bool:
        """Does a block that is a memoryview show its object from its start? (See `Lent.read`.)"""
        return isinstance(self._source, Lent)

    @property
    def small_rest(self) -> bool:
        """Is so little left that reading it costs less than a connection reset in the client's face?"""
        return self.length is not None and self.length - self.received <= DRAIN_LIMIT


def _meaning(error: Exception) -> BodyIncomplete | BodyTimeout:
    """What a failing read says about the client; whatever it is, the body is not whole."""
    # cheroot and sockets with a timeout raise TimeoutError; uWSGI raises OSError and says so in its text only.
    if isinstance(error, TimeoutError) or (isinstance(error, OSError) and "timeout" in str(error).lower()):
        return BodyTimeout()
    if isinstance(error, ConnectionError):
        return ClientGone()
    # The rest: gunicorn's NoMoreData and uWSGI's OSError (the client hung up), cheroot's ValueError (a broken chunk),
    # and what other servers think of. The server's input failed, whatever it calls that.
    return BodyIncomplete()
