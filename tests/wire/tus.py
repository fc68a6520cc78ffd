"""tus 1.0.0 as a client's words, through any door.

What lives here: requests and the few steps that most tests begin with. What must not: what should come of them.
"""

from __future__ import annotations

import base64
import hashlib
import zlib
from dataclasses import dataclass
from typing import Any

from tests.wire import store
from tests.wire.client import Answer
from tests.wire.doors import Door
from tests.wire.transcript import Case

PIECE = "application/offset+octet-stream"
HELLO = b"hello world"


@dataclass
class Tus:
    """A client at one door. A header whose value is None is not sent."""

    door: Door

    def send(self, method: str, url: str, body: bytes = b"", *, chunked: bool = False, **headers: str | None) -> Answer:
        """One request. `headers` are written with underscores."""
        said = {"Tus-Resumable": "1.0.0", **{name.replace("_", "-"): value for name, value in headers.items()}}
        if chunked:
            said["Transfer-Encoding"] = "chunked"
            body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (body[:3], body[3:]) if each) + b"0\r\n\r\n"
        lines = [f"{name}: {value}" for name, value in said.items() if value is not None]
        head = "\r\n".join([f"{method} {url} HTTP/1.1", *lines])
        return self.door.send(Case(url, head.encode("latin-1"), body, 0))

    def post(self, size: int | str | None = None, body: bytes = b"", to: str = "/upload", **more: Any) -> Answer:
        """A creation; with `body` (and its type) one with upload."""
        kind = {"Content_Type": PIECE} if body else {}
        return self.send("POST", to, body, **{**kind, "Upload_Length": None if size is None else str(size), **more})

    def create(self, size: int | None = None, body: bytes = b"", to: str = "/upload", **more: Any) -> str:
        """The URL of a new upload."""
        answer = self.post(size, body, to, **more)
        assert answer.status == 201, answer
        return answer.headers["location"]

    def patch(self, url: str, at: int | str, body: bytes = b"", **more: Any) -> Answer:
        """The next bytes."""
        return self.send("PATCH", url, body, **{"Upload_Offset": str(at), "Content_Type": PIECE, **more})

    def head(self, url: str, **more: Any) -> Answer:
        """What there is."""
        return self.send("HEAD", url, **more)

    def offset(self, url: str) -> int:
        """How much there is."""
        answer = self.head(url)
        assert answer.status == 200, answer
        return int(answer.headers["upload-offset"])

    def stored(self) -> dict[str, bytes]:
        """Name -> content of every stored file; they are gone then."""
        return store.take(self.door.root)

    def contents(self) -> list[bytes]:
        """The contents alone."""
        return sorted(self.stored().values())

    def kept(self) -> int:
        """How many uploads go on."""
        return len([path for path in store.kept_on_purpose(self.door.root) if path.suffix == ".part"])

    @property
    def streams(self) -> bool:
        """Does the door know where a chunked body ends? (wsgiref's servers do not.)"""
        return self.door.name != "wsgiref"


def metadata(**values: str | bytes) -> str:
    """Upload-Metadata."""
    raw = {name: value.encode() if isinstance(value, str) else value for name, value in values.items()}
    return ",".join(f"{name} {base64.b64encode(value).decode()}" for name, value in raw.items())


def checksum(algorithm: str, content: bytes) -> str:
    """Upload-Checksum."""
    if algorithm == "crc32":
        digest = zlib.crc32(content).to_bytes(4, "big")
    elif algorithm == "crc32c":
        digest = crc32c(content).to_bytes(4, "big")
    else:
        digest = hashlib.new(algorithm, content).digest()
    return f"{algorithm} {base64.b64encode(digest).decode()}"


def crc32c(content: bytes) -> int:
    """Castagnoli's, bit by bit (RFC 3720 appendix B.4 gives examples)."""
    value = 0xFFFFFFFF
    for byte in content:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF
