"""Dropzone 5 and 6: what was captured from them in pieces, and sizes that are another file's."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire import store
from tests.wire.captured import Captured, all_captured
from tests.wire.doors import DOORS, Door
from tests.wire.uploaders import WHOLE, dropzone
from tests.wire.visiting import Visit

CAPTURED = [each for each in all_captured() if each.verdict() == "dropzone"]
SCENARIOS: dict[str, list[Captured]] = {}
for _each in CAPTURED:
    SCENARIOS.setdefault(str(_each.row["case"]), []).append(_each)


def rows(*names: str) -> list[Any]:
    return [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in names]


everywhere = pytest.mark.parametrize("door", rows(*DOORS), indirect=True)


@pytest.mark.parametrize("name", list(SCENARIOS))
@everywhere
def test_what_was_captured_in_pieces_is_stored_and_answered_as_the_widget_takes_it(door: Door, name: str) -> None:
    answers = [door.send(sent.case()) for sent in SCENARIOS[name]]
    for answer in answers:
        assert (answer.status, answer.json["success"]) == (200, True), answer
        assert answer.headers["content-type"].startswith("application/json")
    assert len({answer.json["id"] for answer in answers}) == 1  # the page sees the one that arrives last
    assert [answer.json["complete"] for answer in answers].count(True) == 1
    stored = store.take(door.root)
    assert list(stored.values()) == [WHOLE]


def test_all_that_was_captured_in_pieces_is_played() -> None:
    assert set(SCENARIOS) >= {"dz5_chunk", "dz5_par", "dz6_chunk", "dz6_par"}


@pytest.mark.parametrize("total", [0, 7, 10**12])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0)], ids=str)
@everywhere
def test_the_size_that_it_says_may_be_wrong(door: Door, total: int, order: tuple[int, ...]) -> None:
    """A picture that the page made smaller is sent with the size of the original."""
    visit = Visit(door)
    answers = [dropzone(visit, k, total=total) for k in order]
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert (answers[-1].json["complete"], answers[-1].json["size"]) == (True, len(WHOLE))
    assert store.take(door.root) == {"a.txt": WHOLE}


@pytest.mark.parametrize("door", rows("webtest"), indirect=True)
def test_a_piece_that_is_cut_short_does_not_count(door: Door) -> None:
    visit, fields = Visit(door), {"dzuuid": "u", "dzchunksize": 10, "dztotalchunkcount": 3}
    short = visit.post("/upload", {**fields, "dzchunkindex": 0, "dzchunkbyteoffset": 0}, ("file", "a.txt", WHOLE[:9]))
    assert short.status == 400
    long = visit.post("/upload", {**fields, "dzchunkindex": 2, "dzchunkbyteoffset": 20}, ("file", "a.txt", WHOLE[:11]))
    assert long.status == 413
    for k in (0, 1, 2):
        assert dropzone(visit, k, key="u").status == 200
    assert store.take(door.root) == {"a.txt": WHOLE}


@pytest.mark.parametrize("door", rows("webtest"), indirect=True)
def test_a_file_of_no_bytes_in_one_piece_is_a_file(door: Door) -> None:
    assert dropzone(Visit(door), 0, b"").json["complete"] is True
    assert store.take(door.root) == {"a.txt": b""}


@pytest.mark.parametrize("door", rows("webtest"), indirect=True)
def test_the_last_piece_may_come_again_before_the_others(door: Door) -> None:
    visit = Visit(door)
    assert [dropzone(visit, k).status for k in (2, 2, 2, 0, 1)] == [200] * 5
    assert store.take(door.root) == {"a.txt": WHOLE}


@pytest.mark.parametrize("door", rows("webtest"), indirect=True)
@pytest.mark.parametrize("size", [5, 700 << 10, 1 << 20])
def test_a_last_piece_may_be_shorter_than_what_is_left_of_the_largest_size(door: Door, size: int) -> None:
    """A piece's size is said to be what all but the last have: 400 KiB of 1 MiB, or more than that."""
    step, visit = (400 << 10) if size > 5 else (2 << 20), Visit(door)
    whole = bytes(size)
    answers = [dropzone(visit, k, whole, step, name="a.bin") for k in range(-(-size // step))]
    assert [answer.status for answer in answers] == [200] * len(answers), answers
    assert answers[-1].json["complete"]
    assert store.take(door.root) == {"a.bin": whole}
    over = [dropzone(visit, k, bytes((1 << 20) + 1), 400 << 10, "other", "b.bin") for k in range(3)]
    assert [answer.status for answer in over] == [200, 200, 413]
    assert store.take(door.root) == {}
