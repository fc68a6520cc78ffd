"""Files in this process's memory: for tests, not for users.

What lives here: the same promises as the backend `local` (nothing visible before it is complete, names never
overwritten unless asked, nothing left of what is aborted), in a dict. What must not: anything that lasts.
"""

from __future__ import annotations

import threading
from io import BytesIO
from typing import Any, BinaryIO, ClassVar, Literal

from ..errors import NotFound
from ..naming import collision_candidates
from .base import AbstractUploadBackend

__all__ = ["MemoryUploadBackend"]


class MemoryUploadBackend(AbstractUploadBackend):
    """Stores into `MemoryUploadBackend.files`, a dict of names and bytes that all instances share.

    A test that wants a store of its own makes a subclass with `files` of its own, or calls `clear()`.
    """

    #: When the name is taken: "suffix" stores as "name-x7h2k9q.ext", "error" refuses, "replace" replaces.
    COLLISION: Literal["suffix", "error", "replace"] = "suffix"

    files: ClassVar[dict[str, bytes]] = {}
    _guard: ClassVar[threading.Lock] = threading.Lock()
    _chunks: list[bytes] | None = None
    _stored: tuple[str, bytes] | None = None
    _replaced: bytes | None = None

    @classmethod
    def clear(cls) -> None:
        """Forget all files."""
        with cls._guard:
            cls.files.clear()

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Start with no bytes."""
        self._chunks = []

    def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:
        """Keep it."""
        self._received().append(chunk)

    def reread(self) -> BinaryIO:
        """What came so far."""
        return BytesIO(b"".join(self._received()))

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Put it into `files`. Returns its `filename`; raises NameTaken."""
        # A copy, though the bytes be equal: by its identity an undo knows this upload's file from another's.
        content = bytes(bytearray().join(self._received()))
        with self._guard:
            name = self._free_name(filename)
            self._replaced = self.files.get(name)
            self.files[name] = content
        self._chunks, self._stored = None, (name, content)
        self.upload.filename = name
        return {"filename": name}

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Forget it, and give back what it replaced."""
        self._chunks = None
        stored, self._stored = self._stored, None
        if stored is None:
            return
        name, content = stored
        with self._guard:
            if self.files.get(name) is not content:
                return
            if self._replaced is None:
                del self.files[name]
            else:
                self.files[name] = self._replaced

    def open(self, filename: str) -> BinaryIO:
        """The stored file. Raises NotFound."""
        try:
            return BytesIO(self.files[filename])
        except KeyError:
            raise NotFound from None

    def delete(self, filename: str) -> None:
        """Remove the stored file. Raises NotFound."""
        with self._guard:
            if self.files.pop(filename, None) is None:
                raise NotFound

    def _received(self) -> list[bytes]:
        if self._chunks is None:
            raise RuntimeError("setup must be called first, and nothing after upload_complete or upload_aborted")
        return self._chunks

    def _free_name(self, filename: str) -> str:
        names = collision_candidates(filename, self.COLLISION)  # which raises NameTaken in the end
        return next(name for name in names if self.COLLISION == "replace" or name not in self.files)
