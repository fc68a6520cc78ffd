"""ClamAV's daemon as an inspector: viruses are refused before the file is visible.

What lives here: clamd's INSTREAM over its socket, and what each answer means. What must not: when it is asked
(engine/inspecting.py).

clamd(8): "INSTREAM: Scan a stream of data. The stream is sent to clamd in chunks, after INSTREAM, on the same socket on
which the command was sent. ... The format of the chunk is: '<length><data>' where <length> is the size of the following
data in bytes expressed as a 4 byte unsigned integer in network byte order and <data> is the actual chunk. Streaming is
terminated by sending a zero-length chunk."
"""

from __future__ import annotations

import logging
import re
import socket
import time
from contextlib import suppress
from typing import Any, Literal

from ..errors import NotInspected, TooLarge, Unprocessable
from ..upload import Upload
from ..values import parse_duration

__all__ = ["Clamd"]

_log = logging.getLogger("ajaxupload")

#: Small blocks are gathered up to this size: one send instead of hundreds.
_GATHER = 64 << 10
#: Seconds after which they are sent all the same: clamd gives up who says nothing for its ReadTimeout, 120 s.
_SILENT = 10.0
#: An answer is a line with a signature's name in it.
_LONGEST_ANSWER = 4096
#: Seconds to wait for what clamd said when it closed the connection in our face.
_LAST_WORD = 1.0
_TCP = re.compile(r"tcp:(\[[0-9A-Fa-f:.]+\]|[^\[\]:/\s]+):([0-9]{1,5})")
_FOUND = re.compile(r"stream: (.*) FOUND", re.DOTALL)
_CLEAN = "stream: OK"
_OVER_LIMIT = "INSTREAM size limit exceeded"


class Clamd:
    """Scans with the clamd at `address`: "unix:/run/clamav/clamd.ctl" (Debian's, the default) or "tcp:host:3310".

    `timeout` is how long clamd may take to let us in and to take each block, `scan_timeout` how long to say what it
    found once it has the last one. `oversize` is for files over clamd's StreamMaxLength: "refuse" (413) or "accept",
    unscanned. Durations are seconds or text ("2 min"). Raises ValueError for what is no address, duration or choice.

    A file with a virus is refused with 422, code "infected". A clamd that cannot be reached, breaks off or answers
    nonsense is NotInspected (503): see the endpoint's `inspect_required`.
    """

    def __init__(
        self,
        address: str = "unix:/run/clamav/clamd.ctl",
        *,
        timeout: float | str = 10.0,
        scan_timeout: float | str = 300.0,
        oversize: Literal["refuse", "accept"] = "refuse",
    ) -> None:
        self.address = address
        self._where = _parse(address)
        self.timeout, self.scan_timeout = parse_duration(timeout), parse_duration(scan_timeout)
        if not (self.timeout and self.scan_timeout):
            raise ValueError("timeout and scan_timeout must be longer than no time at all, such as '10 s'")
        if oversize not in ("refuse", "accept"):
            raise ValueError(f"oversize must be 'refuse' or 'accept', not {oversize!r}")
        self.oversize = oversize

    def __repr__(self) -> str:
        return f"Clamd({self.address!r})"

    def begin(self, request: Any, upload: Upload) -> _Scan:
        """Connect, before any of the file is read. Raises NotInspected."""
        return _Scan(self, upload)

    def examine(self) -> list[str]:
        """What is amiss with it, with what mends it: `ajaxupload check` asks."""
        try:
            with self.connect() as connection:
                connection.sendall(b"zPING\0")
                answer = _answer(connection, time.monotonic() + self.timeout)
        except OSError as error:
            return [f"clamd cannot be reached at {self.address}: {error}. Is it running, and may we use its socket?"]
        return [] if answer == "PONG" else [f"what answers at {self.address} is no clamd: it said {answer[:80]!a}"]

    def connect(self) -> socket.socket:
        """A connection of its own for each file. Raises OSError."""
        if isinstance(self._where, tuple):
            return socket.create_connection(self._where, self.timeout)
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(self.timeout)
            connection.connect(self._where)
        except BaseException:
            connection.close()
            raise
        return connection


