"""`django_storage`: any storage of Django's STORAGES, streamed into.

What lives here: turning hooks that push into a file that `Storage.save` pulls from. What must not: any one storage's
ways, Django's own FileSystemStorage excepted, which cannot keep a file invisible and so is written by `local`.
"""

from __future__ import annotations

import contextvars
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from io import UnsupportedOperation
from typing import Any, BinaryIO, cast

from ..errors import ConfigError, MissingExtra, NotFound
from .base import AbstractUploadBackend
from .local import LocalUploadBackend

try:
    from django.core.exceptions import SuspiciousFileOperation
    from django.core.files.base import File
    from django.core.files.storage import FileSystemStorage, InvalidStorageError, Storage, storages
    from django.db import connections
except ImportError as error:
    raise MissingExtra("backend 'django_storage'", "Django", "django") from error

__all__ = ["DjangoStorageUploadBackend"]

_log = logging.getLogger("ajaxupload")

#: Blocks that wait between the request's thread and the storage's: enough that neither idles, few enough to be small.
_AHEAD = 4
#: Seconds between looks at whether the storage's thread is still there to take the next block.
_LOOK = 0.5


#: What a storage overrides to save in a way of its own ("How to write a custom storage class" in Django's manual).
_SAVE = "_save"


#: What a storage says of a name that cannot be a stored file's: absent, a folder, out of its place, no name at all.
_NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, SuspiciousFileOperation, ValueError)


class _Broken(Exception):
    """Raised out of the stream into `Storage.save`: the upload is not going to be whole."""


class DjangoStorageUploadBackend(AbstractUploadBackend):
    """Stores with the storage that STORAGES names ALIAS, under UPLOAD_DIR.

    The reply's `filename` is the name in the storage: it can be assigned to a FileField as it is. `url` is the
    storage's. The storage decides what becomes of a taken name (`get_available_name`).
    """

    ALIAS: str = "default"
    UPLOAD_DIR: str = ""

    _saving: _Saving | _Linking | None = None
    _stored: str | None = None

    @property
    def storage(self) -> Storage:
        """The storage itself, as Django's settings have it now. Raises ConfigError."""
        try:
            return storages[self.ALIAS]
        except InvalidStorageError as error:
            known = ", ".join(sorted(storages.backends))
            text = f"backend 'django_storage': no storage {self.ALIAS!r} in STORAGES (known: {known})"
            raise ConfigError(text) from error

    def startup(self) -> None:
        """Does the storage exist? A FileSystemStorage's folder is tried out as `local` does it. Raises ConfigError."""
        if (linking := _linking(self.storage)) is not None:
            linking.startup()

    def clean(self, older_than: float = 0) -> int:
        """Remove unfinished files of dead processes, where the storage is a folder."""
        linking = _linking(self.storage)
        return linking.clean(older_than) if linking is not None else 0

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
        """The name as the storage wants it, under UPLOAD_DIR."""
        folder = self.UPLOAD_DIR.strip("/")
        return self.storage.generate_filename(f"{folder}/{filename}" if folder else filename)

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Open the stream."""
        storage = self.storage
        linking = _linking(storage)
        self._saving = _Linking(storage, linking, filename) if linking else _Saving(storage, filename, self.upload.size)

    def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:
        """Hand it to the storage. Raises what the storage raised."""
        self._under_way().write(chunk)

    def upload_waits(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Give back what can be given back."""
        self._under_way().wait()

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Let the storage finish. Returns `filename`, `path` (the same) and `url`."""
        self._stored = name = self._under_way().finish()
        self._saving = None
        self.upload.filename = name
        url = self.url(name)
        return {"filename": name, "path": name} | ({"url": url} if url is not None else {})

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Break the stream and delete what the storage kept of it."""
        saving, self._saving = self._saving, None
        stored, self._stored = self._stored, None
        if saving is not None:
            stored = saving.drop() or stored
        if stored is not None:
            try:
                self.storage.delete(stored)
            except Exception:  # noqa: BLE001 - must not raise, and storages fail in as many ways as there are storages
                _log.exception("a storage could not delete an aborted upload")

    def open(self, filename: str) -> BinaryIO:
        """The stored file. Raises NotFound."""
        try:
            return cast("BinaryIO", self.storage.open(filename, "rb"))
        except _NO_FILE as error:
            raise NotFound from error

    def delete(self, filename: str) -> None:
        """Remove the stored file. Raises NotFound."""
        if (linking := _linking(self.storage)) is not None:
            linking.delete(filename)  # Django's own removes empty folders, too
            return
        try:
            if not self.storage.exists(filename):
                raise NotFound
            self.storage.delete(filename)
        except _NO_FILE as error:
            raise NotFound from error

    def url(self, filename: str) -> str | None:
        """The storage's URL, None where it has none (no MEDIA_URL, no such ability)."""
        try:
            return str(self.storage.url(filename))
        except (NotImplementedError, ValueError):
            return None

    def _under_way(self) -> _Saving | _Linking:
        if self._saving is None:
            raise RuntimeError("setup must be called first, and nothing after upload_complete or upload_aborted")
        return self._saving


