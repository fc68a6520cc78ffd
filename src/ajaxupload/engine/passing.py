"""What is done with a file's bytes on their way into a store: counted, limited, hashed and shown to inspectors.

What lives here: one pass over the bytes, for all who want to see them. What must not: where they come from and where
they go (receive.py).

Inspectors that are functions read the file when all of it is here. Where the store cannot hand back what it has not
published yet, the bytes are written a second time, to a file without a name, for as long as that takes. So are those
for a store that would show a file while it comes: it gets them when the verdict is known.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from types import TracebackType
from typing import BinaryIO

from ..backends.base import AbstractUploadBackend
from ..body import Block, Body
from ..config import EndpointSettings
from ..request import UploadRequest
from ..upload import Upload
from ..validators import check_size
from .hooks import ability, storing
from .inspecting import Inspection
from .place import scratch_parent

__all__ = ["Passage", "unseen"]


class Passage:
    """One file's. `reread` opens what has come from its start; None where the store cannot do that. `keeps` says that
    the bytes are wanted `again` when all of them have passed."""

    def __init__(
        self,
        settings: EndpointSettings,
        request: UploadRequest,
        upload: Upload,
        reread: Callable[[], BinaryIO] | None,
        *,
        keeps: bool = False,
    ) -> None:
        self._upload = upload
        self._max_size = settings.max_size
        self._algorithm = settings.digest
        self._digest = hashlib.new(settings.digest) if settings.digest else None
        self._inspection = Inspection(settings, request, upload)
        self._reread = reread
        self._keeps = keeps
        self._spool: BinaryIO | None = None

    def __enter__(self) -> Passage:
        """Inspectors begin: a scanner that is away is told before the first byte is read."""
        try:
            self._inspection.begin()
            if (self._inspection.reads or self._keeps) and self._reread is None:
                with storing():
                    self._spool = tempfile.TemporaryFile(dir=scratch_parent())
        except BaseException:
            self._inspection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inspection.close()
        if self._spool is not None:
            self._spool.close()

    @property
    def wanted(self) -> bool:
        """Does anybody want to see the bytes, who would not read them by himself?"""
        return self._digest is not None or self._inspection.watches

    @property
    def unseen(self) -> bool:
        """Does nobody see the bytes, who are only counted?"""
        return not self.wanted and self._spool is None

    def through(self, chunks: Iterable[Block]) -> Iterator[Block]:
        """The same chunks."""
        upload = self._upload
        for chunk in chunks:
            upload.offset += len(chunk)
            check_size(upload.offset, self._max_size)
            if self._digest is not None:
                self._digest.update(chunk)
            self._inspection.feed(chunk)
            if self._spool is not None:
                with storing():
                    self._spool.write(chunk)
            yield chunk

    def hashed(self) -> None:
        """All bytes have passed: the upload knows its digest."""
        if self._digest is not None:
            self._upload.digest = f"{self._algorithm}:{self._digest.hexdigest()}"

    def inspect(self) -> None:
        """The inspectors' verdicts. Raises the UploadError that refuses the file, NotInspected."""
        self._inspection.end(self.again)

    def again(self) -> BinaryIO:
        """All that has passed, from its start. Raises OSError."""
        if self._reread is not None:
            return self._reread()
        if self._spool is None:
            raise RuntimeError("nobody was going to read this file")
        self._spool.flush()
        copy = os.fdopen(os.dup(self._spool.fileno()), "rb")
        copy.seek(0)
        return copy


def unseen(chunks: Iterable[Block], passage: Passage, backend: AbstractUploadBackend) -> AbstractContextManager[None]:
    """Within this a body's blocks may be `Piped`, if the backend takes such and nobody else has use for the bytes."""
    if isinstance(chunks, Body) and passage.unseen and not backend.BUFFER_SIZE and ability(backend, "PIPED_CHUNKS"):
        return chunks.unseen()
    return nullcontext()
