"""A store that remembers what it was told, and fails where it is to.

What lives here: that store. What must not: tests.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ajaxupload.backends.memory import MemoryUploadBackend


class Telling(MemoryUploadBackend):
    """Remembers what it was told; fails where it is to."""

    LENT_BUFFER = True
    files: ClassVar[dict[str, bytes]] = {}
    told: ClassVar[list[tuple[Any, ...]]] = []
    fails: ClassVar[dict[str, BaseException]] = {}

    def tell(self, hook: str, filename: str, *more: Any) -> None:
        self.told.append((hook, filename, *more))
        if error := self.fails.get(f"{hook} {filename}"):
            raise error

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str | None:
        self.tell("update_filename", filename, request, kwargs)
        return f"kept/{filename}"

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        self.tell("setup", filename, kwargs)
        super().setup(filename)

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        self.tell("upload_chunk", self.upload.filename)
        super().upload_chunk(bytes(chunk))

    def upload_waits(self, filename: str, *args: Any, **kwargs: Any) -> None:
        self.tell("upload_waits", filename)

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.tell("upload_complete", filename, self.upload)
        return super().upload_complete(request, filename) | {"path": f"/media/{filename}"}

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        self.told.append(("upload_aborted", filename))
        super().upload_aborted(filename)

    def url(self, filename: str) -> str:
        """Where it is."""
        return f"https://example.com/{filename}"

    @classmethod
    def forget(cls) -> None:
        """Nothing is stored, nothing was told, nothing fails."""
        cls.clear()
        cls.told.clear()
        cls.fails.clear()

    @classmethod
    def hooks(cls) -> list[str]:
        """The hooks that were called."""
        return [call[0] for call in cls.told]

    @classmethod
    def names(cls, hook: str) -> list[str]:
        """The filenames that one hook was called with."""
        return [call[1] for call in cls.told if call[0] == hook]
