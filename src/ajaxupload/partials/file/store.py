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
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import suppress

from ...errors import ConfigError, NotFound, StorageFull
from ...files import make_folders
from ..base import Record
from .ledger import Damaged, Ledger
from .partial import FilePartial, Paths
from .tally import Caps, Tally

__all__ = ["FilePartials"]

_log = logging.getLogger("ajaxupload")
#: An id is never a path, whoever chose it.
_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)
#: Seconds for which files without a record are spared: their upload may be being made.
_GRACE = 3600.0
#: Bytes that stay free on the disk, when somebody announces a large file.
_SPARE = 64 << 20


class FilePartials:
    """Uploads in the folder `root`, an absolute path that belongs to this user alone.

    `durable` as in the backend `local`; `caps` as in tally.py; `unknown` is what an upload of unknown size reserves,
    `ttl` how long one is kept whose record cannot be read.
    """

    def __init__(self, root: str, *, durable: bool = True, caps: Caps | None = None, ttl: float = 86400.0) -> None:
        self.root = root
        self._durable = durable
        self._ttl = ttl
        self._tally = Tally(os.path.join(root, "open"), caps or Caps())
        self._secret: bytes | None = None

    def startup(self) -> None:
        """Make the folder, for its owner alone. Raises ConfigError."""
        try:
            make_folders(self.root, 0o700, durable=self._durable)
            info = os.stat(self.root, follow_symlinks=False)
            if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid():
                raise ConfigError(f"{self.root}, for unfinished uploads, belongs to somebody else: set partials_dir")
            os.chmod(self.root, 0o700)
        except OSError as error:
            reason = error.strerror or str(error)
            raise ConfigError(
                f"cannot keep unfinished uploads in {self.root} ({reason}): let this process write there, or set "
                "partials_dir elsewhere (resumable = false does without)"
            ) from error

    def create(self, record: Record, *, unknown: int = 0) -> tuple[FilePartial, bool]:
        """The upload with the record's id, and whether it is new. Raises ValueError for an impossible id, OSError,
        TooManyRequests, StorageFull."""
        if not _ID.fullmatch(record.id):
            raise ValueError(f"an upload's id is 8 to 64 letters, digits, '-' and '_', not {record.id!a}")
        paths = self._paths(record.id)
        make_folders(paths.folder, 0o700, durable=self._durable, below=os.path.dirname(self.root))
        while True:
            log = os.open(paths.log, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            partial = self._partial(paths, record, log)
            try:
                with Ledger(log, paths.log).made():
                    if os.fstat(log).st_nlink and (made := self._make(partial, paths, unknown)) is not None:
                        return partial, made
            except BaseException:
                partial.close()
                raise
            partial.close()  # it was removed between the opening and the lock: begin again

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
            partial.offset  # noqa: B018 - reads the ledger
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
        return base64.urlsafe_b64encode(hmac.digest(self._key(), text, "sha256")[:16]).decode().rstrip("=")

    def sweep(self, older_than: float | None = None) -> Iterator[tuple[Record | None, int]]:
        """One after the other: uploads that somebody works on are younger than any expiry."""
        with suppress(FileNotFoundError):
            for folder in os.listdir(self.root):
                if len(folder) == 2:
                    yield from self._sweep_folder(os.path.join(self.root, folder), older_than)
        for upload_id, path in self._tally.entries():
            if not os.path.exists(self._paths(upload_id).record) and _age(path) > _GRACE:
                with suppress(FileNotFoundError):
                    os.unlink(path)

    # ---- making ------------------------------------------------------------------------------------------------------

    def _make(self, partial: FilePartial, paths: Paths, unknown: int) -> bool | None:
        """Inside the lock: is it new? None: what is there cannot be read, and is cleared for a new one."""
        if os.path.exists(paths.record):
            try:
                partial.reload()
            except ValueError:
                partial.remove()
                return None
            if partial.expires >= time.time():
                return False
            partial.remove()
            return None
        self._tally.reserve(partial.record, unknown=unknown)
        try:
            self._check_room(partial.record.size)
            os.close(os.open(paths.part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
            partial.write_record()
        except BaseException:
            partial.remove()
            raise
        return True

    def _check_room(self, size: int | None) -> None:
        """StorageFull where it is plain that the file cannot fit: before the client has sent it."""
        info = os.statvfs(self.root)
        if size and info.f_bavail * info.f_frsize < size + min(size, _SPARE):
            raise StorageFull

    def _partial(self, paths: Paths, record: Record, log: int) -> FilePartial:
        return FilePartial(paths, record, log, durable=self._durable, released=self._tally.release)

    def _paths(self, upload_id: str) -> Paths:
        return Paths(os.path.join(self.root, upload_id[:2].lower(), upload_id))

    def _key(self) -> bytes:
        """Made once and kept, so that all workers share it."""
        path = os.path.join(self.root, "key")
        while self._secret is None:
            with suppress(FileNotFoundError), open(path, "rb") as file:
                self._secret = file.read() or None
            if self._secret is None:
                draft = f"{path}.{secrets.token_hex(8)}"
                with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                    file.write(secrets.token_bytes(32))
                with suppress(FileExistsError):
                    os.link(draft, path)
                os.unlink(draft)
        return self._secret

    # ---- sweeping ----------------------------------------------------------------------------------------------------

    def _sweep_folder(self, folder: str, older_than: float | None) -> Iterator[tuple[Record | None, int]]:
        names = os.listdir(folder)
        for upload_id in sorted({name.partition(".")[0] for name in names}):
            paths = self._paths(upload_id)
            try:
                log = os.open(paths.log, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            except OSError:
                self._sweep_orphans(paths)
                continue
            with self._partial(paths, Record(upload_id, "", ttl=self._ttl), log) as partial:
                if (found := self._sweep_one(partial, paths, older_than)) is not None:
                    yield found

    def _sweep_one(
        self, partial: FilePartial, paths: Paths, older_than: float | None
    ) -> tuple[Record | None, int] | None:
        readable = True
        try:
            record, offset = partial.reload(), partial.offset
        except NotFound:
            if _age(paths.log) > _GRACE:
                partial.remove()
            return None
        except (ValueError, Damaged):
            record, offset, readable = partial.record, 0, False
        dated = partial.expires - record.ttl + older_than if older_than is not None else partial.expires
        if min(dated, partial.expires) >= time.time():
            return None
        try:
            with partial.finishing(0):
                partial.remove()
        except Exception:  # noqa: BLE001 - somebody is finishing it, or its files are not ours: the next sweep sees it
            return None
        return (record if readable else None), offset

    @staticmethod
    def _sweep_orphans(paths: Paths) -> None:
        for path in paths.all():
            with suppress(OSError):
                if _age(path) > _GRACE:
                    os.unlink(path)


def _age(path: str) -> float:
    try:
        return time.time() - os.stat(path, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return 0.0
