"""Plupload's pieces, which say neither which upload they are of nor how long it is, at every door."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.wire import store
from tests.wire.client import Answer
from tests.wire.doors import DOORS, Door
from tests.wire.visiting import Visit, plupload, plupload_raw

WHOLE = b"0123456789012345678901234"
Send = Callable[..., Answer]


def doors(*more: Any) -> list[Any]:
    return [pytest.param(door, id=door, marks=[] if door == "webtest" else pytest.mark.servers) for door in DOORS]


everywhere = pytest.mark.parametrize("door", doors(), indirect=True)
here = pytest.mark.parametrize("door", ["webtest"], indirect=True)


def pieces(whole: bytes, step: int) -> list[bytes]:
    return [whole[at : at + step] for at in range(0, len(whole), step)]


def send_all(visit: Visit, whole: bytes = WHOLE, step: int = 10, send: Send = plupload, **more: Any) -> list[Answer]:
    parts = pieces(whole, step)
    return [send(visit, k, len(parts), part, **more) for k, part in enumerate(parts)]


@everywhere
@pytest.mark.parametrize("send", [plupload, plupload_raw])
def test_pieces_in_turn_are_the_file_and_every_answer_has_its_id(door: Door, send: Send) -> None:
    answers = send_all(Visit(door), send=send, name="héllo wörld & 'q'.txt")
    assert [answer.status for answer in answers] == [200, 200, 200]
    assert [answer.json["complete"] for answer in answers] == [False, False, True]
    assert len({answer.json["id"] for answer in answers}) == 1
    assert answers[-1].json["files"][0]["size"] == 25
    assert store.take(door.root) == {"héllo wörld & 'q'.txt": WHOLE}


@everywhere
def test_a_repeat_of_any_piece_is_compared_and_answered_again(door: Door) -> None:
    visit = Visit(door)
    for k, part in enumerate(pieces(WHOLE, 10)):
        first, again = plupload(visit, k, 3, part), plupload(visit, k, 3, part)
        assert (first.status, again.status) == (200, 200)
        assert first.json["id"] == again.json["id"]
    assert plupload(visit, 0, 3, WHOLE[:10], name="b.txt").status == 200
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
def test_a_later_piece_that_differs_is_refused_and_the_upload_goes_on(door: Door) -> None:
    visit = Visit(door)
    plupload(visit, 0, 3, WHOLE[:10])
    plupload(visit, 1, 3, WHOLE[10:20])
    differs = plupload(visit, 1, 3, b"x" * 10)
    assert (differs.status, differs.json["code"]) == (409, "piece_differs")
    assert plupload(visit, 2, 3, WHOLE[20:]).json["complete"]
    assert store.take(door.root) == {"a.txt": WHOLE}


@everywhere
def test_a_piece_before_its_turn_may_be_sent_again_later(door: Door) -> None:
    visit = Visit(door)
    assert plupload(visit, 1, 3, WHOLE[10:20]).status == 409
    plupload(visit, 0, 3, WHOLE[:10])
    early = plupload(visit, 2, 3, WHOLE[20:])
    assert (early.status, early.json["code"], early.json["preventRetry"]) == (409, "out_of_turn", False)
    assert "missing" in early.reason
    assert plupload(visit, 1, 3, WHOLE[10:20]).status == plupload(visit, 2, 3, WHOLE[20:]).status == 200
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
@pytest.mark.parametrize("first", [b"abcdefghij", b"0123456abc", b"01234", b"0123456789012"])
def test_a_first_piece_that_differs_begins_another_file_once_the_one_before_is_silent(
    door: Door, first: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit = Visit(door)
    begun = [plupload(visit, k, 3, WHOLE[10 * k : 10 * k + 10]) for k in range(2)]
    waits = plupload(visit, 0, 3, first)  # whoever sent two pieces may be about to send the third
    assert (waits.status, waits.json["code"], waits.json["preventRetry"]) == (409, "out_of_turn", False)
    monkeypatch.setattr("ajaxupload.protocols.serial._QUIET", -1.0)
    again = plupload(visit, 0, 3, first)
    assert (again.status, again.json["complete"]) == (200, False), again
    assert again.json["id"] == begun[0].json["id"]
    rest = [plupload(visit, k, 3, part) for k, part in ((1, first[::-1]), (2, b"!"))]
    assert rest[-1].json["complete"]
    assert store.take(door.root) == {"a.txt": first + first[::-1] + b"!"}


@here
def test_two_of_one_name_at_once_do_not_mix_but_the_second_waits(door: Door) -> None:
    visit = Visit(door)
    plupload(visit, 0, 2, b"first file")
    refused = plupload(visit, 0, 2, b"other file")
    assert (refused.status, refused.json["code"], refused.json["preventRetry"]) == (409, "out_of_turn", False)
    assert plupload(visit, 1, 2, b" of two").json["complete"]
    assert store.take(door.root) == {"a.txt": b"first file of two"}


@here
def test_the_next_file_of_a_name_never_meets_the_one_before(door: Door) -> None:
    visit = Visit(door)
    ids = set()
    for number in range(4):
        answers = send_all(visit, WHOLE[number:] + b"abcd"[:number])
        assert answers[-1].json["complete"]
        ids.add(answers[-1].json["id"])
    same = send_all(visit, WHOLE)
    assert len(ids | {same[-1].json["id"]}) == 5
    assert sorted(store.take(door.root).values()) == sorted(
        [WHOLE, *(WHOLE[number:] + b"abcd"[:number] for number in range(4))]
    )


@everywhere
def test_two_people_with_the_same_name_never_meet(door: Door) -> None:
    ann, eve = Visit(door, "ann"), Visit(door, "eve")
    stranger, other = Visit(door, agent="Mozilla/5.0"), Visit(door, agent="Opera")
    for k in range(3):
        for number, visit in enumerate((ann, eve)):
            content = bytes([65 + number]) * (10 if k < 2 else 5)
            assert plupload(visit, k, 3, content, url="/guarded").status == 200
        for number, visit in enumerate((stranger, other)):
            content = bytes([97 + number]) * (10 if k < 2 else 5)
            assert plupload(visit, k, 3, content).status == 200
    assert sorted(store.take(door.root).values()) == [b"A" * 25, b"B" * 25, b"a" * 25, b"b" * 25]


@everywhere
def test_bytes_are_counted_with_send_chunk_number_false(door: Door) -> None:
    visit = Visit(door)
    answers = [
        visit.post("/upload", {"name": "a.txt", "offset": at, "total": 25}, ("file", "blob", WHOLE[at : at + 10]))
        for at in (0, 10, 10, 20)
    ]
    assert [answer.status for answer in answers] == [200] * 4
    assert answers[3].json["complete"]
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
def test_its_only_piece_is_an_ordinary_form(door: Door) -> None:
    answer = Visit(door).post("/upload", {"name": "a.txt", "chunk": 0, "chunks": 1}, ("file", "a.txt", WHOLE))
    assert (answer.status, answer.json["protocol"]) == (200, "form")
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
@pytest.mark.slow
def test_two_thousand_tiny_pieces_are_one_file(door: Door) -> None:
    whole = bytes(range(256)) * 16
    answers = send_all(Visit(door), whole[:4000], 2, send=plupload_raw, name="tiny.bin")
    assert {answer.status for answer in answers} == {200}
    assert store.take(door.root) == {"tiny.bin": whole[:4000]}


@here
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"chunk": 3, "chunks": 3}, 400),
        ({"chunk": 0, "chunks": 10001}, 400),
        ({"offset": 25, "total": 25}, 400),
        ({"offset": "x", "total": 25}, 400),
        ({"offset": 0, "total": 2 << 20}, 413),
    ],
)
def test_numbers_that_cannot_be_are_refused(door: Door, fields: dict[str, object], status: int) -> None:
    answer = Visit(door).post("/upload", {"name": "a.txt", **fields}, ("file", "blob", b"0123456789"))
    assert (answer.status, answer.reason) == (status, answer.json["error"])
    assert store.take(door.root) == {}


@here
def test_what_grows_too_large_is_refused_before_all_of_it_has_come(door: Door) -> None:
    visit, part = Visit(door), bytes(400 << 10)
    assert plupload(visit, 0, 9, part, name="a.bin").status == 200
    assert plupload(visit, 1, 9, part, name="a.bin").status == 413
    assert store.take(door.root) == {}


@here
def test_the_reason_is_said_in_the_phrase_too(door: Door) -> None:
    answer = plupload(Visit(door), 0, 3, WHOLE[:10], name="é€.exe", url="/photos")
    assert answer.status == 415
    assert "cannot be uploaded here" in answer.reason
    assert answer.reason.startswith(("é?.exe", "Ã©?.exe"))
