"""The IETF protocol as a client's words, in any interop version, through any door.

What lives here: requests and the few steps that most tests begin with. What must not: what should come of them.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any

from tests.wire import store
from tests.wire.client import Answer
from tests.wire.doors import Door
from tests.wire.transcript import Case

VERSIONS = (3, 4, 5, 6, 7, 8, None)
PARTIAL = "application/partial-upload"
HELLO = b"hello world"


@dataclass
class Ietf:
    """A client at one door, of one version. A header whose value is None is not sent."""

    door: Door
    version: int | None = None

    def send(self, method: str, url: str, body: bytes = b"", *, chunked: bool = False, **headers: str | None) -> Answer:
        """One request. `headers` are written with underscores."""
        version = None if self.version is None else str(self.version)
        said = {"Upload-Draft-Interop-Version": version}
        said |= {name.replace("_", "-"): value for name, value in headers.items()}
        if chunked:
            said["Transfer-Encoding"] = "chunked"
            body = b"".join(b"%x\r\n%s\r\n" % (len(each), each) for each in (body[:3], body[3:]) if each) + b"0\r\n\r\n"
        lines = [f"{name}: {value}" for name, value in said.items() if value is not None]
        head = "\r\n".join([f"{method} {url} HTTP/1.1", *lines])
        return self.door.send(Case(url, head.encode("latin-1"), body, 0))

    def completeness(self, complete: bool | None) -> dict[str, Any]:
        """The header that tells it, in this version."""
        if complete is None:
            return {}
        if self.version == 3:
            return {"Upload_Incomplete": f"?{int(not complete)}"}
        return {"Upload_Complete": f"?{int(complete)}"}

    def told(self, answer: Answer) -> bool | None:
        """Whether the answer says that the upload is complete."""
        name, inverted = ("upload-incomplete", True) if self.version == 3 else ("upload-complete", False)
        other = "upload-complete" if self.version == 3 else "upload-incomplete"
        assert other not in answer.headers
        value = answer.headers.get(name)
        assert value in ("?0", "?1", None)
        return None if value is None else (value == "?1") is not inverted

    def post(self, body: bytes = b"", *, complete: bool | None = False, to: str = "/upload", **more: Any) -> Answer:
        """A creation."""
        return self.send(more.pop("method", "POST"), to, body, **{**self.completeness(complete), **more})

    def create(self, body: bytes = b"", to: str = "/upload", **more: Any) -> str:
        """The URL of a new upload."""
        answer = self.post(body, to=to, **more)
        assert answer.status == 201, answer
        return answer.headers["location"]

    def patch(
        self, url: str, at: int | str, body: bytes = b"", *, complete: bool | None = False, **more: Any
    ) -> Answer:
        """The next bytes."""
        return self.send(
            "PATCH",
            url,
            body,
            **{"Upload_Offset": str(at), "Content_Type": PARTIAL, **self.completeness(complete), **more},
        )

    def head(self, url: str, **more: Any) -> Answer:
        """What there is."""
        return self.send("HEAD", url, **more)

    def offset(self, url: str) -> int:
        """How much there is."""
        answer = self.head(url)
        assert answer.status == 204, answer
        return int(answer.headers["upload-offset"])

    def stored(self) -> dict[str, bytes]:
        """Name -> content of every stored file; they are gone then."""
        return store.take(self.door.root)

    @property
    def streams(self) -> bool:
        """Does the door know where a chunked body ends? (wsgiref's servers do not.)"""
        return self.door.name != "wsgiref"


def limits(answer: Answer) -> dict[str, int]:
    """Upload-Limit, read."""
    pairs = (each.split("=") for each in answer.headers["upload-limit"].split(", "))
    return {name: int(value) for name, value in pairs}


def digest(content: bytes, algorithm: str = "sha-256") -> str:
    """A digest field."""
    value = hashlib.new(algorithm.replace("-", ""), content).digest()
    return f"{algorithm}=:{base64.b64encode(value).decode()}:"
