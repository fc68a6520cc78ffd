"""Uploads that take several requests: open, find, write, status, finish, abort.

What lives here: the verbs that protocols ask for, and what holds before and after each. What must not: bytes
(write.py), the last step (finish.py), the place and whether it is ready (keeping.py), how uploads are kept (partials/).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial as partially
from typing import Any

from .. import events
from ..body import Block, Body
from ..errors import Conflict, Fenced, NotFound, UploadError
from ..partials import Partial, Record
from ..request import UploadRequest
from ..upload import Upload
from ..validators import check_declared_size
from .digests import Expected
from .finish import finish, raise_refusal, refuse
from .hooks import settled_name, storing
from .keeping import Keeping
from .looking import look_for
from .watching import Watch
from .write import Summed, compare_repeat, keep, take_piece, take_verified

__all__ = ["Resumable"]

#: Seconds to wait for another request that puts the same upload together.
_PATIENCE = 10.0

#: Asks the application: returns the principal or raises.
Admit = Callable[[Upload], "str | None"]


class Resumable(Keeping):
    """One endpoint's uploads that take several requests, over the place that keeps them."""

    # ---- the verbs ---------------------------------------------------------------------------------------------------

    def open(self, request: UploadRequest, record: Record, admit: Admit) -> tuple[Partial, bool]:
        """Get or create the upload with the record's id, and whether it is new. The caller closes it.

        Raises the UploadError that refuses it: by size, name, `authorize`, `before_create`, or the caps.
        """
        self._sweeper.poke()
        upload = record.upload(0)
        upload.max_size = self._settings.max_size
        try:
            check_declared_size(upload.size, self._settings.max_size)
            if not record.fragment:
                self.engine.rules.check_name(upload.name, upload.type)
            record.principal = upload.principal = admit(upload)
            self.engine.before_create(request, upload)
            self._take_over(record, upload)
            with storing():
                partial, new = self.store.create(record, partially(self._reserve, request))
        except UploadError as error:
            error.file = upload.name
            upload.state, request.told = "refused", True
            self._emit(events.refused, upload, request, error=error)
            raise
        if new:
            self._emit(events.created, upload, request)
            return partial, new
        try:
            self._check_owner(request, partial, record.principal)
        except BaseException:
            partial.__exit__()
            raise
        return partial, new

    def find(self, request: UploadRequest, upload_id: str, admit: Admit) -> Partial:
        """The upload with that id, if it is this endpoint's and the asker's: NotFound. The caller closes it."""
        self._sweeper.poke()
        partial, principal = look_for(self.store, request, upload_id, admit)
        try:
            self._check_owner(request, partial, principal)
        except BaseException:
            partial.__exit__()
            raise
        return partial

    def write(
        self, request: UploadRequest, partial: Partial, at: int, body: Body, expected: Expected | None = None
    ) -> int:
        """Take the body from `at` on: KEEP, or WHOLE with a digest. The offset afterwards.

        Raises OffsetMismatch, TooLarge, Fenced, DigestMismatch, and the UploadError of a body that broke off.
        """
        raise_refusal(partial.record)
        most, watch = self._settings.max_size, self._watch(request, partial, at)
        if expected is None:
            return keep(partial, at, body, most, watch)
        offset = take_verified(partial, at, body, most, expected=expected, room=watch.room)
        watch(offset)
        return offset

    def piece(
        self,
        request: UploadRequest,
        partial: Partial,
        start: int,
        size: int,
        *,
        chunks: Callable[[], Block],
        expected: Expected | None = None,
        exact: bool = True,
    ) -> int:
        """Take the `size` bytes from `start`, in any order with others: WHOLE. Writing them again is harmless."""
        raise_refusal(partial.record)
        check_declared_size(start + size, self._limit(partial))
        watch, summed = self._watch(request, partial, partial.offset), Summed(chunks)
        try:
            came = take_piece(partial, start, size, chunks=summed, expected=expected, exact=exact, room=watch.room)
        except (NotFound, Fenced):
            with storing():
                if partial.reload().state != "complete":
                    raise
            return compare_repeat(partial, start, summed)  # the last piece has overtaken it
        watch(partial.offset)
        return came

    def repeat(self, partial: Partial, start: int, *, chunks: Callable[[], Block]) -> int:
        """Read a piece of an upload that is complete, from `start` on. How many bytes; PieceDiffers if it is known that
        this is another one."""
        return compare_repeat(partial, start, Summed(chunks))

    def refuse(self, request: UploadRequest, partial: Partial, error: UploadError) -> None:
        """For good, unless it is complete: the answer to every later request is `error`, and the bytes go."""
        with storing():
            upload = partial.record.upload(partial.offset)
            with partial.finishing(_PATIENCE):
                refuse(partial, error)
        upload.state, request.told = partial.record.state, True
        if upload.state == "refused":
            self._emit(events.refused, upload, request, error=error)

    def status(self, partial: Partial) -> int:
        """The offset, at which the next write will be taken. Ends the turn of whoever writes now. Raises what the
        upload was refused with."""
        raise_refusal(partial.record)
        with storing():
            return partial.status()

    def declare(self, request: UploadRequest, partial: Partial, size: int, parts: Sequence[Partial] = ()) -> None:
        """The size of an upload that was opened without one. Once set it never changes: Conflict. TooLarge,
        QuotaExceeded; what its `parts` have set aside becomes its own."""
        check_declared_size(size, self._settings.max_size)
        if partial.record.size != size:
            if partial.record.size is None:
                self.engine.quota.declare(request, partial.record, size, [part.record.id for part in parts])
            try:
                with storing():
                    partial.declare(size)
            except Conflict:  # another request has told another size just now, and that is what it will take
                if partial.record.size is not None:
                    self.engine.quota.declare(request, partial.record, partial.record.size, [])
                raise

    def remember(self, partial: Partial, key: str, word: str) -> None:
        """Add a word of the protocol's own to a list in the record. Once is enough."""

        def add(record: Record) -> None:
            words = record.words.setdefault(key, [])
            words.extend([word] if word not in words else ())

        with storing():
            partial.amend(add)

    def remembered(self, partial: Partial, key: str) -> list[str]:
        """What has been added to that list by now, by whatever request."""
        with storing():
            return list(partial.reload().words.get(key, ()))

    def finish(self, request: UploadRequest, partial: Partial, admit: Admit) -> Upload:
        """See finish.py. Idempotent."""
        return finish(self.engine, request, partial, admit)

    def append(self, partial: Partial, parts: Sequence[Partial]) -> None:
        """Make the bytes of `parts`, which are complete, those of `partial`, in this order. Once is enough."""
        with storing(), partial.finishing(_PATIENCE):
            if not partial.reload().words.get("assembled"):
                partial.assemble(parts)
                partial.amend(lambda record: record.words.update(assembled=True))

    def abort(self, request: UploadRequest, partial: Partial, error: BaseException | None = None) -> None:
        """Leave nothing of it, a file that was stored excepted. Whoever writes to it stops before its next block."""
        with storing(), partial.finishing(_PATIENCE):
            self.discard(request, partial, error)

    def discard(self, request: UploadRequest, partial: Partial, error: BaseException | None = None) -> None:
        """As `abort`, for who is finishing it."""
        with storing():
            upload = partial.record.upload(partial.offset)
        partial.remove()
        if partial.record.state == "open":
            refused = isinstance(error, UploadError) and error.permanent
            upload.state = "refused" if refused else "aborted"
            request.told = True
            self._emit(events.refused if refused else events.aborted, upload, request, error=error)

    # ---- the rest ----------------------------------------------------------------------------------------------------

    def _limit(self, partial: Partial) -> int:
        size = partial.record.size
        return self._settings.max_size if size is None else size

    def _watch(self, request: UploadRequest, partial: Partial, at: int) -> Watch:
        return Watch(
            self.engine,
            request,
            partial,
            at,
            refuse=lambda error: self.refuse(request, partial, error),
            tell=lambda offset: self._emit(events.progressed, partial.record.upload(offset), request),
        )

    def _check_owner(self, request: UploadRequest, partial: Partial, principal: str | None) -> None:
        """Of another store, endpoint, path or person: there is none, and no word of it."""
        record = partial.record
        ours = record.endpoint == self._settings.path and record.path_names == dict(request.path_names)
        if not ours or record.store != self.store_key or record.principal != principal:
            raise NotFound

    def _reserve(self, request: UploadRequest, record: Record) -> None:
        """It is new: settle what can be, and set its bytes aside."""
        if not record.fragment:
            record.filename = settled_name(self._settings, record.upload(0))
        self.engine.quota.reserve(request, record)

    def _take_over(self, record: Record, upload: Upload) -> None:
        """What `before_create` may have changed."""
        record.id, record.name, record.metadata = upload.id, upload.name, dict(upload.metadata)
        record.endpoint, record.path_names = self._settings.path, dict(upload.path_names)
        record.store = self.store_key
        record.ttl = self._settings.expires

    def _emit(self, signal: Any, upload: Upload, request: UploadRequest, **details: Any) -> None:
        if signal.receivers:
            native = request.native
            events.emit(signal, self._settings.path, upload=upload, request=native, backend=None, **details)
