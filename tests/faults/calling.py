"""The middleware called in this process, without a server: whole files by PUT, and tus.

What lives here: requests as plain calls, for tests that end the process, the disk or the clock under it. What must not:
verdicts, and faults.
"""

from __future__ import annotations

import base64
import io
from pathlib import Path
from typing import Any, NamedTuple

from ajaxupload import AjaxUpload

__all__ = ["Here", "Told"]

PIECE = "application/offset+octet-stream"


class Told(NamedTuple):
    """An answer; `headers` in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Here:
    """An application that stores below `folder`, as a worker has it after its start."""

    def __init__(self, folder: Path, *, durable: bool = True, **settings: Any) -> None:
        self.stored = folder / "media"
        store = {
            "class": "local",
            "media_root": str(self.stored),
            "upload_dir": ".",
            "private_dir": str(folder / "private"),
            "durable": durable,
        }
        self.app = AjaxUpload(_elsewhere, {"backends": {"default": store}, "endpoints": {"/upload": settings}})

    def ask(self, method: str, path: str, body: bytes = b"", **headers: Any) -> Told:
        """One request; `headers` are named as WSGI does, and may replace whatever else a server says."""
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "SCRIPT_NAME": "",
            "PATH_INFO": path,
            "QUERY_STRING": "",
            "SERVER_NAME": "localhost",
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "HTTP_HOST": "localhost",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
            "wsgi.multithread": True,
            "wsgi.multiprocess": True,
            "wsgi.run_once": False,
            **headers,
        }
        told: list[tuple[str, list[tuple[str, str]]]] = []
        answer = self.app(environ, lambda status, lines, exc_info=None: told.append((status, lines)))
        try:
            content = b"".join(answer)
        finally:
            if close := getattr(answer, "close", None):
                close()
        status, lines = told[-1]
        return Told(int(status[:3]), {name.lower(): value for name, value in lines}, content)

    def put(self, name: str, content: bytes) -> Told:
        """A whole file."""
        return self.ask("PUT", f"/upload/{name}", content)

    def tus(self, method: str, path: str = "/upload", body: bytes = b"", **headers: Any) -> Told:
        """A tus request; a body is a piece."""
        said = {"HTTP_TUS_RESUMABLE": "1.0.0", **({"CONTENT_TYPE": PIECE} if method == "PATCH" else {}), **headers}
        return self.ask(method, path, body, **said)

    def create(self, name: str, size: int) -> str:
        """A tus upload; its path."""
        said = f"filename {base64.b64encode(name.encode()).decode()}"
        answer = self.tus("POST", HTTP_UPLOAD_LENGTH=str(size), HTTP_UPLOAD_METADATA=said)
        assert answer.status == 201, answer
        return answer.headers["location"]

    def patch(self, path: str, at: int, content: bytes) -> Told:
        """A piece of it."""
        return self.tus("PATCH", path, content, HTTP_UPLOAD_OFFSET=str(at))

    def offset(self, path: str) -> int | None:
        """What is told of it; None where there is no such upload."""
        answer = self.tus("HEAD", path)
        return int(answer.headers["upload-offset"]) if answer.status == 200 else None

    def files(self) -> dict[str, bytes]:
        """All that is visible."""
        return {path.name: path.read_bytes() for path in self.stored.rglob("*") if path.is_file()}


def _elsewhere(environ: Any, start_response: Any) -> list[bytes]:
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"nothing here"]
