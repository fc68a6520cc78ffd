"""A tus upload on bare connections, for tests of what becomes of one that is not sent as it should be.

What lives here: the requests, whole or up to their bodies. What must not: how the bodies are sent.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.wire.client import ask

__all__ = ["Patched"]

_COMMON = "Host: x\r\nTus-Resumable: 1.0.0\r\nConnection: close\r\n"


@dataclass(frozen=True)
class Patched:
    """One upload of `content` to the server at `port`."""

    port: int
    content: bytes
    url: str

    @classmethod
    def created(cls, port: int, content: bytes) -> Patched:
        """A new one at the server's root."""
        request = f"POST / HTTP/1.1\r\n{_COMMON}Upload-Length: {len(content)}\r\n\r\n"
        return cls(port, content, ask(port, request.encode()).headers["location"])

    def head(self, at: int) -> bytes:
        """The PATCH of all from `at` on, but for its body."""
        kind = "Content-Type: application/offset+octet-stream\r\n"
        length = f"Upload-Offset: {at}\r\nContent-Length: {len(self.content) - at}\r\n"
        return f"PATCH {self.url} HTTP/1.1\r\n{_COMMON}{kind}{length}\r\n".encode()

    def offset(self) -> int:
        """What the server has of it."""
        return int(ask(self.port, f"HEAD {self.url} HTTP/1.1\r\n{_COMMON}\r\n".encode()).headers["upload-offset"])

    def finish(self, at: int) -> int:
        """Send the rest; the status."""
        return ask(self.port, self.head(at) + self.content[at:]).status