def _parse(address: str) -> str | tuple[str, int]:
    if address.startswith("unix:/"):
        return address.removeprefix("unix:")
    found = _TCP.fullmatch(address)
    if not found or not 0 < int(found[2]) < 65536:
        raise ValueError(f"clamd's address must look like 'unix:/run/clamav/clamd.ctl' or 'tcp:host:3310': {address!r}")
    return found[1].strip("[]"), int(found[2])


class _Scan:
    """One file on its way through clamd."""

    def __init__(self, clamd: Clamd, upload: Upload) -> None:
        self._clamd = clamd
        self._name = upload.name
        self._pending = bytearray()
        self._sent = time.monotonic()
        self._answered = False  # clamd has said all that it is going to say
        try:
            self._connection = clamd.connect()
        except OSError as error:
            raise NotInspected from self._told("cannot be reached", error)
        try:
            self._send(b"zINSTREAM\0")
        except BaseException:
            self.close()
            raise

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """More of the file."""
        if not chunk:
            return  # a chunk of no bytes would be the stream's end: clamd would judge what it has
        if len(self._pending) + len(chunk) <= _GATHER and time.monotonic() - self._sent < _SILENT:
            self._pending += chunk
            return
        self._flush()
        self._send(len(chunk).to_bytes(4, "big"))
        self._send(chunk)

    def end(self) -> None:
        """The verdict. Raises Unprocessable, TooLarge, NotInspected."""
        self._flush()
        self._send(bytes(4))
        if self._answered:
            return
        try:
            said = _answer(self._connection, time.monotonic() + self._clamd.scan_timeout)
        except OSError as error:
            raise NotInspected from self._told("did not answer", error)
        self._judge(said)

    def close(self) -> None:
        """Without `end` clamd forgets what it was sent."""
        with suppress(OSError):
            self._connection.close()

    def _flush(self) -> None:
        if self._pending:
            block, self._pending = bytes(self._pending), bytearray()
            self._send(len(block).to_bytes(4, "big") + block)

    def _send(self, data: bytes | bytearray | memoryview) -> None:
        if self._answered:
            return
        try:
            self._connection.sendall(data)
            self._sent = time.monotonic()
        except OSError as error:
            said = ""
            with suppress(OSError):  # it closed the connection, and has perhaps said why before
                said = _answer(self._connection, time.monotonic() + _LAST_WORD)
            if not said:
                raise NotInspected from self._told("broke off", error)
            if said == _CLEAN:  # of what it had: the rest it has not seen
                raise NotInspected from self._told("approved of the file before it had all of it", error)
            self._judge(said)

    def _judge(self, answer: str) -> None:
        self._answered = True
        if answer == _CLEAN:
            return
        if found := _FOUND.fullmatch(answer):
            raise Unprocessable(f"The file was refused: a virus was found in it ({_shown(found[1])}).", code="infected")
        if not answer.startswith(_OVER_LIMIT):
            raise NotInspected from self._told(f"answered {answer[:200]!a}" if answer else "hung up without an answer")
        _log.error(
            "%r takes no file of this size: %.200a was %s. Raise StreamMaxLength in clamd.conf (and MaxScanSize and "
            "MaxFileSize with it) to the endpoint's max_size",
            self._clamd, self._name, "let in without a scan" if self._clamd.oversize == "accept" else "refused",
        )  # fmt: skip
        if self._clamd.oversize == "refuse":
            raise TooLarge("The file is too large to be checked for viruses here.", code="too_large_to_inspect")

    def _told(self, what: str, error: OSError | None = None) -> OSError:
        """For the log."""
        why = "" if error is None else f": {error}"
        return OSError(f"clamd at {self._clamd.address} {what}{why}")


def _answer(connection: socket.socket, deadline: float) -> str:
    """What it says, up to a NUL or until it closes the connection. Raises TimeoutError, OSError."""
    said = b""
    while b"\0" not in said and len(said) < _LONGEST_ANSWER:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        connection.settimeout(left)
        block = connection.recv(_LONGEST_ANSWER)
        if not block:
            break
        said += block
    return said.partition(b"\0")[0].decode("utf-8", "replace").strip()


def _shown(name: str) -> str:
    """A signature's name, which is the scanner's word and not ours."""
    return re.sub(r"[^A-Za-z0-9._:/+-]", "?", name)[:100]
