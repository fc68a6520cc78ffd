"""`django_storage`: any storage of Django's STORAGES, streamed into.

What lives here: turning hooks that push into a file that `Storage.save` pulls from. What must not: any one storage's
ways, Django's own FileSystemStorage excepted, which cannot keep a file invisible and so is written by `local`.
"""

from __future__ import annotations

import logging
from pathlib import PurePath
from typing import Any, BinaryIO, cast

from ..errors import ConfigError, MissingExtra, NotFound
from ..naming import suffixed
from .base import AbstractUploadBackend
from .local import LocalUploadBackend

try:
    from django.conf import settings
    from django.core.exceptions import SuspiciousFileOperation
    from django.core.files.storage import FileSystemStorage, InvalidStorageError, Storage, storages
except ImportError as error:
    raise MissingExtra("backend 'django_storage'", "Django", "django") from error

from ._django_stream import Saving

__all__ = ["DjangoStorageUploadBackend"]

_log = logging.getLogger("ajaxupload")


#: What a storage overrides to save in a way of its own ("How to write a custom storage class" in Django's manual).
_SAVE = "_save"


#: What a storage says of a name that cannot be a stored file's: absent, a folder, out of its place, no name at all.
_NO_FILE = (FileNotFoundError, IsADirectoryError, NotADirectoryError, SuspiciousFileOperation, ValueError)


#: What storages call where they keep things: Django's own, and those of django-storages.
_PLACES = ("location", "bucket_name", "endpoint_url", "account_name", "azure_container", "root_path", "host")
#: What options are called that open a storage and do not say where it is.
_SECRETS = ("key", "secret", "token", "password")


class DjangoStorageUploadBackend(AbstractUploadBackend):
    """Stores with the storage that STORAGES names ALIAS, under UPLOAD_DIR.

    The reply's `filename` is the name in the storage: it can be assigned to a FileField as it is. `url` is the
    storage's.
    """

    ALIAS: str = "default"
    UPLOAD_DIR: str = ""
    #: Store as "photo-x7h2k9q.jpg", a name that nobody else has: many storages replace what has the name, or let two
    #: uploads of one name at a time meet, and what a broken upload left can be deleted by no other name. False keeps
    #: the name: the storage decides what becomes of a taken one, and what it keeps of a broken upload stays. A folder
    #: (FileSystemStorage) needs none of this: there a name is kept until it is taken.
    UNIQUE: bool = True

    _saving: Saving | _Linking | None = None
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

    @property
    def shows_early(self) -> bool:  # type: ignore[override]  # read by the engine, never set
        """Storages save as they like, many under the final name from the first byte on; a folder is ours."""
        return _linking(self.storage) is None

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
        if linking is not None:
            self._saving = _Linking(storage, linking, filename)
        else:
            name = suffixed(filename) if self.UNIQUE else filename
            self._saving = Saving(storage, name, self.upload.size, unique=self.UNIQUE)

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
        if not filename or "\0" in filename:  # of which each storage's own client makes something else
            raise NotFound
        try:
            return cast("BinaryIO", self.storage.open(filename, "rb"))
        except _NO_FILE as error:
            raise NotFound from error

    def delete(self, filename: str) -> None:
        """Remove the stored file. Raises NotFound."""
        if (linking := _linking(self.storage)) is not None:
            linking.delete(filename)  # Django's own removes empty folders, too
            return
        self.open(filename).close()  # a folder exists as well, and some storages delete one with all that is in it
        try:
            self.storage.delete(filename)
        except _NO_FILE as error:
            raise NotFound from error

    def url(self, filename: str) -> str | None:
        """The storage's URL, None where it has none (no MEDIA_URL, no such ability)."""
        try:
            return str(self.storage.url(filename))
        except (NotImplementedError, ValueError):
            return None

    def store_name(self) -> str:
        """The storage, and where it keeps things: two sites may call theirs by the same alias."""
        storage = self.storage
        kind, options = type(storage), settings.STORAGES.get(self.ALIAS, {}).get("OPTIONS", {})
        facts = {name: value for name, value in options.items() if not any(word in name.lower() for word in _SECRETS)}
        facts |= {name: getattr(storage, name, None) for name in _PLACES}
        told = sorted(
            f"{name}={value}" for name, value in facts.items() if value and isinstance(value, (str, PurePath))
        )
        return " ".join((f"{kind.__module__}.{kind.__qualname__}", self.ALIAS, *told))

    def _under_way(self) -> Saving | _Linking:
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
