"""All uploads that are kept in one folder: made, found, swept.

What lives here: names in that folder, creating-if-absent, client keys, expiry. What must not: one upload's writing
(partial.py).
"""

from __future__ import annotations

import base64
import errno
import hmac
import logging
import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import lru_cache

from ...errors import ConfigError, Conflict, NotFound, StorageFull
from ...files import make_empty, make_folders
from ..base import Record
from .accounts import Accounts
from .key import Key
from .partial import FilePartial
from .recorded import Paths
from .sweep import GRACE, age_of, sweep_folder
from .tally import Caps, Tally

__all__ = ["FilePartials"]

_log = logging.getLogger("ajaxupload")
#: An id is never a path, whoever chose it.
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)

#: Is asked before anything is made of a new upload; refuses by raising.
Reserve = Callable[[Record], None]


def _nothing(_record: Record) -> None:
    pass


class FilePartials:
    """Uploads in the folder `root`, an absolute path that belongs to this user alone.

    `durable` as in the backend `local`; `caps` as in tally.py; `unknown` is what an upload of unknown size reserves,
    `ttl` how long one is kept whose record cannot be read, `spared` how long each is kept in any case that its user has
    made: others' with a shorter time are their users' to sweep.
    """

    def __init__(
        self,
        root: str,
        *,
        durable: bool = True,
        caps: Caps | None = None,
        unknown: int = 0,
        ttl: float = 86400.0,
        spared: float = 0.0,
    ) -> None:
        self.root = root
        self._durable = durable
        self._ttl = ttl
        self._spared = spared
        self.accounts = Accounts(os.path.join(root, "quota"), durable=durable)
        self._tally = Tally(os.path.join(root, "open"), caps or Caps(), self.accounts, unknown=unknown)
        self._made = False
        self._key = Key(root, self._make_again, durable=durable)

    def startup(self) -> None:
        """Make the folder, for its owner alone. Raises ConfigError."""
        try:
            make_folders(self.root, 0o700, durable=self._durable)
            if not _is_ours(self.root):
                raise ConfigError(f"{self.root}, for unfinished uploads, belongs to somebody else: set partials_dir")
            os.chmod(self.root, 0o700)
            self._made = True
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(
                f"cannot keep unfinished uploads in {self.root} ({reason}): let this process write there, or set "
                "partials_dir elsewhere (resumable = false does without)"
            ) from error

    def _make_again(self) -> None:
        """As `startup`, the first time. Then what is around the folder must be there: a disk that was unmounted would
        be mistaken for an empty one, and get a key of its own."""
        if self._made:
            make_folders(self.root, 0o700, durable=self._durable, below=os.path.dirname(self.root))
        else:
            self.startup()

    def create(self, record: Record, reserve: Reserve = _nothing) -> tuple[FilePartial, bool]:
        """The upload with the record's id, and whether it is new. Raises ValueError for an impossible id, OSError,
        TooManyRequests, StorageFull, Busy, Conflict, and what `reserve` raises."""
        if not _ID.fullmatch(record.id):
            raise ValueError(f"an upload's id is 8 to 64 letters, digits, '-' and '_', not {record.id!a}")
        paths = self._paths(record.id)
        make_folders(paths.folder, 0o700, durable=self._durable, below=os.path.dirname(self.root))
        while True:
            log = os.open(paths.log, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            partial = self._partial(paths, record, log)
            try:
                with partial.ledger.alone():
                    new = self._join_or_make(partial, paths, reserve)
            except BaseException:
                partial.close()
                raise
            if new is not None:
                return partial, new
            partial.close()  # what was there is gone: begin again

    def find(self, upload_id: str) -> FilePartial:
        """NotFound too where a record cannot be read: that harms no other upload."""
        if not _ID.fullmatch(upload_id):
            raise NotFound
        paths = self._paths(upload_id)
        try:
            log = os.open(paths.log, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ELOOP):
                raise NotFound from error
            raise
        partial = self._partial(paths, Record(upload_id, ""), log)
        try:
            partial.reload()
            partial.check_bytes()
            if partial.expires < time.time():
                raise NotFound
        except ValueError as error:
            partial.close()
            _log.error("the upload %s cannot be read: %s", upload_id, error)
            raise NotFound from error
        except BaseException:
            partial.close()
            raise
        return partial

    def key_id(self, *words: str) -> str:
        """22 URL-safe characters of an HMAC over the words."""
        text = b"".join(b"%d:%s" % (len(each), each) for each in (word.encode("utf-8", "replace") for word in words))
        return base64.urlsafe_b64encode(hmac.digest(self._key.secret(), text, "sha256")[:16]).decode().rstrip("=")

    def sweep(self, older_than: float | None = None) -> Iterator[tuple[Record | None, int]]:
        """One after the other: uploads that somebody works on are younger than any expiry."""
        spared = self._spared if older_than is None else min(self._spared, older_than)
        with suppress(FileNotFoundError):
            for folder in os.listdir(self.root):
                if len(folder) == 2:
                    with suppress(NotADirectoryError):
                        yield from sweep_folder(os.path.join(self.root, folder), self._look, older_than, spared)
        self._tally.sweep(self._is_over())
        self.accounts.bury(self._is_known)

    def _is_known(self, upload_id: str) -> bool:
        return os.path.exists(self._paths(upload_id).record)

    def _is_over(self) -> Callable[[str], bool]:
        """Does what was counted in stand for no upload? One has a ledger before that, and a record soon after. Folders
        are listed, each once, after what was counted in: NFS would answer for one name what it knew half a minute ago.
        """
        names = lru_cache(maxsize=1)(_names_in)

        def is_over(upload_id: str) -> bool:
            paths = self._paths(upload_id)
            there = names(paths.folder)
            if os.path.basename(paths.record) in there:
                return False
            return os.path.basename(paths.log) not in there or age_of(paths.log) > GRACE

        return is_over

    # ---- making ------------------------------------------------------------------------------------------------------

    def _join_or_make(self, partial: FilePartial, paths: Paths, reserve: Reserve) -> bool | None:
        """Inside the critical section: is it new? None: what is there is no upload any more, and is cleared away."""
        found = partial.ledger.look()
        if not found.st_nlink:
            return None
        if os.path.exists(paths.record):
            return self._join(partial)
        if found.st_size:  # somebody who made or removed it died over that
            partial.erase()
            return None
        if time.time() - found.st_mtime > GRACE / 2:  # so did who opened it first: a sweep would take it for dead
            partial.ledger.touch()
        self._make(partial, paths, reserve)
        return True

    def _join(self, partial: FilePartial) -> bool | None:
        try:
            partial.reload()
        except NotFound as error:
            raise Conflict("An upload of this name exists already.") from error  # where "a" is "A"
        except ValueError as error:
            self._begin_anew(partial, error)
            return None
        try:
            partial.ledger.load()
            partial.check_bytes()
        except (NotFound, ValueError) as error:
            self._begin_anew(partial, error)
            return None
        if partial.expires >= time.time():
            return False
        with partial.finishing(0):
            partial.erase()
        return None

    def _begin_anew(self, partial: FilePartial, why: Exception) -> None:
        _log.error("the upload %s cannot be gone on with, and begins anew: %s", partial.record.id, why)
        partial.erase()
        self._tally.release(Record(partial.record.id, ""))  # whosever it was

    def _make(self, partial: FilePartial, paths: Paths, reserve: Reserve) -> None:
        """Ledger and bytes first: whoever finds a record finds them too, also after a power cut."""
        try:
            self._tally.reserve(partial.record)
            reserve(partial.record)
            self._check_room(partial.record.size)
            partial.ledger.make(durable=self._durable)
            make_empty(paths.part)
            partial.recording.create()
        except BaseException:
            partial.erase()
            raise

    def _check_room(self, size: int | None) -> None:
        """StorageFull where it is plain that the file cannot fit: before the client has sent it."""
        info = os.statvfs(self.root)
        if size and info.f_bavail * info.f_frsize < size:
            raise StorageFull

    def _partial(self, paths: Paths, record: Record, log: int) -> FilePartial:
        return FilePartial(paths, record, log, durable=self._durable, tally=self._tally)

    def _paths(self, upload_id: str) -> Paths:
        return Paths(os.path.join(self.root, upload_id[:2].lower(), upload_id))

    def _look(self, upload_id: str) -> FilePartial:
        """For the sweep: whatever state it is in. Raises OSError."""
        paths = self._paths(upload_id)
        log = os.open(paths.log, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        return self._partial(paths, Record(upload_id, "", ttl=self._ttl), log)


def _names_in(folder: str) -> frozenset[str]:
    try:
        return frozenset(os.listdir(folder))
    except FileNotFoundError:
        return frozenset()


def _is_ours(root: str) -> bool:
    """Is it this user's, and nobody else's to move away? In /var/tmp anybody may have made the folder around it."""
    info, parent = os.stat(root, follow_symlinks=False), os.path.dirname(root)
    around = os.stat(parent, follow_symlinks=False)
    if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
        return False
    public = os.stat(os.path.dirname(parent)).st_mode & stat.S_ISVTX
    return not public or around.st_uid == os.geteuid()
