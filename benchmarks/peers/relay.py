"""The least that can be done on the way to S3: what comes is put into the memory of a part, and that is sent.

What lives here: that loop, of what is received and of a local file. What must not: checksums, boundaries, retries, and
whatever else makes an upload of it: it knows a form's body from its length, and of the chunked coding the size of each
chunk.
"""

from __future__ import annotations

import io
import os
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from urllib.parse import urlsplit

from benchmarks.contender import Contender, Site, Way

__all__ = ["FROM_FILE", "RELAY", "contender", "from_file"]

RELAY, FROM_FILE = "bare receive-and-send loop", "bare read-and-send loop, from a file"
_PART = 8 << 20  # bytes, of which at most `_FLYING` parts are on their way while one is filled: as ours
_FLYING = 6
_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def contender() -> Contender:
    """What is received goes to the stub."""
    return Contender(RELAY, _command, Way(raw="/{name}", form="/"), sink=True)


def from_file() -> Contender:
    """The site's source goes there."""
    return Contender(FROM_FILE, _command, Way(trigger="/file"), sink=True)


def _command(site: Site) -> list[str]:
    return [sys.executable, "-m", __name__, str(site.port)]


class Sender(threading.local):
    """A thread's connection to the stub."""

    def __init__(self) -> None:
        port = urlsplit(os.environ["BENCH_S3"]).port or 80
        self._connection = socket.create_connection(("127.0.0.1", port))

    def put(self, part: memoryview) -> None:
        """One part; back when it has been answered."""
        head = f"PUT /b/k HTTP/1.1\r\nHost: b\r\nContent-Length: {len(part)}\r\n\r\n".encode()
        self._connection.sendall(head, socket.MSG_MORE)
        self._connection.sendall(part)
        if not self._connection.recv(64 << 10).startswith(b"HTTP/1.1 200 "):
            raise ConnectionError


class Client:
    """A connection from which requests come."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection, self._kept = connection, b""

    def until(self, mark: bytes) -> bytes:
        """What comes before it; nothing at the end."""
        while mark not in self._kept:
            block = self._connection.recv(64 << 10)
            if not block:
                return b""
            self._kept += block
        found, _, self._kept = self._kept.partition(mark)
        return found

    def into(self, memory: memoryview) -> None:
        """As many bytes as it has room for."""
        at = min(len(memory), len(self._kept))
        memory[:at], self._kept = self._kept[:at], self._kept[at:]
        while at < len(memory):
            count = self._connection.recv_into(memory[at:], len(memory) - at, socket.MSG_WAITALL)
            if not count:
                raise ConnectionError
            at += count

    def lengths(self, head: bytes) -> Iterator[int]:
        """Of what can be received in one go: the body, or one chunk after the other."""
        told = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
        if told:
            yield int(told)
            return
        while size := int(self.until(b"\r\n"), 16):
            yield size
            self.until(b"\r\n")
        self.until(b"\r\n")


class File:
    """A local one, read like a client."""

    def __init__(self, file: io.RawIOBase) -> None:
        self._file = file

    def into(self, memory: memoryview) -> None:
        """As many bytes as it has room for."""
        self._file.readinto(memory)

    def lengths(self, _head: bytes) -> Iterator[int]:
        """All in one go."""
        yield os.fstat(self._file.fileno()).st_size


class Parts:
    """Memory that is filled and sent, again and again."""

    def __init__(self, sender: Sender, threads: ThreadPoolExecutor) -> None:
        self._send, self._threads = sender.put, threads
        self._memory = [memoryview(bytearray(_PART)) for _ in range(_FLYING + 1)]
        self._flying: list[Future[None]] = [threads.submit(lambda: None) for _ in self._memory]

    def take(self, client: Client | File, head: bytes) -> None:
        """One request's body, or the file; back when all of it has been sent."""
        at, filled = 0, 0
        for size in client.lengths(head):
            left = size
            while left:
                count = min(left, _PART - filled)
                if not filled:
                    self._flying[at].result()
                client.into(self._memory[at][filled : filled + count])
                left, filled = left - count, filled + count
                if filled == _PART:
                    self._flying[at] = self._threads.submit(self._send, self._memory[at])
                    at, filled = (at + 1) % len(self._memory), 0
        self._flying[at] = self._threads.submit(self._send, self._memory[at][:filled])
        for each in self._flying:
            each.result()


def serve(connection: socket.socket, sender: Sender) -> None:
    """Requests of one connection."""
    client = Client(connection)
    with connection, ThreadPoolExecutor(_FLYING) as threads:
        parts = Parts(sender, threads)
        while head := client.until(b"\r\n\r\n"):
            if head.startswith(b"POST /file "):
                with open(os.environ["BENCH_SOURCE"], "rb", buffering=0) as file:  # noqa: PTH123 - as boto3_library.py
                    parts.take(File(file), head)
            else:
                parts.take(client, head)
            connection.sendall(_ANSWER)


def main(port: int) -> None:
    """A thread for each connection."""
    sender = Sender()
    with socket.create_server(("127.0.0.1", port), backlog=1024) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection, sender), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]))
