"""Digests that clients send so that damage on the way is found.

What lives here: the algorithms by the names that protocols give them, and the verdict. What must not: headers.
"""

from __future__ import annotations

import hashlib
import hmac
import importlib
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from typing import Any, Protocol

from ..body import Block
from ..errors import BadRequest, DigestMismatch

__all__ = ["ALGORITHMS", "Expected", "ExpectedLater"]


class _Hash(Protocol):
    def update(self, data: Any, /) -> object: ...
    def digest(self) -> bytes: ...


class _Crc32:
    """CRC-32 of ISO 3309, as four bytes, the highest first."""

    def __init__(self) -> None:
        self._value = 0

    def update(self, data: Any, /) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


class _Crc32c:
    """CRC-32C by a compiled package, loaded when somebody asks: in Python it would take a minute for a gigabyte."""

    def __init__(self) -> None:
        self._checksum: _Hash = importlib.import_module("google_crc32c").Checksum()

    def update(self, data: Any, /) -> None:
        self._checksum.update(data if isinstance(data, bytes) else bytes(data))  # it takes nothing else

    def digest(self) -> bytes:
        return self._checksum.digest()


#: Name -> a new hash.
ALGORITHMS: dict[str, Callable[[], _Hash]] = {
    "sha1": lambda: hashlib.sha1(usedforsecurity=False),
    "sha256": hashlib.sha256,
    "sha512": hashlib.sha512,
    "md5": lambda: hashlib.md5(usedforsecurity=False),
    "crc32": _Crc32,
    **({"crc32c": _Crc32c} if find_spec("google_crc32c") else {}),
}


class Expected:
    """One digest of what is to come. `algorithm` is a key of ALGORITHMS (BadRequest), `value` the digest's bytes."""

    def __init__(self, algorithm: str, value: bytes) -> None:
        if algorithm not in ALGORITHMS:
            raise BadRequest(f"The digest algorithm {algorithm[:40]!a} is not known here: {', '.join(ALGORITHMS)}.")
        self._hash = ALGORITHMS[algorithm]()
        self.algorithm = algorithm
        self.value = value

    def update(self, block: Block) -> None:
        """More bytes."""
        self._hash.update(block)

    def check(self) -> None:
        """DigestMismatch unless all bytes so far have the digest."""
        if not hmac.compare_digest(self._hash.digest(), self.value):
            raise DigestMismatch


class ExpectedLater(Expected):
    """A digest that is told after the bytes: `fetch` returns it then, or raises an UploadError. As its algorithm is not
    known before, all are computed."""

    def __init__(self, fetch: Callable[[], Expected]) -> None:
        self._fetch = fetch
        self._hashes = {name: new() for name, new in ALGORITHMS.items()}

    def update(self, block: Block) -> None:
        """More bytes."""
        for each in self._hashes.values():
            each.update(block)

    def check(self) -> None:
        """Fetch it; DigestMismatch unless all bytes so far have it."""
        expected = self._fetch()
        expected._hash = self._hashes[expected.algorithm]  # noqa: SLF001 - of our own class
        expected.check()
