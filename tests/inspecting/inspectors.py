"""Inspectors and stores for the tests: what can go wrong with each, on demand.

What lives here: both, and one way to bring a file. What must not: verdicts.
"""

from __future__ import annotations

import io
from typing import Any, BinaryIO, ClassVar

from webob import Request, Response

from ajaxupload import upload_endpoint
from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.endpoint import Endpoint
from ajaxupload.upload import Upload

CONTENT = bytes(range(256)) * 1000


class Memory(MemoryUploadBackend):
    """A store of this file's own."""

    files: ClassVar[dict[str, bytes]] = {}


class Blind(Memory):
    """Cannot hand back what it has not published: as object stores."""

    reread: Any = None
    BUFFER_SIZE = 1000


class Early(Blind):
    """Shows all that it has, from the first byte on; and must therefore get nothing too early."""

    shows_early = True

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        super().setup(filename)
        self.files[filename] = b""

    def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:
        super().upload_chunk(chunk)
        self.files["a.bin"] += chunk

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        del self.files[filename]
        return super().upload_complete(request, filename)


class Seedling(AbstractUploadBackend):
    """As django-ajax-uploader's were: no more than it must have."""

    files: ClassVar[dict[str, bytes]] = Memory.files

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        self.content = b""

    def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:
        self.content += chunk

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> None:
        self.files[filename] = self.content


class Watching:
    """Sees all, and fails at the moment that it is told. `seen` are the contents of all files, `closed` counts."""

    def __init__(self, at: str = "", error: BaseException | None = None, verdict: Any = None) -> None:
        self.at, self.error, self.verdict = at, error, verdict
        self.seen: list[bytes] = []
        self.closed = 0

    def _fail(self, moment: str) -> None:
        if self.at == moment and self.error is not None:
            raise self.error

    def begin(self, request: Any, upload: Upload) -> Watching:
        self._fail("begin")
        self.seen.append(b"")
        return self

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        assert len(chunk), "a zero-length chunk would be clamd's end"
        self.seen[-1] += chunk
        self._fail("feed")

    def end(self) -> Any:
        self._fail("end")
        return self.verdict

    def close(self) -> None:
        self.closed += 1


def put(endpoint: Endpoint, content: bytes = CONTENT, source: BinaryIO | None = None) -> Response:
    length: Any = {"CONTENT_LENGTH": str(len(content))}
    asked: Any = Request.blank("/a.bin", method="PUT", environ=length)
    asked.environ["wsgi.input"] = source or io.BytesIO(content)
    return asked.get_response(endpoint)  # type: ignore[no-any-return]  # WebOb is untyped here


def site(inspect: Any, backend: type = Memory, **settings: Any) -> Endpoint:
    return upload_endpoint(backend, inspect=inspect, **settings)


def tus(endpoint: Any, method: str, url: str, body: bytes = b"", **headers: str) -> Response:
    """One request of a tus client."""
    said = {name.replace("_", "-"): value for name, value in headers.items()} | {"Tus-Resumable": "1.0.0"}
    asked: Any = Request.blank(url, method=method, body=body, headers=said)
    return asked.get_response(endpoint)  # type: ignore[no-any-return]  # WebOb is untyped here
