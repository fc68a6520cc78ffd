"""Whole files in one request: the chunk-reading loop from stream to backend, and the batch that publishes together.

What lives here: the order of checks, hooks and events for a file that comes in one piece, and the promise that a
request's files become visible together, after its end was seen, or not at all. What must not: where chunks come from.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from .. import events
from ..body import Block
from ..config import EndpointSettings
from ..errors import BodyIncomplete, Forbidden, Unprocessable, UploadError
from ..files import synced_together
from ..naming import display_name
from ..partials import Record, Whole
from ..request import UploadRequest
from ..upload import Upload
from ..validators import HEAD_BYTES, TypeRules, check_count, check_declared_size, check_min_size
from .hooks import ability, adopted, call, chain, feed, name_for, split_head, storing
from .passing import Passage, unseen
from .quota import Quota
from .reserved import Reserved

__all__ = ["Batch", "Engine"]

_log = logging.getLogger("ajaxupload")

#: Listeners of `progressed` hear of an upload once in so many bytes.
_PROGRESS_STEP = 1 << 20
_ADOPT_READ = 1 << 20
_as_json = json.JSONEncoder(default=str, allow_nan=False).encode

#: Asks the application whether this file may come; returns the principal.
Admit = Callable[[Upload], "str | None"]


@dataclass
class _Stored:
    """A file whose bytes the backend has and nobody sees yet."""

    upload: Upload
    backend: Any
    filename: str  # as the backend's hooks know it
    late: bool = False  # it is handed over when inspectors have seen all of it: the store would show it at once
    set_up: bool = False  # the backend's `setup` was called


class Engine:
    """One endpoint's engine: its settings made ready once, for all requests."""

    def __init__(self, settings: EndpointSettings) -> None:
        self.settings = settings
        listed = bool(settings.allow or settings.deny)
        self.rules = TypeRules(settings.allow, settings.deny, listed if settings.sniff is None else settings.sniff)
        self.quota = Quota(settings)
        #: Is handed the record of each upload that was published, just before the record says so.
        self.shelve: Callable[[Record], None] = lambda _record: None

    def before_create(self, request: UploadRequest, upload: Upload) -> None:
        """Let the application look at an upload before it begins: it may change id, name and metadata, or refuse."""
        if self.settings.before_create is not None:
            with storing():
                if self.settings.before_create(request.native, upload) is False:
                    raise Forbidden

    def startup(self) -> None:
        """Let the backend look at its place before the first request. Raises ConfigError."""
        self.settings.backend.create().startup()
        self.quota.startup()

    def batch(self, request: UploadRequest, protocol: str, admit: Admit) -> Batch:
        """A place for the files of one request."""
        return Batch(self, request, protocol, admit)


