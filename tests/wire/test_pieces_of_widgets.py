"""Pieces of Fine Uploader and Dropzone: in any order, side by side, again and again, through dead workers, they are the
file once; what cannot become the file is told, and leaves nothing."""

from __future__ import annotations

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire import store
from tests.wire.doors import DOORS, Door, ServerDoor, opened
from tests.wire.servers import gunicorn, running
from tests.wire.uploaders import OTHER, SENDERS, UUID, WHOLE, count_of, dropzone, fine, fine_done
from tests.wire.visiting import Visit

each_sender = pytest.mark.parametrize("sender", list(SENDERS))


def doors(*names: str) -> pytest.MarkDecorator:
    """The doors as a parameter; those that are servers are marked."""
    found = [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in names]
    return pytest.mark.parametrize("door", found, indirect=True)


@doors(*DOORS)
@each_sender
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 2, 0, 1, 2, 0)], ids=str)
def test_in_any_order_and_again_the_pieces_are_the_file_once(door: Door, sender: str, order: tuple[int, ...]) -> None:
    visit, left = Visit(door), {0, 1, 2}
    replies = []
    for k in order:
        answer = SENDERS[sender](visit, k)
        assert (answer.status, answer.json["success"]) == (200, True), answer
        left.discard(k)
        assert answer.json["complete"] is (not left)
        replies.append(answer.json)
    assert len({(reply["id"], reply["uuid"]) for reply in replies}) == 1  # final from the first answer on
    assert {reply.get("newUuid") for reply in replies} == {None}
    assert store.take(door.root) == {"a.txt": WHOLE}


@doors(*DOORS)
@each_sender
def test_one_piece_is_a_file_and_so_is_a_repeat_of_it(door: Door, sender: str) -> None:
    answers = [SENDERS[sender](Visit(door), 0, b"small") for _ in range(2)]
    assert [answer.json["complete"] for answer in answers] == [True, True]
    assert store.take(door.root) == {"a.txt": b"small"}


@doors("webtest", "gunicorn")
@each_sender
@pytest.mark.parametrize(
    "count",
    [pytest.param(2000, marks=pytest.mark.slow), pytest.param(10_000, marks=[pytest.mark.slow, pytest.mark.full])],
)
def test_thousands_of_tiny_pieces_are_a_file(door: Door, sender: str, count: int) -> None:
    if (door.name, sender) not in (("webtest", "fineuploader"), ("webtest", "dropzone"), ("gunicorn", "dropzone")):
        return  # the same code as the others, at the same length
    whole, visit = random.Random(count).randbytes(2 * count), Visit(door)
    for k in range(count):
        answer = SENDERS[sender](visit, k, whole, 2)
        assert (answer.status, answer.json["complete"]) == (200, k == count - 1), answer
    assert store.take(door.root) == {"a.txt": whole}


@doors("webtest")
@each_sender
def test_more_pieces_than_a_file_can_have_are_refused(door: Door, sender: str) -> None:
    answer = SENDERS[sender](Visit(door), 0, bytes(10_001), 1)
    assert (answer.status, "at most 10000 pieces" in answer.json["error"]) == (400, True)
    assert store.take(door.root) == {}


