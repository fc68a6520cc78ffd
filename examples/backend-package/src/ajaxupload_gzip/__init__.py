"""`gzip`: uploads kept compressed, in a folder of this machine.

It stands on `local`, which makes files durable, never overwrites and cleans up, and changes only what differs.
"""

from __future__ import annotations

import gzip
import zlib
from typing import Any, BinaryIO, cast

from ajaxupload.backends.local import LocalUploadBackend

__all__ = ["GzipUploadBackend"]


class GzipUploadBackend(LocalUploadBackend):
    """`local`, compressed: NAME becomes NAME.gz. LEVEL is zlib's, 1 (fast) to 9 (small)."""

    LEVEL: int = 6

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
        """Say what it is."""
        return f"{filename}.gz"

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Begin a gzip stream (RFC 1952): 16 + 15 asks zlib for its header and the largest window."""
        super().setup(filename)
        self._packer = zlib.compressobj(self.LEVEL, zlib.DEFLATED, 16 + 15)
        self._ended = False

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        """Store what the packer gives so far, which may be nothing."""
        if packed := self._packer.compress(chunk):
            super().upload_chunk(packed)

    def upload_waits(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """All bytes came: end the stream before the file is put aside."""
        self._end()
        super().upload_waits(filename)

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """End the stream and publish it."""
        self._end()
        return super().upload_complete(request, filename)

    def open(self, filename: str) -> BinaryIO:
        """What was uploaded: unpacked while it is read."""
        return cast("BinaryIO", _Unpacked(super().open(filename)))

    def _end(self) -> None:
        if not self._ended:
            super().upload_chunk(self._packer.flush())
            self._ended = True


class _Unpacked(gzip.GzipFile):
    """A GzipFile that closes what it reads from."""

    def __init__(self, packed: BinaryIO) -> None:
        super().__init__(fileobj=packed, mode="rb")
        self._packed = packed

    def close(self) -> None:
        """Close both."""
        super().close()
        self._packed.close()