class Batch:
    """The files of one request: `receive` each, then `publish`; leaving the `with` block otherwise leaves nothing.

    Whatever ends the block early, a SystemExit raised into a read included, every backend is told to abort.
    """

    def __init__(self, engine: Engine, request: UploadRequest, protocol: str, admit: Admit) -> None:
        self._engine = engine
        self._settings = engine.settings
        self._request = request
        self._protocol = protocol
        self._admit = admit
        self._stored: list[_Stored] = []
        self._reserved = Reserved(engine.quota, request)
        self._published = False
        self._adopting = False

    def __enter__(self) -> Batch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if not self._published:
                self._abort(error)
        finally:
            self._reserved.close(published=self._published)

    def receive(
        self,
        name: str,
        chunks: Iterable[Block],
        *,
        size: int | None = None,
        type: str = "application/octet-stream",
        field: str | None = None,
        fields: Mapping[str, str] | None = None,
    ) -> Upload:
        """Take one file to the backend, invisibly. `name` is the client's word, `size` what it declared, if it did.

        Raises the UploadError that refuses it: everything that can be known is decided before its first byte is read.
        """
        upload = Upload(name=display_name(name), size=size, type=type, field=field, protocol=self._protocol)
        upload.fields, upload.path_names = fields or {}, self._request.path_names
        upload.max_size = self._settings.max_size
        try:
            check_count(len(self._stored) + 1, self._settings.max_files)
            head, rest = self._decide(upload, name, chunks)
            stored = self._prepare(upload, name)
            reread = None if stored.late else ability(stored.backend, "reread")
            with (
                Passage(self._settings, self._request, upload, reread, keeps=stored.late) as passage,
                unseen(chunks, passage, stored.backend),
            ):
                self._pass(stored, chain(head, rest), passage)
        except UploadError as error:
            error.file = upload.name  # of several files, the reply says which one it was
            raise
        return upload

    def adopt(self, upload: Upload, whole: Whole, filename: str | None, settle: Callable[[str], None]) -> None:
        """As `receive`, for a file that came in several requests and is all there. `filename` is what it was to be
        stored as at an earlier attempt, if there was one; `settle` is told it before anything is stored."""
        upload.max_size, upload.offset = self._settings.max_size, 0
        try:
            check_count(len(self._stored) + 1, self._settings.max_files)
            with storing(), whole.open() as file:
                head, rest = split_head(iter(lambda: file.read(_ADOPT_READ if file.tell() else HEAD_BYTES), b""))
                upload.sniffed = self._engine.rules.check_head(upload.name, head)
                self._adopting = True
                stored = self._prepare(upload, upload.name, filename, whole)
                settle(stored.filename)
                with Passage(self._settings, self._request, upload, whole.open) as passage:
                    if stored.late or not adopted(stored.backend, whole):
                        self._pass(stored, chain(head, rest), passage)
                    elif passage.wanted:
                        self._look(stored, chain(head, rest), passage)
                    else:
                        upload.offset = whole.size
                        self._finish_checks(upload, passage)
        except UploadError as error:
            error.file = upload.name
            raise

    def publish(self) -> list[Upload]:
        """Make all files durable and visible; call it when the request's end was seen. The uploads, in order."""
        uploads = [stored.upload for stored in self._stored]
        self._reserved.publishing(uploads)
        # One by itself is synced while its folder is open: undoing it then takes no descriptor more.
        with storing(), synced_together() if len(self._stored) > 1 else nullcontext():
            for stored in self._stored:
                self._complete(stored)
        self._published = True
        for stored in self._stored:
            self._emit(events.completed, stored.upload, stored.backend)
        self._reserved.settle(uploads)
        return uploads

    def _decide(self, upload: Upload, name: str, chunks: Iterable[Block]) -> tuple[Block, Iterator[Block]]:
        """All that can be decided before the backend hears of the file. Returns its head and the rest."""
        try:
            check_declared_size(upload.size, self._settings.max_size)
            self._engine.rules.check_name(name, upload.type)
            upload.principal = self._admit(upload)
            self._engine.before_create(self._request, upload)
            head, rest = split_head(self._reserved.taking(upload, chunks))
            upload.sniffed = self._engine.rules.check_head(name, head)
        except UploadError as error:
            self._end(upload, None, error)
            raise
        return head, rest

    def _prepare(self, upload: Upload, name: str, filename: str | None = None, whole: Whole | None = None) -> _Stored:
        """Name the file, unless an earlier attempt did; ready the backend, unless it gets the file late."""
        upload.filename = filename or name_for(self._settings, upload, name)
        if self._stored:
            waiting = self._stored[-1]
            with storing():
                call(waiting.backend.upload_waits, waiting.filename, names=waiting.upload.path_names)
        with storing():
            backend = self._settings.backend.create()
            backend.upload = upload
            names = upload.path_names
            asked = call(backend.update_filename, self._request.native, upload.filename, names=names)
            upload.filename = filename or asked or upload.filename
            late = bool(self._settings.inspect) and getattr(backend, "shows_early", False)
            stored = _Stored(upload, backend, upload.filename, late)
            self._stored.append(stored)
            if not late:
                backend.whole = whole if ability(backend, "adopt") is not None else None
                self._set_up(stored)
        if not self._adopting:
            self._emit(events.created, upload, backend)
        return stored

    def _set_up(self, stored: _Stored) -> None:
        """From here on `upload_aborted` is owed."""
        stored.set_up = True
        call(stored.backend.setup, stored.filename, names=stored.upload.path_names)

    def _pass(self, stored: _Stored, chunks: Iterable[Block], passage: Passage) -> None:
        """Into the store, and past the last checks; past these first, if the store would show it at once."""
        if not stored.late:
            feed(stored.backend, self._told(stored, passage.through(chunks)), stored.upload.path_names)
            passage.hashed()
            self._finish_checks(stored.upload, passage)
            return
        self._look(stored, self._told(stored, chunks), passage)
        with storing(), passage.again() as file:
            self._set_up(stored)
            feed(stored.backend, iter(lambda: file.read(_ADOPT_READ), b""), stored.upload.path_names)

    def _look(self, stored: _Stored, chunks: Iterable[Block], passage: Passage) -> None:
        """Past the last checks, and nowhere else."""
        deque(passage.through(chunks), maxlen=0)
        passage.hashed()
        self._finish_checks(stored.upload, passage)

    def _told(self, stored: _Stored, chunks: Iterable[Block]) -> Iterator[Block]:
        """The same; those who watch hear of them."""
        upload, told = stored.upload, 0
        for chunk in chunks:
            yield chunk
            if upload.offset - told >= _PROGRESS_STEP:
                told = upload.offset
                self._emit(events.progressed, upload, stored.backend)

    def _finish_checks(self, upload: Upload, passage: Passage) -> None:
        """All bytes are here and nothing is visible: the last word of the limits, the application and inspectors."""
        if upload.size is not None and upload.offset != upload.size:
            raise BodyIncomplete
        upload.size = upload.offset
        check_min_size(upload.size, self._settings.min_size)
        for validate in self._settings.validators:
            if validate(upload) is False:  # as `authorize` may say no
                raise Unprocessable("The file was checked and refused.", code="refused")
        passage.inspect()

    def _complete(self, stored: _Stored) -> None:
        upload, backend = stored.upload, stored.backend
        with storing():
            extra = call(backend.upload_complete, self._request.native, stored.filename, names=upload.path_names)
            upload.result = dict(extra or {})
            _as_json(upload.result)  # what cannot be told fails while it can be undone
            url = getattr(backend, "url", None)
            upload.url = url(upload.filename) if url is not None else None
        upload.state, upload.completed = "complete", time.time()

    def _abort(self, error: BaseException | None) -> None:
        with ExitStack() as stack:  # the last first, and all of them whatever one raises
            for stored in self._stored:
                stack.callback(self._abort_one, stored, error)

    def _abort_one(self, stored: _Stored, error: BaseException | None) -> None:
        try:
            if stored.set_up:
                call(stored.backend.upload_aborted, stored.filename, names=stored.upload.path_names)
        except Exception:  # noqa: BLE001 - the contract forbids it, and what ended the upload is what is told
            _log.exception("a backend could not clean up after %.200a", stored.filename)
        finally:
            self._end(stored.upload, stored.backend, error)

    def _end(self, upload: Upload, backend: Any, error: BaseException | None) -> None:
        refused = isinstance(error, UploadError) and error.permanent
        self._request.told = True
        if self._adopting and not refused:
            return  # the attempt failed; the upload is there, and another one may come
        upload.state = "refused" if refused else "aborted"
        self._emit(events.refused if refused else events.aborted, upload, backend, error=error)

    def _emit(self, signal: Any, upload: Upload, backend: Any, **details: Any) -> None:
        if signal.receivers:
            request = self._request.native
            events.emit(signal, self._settings.path, upload=upload, request=request, backend=backend, **details)
