"""An S3 server that discards what it takes, in the kernel: `python -m benchmarks.stub PORT LATENCY`.

What lives here: the answers that an upload needs, each after so many seconds. What must not: checking what came
(tests/s3/sink.py does): here it would be the bottleneck.
"""

from __future__ import annotations

import re
import socket
import sys
import threading
import time
from collections import Counter
from contextlib import suppress

__all__ = ["Stub", "main"]

_XML = "<?xml version='1.0' encoding='UTF-8'?><{0}><Bucket>b</Bucket><Key>k</Key>{1}</{0}>"
_CHECKSUM = re.compile(rb"(?i)\r\n(x-amz-checksum-crc32: *[^\r]+)")
_LENGTH = re.compile(rb"(?i)\r\ncontent-length: *(\d+)")
_CHUNKED = re.compile(rb"(?i)\r\ntransfer-encoding: *chunked")
_FORGET = 4 << 20  # bytes of one call: MSG_TRUNC lets the kernel drop them without copying (tcp(7))


class Stub:
    """What is known of all uploads: how large each object is."""

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._sizes: Counter[str] = Counter()
        self._lock = threading.Lock()

    def serve(self, connection: socket.socket) -> None:
        """Answer the requests of a connection until its client hangs up."""
        client = _Client(connection)
        with connection, suppress(ConnectionError):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while head := client.until(b"\r\n\r\n"):
                if b"100-continue" in head.lower():
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                size = client.pass_body(head)
                time.sleep(self._latency)
                connection.sendall(self._answer(head, size))

    def _answer(self, head: bytes, size: int) -> bytes:
        method, target, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        key, _, query = target.partition("?")
        if method == "PUT":
            with self._lock:
                self._sizes[key] += size
            told = _CHECKSUM.search(head)
            return _said('ETag: "none"\r\n' + (told[1].decode() + "\r\n" if told else ""))
        if method == "HEAD":
            lines = (
                f'ETag: "whole"\r\nLast-Modified: Sun, 22 Nov 2026 12:00:00 GMT\r\nContent-Length: {self._sizes[key]}'
            )
            return f"HTTP/1.1 200 OK\r\n{lines}\r\n\r\n".encode()
        if method == "POST" and query.startswith("uploads"):
            with self._lock:
                self._sizes[key] = 0
            return _said("", _XML.format("InitiateMultipartUploadResult", "<UploadId>u</UploadId>"))
        if method == "POST":
            return _said("", _XML.format("CompleteMultipartUploadResult", '<ETag>"whole"</ETag>'))
        return _said("", status="204 No Content")


class _Client:
    """The bytes that come over one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket, self._kept = connection, b""
        self._nowhere = bytearray(_FORGET)  # never written to: it costs no memory

    def until(self, mark: bytes) -> bytes:
        """What comes before the mark; nothing when the client has hung up."""
        while mark not in self._kept:
            block = self._socket.recv(64 << 10)
            if not block:
                return b""
            self._kept += block
        found, _, self._kept = self._kept.partition(mark)
        return found

    def pass_body(self, head: bytes) -> int:
        """Its size, when it has come whole."""
        if told := _LENGTH.search(head):
            self._pass(int(told[1]))
            return int(told[1])
        total = 0
        if _CHUNKED.search(head):
            while size := int(self.until(b"\r\n").split(b";")[0] or b"0", 16):
                self._pass(size)
                self.until(b"\r\n")
                total += size
            while self.until(b"\r\n"):  # headers that trail, and the empty line after them
                pass
        return total

    def _pass(self, size: int) -> None:
        had = min(size, len(self._kept))
        self._kept, size = self._kept[had:], size - had
        while size:
            count = self._socket.recv_into(self._nowhere, min(size, _FORGET), socket.MSG_TRUNC)
            if not count:
                raise ConnectionError
            size -= count


def _said(headers: str, body: str = "", status: str = "200 OK") -> bytes:
    length = "" if status.startswith("204") else f"Content-Length: {len(body)}\r\n"
    return f"HTTP/1.1 {status}\r\n{headers}{length}\r\n{body}".encode()


def main(port: int, latency: float) -> None:
    """A thread for each connection, until a signal comes."""
    stub = Stub(latency)
    with socket.create_server(("127.0.0.1", port), backlog=1024) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=stub.serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
