"""What the tests of unfinished uploads share: a store, an endpoint's engine over it, and ways to look at both.

What lives here: helpers that more than one file of this folder uses. What must not: tests. A `Site` can be made anew
over the same folder in any process: nothing is kept but in its files.
"""

from __future__ import annotations

import copy
import hashlib
import os
import random
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.config import load, short_form
from ajaxupload.engine import Engine, Resumable
from ajaxupload.errors import Fenced, OffsetMismatch
from ajaxupload.partials import Record
from ajaxupload.partials.file import FilePartials
from ajaxupload.partials.file.partial import FilePartial
from ajaxupload.request import UploadRequest
from ajaxupload.upload import Upload
from tests.backends.stores import below

ID = "upload-0123456789"


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes that tell by themselves where they stand."""
    return random.Random(seed).randbytes(size)


def kept_in(folder: Path, **options: Any) -> FilePartials:
    """A started store in `folder`."""
    store = FilePartials(str(folder / "partials"), **options)
    store.startup()
    return store


def made(store: FilePartials, size: int | None = 100, upload_id: str = ID, **facts: Any) -> FilePartial:
    """A new upload; the caller closes it."""
    partial, new = store.create(Record(upload_id, "/upload", size=size, **facts))
    assert new
    return partial


def put(partial: FilePartial, content: bytes, at: int | None = None) -> None:
    """KEEP, in one block."""
    partial.put(partial.begin(partial.offset if at is None else at), content)


def put_piece(partial: FilePartial, start: int, content: bytes, step: int = 1 << 20) -> bool:
    """WHOLE, in blocks of `step`; False where it counted already."""
    turn = partial.begin_piece(start, start + len(content))
    if turn is None:
        return False
    for begin in range(0, len(content), step):
        partial.put_piece(turn, content[begin : begin + step])
    partial.accept_piece(turn, start, zlib.crc32(content))
    return True


def data_of(store: FilePartials, upload_id: str = ID) -> bytes:
    """The bytes' file as it is."""
    return path_of(store, ".part", upload_id).read_bytes()


def path_of(store: FilePartials, extension: str, upload_id: str = ID) -> Path:
    """One of the upload's files."""
    return Path(store.root, upload_id[:2].lower(), upload_id + extension)


def remains(store: FilePartials) -> list[str]:
    """All files that the store has, those excepted that all uploads share: the tally's lock and entry, and the key."""
    return [name for name in below(Path(store.root)) if name not in ("open/lock", "open/entry", "key")]


def open_files(folder: Path) -> list[str]:
    """What this process has open below a folder: other modules' files come and go, and their sweepers look."""
    found = []
    for name in os.listdir("/proc/self/fd"):
        try:
            found.append(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # the listing's own
            continue
    return sorted(path for path in found if path.startswith(f"{folder}/"))


class Site:
    """One endpoint that stores into `folder`, below the wire: what a worker has after its start."""

    def __init__(
        self, folder: Path, backend: Any = LocalUploadBackend, *, durable: bool = True, **options: Any
    ) -> None:
        self.folder = folder
        self.stored = folder / "stored"
        if backend is LocalUploadBackend:
            places = {"media_root": str(self.stored), "upload_dir": "."}
            options = {**places, "name": "{name}", "durable": durable, **options}
        settings = load(short_form("/upload", backend, {"partials_dir": str(folder / "partials"), **options}))
        self.settings = settings.endpoints["/upload"]
        self.engine = Engine(self.settings)
        if backend is LocalUploadBackend:
            self.engine.startup()
        kept = FilePartials(str(folder / "partials"), durable=durable)
        self.store = kept
        self.resumable = Resumable(self.engine, kept)
        self.resumable._sweeper._pid = os.getpid()  # no thread: these tests fork
        self.resumable.startup()

    def again(self) -> Site:
        """The same, with nothing in memory but the settings: as another worker has it."""
        other = copy.copy(self)
        other.store = FilePartials(self.store.root, durable=self.store._durable)
        other.resumable = Resumable(self.engine, other.store)
        other.resumable._sweeper._pid = os.getpid()
        other.resumable._started = True
        return other

    def request(self, body: bytes = b"", **environ: Any) -> UploadRequest:
        """A request that brings `body`."""
        return UploadRequest.blank("/upload", method="PATCH", body=body, environ=environ)

    def open(self, size: int | None, upload_id: str = ID, **facts: Any) -> FilePartial:
        """Get or create; the caller closes it."""
        record = Record(upload_id, "/upload", name=facts.pop("name", "a.bin"), size=size, **facts)
        partial, _new = self.resumable.open(self.request(), record, nobody)
        assert isinstance(partial, FilePartial)
        return partial

    def find_or_make_for(self, who: str) -> FilePartial:
        """As `open`, of a person."""
        partial, _new = self.resumable.open(self.request(), Record(ID, "/upload", size=5), lambda _upload: who)
        assert isinstance(partial, FilePartial)
        return partial

    def find(self, upload_id: str = ID) -> FilePartial:
        """The caller closes it."""
        partial = self.resumable.find(self.request(), upload_id, nobody)
        assert isinstance(partial, FilePartial)
        return partial

    def write(self, at: int, content: bytes, upload_id: str = ID) -> int:
        """One request that brings these bytes."""
        with self.find(upload_id) as partial:
            request = self.request(content)
            return self.resumable.write(request, partial, at, request.upload_body)

    def status(self, upload_id: str = ID) -> int:
        """One request that asks."""
        with self.find(upload_id) as partial:
            return self.resumable.status(partial)

    def finish(self, upload_id: str = ID) -> Upload:
        """One request that finishes it."""
        with self.find(upload_id) as partial:
            return self.resumable.finish(self.request(), partial, nobody)

    def resume(self, content: bytes, step: int = 1 << 16, upload_id: str = ID) -> Upload:
        """What a client does: ask, go on from there, until it is stored."""
        while (offset := self.status(upload_id)) < len(content):
            try:
                self.write(offset, content[offset : offset + step], upload_id)
            except (Fenced, OffsetMismatch):
                continue
        return self.finish(upload_id)

    def files(self) -> dict[str, str]:
        """Name and SHA-256 of all that is visible."""
        return {name: sha(Path(self.stored, name).read_bytes()) for name in below(self.stored)}


def nobody(_upload: Upload) -> str | None:
    """Everybody may."""
    return None


def sha(content: bytes | Iterable[bytes]) -> str:
    """SHA-256, in hex."""
    digest = hashlib.sha256()
    for block in [content] if isinstance(content, bytes) else content:
        digest.update(block)
    return digest.hexdigest()


def filled(site: Site, content: bytes, **facts: Any) -> None:
    """An upload with all its bytes."""
    site.open(len(content), **facts).close()
    site.write(0, content)
