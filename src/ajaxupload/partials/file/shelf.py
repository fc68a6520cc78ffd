"""What was stored, by whom: each owner's list, and which upload a stored file's name belongs to.

What lives here: the folder `stored` beside the records. What must not: records (store.py), and who may ask (engine/).

An owner's list is a folder of empty files, named by the ids: adding to it is one file, whatever else is in it, and a
crash leaves an entry without a record, which is skipped and swept. A stored name's file holds the id of the upload that
took the name last: a file that was deleted behind our back, or replaced, must not be taken for its successor.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from ...files import make_folders
from ...files import sync as sync_file
from .lock import Lock

__all__ = ["Shelf"]

_NAMES, _LOCKS = "names", "locks"
#: Seconds for which an entry without a record is spared: its upload may be about to be complete.
_GRACE = 3600.0


class Shelf:
    """The lists below the folder `root`. Owners and names are keys: URL-safe characters."""

    def __init__(self, root: str, *, durable: bool) -> None:
        self._root = root
        self._durable = durable

    def add(self, owner: str, upload_id: str, name: str) -> None:
        """Raises OSError. May be called again."""
        self._write(os.path.join(self._root, _NAMES), name, upload_id.encode("ascii"))
        self._write(os.path.join(self._root, f"of-{owner}"), upload_id, b"")

    @contextmanager
    def alone(self, name: str) -> Iterator[None]:
        """Be the only one, of all processes, who deletes the file of that name. Raises OSError."""
        folder = os.path.join(self._root, _LOCKS)
        make_folders(folder, 0o700, durable=False, below=os.path.dirname(self._root))
        path = os.path.join(folder, name[:2])  # some names share a lock: there are as many files as that, and no more
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with Lock(fd, path):
                yield
        finally:
            os.close(fd)

    def remove(self, owner: str, upload_id: str, name: str) -> None:
        """What is not removed is swept some time. Raises OSError."""
        found = [os.path.join(self._root, f"of-{owner}", upload_id)]
        if self.holder(name) == upload_id:
            found.append(os.path.join(self._root, _NAMES, name))
        for path in found:
            with suppress(FileNotFoundError):
                os.unlink(path)

    def holder(self, name: str) -> str | None:
        """The upload that took the name last. Raises OSError."""
        try:
            with open(os.path.join(self._root, _NAMES, name), "rb") as file:
                return file.read().decode("ascii", "replace")
        except FileNotFoundError:
            return None

    def listed(self, owner: str) -> list[str]:
        """The ids, the oldest first. Raises OSError."""
        try:
            with os.scandir(os.path.join(self._root, f"of-{owner}")) as found:
                dated = sorted((entry.stat().st_mtime, entry.name) for entry in found if "." not in entry.name)
        except FileNotFoundError:
            return []
        return [name for _, name in dated]

    def sweep(self, is_known: Callable[[str], bool]) -> None:
        """Remove the entries of uploads that are no more, and drafts of dead processes. Raises OSError."""
        for upload_id, path in self._entries():
            with suppress(FileNotFoundError):
                if time.time() - os.stat(path).st_mtime > _GRACE and not is_known(upload_id):
                    os.unlink(path)

    def _entries(self) -> Iterator[tuple[str, str]]:
        """Id and path of all that is kept here; no upload has a draft's."""
        with suppress(FileNotFoundError):
            for folder in set(os.listdir(self._root)) - {_LOCKS}:
                inside = os.path.join(self._root, folder)
                for name in os.listdir(inside):
                    yield (self.holder(name) or "" if folder == _NAMES else name), os.path.join(inside, name)

    def _write(self, folder: str, name: str, content: bytes) -> None:
        """Atomically, and so that a power cut leaves it: the record that follows relies on it."""
        make_folders(folder, 0o700, durable=self._durable, below=os.path.dirname(self._root))
        draft = os.path.join(folder, f"{name}.{secrets.token_hex(8)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            if self._durable:
                sync_file(file.fileno())
        os.rename(draft, os.path.join(folder, name))
        if self._durable:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                sync_file(fd)
            finally:
                os.close(fd)
