"""Pieces in any order, side by side: WHOLE. A piece counts when it is whole, and what counts is never written again."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from ajaxupload.errors import Fenced, PieceDiffers, TooManyRequests
from ajaxupload.partials.file import pieces
from ajaxupload.partials.file.pieces import union
from tests.partials.test_synced import another_boot
from tests.partials.uploads import ID, data_of, kept_in, made, noise, path_of, put, put_piece


def test_pieces_in_any_order_make_the_file(tmp_path: Path) -> None:
    content = noise(1000)
    store = kept_in(tmp_path)
    with made(store, size=1000) as one:
        for start in (700, 0, 300, 900, 100, 200, 800, 600, 500, 400):
            assert put_piece(one, start, content[start : start + 100], step=33)
        assert (one.offset, one.missing()) == (1000, [])
    assert data_of(store) == content


def test_what_is_missing_is_told(tmp_path: Path) -> None:
    with made(kept_in(tmp_path), size=100) as one:
        assert one.missing() == [(0, 100)]
        put_piece(one, 20, b"x" * 10)
        put_piece(one, 50, b"x" * 10)
        assert (one.offset, one.missing()) == (0, [(0, 20), (30, 50), (60, 100)])
        put_piece(one, 0, b"x" * 20)
        assert (one.offset, one.missing()) == (30, [(30, 50), (60, 100)])


def test_an_unknown_size_misses_nothing_and_an_empty_piece_counts_already(tmp_path: Path) -> None:
    with made(kept_in(tmp_path), size=None) as one:
        assert one.missing() == []
        assert one.begin_piece(0, 0) is None


def test_eight_pieces_side_by_side_do_not_end_one_anothers_turns(tmp_path: Path) -> None:
    content = noise(800)
    store = kept_in(tmp_path)
    with made(store, size=800) as one:
        opened = [store.find(ID) for _ in range(8)]
        turns = [each.begin_piece(at * 100, at * 100 + 100) for at, each in enumerate(opened)]
        for step in range(4):
            for at, (each, turn) in enumerate(zip(opened, turns, strict=True)):
                assert turn is not None
                each.put_piece(turn, content[at * 100 + step * 25 : at * 100 + step * 25 + 25])
        for at, (each, turn) in enumerate(zip(opened, turns, strict=True)):
            assert turn is not None
            each.accept_piece(turn, at * 100, 0)
            each.close()
        assert one.offset == 800
    assert data_of(store) == content


def test_a_piece_that_overlaps_anothers_turn_ends_it(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=100) as one, store.find(ID) as other:
        old = one.begin_piece(0, 50)
        new = other.begin_piece(49, 60)
        assert old is not None
        assert new is not None
        with pytest.raises(Fenced):
            one.put_piece(old, b"late")
        other.put_piece(new, b"y" * 11)
        other.accept_piece(new, 49, 0)
        assert one.missing() == [(0, 49), (60, 100)]


def test_what_counts_is_compared_and_never_written_again(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    content = noise(100)
    with made(store, size=100) as one:
        put_piece(one, 20, content[20:40])
        put_piece(one, 60, content[60:70])
        assert one.begin_piece(20, 40) is None
        assert one.begin_piece(25, 30) is None
        for wrong in (21, 39, 65):
            turn = one.begin_piece(10, 90)
            assert turn is not None
            false = bytearray(content[10:90])
            false[wrong - 10] ^= 1
            with pytest.raises(PieceDiffers):
                one.put_piece(turn, false)
            assert data_of(store)[20:40] == content[20:40]
        assert put_piece(one, 10, content[10:90], step=7)
        assert one.missing() == [(0, 10), (90, 100)]
    assert data_of(store)[10:90] == content[10:90]


def test_what_counts_from_the_start_is_compared_too(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=20) as one:
        put(one, b"0123456789")
        turn = one.begin_piece(5, 15)
        assert turn is not None
        with pytest.raises(PieceDiffers):
            one.put_piece(turn, b"567X9abcde")
        assert put_piece(one, 5, b"56789abcde")
        assert one.offset == 15


def test_who_writes_from_the_end_on_reaches_pieces_that_count_and_writes_none_again(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=20) as one:
        put_piece(one, 5, b"56789")
        turn = one.begin(0)
        one.put(turn, b"01234")
        assert one.offset == 10
        turn = one.begin(10)
        one.put(turn, b"abc")
        with made(store, size=20, upload_id="another-upload") as two:
            put_piece(two, 5, b"56789")
            with pytest.raises(PieceDiffers):
                two.put(two.begin(0), b"01234X")
            assert two.offset == 10
    assert data_of(store) == b"0123456789abc"


def test_a_repeat_that_was_given_up_takes_nothing_back(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=20) as one:
        put_piece(one, 5, b"56789")
        turn = one.begin_piece(0, 20)
        assert turn is not None
        one.put_piece(turn, b"01234567")
        assert one.missing() == [(0, 5), (10, 20)]


def test_pieces_that_counted_survive_another_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kept_in(tmp_path)
    with made(store, size=30) as one:
        put_piece(one, 10, b"b" * 10)
        turn = one.begin_piece(20, 30)
        assert turn is not None
        one.put_piece(turn, b"half")
    another_boot(monkeypatch)
    with store.find(ID) as found:
        assert (found.offset, found.missing()) == (0, [(0, 10), (20, 30)])
        put_piece(found, 0, b"a" * 10)
        assert found.offset == 20


def test_a_piece_whose_line_was_torn_does_not_count_and_its_place_is_used_again(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=30) as one:
        put_piece(one, 10, b"b" * 10)
    log = path_of(store, ".log")
    log.write_bytes(log.read_bytes()[:-3])
    with store.find(ID) as found:
        assert found.missing() == [(0, 30)]
        put_piece(found, 10, b"b" * 10)
        assert found.missing() == [(0, 10), (20, 30)]


def test_a_hundred_turns_at_a_time_have_room_and_the_oldest_makes_place(tmp_path: Path) -> None:
    with made(kept_in(tmp_path), size=1000) as one:
        turns = [one.begin_piece(at, at + 1) for at in range(101)]
        assert turns[0] is not None
        assert turns[1] is not None
        with pytest.raises(Fenced):
            one.put_piece(turns[0], b"x")
        one.put_piece(turns[1], b"x")


def test_more_pieces_than_are_counted_are_refused_before_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ajaxupload.partials.file.pieces.MOST", 3)
    with made(kept_in(tmp_path), size=100) as one:
        for at in (10, 20, 30):
            put_piece(one, at, b"x")
        with pytest.raises(TooManyRequests):
            one.begin_piece(40, 41)


@pytest.mark.parametrize(
    ("ranges", "found"),
    [
        ([], [(0, 0)]),
        ([(0, 5)], [(0, 5)]),
        ([(5, 10), (0, 5)], [(0, 10)]),
        ([(5, 10)], [(0, 0), (5, 10)]),
        ([(5, 10), (6, 7), (9, 12), (12, 13), (20, 30)], [(0, 0), (5, 13), (20, 30)]),
    ],
)
def test_ranges_that_touch_are_one(ranges: list[tuple[int, int]], found: list[tuple[int, int]]) -> None:
    assert union(ranges) == found


def ledger(path: Path) -> int:
    """A list of pieces in a file of its own, as a ledger makes it."""
    fd = os.open(path, os.O_RDWR | os.O_CREAT)
    os.ftruncate(fd, pieces.PIECES)
    os.pwrite(fd, os.urandom(pieces.NAME_SIZE), pieces.NAME)
    return fd


@given(data=st.data())
def test_reading_only_what_is_new_finds_what_reading_all_finds(data: st.DataObject, tmp_path_factory: Any) -> None:
    """Whoever appends, in whatever order, and where a line was torn by a death and written over."""
    fd = ledger(tmp_path_factory.mktemp("list") / "log")
    try:
        for _ in range(data.draw(st.integers(0, 12))):
            start = data.draw(st.integers(0, 50))
            pieces.add(fd, start, start + data.draw(st.integers(0, 9)), 7)
            if data.draw(st.booleans(), "torn"):
                os.pwrite(fd, b"\0" * data.draw(st.integers(1, 23)), os.fstat(fd).st_size)
            if data.draw(st.booleans(), "read"):
                pieces.ranges(fd)
        found = pieces.ranges(fd)
        pieces.forget(fd)
        assert found == pieces.ranges(fd)
    finally:
        os.close(fd)


def test_no_line_is_read_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fd, read = ledger(tmp_path / "log"), 0
    real = pieces.pread

    def counting(fd: int, size: int, at: int) -> bytes:
        nonlocal read
        read += size if at >= pieces.PIECES else 0
        return real(fd, size, at)

    monkeypatch.setattr(pieces, "pread", counting)
    try:
        for number in range(1000):
            pieces.add(fd, number, number + 1, 7)
            assert pieces.ranges(fd) == [(0, number + 1)]
        assert read == os.fstat(fd).st_size - pieces.PIECES
    finally:
        os.close(fd)


def test_of_ledgers_without_a_name_nothing_is_remembered(tmp_path: Path) -> None:
    """As after a power cut that took it: two of them are not taken for one."""
    for number in (1, 2):
        fd = ledger(tmp_path / str(number))
        os.pwrite(fd, bytes(pieces.NAME_SIZE), pieces.NAME)
        pieces.add(fd, 0, number, 7)
        assert pieces.ranges(fd) == [(0, number)]
        os.close(fd)


def test_the_oldest_that_was_read_is_forgotten_first(tmp_path: Path) -> None:
    for number in range(pieces._MOST_READ + 10):
        fd = ledger(tmp_path / str(number))
        pieces.add(fd, 0, 5, 7)
        pieces.ranges(fd)
        os.close(fd)
    assert len(pieces._read) == pieces._MOST_READ
