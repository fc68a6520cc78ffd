"""What the files of one request have set aside of their principals' quotas.

What lives here: the moments of such a file, from before its first byte until it is stored or gone. What must not: how
much there is (quota.py).

A process that dies takes nothing with it: its claims are given back when somebody looks for room, or sweeps. Only what
was just being published counts then, for it may be stored.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, suppress

from ..body import Block
from ..files import Slot
from ..partials.file.accounts import Ask, Claim, Settled
from ..request import UploadRequest
from ..upload import Upload
from .hooks import storing
from .quota import Quota

__all__ = ["Reserved"]

_log = logging.getLogger("ajaxupload")


class Reserved:
    """One request's: `taking` each file, `publishing` them, `settle`; `close` in any case."""

    def __init__(self, quota: Quota, request: UploadRequest) -> None:
        self._quota = quota
        self._request = request
        self._claims: list[tuple[Upload, Claim]] = []
        self._noted: list[Settled] = []
        self._stack = ExitStack()

    def taking(self, upload: Upload, chunks: Iterable[Block]) -> Iterable[Block]:
        """The same chunks: room for all of them is set aside now or, where nobody said how many they are, for each
        before it is handed on. Raises QuotaExceeded, as taking a chunk does."""
        if not self._quota.set:
            return chunks
        with storing():
            slot = self._quota.accounts.slot()
        claim = self._quota.claim(upload, slot.name)
        self._claims.append((upload, claim))
        self._stack.callback(self._release, claim, slot)
        held = self._quota.ask(self._request, upload, claim, Ask(upload.size or 0))
        return self._counted(upload, claim, held, chunks)

    def _counted(self, upload: Upload, claim: Claim, held: int, chunks: Iterable[Block]) -> Iterator[Block]:
        came = 0
        for chunk in chunks:
            came += len(chunk)
            if held < came <= (upload.max_size or came):  # more than the most is refused for that
                held = self._quota.ask(self._request, upload, claim, Ask(came, want=self._quota.ahead(came)))
            yield chunk

    def publishing(self, uploads: Sequence[Upload]) -> None:
        """These are about to be stored. Raises QuotaExceeded for what began before there was a quota."""
        if not self._quota.set:
            return
        files = [self._settled(upload) for upload in uploads]
        with storing():
            lacking = self._quota.accounts.publishing(files)
        self._noted = files
        for file, upload in zip(files, uploads, strict=True):
            if file in lacking and file.claim.counted:
                self._quota.ask(self._request, upload, file.claim, Ask(file.size))
        if lacking:
            with storing():
                self._quota.accounts.publishing(lacking)

    def settle(self, uploads: Sequence[Upload]) -> None:
        """They are stored, and whoever listens knows. Never raises."""
        if not self._quota.set:
            return
        try:
            self._quota.accounts.settle([self._settled(upload) for upload in uploads])
        except OSError:
            _log.exception(
                "it could not be noted what was stored; what is noted of it counts when it is looked through"
            )
        else:
            self._noted = []

    def close(self, *, published: bool) -> None:
        """Give back what was not stored. Never raises."""
        if self._noted and not published:
            with suppress(OSError):
                self._quota.accounts.not_published(self._noted)
        self._stack.close()

    def _release(self, claim: Claim, slot: Slot) -> None:
        try:
            self._quota.accounts.release(claim.id)
        except OSError:
            _log.exception("what an upload had set aside is given back later")
        finally:
            slot.drop()

    def _settled(self, upload: Upload) -> Settled:
        claim = next((claim for each, claim in self._claims if each is upload), None) or self._quota.claim(upload)
        return Settled(claim, upload.size or 0, self._quota.store, upload.filename)
