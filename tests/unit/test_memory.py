"""What one request takes of the process's memory, by whatever protocol: a few blocks, however large its body is.

What lives here: Python's own count of what is allocated, in process. What must not: whole servers (tests/cli).
"""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from webob import Request

from ajaxupload import upload_endpoint
from ajaxupload.backends.base import AbstractUploadBackend
from tests.support.tally import Tally

MIB = 1 << 20
HEAD = b'--XbX\r\nContent-Disposition: form-data; name="f"; filename="a.bin"\r\n\r\n'
TAIL = b"\r\n--XbX--\r\n"
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream", "Upload-Length": "{size}"}
IETF = {"Upload-Draft-Interop-Version": "8", "Upload-Complete": "?1"}


class Sink(AbstractUploadBackend):
    """Keeps how many bytes came, and nothing else."""

    taken = 0

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        type(self).taken += len(chunk)


class Zeros:
    """A body of zeros between a head and a tail, made as it is read."""

    def __init__(self, size: int, head: bytes = b"", tail: bytes = b"") -> None:
        self.head, self.left, self.tail = head, size, tail

    def read(self, size: int, /) -> bytes:
        if self.head:
            block, self.head = self.head[:size], self.head[size:]
        elif self.left:
            block = bytes(min(size, self.left))
            self.left -= len(block)
        else:
            block, self.tail = self.tail[:size], self.tail[size:]
        return block


WAYS: dict[str, tuple[str, str, dict[str, str], bytes, bytes]] = {
    "raw": ("PUT", "/a.bin", {}, b"", b""),
    "valums": ("POST", "/?qqfile=a.bin", {"X-Requested-With": "XMLHttpRequest"}, b"", b""),
    "form": ("POST", "/", {"Content-Type": "multipart/form-data; boundary=XbX"}, HEAD, TAIL),
    "raw with a key": ("PUT", "/a.bin", {"Idempotency-Key": "k"}, b"", b""),
    "tus": ("POST", "/", TUS, b"", b""),
    "ietf": ("POST", "/", IETF, b"", b""),
}


@pytest.mark.parametrize("size", [32 * MIB, pytest.param(512 * MIB, marks=pytest.mark.faults)])
@pytest.mark.parametrize("way", WAYS)
def test_a_body_of_32_mib_is_never_held(tmp_path: Path, tally: Tally, way: str, size: int) -> None:
    """A few blocks of 1 MiB, and what a request takes anyway; a body that were held would take eight times that."""
    method, url, headers, head, tail = WAYS[way]
    endpoint = upload_endpoint(Sink, partials_dir=str(tmp_path / "partials"), max_size="1 GiB")
    small: Any = Request.blank(url, method=method, headers={"Content-Length": "0"})
    small.get_response(endpoint)  # what is imported and made once is no request's
    asked: Any = Request.blank(url, method=method, headers={k: v.format(size=size) for k, v in headers.items()})
    asked.environ.update({"wsgi.input": Zeros(size, head, tail), "CONTENT_LENGTH": str(len(head) + size + len(tail))})
    Sink.taken = 0
    tracemalloc.start()
    try:
        answer = asked.get_response(endpoint)
        _now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (answer.status_code < 300, Sink.taken) == (True, size), answer.text
    assert most < 4 * MIB
    tally("F28", "the memory of one request, by each protocol", runs=1, faults=0)
