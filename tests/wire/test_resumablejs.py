"""Resumable.js and Flow.js at every door: pieces side by side, in any order; questions; which status ends what."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.wire import store
from tests.wire.doors import DOORS, Door
from tests.wire.visiting import Visit, asks, resumable

WHOLE = b"0123456789abcdefghijABCDEFGHIJ!"  # three pieces of ten, the last with what is left over
PREFIXES = ("resumable", "flow")
#: What each client takes for the end of a file's upload, and what for a piece that is there.
FINAL = {"resumable": {400, 404, 415, 500, 501}, "flow": {404, 413, 415, 500, 501}}


def doors(*names: str) -> list[Any]:
    return [pytest.param(door, id=door, marks=[] if door == "webtest" else pytest.mark.servers) for door in names]


everywhere = pytest.mark.parametrize("door", doors(*DOORS), indirect=True)
here = pytest.mark.parametrize("door", ["webtest"], indirect=True)
either = pytest.mark.parametrize("prefix", PREFIXES)


@everywhere
@either
def test_pieces_in_every_order_and_again_are_the_file_once(door: Door, prefix: str) -> None:
    orders = list(itertools.permutations((1, 2, 3))) if door.name == "webtest" else [(3, 1, 2)]
    for number, order in enumerate(orders):
        visit, name = Visit(door), f"{number}.txt"
        answers = [resumable(visit, k, 10, WHOLE, name, prefix) for k in (*order[:2], *order)]
        assert [answer.status for answer in answers] == [200] * 5
        assert [answer.json["complete"] for answer in answers] == [False] * 4 + [True]
        assert len({answer.json["id"] for answer in answers}) == 1
        again = resumable(visit, order[0], 10, WHOLE, name, prefix)
        assert (again.status, again.json["complete"], again.json["id"]) == (200, True, answers[0].json["id"])
        assert store.take(door.root) == {name: WHOLE}


@everywhere
@either
def test_absent_is_204_and_there_is_200_with_what_was_stored(door: Door, prefix: str) -> None:
    visit = Visit(door)
    assert asks(visit, 1, 10, WHOLE, prefix=prefix).status == 204
    resumable(visit, 2, 10, WHOLE, prefix=prefix)
    assert [asks(visit, k, 10, WHOLE, prefix=prefix).status for k in (1, 2, 3)] == [204, 200, 204]
    for k in (1, 3):
        resumable(visit, k, 10, WHOLE, prefix=prefix)
    found = asks(visit, 1, 10, WHOLE, prefix=prefix)
    assert (found.status, found.json["complete"], found.json["filename"]) == (200, True, "a.txt")
    assert store.take(door.root) == {"a.txt": WHOLE}


@everywhere
def test_two_names_of_one_size_whose_letters_are_lost_are_two_files(door: Door) -> None:
    visit = Visit(door)
    for k in (1, 2, 3):
        for name in ("日本.png", "中国.png"):
            assert resumable(visit, k, 10, WHOLE if name < "日" else WHOLE[::-1], name).status == 200
    assert store.take(door.root) == {"中国.png": WHOLE, "日本.png": WHOLE[::-1]}


@everywhere
@either
def test_two_people_with_the_same_identifier_never_meet(door: Door, prefix: str) -> None:
    people = [(Visit(door, "ann"), "/guarded"), (Visit(door, "eve"), "/guarded")]
    people += [(Visit(door, agent=name), "/upload") for name in ("Mozilla/5.0", "Opera")]
    for k in (1, 2, 3):
        for number, (visit, url) in enumerate(people):
            assert asks(visit, k, 10, WHOLE, prefix=prefix, url=url).status == 204
            content = bytes([65 + number]) * len(WHOLE)
            assert resumable(visit, k, 10, content, prefix=prefix, url=url).status == 200
    assert sorted(store.take(door.root).values()) == [bytes([65 + number]) * len(WHOLE) for number in range(4)]


@pytest.mark.parametrize("door", doors("cheroot", "gunicorn", "django", "flask"), indirect=True)
@either
def test_first_pieces_side_by_side_without_a_cookie_are_one_upload(door: Door, prefix: str) -> None:
    """Every browser's pieces leave before the first answer and its cookie have come."""
    count, rounds = 8, 6
    for number in range(rounds):
        whole, gate = bytes(range(80)) + b"%02d" % number, threading.Barrier(count)

        def send(k: int, whole: bytes = whole, gate: threading.Barrier = gate, name: str = f"{number}.bin") -> Any:
            gate.wait()
            return resumable(Visit(door), k, 10, whole, name, prefix)

        with ThreadPoolExecutor(count) as pool:
            answers = list(pool.map(send, range(1, count + 1)))
        assert {answer.status for answer in answers} == {200}
        assert len({answer.json["id"] for answer in answers}) == 1
        assert sum(answer.json["complete"] for answer in answers) >= 1
        assert store.take(door.root) == {f"{number}.bin": whole}


@here
@either
def test_one_piece_is_a_file(door: Door, prefix: str) -> None:
    visit = Visit(door)
    assert resumable(visit, 1, 100, WHOLE, prefix=prefix).json["complete"]
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
@pytest.mark.slow
def test_two_thousand_tiny_pieces_are_one_file(door: Door) -> None:
    visit, whole = Visit(door), bytes(range(250)) * 8
    answers = [resumable(visit, k, 1, whole, "tiny.bin", "flow") for k in range(len(whole), 0, -1)]
    assert {answer.status for answer in answers} == {200}
    assert [answer.json["complete"] for answer in answers[-2:]] == [False, True]
    assert store.take(door.root) == {"tiny.bin": whole}


@here
@either
def test_what_is_refused_for_good_ends_and_what_may_succeed_later_does_not(door: Door, prefix: str) -> None:
    final = FINAL[prefix]
    wrong = resumable(Visit(door), 1, 10, WHOLE, "a.exe", prefix, "/photos")
    large = resumable(Visit(door), 1, 10, bytes(2 << 20), "a.txt", prefix)
    stranger = resumable(Visit(door, "bob"), 1, 10, WHOLE, "a.txt", prefix, "/guarded")
    asked = asks(Visit(door, "bob"), 1, 10, WHOLE, "a.txt", prefix, "/guarded")
    for answer in (wrong, large, stranger, asked):
        assert answer.status in final, answer
        assert answer.json["error"]
    assert store.take(door.root) == {}


@here
@either
def test_a_file_of_the_same_name_and_size_is_another_one_later(
    door: Door, prefix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, other = Visit(door), WHOLE[::-1]
    first = [resumable(visit, k, 10, WHOLE, prefix=prefix) for k in (1, 2, 3)]
    monkeypatch.setattr("ajaxupload.protocols.chunked._MEANT", 0.0)
    assert asks(visit, 1, 10, other, prefix=prefix).status == 204
    second = [resumable(visit, k, 10, other, prefix=prefix) for k in (3, 1, 2)]
    assert first[2].json["complete"]
    assert second[2].json["complete"]
    assert sorted(store.take(door.root).values()) == sorted([WHOLE, other])
