"""Files in a folder of this machine.

What lives here: the options, the hooks and the abilities of the backend `local`. What must not: how a file gets onto
the disk whole (files/), where its directories are (_place.py).

A name is never overwritten (unless COLLISION says "replace") and never races, a file is never visible before it is
whole, and a success means that it survives a power cut: see files/publish.py for the order of things.
"""

from __future__ import annotations

import errno
import os
import posixpath
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, BinaryIO, ClassVar, Literal
from urllib.parse import quote

from ..errors import ConfigError, NotFound
from ..files import Draft, Incoming, Published, Target, Trail, publish, segments, sync
from ..naming import collision_candidates
from ..piped import Piped
from ..values import Mode
from ._place import Place, locate, prepare
from .base import AbstractUploadBackend

__all__ = ["LocalUploadBackend"]

#: What a name that cannot be a stored file's fails with: a symbolic link (ELOOP), a socket (ENXIO), too long a name.
_NO_FILE = frozenset((errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENXIO, errno.ENAMETOOLONG))


class LocalUploadBackend(AbstractUploadBackend):
    """Stores into the folder UPLOAD_DIR of MEDIA_ROOT.

    The reply has `path` (MEDIA_URL + UPLOAD_DIR + "/" + filename) and, with MEDIA_URL set, `url` (the same,
    percent-encoded). Errors of write, sync and close fail the upload. Raises ValueError for a filename that leads out
    of the folder, NameTaken where COLLISION is "error", OSError for all that the file system says.
    """

    #: The folder that MEDIA_URL stands for; relative to the working directory at `startup`. It must exist when an
    #: upload comes (`startup` makes it): a volume that is not mounted must not be taken for an empty folder.
    MEDIA_ROOT: str = ""
    #: The folder in it; made when missing. An absolute one stands by itself.
    UPLOAD_DIR: str = "uploads"
    #: Where browsers get the files of MEDIA_ROOT (of UPLOAD_DIR, if that is absolute).
    MEDIA_URL: str | None = None
    #: A directory for unfinished files, on the same file system, not served. Default: beside MEDIA_ROOT (beside
    #: UPLOAD_DIR, where there is none), named ".<its name>.ajaxupload".
    PRIVATE_DIR: str | None = None
    #: Permission bits of files and of folders that are made here, whatever the umask.
    FILE_MODE: Mode = 0o600
    DIR_MODE: Mode = 0o700
    #: Sync data and directories before success is told. False trades files lost at a power cut for speed.
    DURABLE: bool = True
    #: When the name is taken: "suffix" stores as "name-x7h2k9q.ext", "error" refuses, "replace" replaces.
    COLLISION: Literal["suffix", "error", "replace"] = "suffix"
    LENT_BUFFER = PIPED_CHUNKS = True

    #: MEDIA_ROOT -> the working directory when it was started.
    _started_in: ClassVar[dict[str, str]] = {}
    #: Whether unfinished files are unnamed where the file system can do that; false is the manner of those that cannot.
    _unnamed: ClassVar[bool] = True
    _draft: Draft | None = None
    _published: Published | None = None
    _adopted: Any = None
    _settled: str = ""

    def startup(self) -> None:
        """Make and try out the directories, clear what dead processes left. Raises ConfigError with what to do."""
        try:
            collision_candidates("", self.COLLISION)
        except ValueError as error:
            raise ConfigError(f"collision: {error}") from error
        self._started_in[os.fspath(self.MEDIA_ROOT)] = os.getcwd()
        locate.cache_clear()
        incoming = prepare(
            self._place,
            file_mode=self.FILE_MODE,
            dir_mode=self.DIR_MODE,
            durable=self.DURABLE,
            unnamed=self._unnamed,
        )
        incoming.sweep()

    def clean(self, older_than: float = 0) -> int:
        """Remove the unfinished files of dead processes, the last `older_than` seconds' excepted. Returns how many."""
        return self._incoming().sweep(older_than)

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Open a file that has no name yet. Raises ValueError for an impossible filename, OSError."""
        parts = segments(filename)
        self._drop_draft()
        if self.whole is None or self.whole.path is None:  # else the file is there
            try:
                self._open()
            except FileNotFoundError:
                self._target(parts).make_root()
                self._open()

    def _open(self) -> None:
        place, incoming = self._place, self._incoming()
        self._draft = Draft.create(
            place.root, incoming, mode=self.FILE_MODE, durable=self.DURABLE, unnamed=self._unnamed
        )

    def upload_chunk(self, chunk: bytes | bytearray | memoryview | Piped, *args: Any, **kwargs: Any) -> None:
        """Write all of it. Raises OSError."""
        draft = self._written()
        if isinstance(chunk, Piped):
            draft.take(chunk)
        else:
            draft.write(chunk)

    def adopt(self, whole: Any) -> bool:
        """Take over a finished partial: by a second name for its file, where that is on our file system."""
        if whole.path is None:
            return False
        self._drop_draft()  # of a `setup` that was not told of it
        try:
            self._draft = Draft.of(whole.path, self._incoming(), mode=self.FILE_MODE, durable=self.DURABLE)
        except OSError as error:
            if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
                raise
            self._open()
            return False
        self._adopted, self._settled = whole, self.upload.filename
        return True

    def reread(self) -> BinaryIO:
        """What was written so far. Raises OSError."""
        return self._written().reread()

    def scratch_dir(self) -> str | None:
        """Where unfinished uploads can be kept so that finishing one is a link."""
        return self._place.private

    def store_name(self) -> str:
        """Where files lie as seen from the private directory: another machine may have both at another place."""
        place = self._place
        return f"file:{os.path.relpath(place.root, place.private)}"

    def upload_waits(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Sync it and keep it by a private name instead of a descriptor. Raises OSError."""
        self._written().park()

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Make it durable and visible under a name nobody has. Returns `filename`, `path` and perhaps `url`."""
        draft, target = self._written(), self._target(segments(filename))
        names = self._candidates if self._adopted is None else self._planned
        replace = self._incoming() if self.COLLISION == "replace" else None
        self._published = publish(draft, target, lambda: names(filename), replace)
        self._draft = None
        final = "/".join([*filename.split("/")[:-1], (self._published.name or b"").decode()])
        self.upload.filename = final
        url = self.url(final)
        return {"filename": final, "path": self._path(final)} | ({"url": url} if url is not None else {})

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Leave nothing behind, published or not. Never raises."""
        self._drop_draft()
        if self._published is not None:
            self._published.undo()

    def open(self, filename: str) -> BinaryIO:
        """The stored file, from its start. Raises NotFound, OSError."""
        with self._stored(filename) as (folder, name):
            # Not blocking: what stands there may be a FIFO that somebody planted.
            fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise NotFound
        return os.fdopen(fd, "rb")

    def delete(self, filename: str) -> None:
        """Remove the stored file, durably. Raises NotFound, OSError."""
        with self._stored(filename) as (folder, name):
            if not stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode):
                raise NotFound
            os.unlink(name, dir_fd=folder)
            if self.DURABLE:
                sync(folder)

    def url(self, filename: str) -> str | None:
        """Where browsers get it, percent-encoded (RFC 3986 section 2.1, as UTF-8); None without MEDIA_URL."""
        if not self.MEDIA_URL:
            return None
        return self._media_url() + quote(self._below_media_root(filename))

    def _path(self, filename: str) -> str:
        return self._media_url() + self._below_media_root(filename)

    def _media_url(self) -> str:
        return self.MEDIA_URL.rstrip("/") + "/" if self.MEDIA_URL else ""

    def _below_media_root(self, filename: str) -> str:
        """`filename` as seen from MEDIA_URL, without a word of where on this machine that is."""
        folder = posixpath.normpath(os.fspath(self.UPLOAD_DIR) or ".")
        if folder == "." or folder.startswith(("/", "..")):
            return filename
        return f"{folder}/{filename}"

    @cached_property
    def _place(self) -> Place:
        """Of this upload: options that are set on the class count for the next one."""
        media_root, private_dir = os.fspath(self.MEDIA_ROOT), self.PRIVATE_DIR
        start = self._started_in.get(media_root) or os.getcwd()
        return locate(start, media_root, os.fspath(self.UPLOAD_DIR), os.fspath(private_dir) if private_dir else None)

    def _incoming(self) -> Incoming:
        return Incoming(self._place.private, durable=self.DURABLE)

    def _target(self, parts: list[bytes]) -> Target:
        place = self._place
        return Target(place.root, tuple(parts[:-1]), self.DIR_MODE, self.DURABLE, place.base)

    def _candidates(self, filename: str) -> Iterator[bytes]:
        for candidate in collision_candidates(filename, self.COLLISION):
            yield segments(candidate)[-1]

    def _planned(self, filename: str) -> Iterator[bytes]:
        """As `_candidates`; each is recorded before it is tried, so that an attempt after a crash finds the file that
        it has linked, instead of linking it again under another name. The first need not be: it is the settled one."""
        if planned := self._adopted.planned:
            self._adopted.plan(planned)  # whoever planned it may have died before that could survive a power cut
            yield planned.encode()
        for tried, candidate in enumerate(self._candidates(filename)):
            if tried or filename != self._settled:
                self._adopted.plan(candidate.decode())
            yield candidate

    def _written(self) -> Draft:
        if self._draft is None:
            raise RuntimeError("setup must be called first, and nothing after upload_complete or upload_aborted")
        return self._draft

    def _drop_draft(self) -> None:
        draft, self._draft = self._draft, None
        if draft is not None:
            draft.drop()

    @contextmanager
    def _stored(self, filename: str) -> Iterator[tuple[int, bytes]]:
        """The folder and the last segment of a stored file's name; what no stored file can be becomes NotFound."""
        try:
            parts = segments(filename)
        except ValueError as error:
            raise NotFound from error
        with Trail(self._place.root, parts[:-1]) as trail:
            try:
                yield trail.folder, parts[-1]
            except OSError as error:
                if error.errno in _NO_FILE:
                    raise NotFound from error
                raise
