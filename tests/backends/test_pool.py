"""The memory that all uploads to remote stores share."""

from __future__ import annotations

import threading
import time

import pytest

from ajaxupload.backends._pool import Pool
from ajaxupload.errors import StorageUnavailable


def taken(pool: Pool, size: int, limit: int) -> memoryview:
    """Memory that is there at once."""
    memory = pool.take(size, limit, 0)
    assert memory is not None
    return memory


def test_one_part_always_fits() -> None:
    pool = Pool()
    memory = taken(pool, 100, 10)
    assert len(memory) == 100
    assert pool.take(1, 10, 0) is None
    pool.give_back(memory)
    assert pool.used == 0


def test_who_waits_is_served_when_memory_comes_back() -> None:
    pool = Pool()
    pool.reserve(100, 100, 0)
    threading.Timer(0.1, pool.give_back, [100]).start()
    pool.reserve(80, 100, 10)
    assert pool.used == 80


def test_who_waits_too_long_is_refused_and_told_to_come_again() -> None:
    pool = Pool()
    pool.reserve(100, 100, 0)
    start = time.monotonic()
    with pytest.raises(StorageUnavailable, match="Too many uploads") as raised:
        pool.reserve(1, 100, 0.1)
    assert time.monotonic() - start < 20
    assert int(raised.value.headers["Retry-After"]) > 0
    assert pool.used == 100


def test_memory_is_used_again_while_anybody_holds_some() -> None:
    """Fresh memory costs a fault for each of its pages."""
    pool = Pool()
    held, first = taken(pool, 4096, 10_000), taken(pool, 4096, 10_000)
    first[:5] = b"first"
    pool.give_back(first)
    assert (pool.used, pool.spare) == (4096, 4096)
    second = taken(pool, 4096, 10_000)
    assert bytes(second[:5]) == b"first"
    assert pool.spare == 0
    for memory in (held, second):
        pool.give_back(memory)
    assert (pool.used, pool.spare) == (0, 0), "an idle process keeps nothing"


def test_spare_memory_counts_and_makes_room_for_other_sizes() -> None:
    pool = Pool()
    held, back = taken(pool, 4096, 10_000), taken(pool, 4096, 10_000)
    pool.give_back(back)
    other = taken(pool, 5000, 10_000)
    assert pool.used + pool.spare <= 10_000
    for memory in (held, other):
        pool.give_back(memory)


def test_the_limit_holds_whoever_asks_at_once() -> None:
    pool, most = Pool(), 0

    def one(size: int) -> None:
        nonlocal most
        for number in range(50):
            memory = pool.take(size, 1000, 30)
            assert memory is not None
            with pool._changed:  # the two are one fact: between them nobody else's change may come
                most = max(most, pool.used + pool.spare)
            memory[:1] = bytes([number])
            pool.give_back(memory)

    threads = [threading.Thread(target=one, args=(100 + number % 4 * 10,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0 < most <= 1000
    assert (pool.used, pool.spare) == (0, 0)
