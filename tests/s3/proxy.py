"""A proxy between the library and an S3 server that fails on demand.

What lives here: HTTP as far as S3 clients speak it (a body of known length, an answer of known length), and the names
of the requests. What must not: the ways of failing (faults.py), any assertion.

Host and all other headers are passed on as they came: signatures stay good.
"""

from __future__ import annotations

import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import urlsplit

__all__ = ["Call", "Fault", "Proxy", "proxied"]

_BLOCK = 256 << 10
PATIENCE = 60.0  # seconds: for a server behind


@dataclass
class Call:
    """One request as it goes through. `head` and `sent` can be looked at afterwards."""

    operation: str
    method: str
    target: str
    head: bytes
    client: socket.socket
    proxy: Proxy
    length: int = 0
    early: bytes = b""  # of the body, came with the head

    def body(self) -> Iterator[bytes | memoryview]:
        """The body, as it comes. Raises ConnectionError if it breaks off."""
        yield self.early
        rest = self.length - len(self.early)
        buffer = memoryview(bytearray(min(_BLOCK, max(rest, 1))))
        while rest > 0:
            count = self.client.recv_into(buffer, min(rest, len(buffer)))
            if not count:
                raise ConnectionError("the client broke off")
            rest -= count
            yield buffer[:count]

    def forward(self, change: Callable[[bytes], bytes] = bytes) -> tuple[bytes, bytes]:
        """Ask the server behind, each block of the body changed. Its answer: head and body."""
        with self.proxy.upstream() as upstream:
            upstream.sendall(self.head)
            for block in self.body():
                upstream.sendall(change(block))  # type: ignore[arg-type]  # bytes() takes a memoryview as well
            head, early = _read_head(upstream)
            body = bytearray(early)
            while not self._is_whole(head, body):
                block = upstream.recv(_BLOCK)
                if not block:
                    raise ConnectionError("the server broke off")
                body += block
            return head, bytes(body)

    def _is_whole(self, head: bytes, body: bytearray) -> bool:
        if self.method == "HEAD":
            return True
        if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
            return body.endswith(b"0\r\n\r\n")
        return len(body) >= _length(head)


#: What is done with a call instead of passing it on: bytes to answer, or None: the connection is at its end.
Fault = Callable[[Call], "bytes | None"]


@dataclass
class _Rule:
    operation: str
    fault: Fault
    skip: int
    times: int | None

    def strikes(self, operation: str) -> bool:
        """Is it this one's turn? Counts."""
        if self.operation not in (operation, "*") or self.times == 0:
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


@dataclass
class Proxy:
    """Listens on `port` and passes on to `endpoint`, which speaks plain HTTP."""

    endpoint: str
    always: Fault | None = None
    calls: list[str] = field(default_factory=list)
    #: How many of each operation were on their way at once, at most.
    most: Counter[str] = field(default_factory=Counter)
    port: int = 0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self._listener.getsockname()[1]
        self.ended = threading.Event()
        self._lock = threading.Lock()
        self._flying: Counter[str] = Counter()
        self._open: set[socket.socket] = set()
        self._rules: list[_Rule] = []
        self._threads = [threading.Thread(target=self._listen)]
        self._threads[0].start()

    def fail(self, operation: str, fault: Fault, *, skip: int = 0, times: int | None = None) -> None:
        """From now on such requests ("*" is any) fail so, but for the first `skip`, and `times` times."""
        with self._lock:
            self._rules.append(_Rule(operation, fault, skip, times))

    def heal(self) -> None:
        """All goes well again, and what was seen is forgotten."""
        with self._lock:
            self._rules.clear()
            self.calls.clear()
            self.most.clear()

    @contextmanager
    def upstream(self) -> Iterator[socket.socket]:
        """A connection to the server behind."""
        there = urlsplit(self.endpoint)
        with socket.create_connection((there.hostname or "", there.port or 80), PATIENCE) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._kept(connection):
                yield connection

    def close(self) -> None:
        """Stop, and end all connections."""
        self.ended.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for each in connections:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)

    @contextmanager
    def _kept(self, connection: socket.socket) -> Iterator[None]:
        with self._lock:
            self._open.add(connection)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, self._kept(connection):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while (call := self._next_call(connection)) is not None and (said := self._handle(call)) is not None:
                connection.sendall(said)

    def _next_call(self, connection: socket.socket) -> Call | None:
        head, early = _read_head(connection)
        if not head:
            return None
        method, target = head.split(b" ", 2)[:2]
        operation = operation_of(method.decode(), target.decode())
        return Call(operation, method.decode(), target.decode(), head, connection, self, _length(head), early)

    def _handle(self, call: Call) -> bytes | None:
        with self._lock:
            self.calls.append(call.operation)
            self._flying[call.operation] += 1
            self.most[call.operation] = max(self.most[call.operation], self._flying[call.operation])
            struck = next((rule for rule in self._rules if rule.strikes(call.operation)), None)
        try:
            fault = struck.fault if struck else self.always
            return fault(call) if fault else b"".join(call.forward())
        finally:
            with self._lock:
                self._flying[call.operation] -= 1


def operation_of(method: str, target: str) -> str:
    """The API's name of a request."""
    path, _, query = target.partition("?")
    words = {pair.partition("=")[0] for pair in query.split("&")}
    part, upload = "partNumber" in words, "uploadId" in words
    if path.count("/") < 2 or (path.endswith("/") and path.count("/") == 2):
        return "ListMultipartUploads" if "uploads" in words else f"{method} bucket"
    names = {
        "PUT": "UploadPart" if part else "PutObject",
        "POST": "CreateMultipartUpload" if "uploads" in words else "CompleteMultipartUpload",
        "DELETE": "AbortMultipartUpload" if upload else "DeleteObject",
        "HEAD": "HeadObject",
        "GET": "ListParts" if upload else "GetObject",
    }
    return names.get(method, method)


def _read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    """A head with its empty line, and what came after it. Nothing, if the other side closed."""
    said = bytearray()
    while (end := said.find(b"\r\n\r\n")) < 0:
        block = connection.recv(65536)
        if not block:
            return b"", b""
        said += block
    return bytes(said[: end + 4]), bytes(said[end + 4 :])


def _length(head: bytes) -> int:
    found = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(found[1]) if found else 0


@contextmanager
def proxied(endpoint: str, always: Fault | None = None) -> Iterator[Proxy]:
    """A proxy in threads of this process."""
    proxy = Proxy(endpoint, always)
    try:
        yield proxy
    finally:
        proxy.close()
