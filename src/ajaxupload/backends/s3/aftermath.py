"""What an upload leaves at the store when it ends, well or badly, and that it is taken away.

What lives here: where an object goes, what is known of it there, and undoing it. What must not: sending (transfer.py).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .client import CONNECTIONS, Store, code_of

__all__ = ["Aftermath", "Destination", "Upload", "senders"]

_log = logging.getLogger("ajaxupload")

#: Seconds that whoever gives an upload up waits for the store to hear of it.
_GRACE = 5.0
_LEFT = "an unfinished upload may remain at the S3 store (%s) until `ajaxupload clean` comes: %.300a"
_GONE = frozenset(("NoSuchUpload", "NoSuchKey", "404", "NotFound"))

_executors: list[ThreadPoolExecutor] = []


def senders() -> ThreadPoolExecutor:
    """The process's threads that talk to stores; what several uploads want to send at once waits in line."""
    if not _executors:
        _executors.append(ThreadPoolExecutor(CONNECTIONS, thread_name_prefix="ajaxupload-s3"))
    return _executors[0]


os.register_at_fork(after_in_child=_executors.clear)  # a fork copies no threads


@dataclass(frozen=True)
class Destination:
    """Where the object goes and how: `arguments` are those of PutObject and CreateMultipartUpload alike.

    `mark` stands in the object's metadata: it tells our object from another of the same key when an answer got lost.
    `exclusive` says that the key may be somebody's already: the store is asked to refuse it then.
    """

    store: Store
    bucket: str
    key: str
    arguments: dict[str, Any]
    mark: str
    exclusive: bool
    checksum: str

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """One request about the key. Raises BotoCoreError, ClientError."""
        return self.store.ask(operation, Bucket=self.bucket, Key=self.key, **parameters)

    @property
    def condition(self) -> dict[str, str]:
        """What makes the store refuse a key that exists (RFC 9110 section 13.1.2)."""
        return {"IfNoneMatch": "*"} if self.exclusive else {}

    def look(self) -> dict[str, Any] | None:
        """What the store says of the key; None where there is nothing, or nothing that we may see."""
        try:
            return self.ask("head_object")
        except (BotoCoreError, ClientError):
            return None

    def ours(self, total: int) -> dict[str, Any] | None:
        """What the store says of the key if the object there is this very one: our mark, all bytes."""
        found = self.look() or {}
        metadata = {name.lower(): value for name, value in found.get("Metadata", {}).items()}
        same = metadata.get("ajaxupload-id") == self.mark and found.get("ContentLength") == total
        return found if same else None


@dataclass
class Upload:
    """What the store may have heard of us."""

    id: str | None = None  # of the multipart upload
    strays: bool = False  # more multipart uploads may have been begun: an answer may have got lost
    final: bool = False  # it was asked to make the object visible
    total: int = 0  # bytes of that object
    version: str | None = None


class Aftermath:
    """Undoes `upload` at `to`, as far as the store is willing."""

    def __init__(self, to: Destination, upload: Upload) -> None:
        self._to, self._upload = to, upload

    def tidy_up(self, flying: Sequence[Future[Any]]) -> None:
        """Undo it all, when what is in flight has ended. Waits a few seconds for that; then it goes on by itself."""
        try:
            done = senders().submit(self._undo, flying)
        except RuntimeError:  # the interpreter is going down and takes no more work
            self._undo(flying)
        else:
            wait([done], _GRACE)

    def sweep(self) -> None:
        """Abort, in the background, uploads of this key that were begun by requests whose answers got lost."""
        with suppress(RuntimeError):  # as above: `clean` finds them
            senders().submit(self._strays)

    def _undo(self, flying: Sequence[Future[Any]]) -> None:
        # Amazon S3, AbortMultipartUpload: parts that are in progress "might or might not succeed", and what succeeds
        # is kept and paid for: so it is said again when they have ended. They were told to break off.
        abort = partial(self._abort, self._upload.id) if self._upload.id is not None else None
        if abort is not None:
            self._attempt(abort, _LEFT)
        if self._upload.final:
            self._attempt(self._remove, "an object of an upload that failed may remain at the S3 store (%s): %.300a")
        if flying:
            wait(flying)
            if abort is not None:
                self._attempt(abort, _LEFT)
        if self._upload.strays:
            self._strays()

    def _attempt(self, step: Callable[[], None], otherwise: str) -> None:
        try:
            step()
        except (BotoCoreError, ClientError, ValueError) as error:
            _log.warning(otherwise, code_of(error), self._to.key)

    def _abort(self, upload_id: str) -> None:
        try:
            self._to.ask("abort_multipart_upload", UploadId=upload_id)
        except ClientError as error:
            if code_of(error) not in _GONE:
                raise

    def _remove(self) -> None:
        """The object, unless the key may be another's."""
        upload = self._upload
        if self._to.exclusive and self._to.ours(upload.total) is None:
            return
        if upload.version is not None:
            with suppress(ClientError):  # which needs a permission of its own; without it the deletion is a marker
                self._to.ask("delete_object", VersionId=upload.version)
                return
        self._to.ask("delete_object")

    def _strays(self) -> None:
        """Only where nobody else can be uploading to the key; others are left to `clean`."""
        if not self._to.exclusive:
            self._attempt(self._abort_strays, _LEFT)

    def _abort_strays(self) -> None:
        to = self._to
        found = to.store.ask("list_multipart_uploads", Bucket=to.bucket, Prefix=to.key)
        for each in found.get("Uploads", []):
            if each["Key"] == to.key:
                self._abort(each["UploadId"])
