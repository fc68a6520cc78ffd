"""What was stored, later: whose it is, and reading, deleting and listing it.

What lives here: the memory of stored files, for as long as the endpoint keeps it, and who may do what with them. What
must not: cookies (an owner is a key that the endpoint makes), URLs, wire formats (protocols).

The record of an upload is what remembers it. Where the endpoint allows any of `serve`, `allow_delete` and `allow_list`,
files that came in one request get a record too. A file whose record could not be written is stored all the same.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, BinaryIO

from ..errors import NotFound, NotImplementedHere, UploadError
from ..partials import Partial, Record
from ..partials.file import FilePartials
from ..partials.file.shelf import Shelf
from ..request import UploadRequest
from ..upload import Upload
from .hooks import storing
from .receive import Batch, Engine
from .resume import Admit, Resumable

__all__ = ["KeptBatch", "OwnerOf", "Stored"]

_log = logging.getLogger("ajaxupload")
#: More than a page shows; each costs two files to read.
_MOST_LISTED = 1000

#: The asker's key, by request and principal: an anonymous visitor may be told apart now for the upload with that id;
#: "" only looks. None: somebody who was never here.
OwnerOf = Callable[[UploadRequest, "str | None", str], "str | None"]


class Stored(Resumable):
    """One endpoint's uploads, those that are complete included."""

    def __init__(self, engine: Engine, store: FilePartials) -> None:
        super().__init__(engine, store)
        settings = engine.settings
        self.owner_of: OwnerOf = lambda _request, _principal, _upload_id: None
        self.shelf = self._shelf_in(store)
        self.keeps = settings.serve or settings.allow_delete or settings.allow_list
        if self.keeps:
            engine.shelve = self.shelve

    def place(self, store: FilePartials) -> None:  # type: ignore[override]  # the shelf stands beside files
        """Keep them there from now on."""
        super().place(store)
        self.shelf = self._shelf_in(store)

    def _shelf_in(self, store: FilePartials) -> Shelf:
        durable = bool(getattr(self.engine.settings.backend.cls, "DURABLE", True))
        return Shelf(os.path.join(store.root, "stored"), durable=durable)

    def sweep(self, older_than: float | None = None) -> int:
        """As of any resumable upload; the lists forget what is no more."""
        count = super().sweep(older_than)
        self.shelf.sweep(self._is_known)
        return count

    # ---- remembering -------------------------------------------------------------------------------------------------

    def open(self, request: UploadRequest, record: Record, admit: Admit) -> tuple[Partial, bool]:
        """As of any resumable upload; the record says whose it is."""

        def asked(upload: Upload) -> str | None:
            principal = admit(upload)
            if self.keeps:
                record.owner = self.owner_of(request, principal, record.id)
            return principal

        return super().open(request, record, asked)

    def batch(self, request: UploadRequest, protocol: str, admit: Admit) -> Batch:
        """A place for whole files that are remembered."""
        return KeptBatch(self, request, protocol, admit)

    def shelve(self, record: Record) -> None:
        """Keep it for as long as the endpoint says, in its owner's list. Raises OSError."""
        record.ttl = self.engine.settings.stored_for
        if record.owner is not None:
            self.shelf.add(record.owner, record.id, self._name_key(record))

    def keep(self, request: UploadRequest, upload: Upload) -> None:
        """Make the record of a file that came in one request. Never raises: the file is stored."""
        shared = {each.name for each in dataclasses.fields(Upload)} & {each.name for each in dataclasses.fields(Record)}
        facts = {name: getattr(upload, name) for name in shared - {"state", "size"}}
        facts |= {name: dict(facts[name]) for name in ("fields", "path_names", "metadata")}
        try:
            owner = self.owner_of(request, upload.principal, upload.id)
            # What is not complete is in nobody's list, should this process end here.
            record = Record(**facts, endpoint=self.engine.settings.path, owner=owner, size=0)
            record.store = self.store_key
            record.ttl = self.engine.settings.expires
            partial, new = self.store.create(record)
            with partial:
                if not new:
                    raise ValueError(f"there is an upload {record.id!a} already")
                record = partial.record
                record.state, record.size = "complete", upload.size
                self.shelve(record)
                partial.save()
                partial.drop_data()
        except (OSError, ValueError, UploadError):
            _log.exception("%.200a is stored, but cannot be listed or deleted later", upload.filename)

    # ---- what may be done with it ------------------------------------------------------------------------------------

    def find_stored(self, request: UploadRequest, upload_id: str, admit: Admit, *, own: bool = True) -> Partial:
        """The complete upload with that id, if it is the asker's: NotFound. `own` says that an anonymous asker must be
        the visitor who stored it; without, knowing the id is enough. The caller closes it."""
        partial = self.find(request, upload_id, admit)
        try:
            record = partial.record
            with storing():
                there = record.state == "complete" and self._holds(record)
            if not there or (own and not self.is_owner(request, record)):
                raise NotFound
        except BaseException:
            partial.__exit__()
            raise
        return partial

    def discard(self, request: UploadRequest, partial: Partial, error: BaseException | None = None) -> None:
        """As of any resumable upload. The word of a stored file is its owner's to take away: NotFound for others."""
        record = partial.record
        if record.state == "complete" and record.owner is not None and not self.is_owner(request, record):
            raise NotFound
        super().discard(request, partial, error)

    def is_owner(self, request: UploadRequest, record: Record) -> bool:
        """Is the asker who brought it?"""
        return record.owner is not None and self.owner_of(request, record.principal, "") == record.owner

    def read(self, record: Record) -> BinaryIO:
        """Its bytes. NotFound where the file is gone, or its store cannot hand it out."""
        opened = getattr(self.engine.settings.backend.create(), "open", None)
        if opened is None or record.filename is None:
            raise NotFound
        with storing():
            file: BinaryIO = opened(record.filename)
            return file

    def url(self, record: Record) -> str | None:
        """Where its store has it, by now: a signed URL that was told when it was stored may have expired."""
        if record.state != "complete":
            return None
        url = getattr(self.engine.settings.backend.create(), "url", None)
        with storing():
            fresh = url(record.filename) if url is not None and record.filename is not None else None
        return fresh or record.url or record.result.get("url")

    @property
    def deletes(self) -> bool:
        """May what was stored be deleted, and can it be?"""
        backend = self.engine.settings.backend
        return self.engine.settings.allow_delete and getattr(backend.create(), "delete", None) is not None

    def delete(self, partial: Partial) -> None:
        """The file, and then the word of it: after a crash in between it is done again. Raises NotImplementedHere."""
        backend: Any = self.engine.settings.backend.create()
        delete = getattr(backend, "delete", None)
        if delete is None:
            raise NotImplementedHere("This store cannot delete what it has.")
        name = self._name_key(partial.record)
        with storing(), self.shelf.alone(name), suppress(NotFound):  # somebody else has deleted it just now
            record = partial.reload()
            if self._holds(record):
                with suppress(NotFound):  # the file was removed behind our back, or by an attempt before this one
                    delete(record.filename)
                self.engine.quota.forget(record.upload(0))
                partial.remove()
                if record.owner is not None:
                    with suppress(OSError):
                        self.shelf.remove(record.owner, record.id, name)

    def listed(self, request: UploadRequest, principal: str | None) -> list[Upload]:
        """What the asker has stored at this endpoint and path, the oldest first; the newest thousand of it."""
        owner = self.owner_of(request, principal, "")
        if owner is None:
            return []
        with storing():
            ids = self.shelf.listed(owner)[-_MOST_LISTED:]
            return [upload for upload_id in ids if (upload := self._stored(upload_id, owner)) is not None]

    def _stored(self, upload_id: str, owner: str) -> Upload | None:
        try:
            with self.store.find(upload_id) as partial:
                record = partial.record
                if record.state == "complete" and record.owner == owner and self._holds(record):
                    return record.upload(partial.offset)
        except NotFound:
            pass  # deleted, expired, or a crash came before its record
        return None

    def _holds(self, record: Record) -> bool:
        """Is the file of that name still the record's? One without an owner was never put onto the shelf."""
        holder = self.shelf.holder(self._name_key(record))
        return holder == record.id or (holder is None and record.owner is None)

    def _name_key(self, record: Record) -> str:
        """Two stores that share the place for records have names of their own."""
        return self.key_id("stored as", record.filename or "")

    def _is_known(self, upload_id: str) -> bool:
        try:
            self.store.find(upload_id).__exit__()
        except NotFound:
            return False
        return True


class KeptBatch(Batch):
    """As `Batch`; each file gets a record when all are visible."""

    def __init__(self, stored: Stored, request: UploadRequest, protocol: str, admit: Admit) -> None:
        super().__init__(stored.engine, request, protocol, admit)
        self._keeper = stored

    def publish(self) -> list[Upload]:
        """Make all files durable and visible, and remember them."""
        uploads = super().publish()
        for upload in uploads:
            self._keeper.keep(self._request, upload)
        return uploads
