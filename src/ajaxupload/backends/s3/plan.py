"""How large the parts of a multipart upload are, and how much memory all uploads of the process may hold.

What lives here: arithmetic and the process's one pool of part memory. What must not: S3.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from typing import NamedTuple

from ...errors import StorageUnavailable

__all__ = ["AMAZON", "LARGEST_UNSAID", "POOL", "Limits", "Pool", "part_sizes"]


class Limits(NamedTuple):
    """What a store says of multipart uploads; sizes are bytes. The last part may be smaller."""

    most_parts: int
    smallest_part: int
    largest_part: int


# Amazon S3, "Multipart upload limits".
AMAZON = Limits(most_parts=10_000, smallest_part=5 << 20, largest_part=5 << 30)  # 48.8 TiB in all

#: What is prepared for where nobody says how large a file may be. A larger limit must be spelled out: it takes larger
#: parts, and so more memory, early on.
LARGEST_UNSAID = 5 << 40

#: Parts grow in so many steps, so that small objects are sent in small parts.
_STEPS = 10
#: How finely the factor between two steps is tuned.
_FINER = 1.05


def part_sizes(first: int, largest_object: int, limits: Limits = AMAZON) -> Iterator[int]:
    """The size of each part in turn, in bytes: `first` for as long as that suffices, else growing in steps, so that
    they hold `largest_object` bytes, or as many as the limits allow."""
    step = max(1, -(-limits.most_parts // _STEPS))
    needed = min(largest_object, limits.most_parts * limits.largest_part)
    first = max(limits.smallest_part, min(first, limits.largest_part))
    first, growth = _growth(first, needed, limits, step)
    for number in range(limits.most_parts):
        yield _size(first, growth, number // step, limits)


def _size(first: int, growth: float, step: int, limits: Limits) -> int:
    return min(limits.largest_part, int(first * growth**step))


def _growth(first: int, needed: int, limits: Limits, step: int) -> tuple[int, float]:
    """The first part's size and the factor from step to step with which the parts hold `needed` bytes: the smallest
    that does; where none does, the first part is larger."""
    counts = [min(step, limits.most_parts - begin) for begin in range(0, limits.most_parts, step)]
    while True:
        growth = 1.0
        while growth * first <= limits.largest_part * _FINER:
            if sum(count * _size(first, growth, number, limits) for number, count in enumerate(counts)) >= needed:
                return first, growth
            growth *= _FINER
        first = min(limits.largest_part, first * 2)


class Pool:
    """Bytes of part memory that this process's uploads hold together. Who wants more than is left waits, and while
    it waits it does not read from its client: that is the back-pressure.

    An upload asks for a whole part at once and holds no other that it could wait with: so nobody waits for ever.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a process does that was forked from another."""
        self.used = 0
        self._changed = threading.Condition()

    def take(self, size: int, limit: int, seconds: float) -> bool:
        """Have `size` bytes of at most `limit` in all, waiting up to `seconds` for them. False: there are none.

        One part always fits, however small the limit: otherwise nothing could ever be sent.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.used == 0 or self.used + size <= limit, seconds):
                return False
            self.used += size
            return True

    def must_have(self, size: int, limit: int, seconds: float) -> None:
        """`take` or StorageUnavailable (503): better to refuse one upload than to fill the machine's memory."""
        if not self.take(size, limit, seconds):
            raise StorageUnavailable("Too many uploads are on their way to the store. Please try again in a minute.")

    def give_back(self, size: int) -> None:
        """Return what `take` gave."""
        with self._changed:
            self.used -= size
            self._changed.notify_all()


#: The process's own.
POOL = Pool()
os.register_at_fork(after_in_child=POOL.reset)
