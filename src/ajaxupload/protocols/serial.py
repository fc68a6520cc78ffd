"""What widgets without ids have in common: a file's pieces come one after the other, under a name that is no key.

What lives here: which of the asker's uploads of that name is meant, repeats, and beginning again. What must not: any
one widget's parameters (one file each).

The first piece begins an upload unless one is under way; uploads of one name are numbered, so that the next file of
that name never meets the one before. A piece that is here already is compared. A first piece that differs means another
file: what had come of the one before is given up, but not while that one may still be coming from another tab, for
their later pieces could not be told apart.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain

from webob import Response

from ..body import Block
from ..engine.finish import raise_refusal
from ..engine.hooks import storing
from ..errors import Conflict, PieceDiffers
from ..partials import Partial
from ..request import UploadRequest
from .chunked import ChunkProtocol, Found, Piece

__all__ = ["SerialProtocol"]

#: Seconds without a piece after which an upload's client has gone.
_QUIET = 60.0
_STEP = 1 << 20
#: Under which a record says that another file of the name was given up for this one.
_INSTEAD = "instead"


class SerialProtocol(ChunkProtocol):
    """Base of protocols whose clients send a file's pieces in order and name it by its name."""

    def placed(self, partial: Partial, piece: Piece) -> Piece:
        """The piece with its place in this upload."""
        return piece

    def may_replace(self, partial: Partial) -> bool:
        """May another file of the same name take this unfinished one's place? Not while its client may be at work."""
        return time.time() - (partial.expires - partial.record.ttl) > _QUIET

    def is_there(self, partial: Partial, piece: Piece) -> bool:
        """As for pieces in any order, and of a file whose size is not known as well."""
        return partial.record.state == "complete" or partial.offset >= piece.start + piece.most

    def in_the_way(self, begun: Found) -> bool:
        """While its client may be at work: later pieces of both could not be told apart."""
        return begun.record.state == "open" and time.time() - begun.touched <= _QUIET

    def took_over(self, partial: Partial) -> bool:
        """Was another file of the same name given up for this one? Its client may come back."""
        return _INSTEAD in partial.record.words

    def early(self, request: UploadRequest, partial: Partial, piece: Piece) -> Response:
        """The answer to a piece before which others are missing; by default one that lets the client try again."""
        raise out_of_turn("Pieces before this one are missing.")

    def take(self, request: UploadRequest, piece: Piece, chunks: Iterable[Block]) -> Response:
        """Store the piece; publish the file if it was the last. The JSON superset."""
        with ExitStack() as stack:
            partial = stack.enter_context(self._current(request, piece))
            raise_refusal(partial.record)
            blocks, piece = iter(chunks), self.placed(partial, piece)
            is_new = not self.is_there(partial, piece)
            if partial.record.state == "complete":
                self.repeat(partial, piece, blocks)
            elif piece.start > partial.offset:
                return self.early(request, partial, piece)
            else:
                differs, news = _compared(partial, piece, blocks)
                if differs:
                    partial, is_new = stack.enter_context(self._restarted(request, partial, piece)), True
                    piece = self.placed(partial, piece)
                self._take_news(request, partial, piece, news)
                for _ in blocks:  # a repeat: its client waits until it has sent it
                    pass
            if is_new:
                self.took_part(request, partial)
            return self.answer(request, partial, self.completed(request, partial))

    def _current(self, request: UploadRequest, piece: Piece) -> Partial:
        """The upload that the piece belongs to: a first piece begins one unless it is under way."""
        key = self.key_of(request, piece.key, piece.total, first=piece.start == 0)
        found, following = self.numbered(key, piece.total)
        if found is not None:
            partial = self.mount.find(request, found.record.id, "write")
            if partial.record.state == "open" or piece.start > 0:
                return partial
            partial.__exit__()
        if piece.start > 0:
            raise out_of_turn("Nothing of this file is here (any more). Please send it again from its start.")
        return self._begun(request, piece, following, key.text if key.shared else None)

    def _begun(self, request: UploadRequest, piece: Piece, upload_id: str, shared: str | None, **words: str) -> Partial:
        record = self.record(request, piece, upload_id, shared)
        record.words.update(words)
        partial, _new = self.mount.open(request, record)
        return partial

    def _restarted(self, request: UploadRequest, partial: Partial, piece: Piece) -> Partial:
        """Another file of the same name, in the place of the one before."""
        if piece.start > 0:
            raise PieceDiffers
        if not self.may_replace(partial):
            raise out_of_turn("Another file of this name is just being sent. Please try again in a minute.")
        self.mount.resumable().abort(request, partial)
        return self._begun(request, piece, partial.record.id, self.shared(partial), **{_INSTEAD: "1"})

    def _take_news(self, request: UploadRequest, partial: Partial, piece: Piece, news: Iterator[Block] | None) -> None:
        if news is not None:
            self.store(request, partial, piece, news)
        elif piece.last and partial.record.size is None:  # the answer to it was lost, and so was its being the last
            self.mount.resumable().declare(request, partial, partial.offset)


def out_of_turn(message: str) -> Conflict:
    """409 for a piece that may be taken later on."""
    error = Conflict(message, code="out_of_turn")
    error.permanent = False
    return error


def _compared(partial: Partial, piece: Piece, blocks: Iterator[Block]) -> tuple[bool, Iterator[Block] | None]:
    """Does the piece differ from what is here? And its blocks, None if all of it is here.

    What was compared is read from the upload again, so that nothing needs to be held. It is read after the upload was
    given up as well: whoever has a removed file open keeps it.
    """
    at, known = piece.start, min(partial.offset, piece.start + piece.most)
    whole = known == piece.start + piece.most
    if known == at and not whole:
        return False, blocks
    for block in blocks:
        view = memoryview(block)
        fits = min(len(view), known - at)
        with storing():
            same = partial.read(at, fits) == view[:fits]
        if not same or fits < len(view):
            return not same or whole, chain(_stored(partial, piece.start, at), (block,), blocks)
        at += fits
    if piece.exact and at < piece.start + piece.most:
        return whole, _stored(partial, piece.start, at)
    return False, None


def _stored(partial: Partial, start: int, end: int) -> Iterator[bytes]:
    while start < end:
        with storing():
            block = partial.read(start, min(_STEP, end - start))
        yield block
        start += len(block)
