"""Whole files of a request with an Idempotency-Key: however often it comes, they are stored once.

What lives here: a batch that keeps each file as a partial upload whose id the key gives, until all are published. What
must not: reading the header (protocols).

draft-ietf-httpapi-idempotency-key-header-07: a client that lost the answer sends the request again with the same key.
The partial uploads are what makes that true over processes and crashes: their records outlive the first answer, who
publishes is alone, and a file that was linked before a crash is recognised by the next attempt. A key that comes again
with another file is a mistake of the client: "422 Unprocessable Content", says the draft.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from types import TracebackType

from ..body import Block
from ..errors import BodyIncomplete, NotFound, PieceDiffers, Unprocessable
from ..naming import display_name
from ..partials import Partial, Record
from ..request import UploadRequest
from ..upload import Upload
from ..validators import check_count, check_min_size, check_size
from .finish import publish
from .hooks import storing
from .resume import Admit, Resumable
from .write import store_whole

__all__ = ["OnceBatch"]

#: Seconds that a repeat waits for the request that it repeats, before it is told to come again.
_PATIENCE = 30.0
#: Each time that a waiting repeat finds its upload given up, one request more has ended.
_TRIES = 20


class OnceBatch:
    """As `Batch`, for a request with a key. `id_of(n)` is the id of the request's n-th file."""

    def __init__(
        self,
        resumable: Resumable,
        request: UploadRequest,
        protocol: str,
        admit: Admit,
        id_of: Callable[[int], str],
    ) -> None:
        self._resumable = resumable
        self._engine = resumable.engine
        self._settings = resumable.engine.settings
        self._request, self._protocol, self._admit = request, protocol, admit
        self._id_of = id_of
        self._stack = ExitStack()
        self._files: list[tuple[Partial, Upload]] = []

    def __enter__(self) -> OnceBatch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What was not published goes, as with any request."""
        with self._stack:
            for partial, _upload in self._files:
                if partial.record.state == "open":
                    self._resumable.discard(self._request, partial, error)

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
        """Take one file, invisibly; of a file that was stored before, read what comes again and forget it."""
        check_count(len(self._files) + 1, self._settings.max_files)
        record = Record(
            self._id_of(len(self._files)),
            self._settings.path,
            name=display_name(name),
            size=size,
            type=type,
            field=field,
            fields=dict(fields or {}),
            path_names=dict(self._request.path_names),
            protocol=self._protocol,
        )
        partial = self._hold(record)
        found = partial.record
        if found.name != record.name or (size is not None and found.size not in (None, size)):
            raise Unprocessable("This Idempotency-Key was used for another file before.", code="key_reused")
        upload = found.upload(0)
        self._files.append((partial, upload))
        self._take(partial, upload, chunks)
        return upload

    def _hold(self, record: Record) -> Partial:
        """The upload, for this request alone: once the request that it repeats has ended, stored or given up."""
        for left in reversed(range(_TRIES)):
            with ExitStack() as stack:
                partial, _new = self._resumable.open(self._request, record, self._admit)
                stack.enter_context(partial)
                try:
                    with storing():
                        stack.enter_context(partial.finishing(_PATIENCE))
                        partial.reload()
                except NotFound:
                    if not left:
                        raise
                    continue  # it was given up while this one waited
                self._stack.push(stack.pop_all())
                return partial
        raise NotFound

    def _take(self, partial: Partial, upload: Upload, chunks: Iterable[Block]) -> None:
        complete = partial.record.state == "complete"
        try:
            taken = 0
            for block in () if not complete else chunks:
                taken += len(block)
                check_size(taken, self._settings.max_size)
            if not complete:
                taken = store_whole(
                    partial, chunks, self._settings.max_size, self._engine.quota.room(self._request, partial)
                )
        except PieceDiffers as error:
            raise Unprocessable("This Idempotency-Key was used for another file before.", code="key_reused") from error
        if partial.record.size is not None and taken != partial.record.size:
            raise BodyIncomplete
        check_min_size(taken, self._settings.min_size)
        if partial.record.size is None:
            self._resumable.declare(self._request, partial, taken)
        upload.size = upload.offset = taken

    def publish(self) -> list[Upload]:
        """Make all files durable and visible that are not yet. The uploads, in order."""
        publish(self._engine, self._request, [each for each in self._files if each[0].record.state == "open"])
        for partial, _upload in self._files:
            partial.drop_data()
        return [partial.record.upload(partial.offset) for partial, _upload in self._files]
