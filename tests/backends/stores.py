"""What the tests of backends share: ways to look at a store from outside, and its manners.

What lives here: helpers that more than one file of this folder uses. What must not: tests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.testing.driving import begin, cut, finish, send


class NamedLocal(LocalUploadBackend):
    """The manner of file systems without O_TMPFILE."""

    _unnamed = False


MANNERS = (LocalUploadBackend, NamedLocal)


class Store:
    """A `local` store below a test's own folder, and what is really in it."""

    def __init__(self, folder: Path, cls: type[LocalUploadBackend] = LocalUploadBackend, **options: Any) -> None:
        self.cls = cls
        self.media = folder / "mé dia"
        self.root = self.media / "uploads"
        self.private = folder / ".mé dia.ajaxupload"
        self.options: dict[str, Any] = {"MEDIA_ROOT": str(self.media), **options}

    def backend(self, **options: Any) -> LocalUploadBackend:
        """A fresh instance."""
        return self.cls(**self.options, **options)

    def started(self) -> Store:
        """Itself, after `startup`."""
        self.backend().startup()
        return self

    def begun(self, name: str, content: bytes = b"content", **options: Any) -> LocalUploadBackend:
        """An upload that has all its bytes."""
        backend = self.backend(**options)
        begin(backend, name)
        send(backend, cut(content, [1000]))
        return backend

    def upload(self, name: str, content: bytes = b"content", *, wait: bool = False, **options: Any) -> dict[str, Any]:
        """A whole upload. Returns the reply."""
        backend = self.begun(name, content, **options)
        if wait:
            backend.upload_waits(name)
        return finish(backend, name)

    def stored(self) -> list[str]:
        """All files below the root, whatever made them."""
        return below(self.root)

    def leftovers(self) -> list[str]:
        """All unfinished files; a process's lock is none."""
        return [name for name in below(self.private) if not name.endswith(".lock")]


def below(folder: Path) -> list[str]:
    """The relative names of all that is below a folder and is no folder, in order."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
