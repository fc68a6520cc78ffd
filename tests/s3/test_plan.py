"""Part sizes for whatever may be uploaded."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload.backends.s3.plan import AMAZON, LARGEST_UNSAID, Limits, part_sizes

MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
MOST = AMAZON.most_parts * AMAZON.largest_part


@given(
    first=st.integers(0, 6 * GIB) | st.sampled_from([5 * MIB, 8 * MIB, 5 * GIB]),
    largest=st.integers(0, MOST) | st.sampled_from([0, 1, LARGEST_UNSAID, MOST - 1, MOST]),
)
def test_ten_thousand_parts_hold_whatever_is_allowed(first: int, largest: int) -> None:
    """Never more than 10,000, never shrinking, each of a size that the store takes, and all together enough."""
    sizes = list(part_sizes(first, largest))
    assert len(sizes) == 10_000
    assert sum(sizes) >= largest
    assert sizes == sorted(sizes)
    assert sizes[0] >= 5 * MIB
    assert sizes[-1] <= 5 * GIB


@given(
    first=st.integers(1, 2000),
    largest=st.integers(1, 10**9),
    most=st.integers(1, 300),
    smallest=st.integers(1, 1000),
    factor=st.integers(1, 1000),
)
def test_any_limits_are_kept(first: int, largest: int, most: int, smallest: int, factor: int) -> None:
    limits = Limits(most, smallest, smallest * factor)
    sizes = list(part_sizes(first, largest, limits))
    assert len(sizes) == most
    assert sum(sizes) >= min(largest, most * limits.largest_part)
    assert sizes == sorted(sizes)
    assert smallest <= sizes[0] <= sizes[-1] <= limits.largest_part


@pytest.mark.parametrize(
    ("largest", "sizes"),
    [
        (1, (8, 8)),
        (10_000 * 8 * MIB, (8, 8)),
        (100 * GIB, (8, 20)),  # what `ajaxupload serve` allows: hardly larger at the end
        (LARGEST_UNSAID, (8, 3741)),
        (40 * TIB, (8, 5120)),
        (MOST, (5120, 5120)),  # where nothing else would do
    ],
)
def test_small_objects_are_sent_in_small_parts(largest: int, sizes: tuple[int, int]) -> None:
    """MiB of the first and of the last part."""
    found = list(part_sizes(8 * MIB, largest))
    assert (found[0] // MIB, -(-found[-1] // MIB)) == sizes
