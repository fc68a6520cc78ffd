"""The record of one upload: its `.json` file.

What lives here: where an upload's files are, reading the record, and writing it so that a crash leaves the old one or
the new one. What must not: what is in it (base.py), who may change it (partial.py).

Each change is a line more, and the last line that is whole counts. To replace the file instead would cost a second file
and, where it is durable, a second sync, and free an inode: ext4 without a journal, as virtual machines often have it,
looks at every inode that was freed in the last minutes whenever a file is made, which soon costs fifty times the file.
"""

from __future__ import annotations

import errno
import os
from contextlib import suppress

from ...errors import Conflict, NotFound
from ...files import sync as sync_file
from ..base import Record
from .ledger import Ledger

__all__ = ["Paths", "Recorded"]

#: Bytes up to which lines are added. A longer file is replaced by one of a single line.
_LONGEST = 1 << 16


class Paths:
    """Where one upload's files are: `base` is their path without the extension."""

    def __init__(self, base: str) -> None:
        self.folder = os.path.dirname(base)
        self.record, self.log, self.part = f"{base}.json", f"{base}.log", f"{base}.part"
        self.draft = f"{base}.json.new"

    def notes(self) -> tuple[str, ...]:
        """Every file but its lock, in the order of removal: without its record an upload does not exist."""
        return self.record, self.draft, self.part


class Recorded:
    """The record, and the file that it is kept in. `record` is as it was read or written last."""

    def __init__(self, paths: Paths, record: Record, ledger: Ledger, *, durable: bool) -> None:
        self.record = record
        self._id = record.id
        self._paths = paths
        self._ledger = ledger
        self._durable = durable
        self._synced = False

    @property
    def there(self) -> bool:
        """Is there one, readable or not?"""
        return os.path.exists(self._paths.record)

    def reload(self) -> Record:
        """Read it again. ValueError for what is no record; NotFound where there is none, or it is another upload's: one
        that was made since under this id, or one whose id a file system takes for the same."""
        self._synced = False
        self.record = self._read()
        return self.record

    def save(self) -> None:
        """Write it as it is. Conflict where the upload has ended meanwhile, and otherwise."""
        found = self._read()
        if found.state not in ("open", self.record.state):
            raise Conflict("This upload has ended meanwhile.")
        self.write()

    def write(self) -> None:
        """Write it over what is there already. Raises NotFound where nothing is, OSError."""
        text = self.record.to_json() + b"\n"
        try:
            added = self._add(b"\n" + text)  # perhaps behind half a line, of a writer who died
        except FileNotFoundError as error:
            raise NotFound from error
        if not added:
            self._replace(text)

    def create(self) -> None:
        """Write the first one. Raises OSError."""
        self._replace(self.record.to_json() + b"\n")

    def settle(self) -> None:
        """Make it survive a power cut, if it is to: whoever wrote it may have died over the sync. Raises OSError."""
        if self._durable and not self._synced:
            fd = os.open(self._paths.record, os.O_RDONLY | os.O_CLOEXEC)
            try:
                sync_file(fd)
            finally:
                os.close(fd)
            self._synced = True

    def _add(self, text: bytes) -> bool:
        """Write, sync; False where it became too long. What fails does not count. Raises OSError."""
        fd = os.open(self._paths.record, os.O_WRONLY | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            size = os.fstat(fd).st_size
            if size + len(text) > _LONGEST:
                return False
            written = 0
            try:
                if (written := os.write(fd, text)) != len(text):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                if self._durable:
                    sync_file(fd)
            except BaseException:
                with suppress(OSError):
                    if os.fstat(fd).st_size == size + written:  # else it is not the last any more: a lease ran out
                        os.ftruncate(fd, size)
                raise
        finally:
            os.close(fd)
        self._synced = True
        return True

    def _replace(self, text: bytes) -> None:
        """Write, sync, rename, sync. Raises OSError."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(self._paths.draft, flags, 0o600)
        try:
            if os.write(fd, text) != len(text):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            if self._durable:
                sync_file(fd)
        finally:
            os.close(fd)
        os.rename(self._paths.draft, self._paths.record)
        if self._durable:
            self._sync_folder()
        self._synced = True

    def _read(self) -> Record:
        try:
            found = _last(_content(self._paths.record))
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


def _content(path: str) -> bytes:
    """By calls that a small file needs; `open` makes twice as many, and every call hands the interpreter's lock on."""
    text, fd = b"", os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while block := os.read(fd, _LONGEST):
            text += block
    finally:
        os.close(fd)
    return text


def _last(text: bytes) -> Record:
    """Of the last line that is whole. ValueError where none is."""
    problem = ValueError("an empty record")
    for line in reversed(text.split(b"\n")):
        if line:
            try:
                return Record.from_json(line)
            except ValueError as error:
                problem = error
    raise problem
