"""How many uploads are open, and of what size: by principal, and in all.

What lives here: the folder of names that says so, and the two caps' verdicts. What must not: the uploads.

One name for each open upload, of its id and the bytes that it reserves, in a folder for its principal. One person's are
counted by listing them, which a cap keeps few; those of all by a sum beside them (total.py). Both change inside one
lock only, so that two requests cannot both take the last place. The names are links to one empty file: a file of its
own for each would free an inode when the upload ends, and recorded.py says what that costs.
"""

from __future__ import annotations

import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from ...errors import StorageFull, TooManyRequests
from ...files import make_empty, make_folders
from ..base import Record
from .accounts import Accounts
from .lock import Lock
from .total import Total

__all__ = ["Caps", "Tally"]


@dataclass(frozen=True)
class Caps:
    """Most open uploads and most bytes reserved by them; None is no limit. `own_*` are one principal's."""

    uploads: int | None = None
    own_uploads: int | None = None
    size: int | None = None
    own_size: int | None = None


class Tally:
    """The open uploads in the folder `root`. One of unknown size reserves `unknown` bytes."""

    def __init__(self, root: str, caps: Caps, accounts: Accounts, *, unknown: int) -> None:
        self._root = root
        self._caps = caps
        self._accounts = accounts
        self._unknown = unknown

    def reserve(self, record: Record) -> None:
        """Count the record in. Raises TooManyRequests, StorageFull, OSError."""
        folder, size = self._folder(record), record.size if record.size is not None else self._unknown
        make_folders(folder, 0o700, durable=False, below=os.path.dirname(self._root))
        with self._locked() as total:
            if not os.path.exists(entry := self._entry(folder, record.id, size)):
                self._check_own(record, folder, size)
                self._check_all(total, size)
                total.add(1, size)
                self._enter(entry)

    def resize(self, record: Record) -> None:
        """Its size, unknown when it was counted in, is known by now. Raises OSError."""
        folder, size = self._folder(record), record.size if record.size is not None else self._unknown
        more = size - self._unknown
        with suppress(FileNotFoundError), self._locked() as total:
            total.add(0, max(0, more))
            old, new = (self._entry(folder, record.id, each) for each in (self._unknown, size))
            os.rename(old, new)
            if old != new:  # where both were there, they are links to one file, and renaming does nothing (rename(2))
                with suppress(FileNotFoundError):
                    os.unlink(old)
            total.add(0, min(0, more))

    def release(self, record: Record) -> None:
        """Count it out, with what it has set aside of a quota. A record that could not be read does not tell whose it
        was. Raises OSError."""
        try:
            with self._locked() as total:
                total.read()  # before the entry goes: what is counted anew would be counted down twice
                self._remove(record, total.add)
        except OSError:  # there is no descriptor, say: the sum is too much then
            self._remove(record, lambda _count, _size: None)
        self._accounts.release(record.id)

    def _remove(self, record: Record, add: Callable[[int, int], None]) -> None:
        if record.endpoint:
            # Its size now, or what it was counted in with: of a whole file's record, which reserves nothing, 0.
            folder, sizes = self._folder(record), {self._unknown, record.size, 0}
            entries = [(self._entry(folder, record.id, size), size) for size in sizes if size is not None]
        else:
            entries = [(path, size) for upload_id, path, size in self._entries() if upload_id == record.id]
        for path, size in entries:
            with suppress(FileNotFoundError):
                os.unlink(path)
                add(-1, -size)

    def sweep(self, is_over: Callable[[str], bool]) -> None:
        """Remove the entries that stand for no upload any more, by id; count anew. Never raises: what is left is the
        next sweep's."""
        with suppress(OSError), self._locked() as total:
            for upload_id, path, _size in sorted(self._entries()):
                if is_over(upload_id):
                    with suppress(FileNotFoundError):  # somebody tidied up by hand; the others go all the same
                        os.unlink(path)
            total.recount()

    def _enter(self, entry: str) -> None:
        """Make the entry. Raises OSError."""
        shared = os.path.join(self._root, "entry")
        for _ in range(2):
            try:
                os.link(shared, entry)
            except OSError as error:
                if error.errno not in (errno.ENOENT, errno.EMLINK):
                    break  # a file system without links
            else:
                return
            make_empty(shared)  # an older one had as many names as one file may have, and keeps those
        make_empty(entry)

    def _entries(self) -> Iterator[tuple[str, str, int]]:
        """Id, path and reserved bytes of all that is counted."""
        for folder in self._folders():
            for found, size in _entries(folder):
                yield found, self._entry(folder, found, size), size

    def _check_own(self, record: Record, folder: str, size: int) -> None:
        caps = self._caps
        if record.principal is not None:  # strangers are not one person: the caps in all are theirs
            own = list(_entries(folder))
            _check(len(own), caps.own_uploads, sum(each for _, each in own) + size, caps.own_size, "You have")

    def _check_all(self, total: Total, size: int) -> None:
        count, had = total.read()
        try:
            _check(count, self._caps.uploads, had + size, self._caps.size, "There are")
        except (TooManyRequests, StorageFull):  # unless the sum was too much
            count, had = total.recount()
            _check(count, self._caps.uploads, had + size, self._caps.size, "There are")

    def _folder(self, record: Record) -> str:
        who = f"{record.principal is None}{record.principal}"
        return os.path.join(self._root, hashlib.sha256(who.encode("utf-8", "surrogatepass")).hexdigest()[:16])

    def _folders(self) -> Iterator[str]:
        with suppress(FileNotFoundError):
            for name in os.listdir(self._root):
                yield os.path.join(self._root, name)

    @staticmethod
    def _entry(folder: str, upload_id: str, size: int) -> str:
        return os.path.join(folder, f"{upload_id}.{size}")

    @contextmanager
    def _locked(self) -> Iterator[Total]:
        """Raises FileNotFoundError where nothing was ever counted."""
        path = os.path.join(self._root, "lock")
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with Lock(fd, path):
                yield Total(fd, lambda: (size for _, _, size in self._entries()))
        finally:
            os.close(fd)


def _entries(folder: str) -> Iterator[tuple[str, int]]:
    """Id and reserved bytes of each open upload in a principal's folder."""
    with suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(folder):
            upload_id, _, size = name.rpartition(".")
            if upload_id and size.isdigit():
                yield upload_id, int(size)


def _check(count: int, most: int | None, size: int, largest: int | None, who: str) -> None:
    if most is not None and count >= most:
        raise TooManyRequests(
            f"{who} {count} unfinished uploads, and no more are allowed. Finish or cancel some first."
        )
    if largest is not None and size > largest:
        raise StorageFull("No more room is set aside for unfinished uploads. Please try again later.")
