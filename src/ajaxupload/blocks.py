"""Blocks of memory that bodies are received into, and that the next bodies are received into after them.

What lives here: how large they are, how many of each size there are, and who gets one. What must not: bodies.

A large block costs few system calls, and a thousand of them much memory: so each size is there for so many bodies of a
process at once, and whoever comes later has a smaller one. They are kept, for malloc would keep what is freed as well,
once for each thread that ever had one.
"""

from __future__ import annotations

import sys
from collections import deque

__all__ = ["Borrowed"]

#: Does a bytearray know whether it is shown somewhere? (Python's documents say so of all, and mean this one.)
_KNOWS = sys.implementation.name == "cpython"


class _Blocks:
    """So many of so many bytes, each allocated when it is first wanted. For threads."""

    def __init__(self, size: int, count: int) -> None:
        self.size = size
        self._spares: deque[bytearray | None] = deque([None] * count)

    def take(self) -> bytearray | None:
        """One, None where all are taken, or there is no memory. Nobody must see another upload's bytes: one that is
        still shown to somebody, who was lent it, is left to them, and a new one takes its place."""
        try:
            block = self._spares.pop()
        except IndexError:
            return None
        if block is not None and _is_free(block):
            return block
        try:
            return bytearray(self.size)
        except MemoryError:
            self._spares.append(None)
            return None

    def give_back(self, block: bytearray) -> None:
        """One that was taken: it is the next to be taken again."""
        self._spares.append(block)


def _is_free(block: bytearray) -> bool:
    """Does no memoryview show it? One that is shown cannot be made longer or shorter ("BufferError: Existing exports of
    data"); the last byte goes and comes back where it was, nothing is copied."""
    try:
        block.append(block.pop())
    except BufferError:
        return False
    return _KNOWS


_LARGE, _MIDDLE = _Blocks(1 << 20, 8), _Blocks(256 << 10, 64)
_SMALL = 64 << 10


class Borrowed:
    """What one body is received into. `filled` is to be said of each receipt: who fills a block is quicker than we are,
    and gets a larger one."""

    def __init__(self) -> None:
        self.filled = False
        self._memory = memoryview(b"")
        #: The block, and the one before it, which is looked at until a larger one has been filled for the first time.
        self._held: list[tuple[_Blocks, bytearray]] = []

    def __del__(self) -> None:
        self._memory = memoryview(b"")
        self._keep(0)

    def next(self, left: int) -> memoryview:
        """For the next of `left` bytes, of which there is one at least. What was received before is no longer looked
        at. It shows a bytearray from its start."""
        self._keep(1)
        if not self._memory:
            if left <= _SMALL or not self._take(_MIDDLE):
                self._memory = memoryview(bytearray(min(left, _SMALL)))
        elif self.filled:
            for blocks in (_LARGE, _MIDDLE):
                if len(self._memory) < blocks.size <= left and self._take(blocks):
                    break
        return self._memory

    def _take(self, owner: _Blocks) -> bool:
        block = owner.take()
        if block is not None:
            self._memory = memoryview(block)
            self._held.append((owner, block))
        return block is not None

    def _keep(self, count: int) -> None:
        while len(self._held) > count:
            owner, block = self._held.pop(0)
            owner.give_back(block)
