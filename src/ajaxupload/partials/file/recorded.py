"""The record of one upload: its `.json` file.

What lives here: where an upload's files are, reading the record, and replacing it whole. What must not: what is in it
(base.py), who may change it (partial.py).
"""

from __future__ import annotations

import os

from ...errors import Conflict, NotFound
from ...files import sync as sync_file
from ..base import Record
from .ledger import Ledger

__all__ = ["Paths", "Recorded"]


class Paths:
    """Where one upload's files are: `base` is their path without the extension."""

    def __init__(self, base: str) -> None:
        self.folder = os.path.dirname(base)
        self.record, self.log, self.part = f"{base}.json", f"{base}.log", f"{base}.part"
        self.draft = f"{base}.json.new"

    def all(self) -> tuple[str, ...]:
        """Every file, in the order of removal: without its record an upload does not exist, and its lock goes last."""
        return self.record, self.draft, self.part, self.log


class Recorded:
    """The record, and the file that it is kept in. `record` is as it was read or written last."""

    def __init__(self, paths: Paths, record: Record, ledger: Ledger, *, durable: bool) -> None:
        self.record = record
        self._id = record.id
        self._paths = paths
        self._ledger = ledger
        self._durable = durable

    @property
    def there(self) -> bool:
        """Is there one, readable or not?"""
        return os.path.exists(self._paths.record)

    def reload(self) -> Record:
        """Read it again. ValueError for what is no record; NotFound where there is none, or it is another upload's: one
        that was made since under this id, or one whose id a file system takes for the same."""
        self.record = self._read()
        return self.record

    def save(self) -> None:
        """Write it as it is. Conflict where the upload has ended meanwhile, and otherwise."""
        found = self._read()
        if found.state not in ("open", self.record.state):
            raise Conflict("This upload has ended meanwhile.")
        self.write()

    def write(self) -> None:
        """Write, sync, rename, sync: a crash leaves the old record or the new one. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._paths.draft, flags, 0o600)
        with os.fdopen(fd, "wb") as file:
            file.write(self.record.to_json())
            file.flush()
            if self._durable:
                sync_file(fd)
        os.rename(self._paths.draft, self._paths.record)
        if self._durable:
            self._sync_folder()

    def _read(self) -> Record:
        try:
            with open(self._paths.record, "rb") as file:
                found = Record.from_json(file.read())
        except FileNotFoundError as error:
            raise NotFound from error
        if found.id != self._id or self._ledger.gone:
            raise NotFound
        return found

    def _sync_folder(self) -> None:
        fd = os.open(self._paths.folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            sync_file(fd)
        finally:
            os.close(fd)
