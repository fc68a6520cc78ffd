"""The end of an upload that took several requests: exactly once, through the same checks and hooks as any other.

What lives here: who finishes, what a crash in the middle leaves true, and what becomes of a refusal. What must not: the
checks and hooks themselves (receive.py).

The record says "complete" only after the file is published, and the bytes go only after the record says so: whoever
comes after a crash finds either both, and publishes again what is published already (a backend that adopts recognises
it), or a record that is complete.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from ..errors import Conflict, UploadError
from ..partials import Partial, Record
from ..request import UploadRequest
from ..upload import Upload
from .hooks import storing
from .receive import Engine

__all__ = ["finish", "publish", "raise_refusal", "refuse"]

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
            if partial.offset != record.size:
                raise Conflict("Not all of the file has come yet.")
            upload = record.upload(record.size)
            admit(upload)  # asked before anything can be refused for good: somebody may only have to log in again
            try:
                publish(engine, request, [(partial, upload)])
            except UploadError as error:
                if error.permanent:
                    refuse(partial, error)
                raise
    partial.drop_data()
    return partial.record.upload(partial.offset)


def publish(engine: Engine, request: UploadRequest, finished: Sequence[tuple[Partial, Upload]]) -> None:
    """Make these visible together, and let their records say so. Whoever calls is finishing each, and nobody else.

    Raises Conflict where bytes are missing, and what refuses them.
    """
    with engine.batch(request, "", lambda upload: upload.principal) as batch:
        for partial, upload in finished:
            with storing():
                if partial.status() != upload.size:  # it ends every turn: what is linked now is the file itself
                    raise Conflict("Not all of the file has come yet.")
                whole = partial.whole()
            batch.adopt(upload, whole, partial.record.filename, functools.partial(_settle, partial))
        batch.publish()
    for partial, upload in finished:
        with storing():
            partial.amend(functools.partial(_complete, engine, upload))


def _complete(engine: Engine, upload: Upload, record: Record) -> None:
    record.complete(upload)
    engine.shelve(record)


def _settle(partial: Partial, filename: str) -> None:
    """The stored name is fixed before anything is stored under it: another attempt, on another day, takes the same."""

    def settle(record: Record) -> None:
        record.filename = filename

    if partial.record.filename != filename:
        with storing():
            partial.amend(settle)


def refuse(partial: Partial, error: UploadError) -> None:
    """For good: the record keeps the reason, the bytes go. Raises OSError."""
    partial.amend(functools.partial(Record.refuse, error=error))
    if partial.record.state == "refused":
        partial.drop_data()


def raise_refusal(record: Record) -> None:
    """Raise what a finished-and-refused upload was refused with."""
    if record.error is not None:
        error = UploadError(record.error["message"], code=record.error["code"])
        error.status, error.file = record.error["status"], record.name
        raise error
