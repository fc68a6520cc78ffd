"""Blocks go to those who need them, so many of each size, and never to two."""

from __future__ import annotations

import threading
import time

import pytest

from ajaxupload import blocks
from ajaxupload.blocks import Borrowed

KIB, MIB = 1 << 10, 1 << 20
ENDLESS = 1 << 40


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_LARGE", blocks._Blocks(MIB, 2))
    monkeypatch.setattr(blocks, "_MIDDLE", blocks._Blocks(256 * KIB, 3))


def filled(borrowed: Borrowed) -> int:
    """The next block's size, after one that was filled."""
    borrowed.filled = True
    return len(borrowed.next(ENDLESS))


def test_whoever_comes_late_has_a_smaller_one_until_another_has_ended() -> None:
    bodies = [Borrowed() for _ in range(5)]
    assert [len(each.next(ENDLESS)) for each in bodies] == [256 * KIB] * 3 + [64 * KIB] * 2
    assert [filled(each) for each in bodies] == [MIB, MIB, 256 * KIB, 64 * KIB, 64 * KIB]
    assert [filled(each) for each in bodies] == [MIB, MIB, 256 * KIB, 256 * KIB, 256 * KIB], "two were given back"
    del bodies[0]
    assert filled(bodies[-1]) == MIB


@pytest.mark.parametrize(("left", "size"), [(1, 1), (64 * KIB, 64 * KIB), (64 * KIB + 1, 256 * KIB)])
def test_small_bodies_take_what_they_need(left: int, size: int) -> None:
    assert len(Borrowed().next(left)) == size


def test_a_slow_client_and_a_body_that_is_nearly_over_have_no_larger_one() -> None:
    borrowed = Borrowed()
    borrowed.next(ENDLESS)
    assert len(borrowed.next(ENDLESS)) == 256 * KIB
    borrowed.filled = True
    assert len(borrowed.next(MIB - 1)) == 256 * KIB


def test_a_block_is_used_again_and_shows_a_bytearray_from_its_start() -> None:
    borrowed = Borrowed()
    memory = borrowed.next(ENDLESS)
    memory[:4] = b"mine"
    assert isinstance(memory.obj, bytearray)
    assert memory.obj.startswith(b"mine")
    del memory, borrowed
    assert bytes(Borrowed().next(ENDLESS)[:4]) == b"mine"


def test_one_that_somebody_still_knows_is_left_to_them() -> None:
    first = Borrowed()
    lent = first.next(ENDLESS)[:4]
    del first
    others = [Borrowed() for _ in range(3)]
    for each in others:
        each.next(ENDLESS)[:4] = b"else"
    assert bytes(lent) == bytes(4)


def test_without_memory_for_a_larger_one_a_body_goes_on_with_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_LARGE", blocks._Blocks(1 << 60, 1))
    monkeypatch.setattr(blocks, "_MIDDLE", blocks._Blocks(1 << 61, 1))
    for _ in range(3):
        borrowed = Borrowed()
        assert len(borrowed.next(1 << 62)) == 64 * KIB
        borrowed.filled = True
        assert len(borrowed.next(1 << 62)) == 64 * KIB
    assert list(blocks._LARGE._spares) == [None], "it is there for who finds memory"


def test_no_two_threads_have_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "_LARGE", blocks._Blocks(MIB, 0))
    found: list[bool] = []

    def work(number: int) -> None:
        mark = number.to_bytes(4, "big")
        for _ in range(300):
            borrowed = Borrowed()
            memory = borrowed.next(ENDLESS)[:4]
            memory[:] = mark
            if number % 2:  # some keep what they were lent for longer than they should
                del borrowed
            time.sleep(0)  # the others' turn
            found.append(bytes(memory) == mark)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len(found) == 2400
    assert all(found)
