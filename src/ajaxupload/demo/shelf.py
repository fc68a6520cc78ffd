"""What lies in a local backend's folder: the newest of it, and one file opened by its name.

What lives here: looking, within bounds. What must not: HTTP, and any write.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from heapq import nlargest
from pathlib import Path
from typing import BinaryIO

from ..backends._place import Place, locate
from ..backends.base import AbstractUploadBackend
from ..config import BackendSpec
from ..errors import NotFound

__all__ = ["Item", "Listing", "Shelf", "place_of", "shelf_of"]

#: Files that one look takes in. A page that sorts a million files holds a thread for seconds, each time it is loaded.
_MOST_FILES = 20_000
#: Folders within folders: what a name template can make, and one more.
_DEEPEST = 9


@dataclass(frozen=True)
class Item:
    """A stored file: its name with "/" between folders, its size in bytes, when it came (seconds since the epoch)."""

    name: str
    size: int
    modified: float


@dataclass(frozen=True)
class Listing:
    """The newest files, and how many there are of how many bytes; `partial` when there are more than were looked at."""

    items: tuple[Item, ...]
    count: int
    size: int
    partial: bool


class Shelf:
    """One local backend's folder, read only. Names that begin with a dot do not exist here: no upload gets one, and
    what others keep under such names (a private folder, a repository) is nobody's business."""

    def __init__(self, root: str, backend: AbstractUploadBackend) -> None:
        self.root = root
        self._backend = backend

    def newest(self, limit: int) -> Listing:
        """The `limit` newest files. Folders that cannot be read are passed over."""
        items: list[Item] = []
        for item in _walk(os.fsencode(self.root), ""):
            if len(items) == _MOST_FILES:
                return _listing(items, limit, partial=True)
            items.append(item)
        return _listing(items, limit, partial=False)

    def open(self, name: str) -> BinaryIO:
        """The file `name`, from its start. Raises NotFound, also for what is no regular file of ours; OSError."""
        if self._backend.open is None or any(segment.startswith(".") for segment in name.split("/")):
            raise NotFound
        return self._backend.open(name)


def place_of(spec: BackendSpec) -> Place | None:
    """Where a local backend keeps its files; None for any other kind of store."""
    from ..backends.local import LocalUploadBackend

    if not issubclass(spec.cls, LocalUploadBackend):
        return None
    backend = spec.create()
    private = os.fspath(backend.PRIVATE_DIR) if backend.PRIVATE_DIR else None
    return locate(str(Path.cwd()), os.fspath(backend.MEDIA_ROOT), os.fspath(backend.UPLOAD_DIR), private)


def shelf_of(spec: BackendSpec) -> Shelf | None:
    """The folder of a local backend, None for any other kind of store."""
    place = place_of(spec)
    return Shelf(place.root, spec.create()) if place else None


def _listing(items: list[Item], limit: int, *, partial: bool) -> Listing:
    newest = nlargest(limit, items, key=lambda item: (item.modified, item.name))
    return Listing(tuple(newest), len(items), sum(item.size for item in items), partial)


def _walk(folder: bytes, prefix: str, depth: int = 0) -> Iterator[Item]:
    # What vanishes while we look was there a moment ago: no reason to fail.
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            # Stored names are UTF-8 whatever the locale; one that is not came from elsewhere, and no URL leads to it.
            with suppress(OSError, UnicodeDecodeError):
                yield from _look(entry, prefix, depth)


def _look(entry: os.DirEntry[bytes], prefix: str, depth: int) -> Iterator[Item]:
    name = entry.name.decode("utf-8")
    if name.startswith("."):
        return
    if entry.is_file(follow_symlinks=False):
        info = entry.stat(follow_symlinks=False)
        yield Item(prefix + name, info.st_size, info.st_mtime)
    elif depth < _DEEPEST and entry.is_dir(follow_symlinks=False):
        yield from _walk(entry.path, f"{prefix}{name}/", depth + 1)
