"""An S3 server that forgets what it takes: for gigabytes, and for measuring clients instead of servers.

What lives here: the few answers that an upload needs, and checking each part's CRC-32. What must not: storing.

`python -m tests.s3.sink SECONDS` runs one in a process of its own, in which each answer waits so long, and prints its
port.
"""

from __future__ import annotations

import base64
import re
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from tests.s3.proxy import Call, Proxy

__all__ = ["Sink", "sinking"]

_XML = "<?xml version='1.0' encoding='UTF-8'?><{0}><Bucket>b</Bucket><Key>k</Key>{1}</{0}>"


class Sink:
    """Counts what arrives; `bad` are parts that were not what their checksum said."""

    def __init__(self, latency: float = 0.0) -> None:
        self.latency = latency
        self.sizes: list[int] = []
        self.bad = 0
        self._whole = 0  # bytes of the upload that was begun last
        self._lock = threading.Lock()

    def __call__(self, call: Call) -> bytes:
        """Answer one request, as a far-away server would. Who asks whether to go on, as boto3 does, is told so at once:
        a server that kept it waiting would make any other client look fast."""
        if b"100-continue" in call.head.lower():
            call.client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        said = self._answer(call)
        time.sleep(self.latency)
        return said

    def _answer(self, call: Call) -> bytes:
        if call.operation in ("UploadPart", "PutObject"):
            return _said('ETag: "none"\r\n' + self._take(call))
        for _ in call.body():
            pass
        if call.operation == "CreateMultipartUpload":
            self._whole = 0
            return _said("", _XML.format("InitiateMultipartUploadResult", "<UploadId>u</UploadId>"))
        if call.operation == "CompleteMultipartUpload":
            return _said("", _XML.format("CompleteMultipartUploadResult", '<ETag>"whole"</ETag>'))
        if call.operation == "HeadObject":
            lines = ('ETag: "whole"', "Last-Modified: Sun, 22 Nov 2026 12:00:00 GMT", f"Content-Length: {self._whole}")
            return "\r\n".join(("HTTP/1.1 200 OK", *lines, "", "")).encode()
        return _said("", status="204 No Content")

    def _take(self, call: Call) -> str:
        crc = size = 0
        told = re.search(rb"(?i)\r\nx-amz-checksum-crc32: *([^\r]+)", call.head)
        for block in call.body():
            size += len(block)
            crc = zlib.crc32(block, crc) if told else 0
        found = base64.b64encode(crc.to_bytes(4, "big")).decode()
        with self._lock:
            self._whole += size
            self.sizes.append(size)
            self.bad += told is not None and told[1].decode() != found
        return f"x-amz-checksum-crc32: {found}\r\n" if told else ""


def _said(headers: str, body: str = "", status: str = "200 OK") -> bytes:
    content = body.encode()
    return f"HTTP/1.1 {status}\r\n{headers}Content-Length: {len(content)}\r\n\r\n".encode() + content


@contextmanager
def sinking(latency: float = 0.0) -> Iterator[tuple[Sink, Proxy]]:
    """A sink in threads of this process, and where it listens."""
    sink = Sink(latency)
    server = Proxy("", sink)
    try:
        yield sink, server
    finally:
        server.close()


if __name__ == "__main__":
    print(Proxy("", Sink(float(sys.argv[1]))).port, flush=True)
