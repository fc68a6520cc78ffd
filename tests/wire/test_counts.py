"""A hundred uploads of eight pieces side by side are a hundred files, each finished once; one to ten thousand pieces
are one. Over two worker processes, of every widget that sends pieces."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.wire import store
from tests.wire.client import Answer
from tests.wire.doors import Door
from tests.wire.playing import EVERY, ORDERED, UNORDERED, Play, agree
from tests.wire.visiting import Visit

pytestmark = pytest.mark.servers
two_workers = pytest.mark.parametrize("door", ["gunicorn"], indirect=True)
PIECES = 8
#: Once for each run, in either form that an id can have.
KEYS = ("4f0c1c1e-7b3a-4a3e-9d65-2f9c6f0b{:04x}", "guessable {}")


def counted(widgets: tuple[str, ...]) -> list[Any]:
    """A hundred of one widget, and of the others what a hundred would show in most cases; all hundreds in full runs."""
    short = [pytest.param(widget, 15) for widget in widgets[1:]]
    return [
        pytest.param(widgets[0], 100),
        *short,
        *(pytest.param(each, 100, marks=pytest.mark.full) for each in widgets[1:]),
    ]


def file_of(widget: str, run: int) -> Play:
    whole = random.Random(run).randbytes(PIECES * 1000 + (run if widget not in ORDERED else 0))
    step = 1000 if widget in ("resumablejs", "flow") else -(-len(whole) // PIECES)
    play = Play(widget, whole, step, f"{widget}-{run}.bin", KEYS[run % 2].format(run))
    assert play.count == PIECES
    return play


def side_by_side(door: Door, play: Play, run: int) -> list[Answer]:
    """All eight at once, from a browser that has no cookie yet; one of them is sent twice."""
    numbers, gate = [*range(PIECES), run % PIECES], threading.Barrier(PIECES + 1)
    random.Random(run).shuffle(numbers)

    def send(k: int) -> Answer:
        gate.wait()
        return play.send(Visit(door), k)

    with ThreadPoolExecutor(len(numbers)) as pool:
        answers = list(pool.map(send, numbers))
    assert {answer.status for answer in answers} <= {200, 409}, answers
    for answer, k in [*zip(answers, numbers, strict=True)]:
        if answer.status == 409:  # one piece twice at once: the first gives way to the second, as a dead client does
            assert (answer.json["code"], answer.json["preventRetry"]) == ("fenced", False), answer
            answers.append(play.send(Visit(door), k))
    return [answer for answer in answers if answer.status == 200]


@two_workers
@pytest.mark.parametrize(("widget", "runs"), counted(UNORDERED))
def test_so_many_runs_of_eight_pieces_side_by_side_are_so_many_files(door: Door, widget: str, runs: int) -> None:
    plays = [file_of(widget, run) for run in range(runs)]
    workers: Counter[int] = Counter()
    for run, play in enumerate(plays):
        told = {play.told(answer) for answer in side_by_side(door, play, run)}
        last = play.send(Visit(door), run % PIECES)  # whichever came last, the page learns it from any repeat
        told.add(play.told(last))
        assert agree(told)
        assert last.json["complete"]
        workers[last.json["process"]] += 1
    assert store.take(door.root) == {play.name: play.whole for play in plays}
    assert len(workers) == 2


@two_workers
@pytest.mark.parametrize(("widget", "runs"), counted(ORDERED))
def test_so_many_uploads_side_by_side_of_eight_pieces_in_turn_are_so_many_files(
    door: Door, widget: str, runs: int
) -> None:
    """One browser without a cookie for each."""

    def upload(run: int) -> Play:
        play, visit = file_of(widget, run), Visit(door)
        play.begin(visit)
        told = []
        for k in range(PIECES):
            told += [play.told(play.send(visit, k)) for _ in range(1 + (k == run % PIECES))]
        assert agree(told)
        return play

    with ThreadPoolExecutor(8) as pool:
        plays = list(pool.map(upload, range(runs)))
    assert store.take(door.root) == {play.name: play.whole for play in plays}


def shuffled(count: int) -> Iterator[list[int]]:
    """All numbers in any order, in portions that go out side by side."""
    numbers = list(range(count))
    random.Random(count).shuffle(numbers)
    return (numbers[at : at + 8] for at in range(0, count, 8))


@two_workers
@pytest.mark.slow
@pytest.mark.parametrize("widget", EVERY)
@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.full)])
def test_so_many_pieces_are_one_file(door: Door, widget: str, count: int) -> None:
    play = Play(widget, random.Random(count).randbytes(count * 3), 3, f"{widget}.bin")
    visit = Visit(door)
    visit.send("GET", "/upload")
    play.begin(visit)
    portions = shuffled(count) if widget in UNORDERED else ([k] for k in range(count))
    with ThreadPoolExecutor(8) as pool:
        for portion in portions:
            answers = list(pool.map(lambda k: play.send(visit, k), portion))
            assert {answer.status for answer in answers} <= {200, 204}, answers
    assert play.told(play.send(visit, count - 1))[0]
    assert store.take(door.root) == {play.name: play.whole}
