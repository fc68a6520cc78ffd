"""Who looks at an upload of several requests while its bytes come: its quota before, type rules and listeners after.

What lives here: one request's look at one upload. What must not: reading and writing (write.py), what a refusal does to
an upload (resume.py).
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import QuotaExceeded, UploadError
from ..partials import Partial
from ..request import UploadRequest
from ..validators import HEAD_BYTES
from .hooks import storing
from .receive import Engine
from .write import crosses_head

__all__ = ["Watch"]

#: Listeners of `progressed` hear of an upload once in so many bytes.
_PROGRESS_STEP = 1 << 20


class Watch:
    """Over what `request` writes from the byte `at` on. `refuse` ends the upload for good; `tell` hears of the offset
    now and then."""

    def __init__(
        self,
        engine: Engine,
        request: UploadRequest,
        partial: Partial,
        at: int,
        *,
        refuse: Callable[[UploadError], None],
        tell: Callable[[int], None],
    ) -> None:
        self._engine, self._partial = engine, partial
        self._room = engine.quota.room(request, partial)
        self._seen = self._told = at
        self._refuse, self._tell = refuse, tell

    def room(self, end: int) -> None:
        """Bytes up to `end` are about to be written. QuotaExceeded, and nothing of the upload stays."""
        try:
            self._room(end)
        except QuotaExceeded as error:
            self._refuse(error)
            raise

    def __call__(self, offset: int) -> None:
        """So many bytes count. Raises what the file is refused with."""
        record = self._partial.record
        if not record.fragment and crosses_head(self._seen, offset, record.size):
            self._check_head()
        self._seen = offset
        if offset - self._told >= _PROGRESS_STEP or offset == record.size:
            self._told = offset
            self._tell(offset)

    def _check_head(self) -> None:
        """A file that is not what its name says is refused at once: not when the last gigabyte has come."""
        record = self._partial.record
        with storing():
            head = self._partial.read(0, HEAD_BYTES)
        try:
            self._engine.rules.check_head(record.name, head[: record.size])
        except UploadError as error:
            error.file = record.name
            self._refuse(error)
            raise
