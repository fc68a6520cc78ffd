"""Turns at writing, and offsets that are told: KEEP, one writer at a time, and nobody waits for a dead one."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.errors import Conflict, Fenced, NotFound, OffsetMismatch
from ajaxupload.partials.file.partial import FilePartial
from tests.partials.uploads import ID, data_of, kept_in, made, path_of, put, remains


def test_what_was_put_counts_at_once_and_for_every_other_request(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one, store.find(ID) as other:
        turn = one.begin(0)
        one.put(turn, b"abc")
        assert (turn.at, one.offset, other.offset) == (3, 3, 3)
        one.put(turn, memoryview(b"def"))
    assert data_of(store) == b"abcdef"


def test_a_second_writer_ends_the_first_ones_turn_before_its_next_byte(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one, store.find(ID) as other:
        old = one.begin(0)
        one.put(old, b"first")
        new = other.begin(5)
        for late in (one.put, one.hold):
            with pytest.raises(Fenced):
                late(old, b"LATE!")
        with pytest.raises(Fenced):
            one.accept(old)
        other.put(new, b"second")
    assert data_of(store) == b"firstsecond"


@pytest.mark.parametrize("end", [FilePartial.status, FilePartial.remove], ids=["status", "remove"])
def test_status_and_remove_end_turns_of_both_manners(tmp_path: Path, end: Any) -> None:
    store = kept_in(tmp_path)
    with made(store) as one, made(store, upload_id="another-upload") as two, store.find(ID) as other:
        keeping = one.begin(0)
        holding = two.begin_piece(0, 10)
        assert holding is not None
        end(other)
        with store.find("another-upload") as another:
            end(another)
        with pytest.raises(Fenced):
            one.put(keeping, b"late")
        with pytest.raises(Fenced):
            two.put_piece(holding, b"late")
        with pytest.raises(Fenced):
            two.accept_piece(holding, 0, 0)


def test_asking_for_the_offset_disturbs_nobody(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        turn = one.begin(0)
        one.put(turn, b"abc")
        with store.find(ID) as other:
            assert other.offset == 3
            assert other.missing() == [(3, 100)]
        one.put(turn, b"def")
        assert one.offset == 6


def test_a_turn_at_another_place_is_refused_with_the_place_that_is_taken(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"abcdef")
        for wrong in (0, 3, 7, 100):
            with pytest.raises(OffsetMismatch) as caught:
                one.begin(wrong)
            assert (caught.value.expected, caught.value.provided) == (6, wrong)
        put(one, b"ghi", at=6)


def test_a_wrong_place_ends_nobodys_turn(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one, store.find(ID) as other:
        turn = one.begin(0)
        one.put(turn, b"abc")
        with pytest.raises(OffsetMismatch):
            other.begin(1)
        one.put(turn, b"def")


def test_held_bytes_count_all_at_once_or_are_written_over(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        given_up = one.begin(0)
        one.hold(given_up, b"XXXXXXXX")
        assert one.offset == 0
        turn = one.begin(0)
        one.hold(turn, b"ab")
        one.hold(turn, b"cd")
        assert one.offset == 0
        one.accept(turn)
        assert one.offset == 4
        put(one, b"ef")
    assert data_of(store) == b"abcdefXX"


def test_what_a_writer_left_behind_the_end_is_no_part_of_the_file(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=None) as one:
        one.hold(one.begin(0), b"far too many bytes")
        put(one, b"few")
        one.declare(3)
        whole = one.whole()
        with whole.open() as file:
            assert (whole.size, file.read()) == (3, b"few")


def test_a_size_is_declared_once_and_never_less_than_what_has_come(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=None) as one, store.find(ID) as other:
        put(one, b"abcdef")
        with pytest.raises(Conflict):
            other.declare(5)
        other.declare(10)
        other.declare(10)
        with pytest.raises(Conflict):
            one.declare(11)
        assert one.reload().size == 10


def test_who_declares_the_size_ends_the_turn_of_a_writer_that_knew_no_limit(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=None) as one, store.find(ID) as other:
        turn = one.begin(0)
        one.put(turn, b"abc")
        other.declare(3)
        with pytest.raises(Fenced):
            one.put(turn, b"more than that")
        assert one.begin(3) is not None
        assert one.record.size == 3, "who begins knows the size"


def test_declaring_the_size_leaves_the_turns_at_pieces(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store, size=None) as one, store.find(ID) as other:
        turn = one.begin_piece(0, 3)
        assert turn is not None
        other.declare(6)
        one.put_piece(turn, b"abc")
        one.accept_piece(turn, 0, 0)
        assert one.offset == 3


def test_nothing_of_a_removed_upload_is_left_and_its_id_is_free(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one, store.find(ID) as other:
        turn = one.begin(0)
        one.put(turn, b"abc")
        other.remove()
        other.remove()
        assert remains(store) == []
        with pytest.raises(NotFound):
            store.find(ID)
        with made(store) as new:
            one.remove()
            other.drop_data()
            with pytest.raises(Fenced):
                one.put(turn, b"late")
            for verb in (one.reload, one.save, one.status, lambda: one.begin(0), lambda: one.begin_piece(0, 1)):
                with pytest.raises(NotFound):
                    verb()
            put(new, b"new")
        assert data_of(store) == b"new", "the old one's hands are off the new one"


def test_creating_waits_for_a_removal_and_makes_a_whole_upload(tmp_path: Path) -> None:
    """200 rounds of a removal and a creation of the same id at a time: who is told "new" has one."""
    store = kept_in(tmp_path, durable=False)
    for round_ in range(200):
        old = made(store)
        thread = threading.Thread(target=old.remove)
        thread.start()
        partial, new = store.create(old.record)
        thread.join()
        old.close()
        with partial:
            if new:
                put(partial, b"%d" % round_)
                with store.find(ID) as found:
                    assert found.offset == len(str(round_))
                partial.remove()
        assert remains(store) == [], round_


def test_two_who_change_the_record_lose_neither_change(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one, store.find(ID) as other:
        one.amend(lambda record: record.words.update(one=1))
        other.amend(lambda record: record.words.update(other=2))
        assert one.reload().words == {"one": 1, "other": 2}


def test_an_upload_that_has_ended_is_not_saved_as_open_again(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one, store.find(ID) as stale:
        one.record.state = "complete"
        one.save()
        stale.record.words["late"] = True
        with pytest.raises(Conflict):
            stale.save()


def test_a_ledger_is_as_long_as_it_ever_is_before_a_record_says_that_it_is_there(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    made(store).close()
    assert path_of(store, ".log").stat().st_size == 4096
