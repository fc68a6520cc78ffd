"""Whoever takes a piece may die at any call: nobody else's turn is given away, and what is told to be there counts.

What lives here: deaths and failures at the n-th call of a piece. What must not: those of a whole upload's life
(test_crashes.py).
"""

from __future__ import annotations

import errno
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.errors import Fenced
from tests.partials.tripping import Trip, in_child, numbers
from tests.partials.uploads import ID, data_of, kept_in, made, noise, put_piece


@pytest.mark.parametrize("number", range(1, 9))
@pytest.mark.parametrize("first", [0, 1], ids=["the first turn", "a later one"])
def test_no_turn_is_given_twice_wherever_a_claimer_dies(tmp_path: Path, number: int, first: int) -> None:
    """Else who has lost one could write over bytes that count."""
    store = kept_in(tmp_path)
    with made(store, 1000) as one:
        for _ in range(first):
            one.begin_piece(900, 910)

    def dies() -> None:
        with store.find(ID) as dead, Trip(number).killing(after=True):
            dead.begin_piece(0, 100)

    in_child(dies)
    with store.find(ID) as slow, store.find(ID) as quick:
        slow.status()
        old, new = slow.begin_piece(100, 200), quick.begin_piece(100, 200)
        assert old is not None
        assert new is not None
        quick.put_piece(new, b"b" * 100)
        quick.accept_piece(new, 100, zlib.crc32(b"b" * 100))
        with pytest.raises(Fenced):
            slow.put_piece(old, b"a" * 100)


@pytest.mark.parametrize("asked", [False, True], ids=["repeated", "asked for"])
@pytest.mark.parametrize("failed", [False, True], ids=["killed", "failed"])
def test_a_piece_that_is_told_to_be_there_counts_wherever_its_taker_died(
    tmp_path: Path, asked: bool, failed: bool
) -> None:
    """Whoever repeats it, or asks what is missing, is told that it is there: so the upload goes on behind it."""
    content = noise(200)
    for number in numbers(1):
        folder = tmp_path / str(number)
        store, trip = kept_in(folder), Trip(number)
        made(store, 200).close()

        def takes(store: Any = store, trip: Trip = trip) -> None:
            death = trip.failing(errno.EIO) if failed else trip.killing(after=False)
            with store.find(ID) as one, suppress(OSError), death:
                put_piece(one, 0, content[:100])

        if failed:
            takes()
            over = not trip.reached
        else:
            over = in_child(takes) == 0
        with kept_in(folder).find(ID) as again:
            if not asked or again.missing() != [(100, 200)]:
                put_piece(again, 0, content[:100])
            assert again.offset == 100, trip.names
            put_piece(again, 100, content[100:])
            assert (again.offset, again.missing()) == (200, [])
        assert data_of(store) == content
        if over:
            break
    assert number > 10