def _linking(storage: Storage) -> LocalUploadBackend | None:
    """`local` over a FileSystemStorage's folder; None for any other storage, or one that saves in a way of its own.

    Django writes a file under its final name while it comes, and syncs nothing; `local` links it when it is whole.
    """
    if not isinstance(storage, FileSystemStorage) or getattr(type(storage), _SAVE) is not getattr(
        FileSystemStorage, _SAVE
    ):
        return None
    # None means "leave it to the umask" in Django's settings; a fixed mode is what keeps it independent of that.
    return LocalUploadBackend(
        media_root=str(storage.location),
        upload_dir="",
        file_mode=storage.file_permissions_mode or 0o644,
        dir_mode=storage.directory_permissions_mode or 0o755,
        collision="suffix",
    )


class _Linking:
    """A file on its way into a FileSystemStorage's folder."""

    def __init__(self, storage: Storage, local: LocalUploadBackend, filename: str) -> None:
        # The storage's own rule for taken names first (it may shorten or hash); `local` then settles any race.
        self._filename = storage.get_available_name(filename)
        self._local = local
        local.setup(self._filename)

    def write(self, chunk: bytes) -> None:
        self._local.upload_chunk(chunk)

    def wait(self) -> None:
        self._local.upload_waits(self._filename)

    def finish(self) -> str:
        return str(self._local.upload_complete(None, self._filename)["filename"])

    def drop(self) -> None:
        self._local.upload_aborted(self._filename)


class _Saving:
    """`Storage.save` in a thread of its own, reading from a short queue what the request's thread writes.

    The end of the stream is held back until `finish`, so that the storage cannot finish the file before all of its
    request was seen.
    """

    def __init__(self, storage: Storage, filename: str, size: int | None) -> None:
        self._blocks: queue.Queue[bytes | _Broken | None] = queue.Queue(_AHEAD)
        self._storage, self._filename, self._size = storage, filename, size
        self._name: str | None = None
        self._failure: BaseException | None = None
        context = contextvars.copy_context()  # the language, the tenant: whatever the application keeps there
        self._thread = threading.Thread(target=context.run, args=(self._save,), name="ajaxupload-storage", daemon=True)
        self._thread.start()

    def write(self, chunk: bytes) -> None:
        self._put(chunk)

    def wait(self) -> None:
        """The storage has what was written; its thread stays."""

    def finish(self) -> str:
        self._put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return str(self._name)

    def drop(self) -> str | None:
        """Break the stream. Returns the name to delete, if the storage may have kept something."""
        if self._thread.is_alive():
            self._put(_Broken(), quietly=True)
            self._thread.join()
        return self._name

    def _put(self, block: bytes | _Broken | None, *, quietly: bool = False) -> None:
        while self._thread.is_alive():
            try:
                self._blocks.put(block, timeout=_LOOK)
            except queue.Full:
                continue
            return
        if self._failure is not None and not quietly:
            raise self._failure

    def _save(self) -> None:
        try:
            # The name is settled before the first byte, so that what a broken save left can be deleted by it.
            self._name = self._storage.get_available_name(self._filename)
            stream = _Stream(self._blocks.get, self._name, self._size)
            self._name = self._storage.save(self._name, stream)
            if not stream.ended:
                raise RuntimeError(f"{type(self._storage).__name__}.save() did not read its file to the end")
        except BaseException as error:  # noqa: BLE001 - it is raised again in the request's thread
            self._failure = error
        finally:
            connections.close_all()  # a storage may keep files in the database, and this thread ends


class _Stream(File):  # type: ignore[type-arg]  # generic for type checkers only
    """A file to read from, once and forwards, as the blocks come."""

    def __init__(self, get: Callable[[], bytes | _Broken | None], name: str, size: int | None) -> None:
        super().__init__(None, name)
        self._get = get
        self._rest = b""
        self._begun = self.ended = False
        if size is not None:
            self.size = size  # otherwise asking for it is an AttributeError, as Django has it

    def readable(self) -> bool:
        """It can be read."""
        return True

    def writable(self) -> bool:
        """It cannot be written."""
        return False

    def seekable(self) -> bool:
        """It cannot be rewound."""
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        """Storages go to the start before they read: that is where it is until somebody has read."""
        if offset or whence or self._begun:
            raise UnsupportedOperation("an upload's stream cannot be rewound")
        return 0

    def multiple_chunks(self, chunk_size: int | None = None) -> bool:
        """As far as anybody knows."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """Up to `size` bytes, all that is left for -1; b"" at the end. Raises _Broken."""
        if size is None or size < 0:
            return b"".join(self.chunks())
        if not self._rest and not self.ended:
            self._rest = self._next()
        block, self._rest = self._rest[:size], self._rest[size:]
        return block

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The blocks as they come, whatever size is asked for."""
        while block := self._rest or (b"" if self.ended else self._next()):
            self._rest = b""
            yield block

    def _next(self) -> bytes:
        self._begun = True
        block = self._get()
        if isinstance(block, _Broken):
            raise block
        self.ended = block is None
        return block or b""
