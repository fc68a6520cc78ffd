"""The end of an upload that took several requests: exactly once, through the same checks and hooks as any other.

What lives here: who finishes, what a crash in the middle leaves true, and what becomes of a refusal. What must not: the
checks and hooks themselves (receive.py).

The record says "complete" only after the file is published, and the bytes go only after the record says so: whoever
comes after a crash finds either both, and publishes again what is published already (a backend that adopts recognises
it), or a record that is complete.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from ..errors import Conflict, UploadError
from ..partials import Partial, Record
from ..request import UploadRequest
from ..upload import Upload
from .hooks import storing
from .receive import Engine

__all__ = ["finish", "publish", "raise_refusal"]

#: Seconds that a request waits for another one that is finishing the same upload, before it is told to come again.
_PATIENCE = 10.0


def finish(engine: Engine, request: UploadRequest, partial: Partial, admit: Callable[[Upload], str | None]) -> Upload:
    """Publish an upload whose bytes have all come; at once if that was done already. Its `Upload`, complete.

    Raises Busy while somebody else does it, Conflict while bytes are missing, and the UploadError that refuses it: one
    that is permanent stays the answer to every later request.
    """
    with storing(), partial.finishing(_PATIENCE):
        record = partial.reload()
        raise_refusal(record)
        if record.state != "complete":
            offset = partial.offset
            if offset != record.size:
                raise Conflict("Not all of the file has come yet.")
            upload = record.upload(offset)
            admit(upload)  # asked before anything can be refused for good: somebody may only have to log in again
            try:
                publish(engine, request, [(partial, upload)])
            except UploadError as error:
                if error.permanent:
                    _refuse(partial, error)
                raise
    partial.drop_data()
    return partial.record.upload(partial.offset)


def publish(engine: Engine, request: UploadRequest, finished: Sequence[tuple[Partial, Upload]]) -> None:
    """Make these visible together, and let their records say so. Whoever calls is finishing each, and nobody else."""
    with engine.batch(request, "", lambda upload: upload.principal) as batch:
        for partial, upload in finished:
            batch.adopt(upload, partial.whole(), partial.record.filename, _settling(partial))
        batch.publish()
    for partial, upload in finished:
        record = partial.record
        record.state, record.completed = "complete", time.time()
        record.filename, record.sniffed, record.digest = upload.filename, upload.sniffed, upload.digest
        record.result, record.url = upload.result, upload.url
        with storing():
            partial.save()


def _settling(partial: Partial) -> Callable[[str], None]:
    return lambda filename: _settle(partial, filename)


def _settle(partial: Partial, filename: str) -> None:
    """The stored name is fixed before anything is stored under it: another attempt, on another day, takes the same."""
    if partial.record.filename != filename:
        partial.record.filename = filename
        with storing():
            partial.save()


def _refuse(partial: Partial, error: UploadError) -> None:
    """For good: the record keeps the reason, the bytes go."""
    partial.record.state = "refused"
    partial.record.error = {"status": error.status, "code": error.code, "message": error.message}
    partial.save()
    partial.drop_data()


def raise_refusal(record: Record) -> None:
    """Raise what a finished-and-refused upload was refused with."""
    if record.error is not None:
        error = UploadError(record.error["message"], code=record.error["code"])
        error.status, error.file = record.error["status"], record.name
        raise error
