"""Bytes on their way to the store: how botocore gets them, and how it is known that they arrived as they were.

What lives here: the body of one request, and checksums. What must not: requests, parts, memory (plan.py).
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from dataclasses import dataclass
from typing import Any

__all__ = ["CHECKSUMS", "Checksum", "Content"]

#: Bytes handed to the socket at a time. A socket's timeout covers a whole `sendall`: were a part sent in one, a slow
#: line would be taken for a dead one.
_BLOCK = 256 << 10

_MD5 = re.compile(r"[0-9a-f]{32}")


class Content:
    """A request's body that copies nothing: botocore reads from it and goes back to its start when it tries again.

    After `release` the memory is free, whoever still holds this, and what was being sent breaks off.
    """

    def __init__(self, filled: memoryview) -> None:
        self._view: memoryview | None = filled
        self._length = len(filled)
        self._at = 0

    def __len__(self) -> int:
        return self._length

    def read(self, amount: int | None = None) -> memoryview:
        """The next block. http.client asks for 8 or 16 KiB at a time and takes what it gets: more is cheaper."""
        block = self.held()[self._at : self._at + _BLOCK]
        self._at += len(block)
        return block

    def seek(self, offset: int, whence: int = 0) -> int:
        """To the start, from where it is sent again, or to any other place."""
        self.held()
        self._at = offset + (0, self._at, self._length)[whence]
        return self._at

    def tell(self) -> int:
        """How many bytes have been read."""
        return self._at

    def release(self) -> None:
        """Forget the bytes."""
        self._view = None

    def held(self) -> memoryview:
        """All bytes. Raises CancelledError after `release`: of all errors the one that botocore neither tries again
        nor, as urllib3 does with a BrokenPipeError, answers by waiting for what the store might still have to say."""
        view = self._view
        if view is None:
            raise CancelledError("the upload was given up")
        return view


@dataclass(frozen=True)
class Checksum:
    """One way to know that bytes arrived.

    `algorithm` is what CreateMultipartUpload is told, `field` the parameter of PutObject and UploadPart that takes the
    value. A store that understands checksums has refused other bytes, and names the value in its answer.
    """

    algorithm: str | None
    field: str
    digest: Callable[[memoryview], bytes]

    def of(self, content: Content) -> str:
        """Its value in base64, as the API has it."""
        return base64.b64encode(self.digest(content.held())).decode("ascii")

    def proves(self, answer: Mapping[str, Any], value: str, content: Content) -> bool:
        """Does the store's `answer` say that it has these bytes?

        Stores that know no checksums (Ceph before 18) ignore them in silence, wrong ones too, and tell the MD5 as the
        ETag. Where keys of a KMS encrypt, the ETag is no MD5; Content-MD5 they have all checked for twenty years.
        """
        if self.algorithm is None:
            return True
        if (told := answer.get(self.field)) is not None:
            return bool(told == value)
        etag = str(answer.get("ETag", "")).strip('"')
        if not _MD5.fullmatch(etag) or "kms" in str(answer.get("ServerSideEncryption", "")):
            return True
        return etag == _md5(content.held()).hex()


def _crc32(content: memoryview) -> bytes:
    return zlib.crc32(content).to_bytes(4, "big")


def _sha256(content: memoryview) -> bytes:
    return hashlib.sha256(content).digest()


def _md5(content: memoryview) -> bytes:
    return hashlib.md5(content, usedforsecurity=False).digest()


#: Option value -> how it is done.
CHECKSUMS: Mapping[str, Checksum] = {
    "crc32": Checksum("CRC32", "ChecksumCRC32", _crc32),
    "sha256": Checksum("SHA256", "ChecksumSHA256", _sha256),
    "md5": Checksum(None, "ContentMD5", _md5),
}
