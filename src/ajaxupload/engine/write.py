"""Bytes of an upload that takes several requests: the chunk-reading loop from stream to partial.

What lives here: how much may come, what is kept when it stops coming, and when it is synced. What must not: who may
write (partials decide by turns), and what is done when all is there (finish.py).

KEEP: what arrived stays, whatever cut it short. WHOLE: a piece counts when it is whole, and verified, or not at all.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Protocol

from ..body import Block, Body
from ..errors import AjaxUploadError, BodyIncomplete, PieceDiffers, TooLarge, UploadError
from ..partials import Partial, Turn
from ..validators import HEAD_BYTES, check_declared_size, human_size
from .digests import Expected
from .hooks import storing

__all__ = ["Summed", "compare_repeat", "crosses_head", "keep", "store_whole", "take_piece", "take_verified"]

#: Bytes between two syncs of one request: a HEAD waits for no more than these to reach the disk.
_SYNC_STEP = 8 << 20
#: Bytes that are compared at once with what is stored.
_COMPARE = 1 << 20

#: Is told up to where bytes are about to be written; may refuse them by raising.
Room = Callable[[int], None]


class Watch(Protocol):
    """Is told of the bytes that count after each block, and may refuse the upload by raising; of their end before."""

    def __call__(self, offset: int, /) -> None: ...
    def room(self, end: int, /) -> None: ...


class Summed:
    """Blocks on their way from `chunks`; how many bytes they had, and their CRC-32."""

    def __init__(self, chunks: Callable[[], Block]) -> None:
        self._chunks = chunks
        self.size = self.crc = 0

    def __call__(self) -> Block:
        """The next block, empty at the end."""
        block = self._chunks()
        self.size += len(block)
        self.crc = zlib.crc32(block, self.crc)
        return block


def keep(partial: Partial, at: int, body: Body, most: int, watch: Watch) -> int:
    """Take the body from `at` on, up to the upload's size or, where that is unknown, the byte `most`. Returns the
    offset afterwards, which no power cut takes back.

    Raises OffsetMismatch, TooLarge (before anything is read, if the body's length says so), Fenced, and what ended the
    body early: all that came before counts then, and is synced.
    """
    turn, limit = _begin(partial, at, body, most)
    try:
        _keep_blocks(partial, turn, body, limit, watch)
    except UploadError:
        if body.broken:
            _salvage(partial, turn, body, limit, watch)
        raise
    finally:
        with storing():
            partial.sync()  # also of what a writer that was killed has left: the offset is told
    return turn.at


def _begin(partial: Partial, at: int, body: Body, most: int) -> tuple[Turn, int]:
    """The turn, and how far it may write: the size stays as it is from here on."""
    _check_room(body.length, at, _limit(partial, most))
    with storing():
        turn = partial.begin(at)
    limit = _limit(partial, most)
    _check_room(body.length, at, limit)
    return turn, limit


def _limit(partial: Partial, most: int) -> int:
    return most if partial.record.size is None else partial.record.size


def _keep_blocks(partial: Partial, turn: Turn, body: Body, limit: int, watch: Watch) -> None:
    synced = turn.at
    while block := body.read():
        _put(partial, turn, block, limit, watch)
        if turn.at - synced >= _SYNC_STEP:
            with storing():
                partial.flush()
            synced = turn.at


def _put(partial: Partial, turn: Turn, block: Block, limit: int, watch: Watch) -> None:
    fits = limit - turn.at
    watch.room(turn.at + min(len(block), fits))
    with storing():
        partial.put(turn, block if len(block) <= fits else memoryview(block)[:fits])
    watch(turn.at)
    if len(block) > fits:
        raise TooLarge(f"More bytes came than the {human_size(limit)} that are expected; the rest was not taken.")


def _salvage(partial: Partial, turn: Turn, body: Body, limit: int, watch: Watch) -> None:
    """What the server had read when the client broke off counts too; what goes wrong now changes nothing."""
    with suppress(AjaxUploadError):
        if rest := body.salvage():
            _put(partial, turn, rest, limit, watch)


def store_whole(partial: Partial, chunks: Iterable[Block], limit: int, room: Room) -> int:
    """Take a whole file from its start; of what an attempt before has stored, only compare. How many bytes it has.

    Raises PieceDiffers, TooLarge, and what ended the chunks early.
    """
    with storing():
        turn = partial.begin(partial.offset)
    had, taken = turn.at, 0
    for block in chunks:
        check_declared_size(taken + len(block), limit)
        room(taken + len(block))
        known = max(0, min(len(block), had - taken))
        if known:
            _compare(partial, taken, memoryview(block)[:known])
        if known < len(block):
            with storing():
                partial.put(turn, memoryview(block)[known:])
        taken += len(block)
    if taken < had:
        raise PieceDiffers
    with storing():
        partial.sync()
    return taken


def take_verified(partial: Partial, at: int, body: Body, most: int, *, expected: Expected, room: Room) -> int:
    """As `keep`, but nothing counts unless all came and has the digest. Raises DigestMismatch too."""
    turn, limit = _begin(partial, at, body, most)
    for block in body:
        _check_room(len(block), turn.at, limit)
        room(turn.at + len(block))
        with storing():
            partial.hold(turn, block)
        expected.update(block)
    expected.check()
    with storing():
        partial.accept(turn)
        partial.sync()
    return turn.at


def take_piece(
    partial: Partial,
    start: int,
    size: int,
    *,
    chunks: Summed,
    expected: Expected | None,
    room: Room,
    exact: bool = True,
) -> int:
    """Take `size` bytes from `start` (or up to so many, unless it is `exact`), in any order with others. `chunks` hands
    out the next block of them. Returns how many came.

    A piece that counts already is compared instead: PieceDiffers. Raises BodyIncomplete, TooLarge, DigestMismatch,
    Fenced.
    """
    with storing():
        turn = partial.begin_piece(start, start + size)
    taken = start
    while block := chunks():
        _check_room(len(block), taken, start + size)
        if turn is None:
            _compare(partial, taken, block)
        else:
            room(taken + len(block))
            with storing():
                partial.put_piece(turn, block)
        taken += len(block)
        if expected is not None:
            expected.update(block)
    if exact and taken != start + size:
        raise BodyIncomplete
    if expected is not None:
        expected.check()
    if turn is not None:
        with storing():
            partial.accept_piece(turn, start, chunks.crc)
    return taken - start


def compare_repeat(partial: Partial, start: int, chunks: Summed) -> int:
    """Read a piece of what was stored and given back already: its clients wait until they have sent it. How many bytes.

    PieceDiffers if a piece of this length came from there before, and was another one. TooLarge.
    """
    while chunks():
        _check_room(chunks.size, start, _limit(partial, start))
    with storing():
        if partial.knows_other(start, start + chunks.size, chunks.crc):
            raise PieceDiffers
    return chunks.size


def _compare(partial: Partial, at: int, block: Block) -> None:
    view = memoryview(block)
    for begin in range(0, len(view), _COMPARE):
        piece = view[begin : begin + _COMPARE]
        with storing():
            stored = partial.read(at + begin, len(piece))
        if stored != piece:
            raise PieceDiffers


def _check_room(coming: int | None, at: int, limit: int) -> None:
    if coming is not None:
        check_declared_size(at + coming, limit)


def crosses_head(before: int, after: int, size: int | None) -> bool:
    """Did the bytes that tell a file's type become complete just now?"""
    enough = HEAD_BYTES if size is None else min(HEAD_BYTES, size)
    return before < enough <= after
