"""How large the parts of a multipart upload are, and how much memory all uploads of the process may hold.

What lives here: arithmetic and the process's one pool of part memory. What must not: S3.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator

from ...errors import StorageUnavailable

__all__ = ["LARGEST_OBJECT", "MOST_PARTS", "POOL", "Pool", "part_sizes"]

# Amazon S3, "Multipart upload limits": at most 10,000 parts of 5 MiB (the last may be smaller) to 5 GiB.
MOST_PARTS = 10_000
SMALLEST_PART, LARGEST_PART = 5 << 20, 5 << 30
LARGEST_OBJECT = MOST_PARTS * LARGEST_PART  # 48.8 TiB

#: Parts of one size come in runs; the next run's are larger where the object may become so large.
_RUN = 1_000


def part_sizes(first: int, largest_object: int, most_parts: int = MOST_PARTS) -> Iterator[int]:
    """The size of each part in turn, in bytes: `first` for as long as that suffices, then growing evenly, so that
    `most_parts` hold an object of `largest_object` bytes while small objects are sent in small parts."""
    first = max(SMALLEST_PART, min(first, LARGEST_PART))
    run = min(_RUN, max(1, most_parts // 10))
    growth = _growth(first, min(largest_object, LARGEST_OBJECT), most_parts, run)
    for number in range(most_parts):
        yield min(LARGEST_PART, int(first * growth ** (number // run)))


def _growth(first: int, largest_object: int, most_parts: int, run: int) -> float:
    """The smallest factor (in steps of 5 %) between runs with which the parts hold the largest object."""
    growth = 1.0
    while growth < 64:
        held = sum(
            min(LARGEST_PART, int(first * growth ** (begin // run))) * min(run, most_parts - begin)
            for begin in range(0, most_parts, run)
        )
        if held >= largest_object:
            break
        growth += 0.05
    return growth


class Pool:
    """Bytes of part memory that this process's uploads hold together. Who wants more than is left waits, and while
    it waits it does not read from its client: that is the back-pressure."""

    def __init__(self) -> None:
        self.used = 0
        self.waiting = 0
        self._changed = threading.Condition()

    def take(self, size: int, limit: int, seconds: float) -> bool:
        """Have `size` bytes of at most `limit` in all, waiting up to `seconds` for them. False: there are none.

        One part always fits, however small the limit: otherwise nothing could ever be sent.
        """
        with self._changed:
            self.waiting += 1
            try:
                if not self._changed.wait_for(lambda: self.used == 0 or self.used + size <= limit, seconds):
                    return False
            finally:
                self.waiting -= 1
            self.used += size
            return True

    def give_back(self, size: int) -> None:
        """Return what `take` gave."""
        with self._changed:
            self.used -= size
            self._changed.notify_all()

    def must_have(self, size: int, limit: int, seconds: float) -> None:
        """`take` or StorageUnavailable (503): better to refuse one upload than to fill the machine's memory."""
        if not self.take(size, limit, seconds):
            raise StorageUnavailable("Too many uploads are on their way to the store. Please try again in a minute.")


#: The process's own.
POOL = Pool()