@doors("gunicorn", "django")
@each_sender
@pytest.mark.parametrize("runs", [10, pytest.param(100, marks=pytest.mark.full)])
def test_eight_pieces_side_by_side_are_one_file(door: Door, sender: str, runs: int) -> None:
    """Without a cookie, and each twice: what was torn apart, or finished twice, would be more files."""
    wholes = [random.Random(run).randbytes(70_000 + run) for run in range(runs)]
    with ThreadPoolExecutor(8) as pool:
        for run, whole in enumerate(wholes):
            key = f"{UUID[:-4]}{run:04x}" if run % 2 else f"not a uuid {run}"
            numbers = [*range(8), *range(8)]
            random.Random(run).shuffle(numbers)
            step = -(-len(whole) // 8)
            answers = list(
                pool.map(
                    lambda k, a=whole, b=step, c=key, d=run: SENDERS[sender](Visit(door), k, a, b, c, f"{d}.bin"),
                    numbers,
                )
            )
            taken = [answer for answer in answers if answer.status == 200]
            # a piece that comes twice at the same time: one of them gives way, and a browser is told to send it again
            assert {answer.status for answer in answers} <= {200, 409}, answers
            for answer in answers:
                if answer.status == 409:
                    assert answer.json["preventRetry"] is False
            for k in range(8):
                assert SENDERS[sender](Visit(door), k, whole, step, key, f"{run}.bin").status == 200
            assert len({answer.json["id"] for answer in taken}) == 1
    assert store.take(door.root) == {f"{run}.bin": whole for run, whole in enumerate(wholes)}


@doors(*DOORS)
@each_sender
def test_two_people_with_the_same_key_never_meet(door: Door, sender: str) -> None:
    ann, cid = Visit(door, "ann"), Visit(door, "cid")
    for k in (0, 1, 2):
        for visit, whole in ((ann, WHOLE), (cid, WHOLE[::-1])):
            answer = SENDERS[sender](visit, k, whole, url="/guarded", name=f"{visit.user}.txt")
            assert answer.status == 200, answer
    assert store.take(door.root) == {"ann.txt": WHOLE, "cid.txt": WHOLE[::-1]}


@doors(*DOORS)
@each_sender
def test_two_browsers_with_the_same_guessable_key_never_meet(door: Door, sender: str) -> None:
    one, two = Visit(door, agent="one"), Visit(door, agent="two")
    for k in (2, 1, 0):
        assert SENDERS[sender](one, k, WHOLE, key="25-atxt", name="one.txt").status == 200
        assert SENDERS[sender](two, k, WHOLE[::-1], key="25-atxt", name="two.txt").status == 200
    assert store.take(door.root) == {"one.txt": WHOLE, "two.txt": WHOLE[::-1]}


@doors("webtest", "gunicorn")
@each_sender
def test_a_piece_with_other_content_is_refused(door: Door, sender: str) -> None:
    visit = Visit(door)
    assert SENDERS[sender](visit, 0).status == 200
    answer = SENDERS[sender](visit, 0, WHOLE[::-1])
    assert (answer.status, answer.json["code"], answer.json["preventRetry"]) == (409, "piece_differs", True)
    assert store.take(door.root) == {}


@doors("webtest")
def test_pieces_that_overlap_are_the_file_if_they_agree(door: Door) -> None:
    visit, whole = Visit(door), WHOLE
    assert fine(visit, 1, whole, 10).status == 200  # 10 to 20
    assert fine(visit, 0, whole, 15).status == 200  # 0 to 15
    assert fine(visit, 1, whole, 15).json["complete"] is True  # 15 to 25
    assert store.take(door.root) == {"a.txt": whole}


@pytest.mark.slow
@doors(*DOORS)
@pytest.mark.parametrize("sender", ["fineuploader", "dropzone"])
def test_after_expiry_the_rest_does_not_become_a_file(door: Door, sender: str) -> None:
    visit = Visit(door)
    assert SENDERS[sender](visit, 0, url="/brief").status == 200
    time.sleep(2.2)
    for k in (1, 2):
        answer = SENDERS[sender](visit, k, url="/brief")
        assert (answer.status, answer.json["complete"]) == (200, False)
    if sender == "fineuploader":
        answer = fine_done(visit, url="/brief/done")
        assert (answer.status, answer.json["reset"], answer.json["preventRetry"]) == (409, True, False)
    assert store.take(door.root) == {}
    assert SENDERS[sender](visit, 0, url="/brief").json["complete"] is True  # sent again, it does
    assert store.take(door.root) == {"a.txt": WHOLE}


@pytest.mark.servers
@pytest.mark.parametrize("sender", ["fineuploader", "dropzone"])
def test_a_worker_that_is_killed_between_pieces_costs_nothing(tmp_path: Path, sender: str) -> None:
    with running("gunicorn", gunicorn("bare"), tmp_path) as server:
        visit = Visit(ServerDoor("gunicorn", server))
        for k in (2, 0, 1):
            answer = SENDERS[sender](visit, k)
            assert (answer.status, answer.json["complete"]) == (200, k == 1), answer
            for pid in server.pids()[1:]:
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        assert store.take(tmp_path) == {"a.txt": WHOLE}


#: What each of these is refused with, told so that the widget shows it: `error`, and the true status.
REFUSALS = [
    ("/upload", "a.txt", bytes(2 << 20), 413, "file_too_large", True),
    ("/listed", "a.exe", WHOLE, 415, "type_not_allowed", True),
    ("/guarded", "a.txt", WHOLE, 401, "not_authenticated", True),
]


@doors(*DOORS)
@each_sender
@pytest.mark.parametrize(("url", "name", "whole", "status", "_code", "final"), REFUSALS)
def test_a_refusal_is_told_as_the_widget_shows_it(
    door: Door, sender: str, url: str, name: str, whole: bytes, status: int, _code: str, final: bool
) -> None:
    answer = SENDERS[sender](Visit(door), 0, whole, max(10, len(whole) // 2), name=name, url=url)
    if sender == "dropzone" and status == 413:  # it does not say the size: two MiB come in two pieces, each within it
        answer = dropzone(Visit(door), 0, whole, (1 << 20) + 1, name=name, url=url)
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith("application/json")
    assert answer.json["error"] == answer.json["message"] != ""
    assert (answer.json["success"], answer.json["preventRetry"]) == (False, final)
    assert store.take(door.root) == {}


FAULTS: list[tuple[str, dict[str, object]]] = [
    ("fineuploader", {"qqpartindex": 3}),
    ("fineuploader", {"qqpartindex": "-1"}),
    ("fineuploader", {"qqpartbyteoffset": "x"}),
    ("fineuploader", {"qqtotalparts": 0}),
    ("fineuploader", {"qqtotalparts": 10**17}),
    ("fineuploader", {"qqtotalfilesize": ""}),
    ("dropzone", {"dzchunkindex": 3}),
    ("dropzone", {"dzchunkbyteoffset": 5}),
    ("dropzone", {"dzchunksize": 0}),
    ("dropzone", {"dztotalchunkcount": "many"}),
]


@doors("webtest")
@pytest.mark.parametrize(("sender", "wrong"), FAULTS)
def test_words_that_make_no_sense_are_refused_by_name(door: Door, sender: str, wrong: dict[str, object]) -> None:
    from tests.wire.uploaders import fine_fields

    fields = fine_fields(0, WHOLE, 10, UUID, "a.txt")
    if sender == "dropzone":
        fields = {"dzuuid": UUID, "dzchunkindex": 0, "dzchunksize": 10, "dztotalchunkcount": 3, "dzchunkbyteoffset": 0}
    answer = Visit(door).post("/upload", {**fields, **wrong}, ("file", "a.txt", WHOLE[:10]))
    assert answer.status == 400
    assert next(iter(wrong)) in answer.json["error"]
    assert store.take(door.root) == {}


@doors("webtest")
def test_pieces_that_disagree_about_the_size_are_refused(door: Door) -> None:
    visit = Visit(door)
    assert fine(visit, 0).status == 200
    assert fine(visit, 1, WHOLE + b"more").status == 400
    assert store.take(door.root) == {}


@pytest.fixture(scope="module")
def webtest_door(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with opened("webtest", tmp_path_factory.mktemp("any-order")) as door:
        yield door


@pytest.mark.slow
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), size=st.integers(0, 400), step=st.integers(1, 90), sender=st.sampled_from(list(SENDERS)))
def test_any_order_and_repetition_gives_the_same_file_once(
    webtest_door: Door, data: st.DataObject, size: int, step: int, sender: str
) -> None:
    whole = random.Random(size).randbytes(size)
    step = max(step, -(-size // 12))
    every = list(range(count_of(whole, step)))
    extra = data.draw(st.lists(st.sampled_from(every), max_size=6))
    order = data.draw(st.permutations([*every, *extra]))
    key = data.draw(st.sampled_from([OTHER, "guessable"]))
    visit = Visit(webtest_door)
    store.take(webtest_door.root)  # of an example that failed
    store.forget(webtest_door.root)
    for k in order:
        answer = SENDERS[sender](visit, k, whole, step, key)
        assert answer.status == 200, answer
    assert store.take(webtest_door.root) == {"a.txt": whole}
    store.forget(webtest_door.root)
    assert store.unfinished(webtest_door.root) == []
