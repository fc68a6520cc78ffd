"""How large the parts of a multipart upload are.

What lives here: arithmetic. What must not: memory (backends/pool.py), S3.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["AMAZON", "LARGEST_UNSAID", "Limits", "part_sizes"]


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
