"""A client that is not the bottleneck: content comes from memory by `sendfile`, which copies nothing.

What lives here: connections, requests, answers. What must not: what is uploaded, in which protocol, and measuring.
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from types import TracebackType

__all__ = ["CONTENT", "Answer", "Connection", "Content", "Refused"]

_BLOCK = 16 << 20  # of content; more than a processor's cache, so that it is read from memory as a file's pages are
_PATIENCE = 1800  # seconds that a server may stand still: a bare disk syncs 10 GiB in less
_READ = 64 << 10


class Refused(RuntimeError):
    """The server answered with anything but success, or hung up."""


class Content:
    """Bytes without end: random ones, which no server can compress and in which every byte value occurs."""

    def __init__(self) -> None:
        self._file = -1
        self._lock = threading.Lock()

    def file(self) -> int:
        """A file in memory that holds one block; made when it is first wanted."""
        with self._lock:
            if self._file < 0:
                self._file = os.memfd_create("content")
                os.write(self._file, os.urandom(_BLOCK))
            return self._file

    def send(self, connection: socket.socket, size: int) -> None:
        """So many bytes, each time the same ones."""
        left, file = size, self.file()
        while left:
            at = (size - left) % _BLOCK
            if not (sent := os.sendfile(connection.fileno(), file, at, min(left, _BLOCK - at))):
                raise ConnectionError("nothing more can be sent")
            left -= sent


CONTENT = Content()


class Answer:
    """Status, headers (names in lower case) and body."""

    def __init__(self, head: bytes, body: bytes = b"") -> None:
        first, *lines = head.decode("latin-1").split("\r\n")
        self.status = int(first.split(" ", 2)[1])
        self.headers = {
            name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
        }
        self.body = body


class Connection:
    """One connection to 127.0.0.1, asked again and again while the server keeps it; opened anew where it does not."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._socket: socket.socket | None = None
        self._read = bytearray()

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up."""
        if self._socket is not None:
            self._socket.close()
        self._socket = None
        self._read.clear()

    def ask(self, method: str, path: str, headers: dict[str, str], *body: bytes | int) -> Answer:
        """Send a request; a number among the body's parts stands for so many bytes of content. Raises Refused unless
        the answer is a success (2xx)."""
        length = sum(part if isinstance(part, int) else len(part) for part in body)
        framing = {} if "Transfer-Encoding" in headers else {"Content-Length": str(length)}
        lines = (
            f"{name}: {value}\r\n" for name, value in {"Host": f"127.0.0.1:{self.port}", **framing, **headers}.items()
        )
        head = f"{method} {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode("latin-1")
        connection = self._socket or self._open()
        broken = None
        try:
            self._send(connection, head, body)
        except OSError as error:  # refused before it was read: the answer may be there all the same
            broken = error
        answer = self._answer(connection, method, broken)
        if not 200 <= answer.status < 300:
            raise Refused(f"{method} {path} -> {answer.status} {answer.body[:500].decode('latin-1')}")
        return answer

    def _open(self) -> socket.socket:
        self._socket = socket.create_connection(("127.0.0.1", self.port))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):  # Python's own timeouts make the socket non-blocking
            self._socket.setsockopt(socket.SOL_SOCKET, option, struct.pack("ll", _PATIENCE, 0))
        return self._socket

    def _send(self, connection: socket.socket, head: bytes, body: tuple[bytes | int, ...]) -> None:
        if body and isinstance(body[0], bytes) and len(body[0]) <= _READ:
            head, body = head + body[0], body[1:]
        connection.sendall(head, socket.MSG_MORE if body else 0)
        for part in body:
            if isinstance(part, int):
                CONTENT.send(connection, part)
            else:
                connection.sendall(part)

    def _answer(self, connection: socket.socket, method: str, broken: OSError | None) -> Answer:
        try:
            answer = Answer(self._until(connection, b"\r\n\r\n"))
            while answer.status < 200:  # interim
                answer = Answer(self._until(connection, b"\r\n\r\n"))
            if method != "HEAD" and answer.status not in {204, 304}:
                answer.body = self._body(connection, answer)
        except OSError as error:
            self.close()
            raise Refused(f"{method}: the server hung up ({broken or error})") from error
        if broken or answer.headers.get("connection", "").lower() == "close":
            self.close()
        return answer

    def _body(self, connection: socket.socket, answer: Answer) -> bytes:
        if "chunked" in answer.headers.get("transfer-encoding", ""):
            content = b""
            while size := int(self._until(connection, b"\r\n").split(b";")[0], 16):
                content += self._exactly(connection, size + 2)[:-2]
            self._until(connection, b"\r\n")
            return content
        if "content-length" in answer.headers:
            return self._exactly(connection, int(answer.headers["content-length"]))
        answer.headers["connection"] = "close"
        while block := connection.recv(_READ):
            self._read += block
        return bytes(self._read)

    def _until(self, connection: socket.socket, mark: bytes) -> bytes:
        while (end := self._read.find(mark)) < 0:
            self._more(connection)
        found = bytes(self._read[:end])
        del self._read[: end + len(mark)]
        return found

    def _exactly(self, connection: socket.socket, size: int) -> bytes:
        while len(self._read) < size:
            self._more(connection)
        found = bytes(self._read[:size])
        del self._read[:size]
        return found

    def _more(self, connection: socket.socket) -> None:
        block = connection.recv(_READ)
        if not block:
            raise ConnectionError("it closed the connection in the middle of its answer")
        self._read += block
