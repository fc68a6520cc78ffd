"""Whatever the schedule, pieces become the file once: in any order that the widget can send them, again and again, side
by side, overlapping, left out, after the end and after expiry; every answer has the final id and URL."""

from __future__ import annotations

import os
import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ajaxupload.partials.file import FilePartials
from tests.wire import store
from tests.wire.client import Answer
from tests.wire.doors import Door
from tests.wire.playing import EVERY, ORDERED, UNORDERED, Play, agree
from tests.wire.visiting import Visit

pytestmark = pytest.mark.slow

UUID = "0b2d6c0e-5b1f-4b7e-9d4e-6a1f0c3b7a55"
MOST = 7  # pieces
NAMELESS = ("plupload", "blueimp")  # their clients have no ids
each = pytest.mark.parametrize("widget", EVERY)


@dataclass
class Schedule:
    """One file's way. `rounds` are numbers of pieces that go out together; `fresh` are those, counted over all rounds,
    that had left before the browser got its cookie; `late` is sent when all others are there; `after` comes again when
    the file is complete."""

    play: Play
    rounds: list[list[int]]
    late: int
    after: list[int]
    fresh: set[int] = field(default_factory=set)


@st.composite
def schedules(draw: st.DrawFn, widget: str, side_by_side: bool) -> Schedule:
    least = 2 if widget in NAMELESS else 1  # what they send in one is an ordinary form, or body
    count, step = draw(st.integers(least, MOST)), draw(st.integers(1, 40))
    size = max(1, (count - 1) * step + draw(st.integers(1, step)))
    key = draw(st.sampled_from([UUID, "guessable"]))
    play = Play(widget, random.Random(size).randbytes(size), step, key=key)
    every = list(range(play.count))
    if widget in UNORDERED:
        late = draw(st.sampled_from(every))
        rest = [k for k in every if k != late]
        again = draw(st.lists(st.sampled_from(rest), max_size=4)) if rest else []
        line = draw(st.permutations([*rest, *again]))
        widths = draw(st.lists(st.integers(1, 8 if side_by_side else 1), min_size=len(line), max_size=len(line)))
    else:
        late = every[-1]
        line = [again for k in every[:-1] for again in (k, *draw(st.lists(st.integers(0, k), max_size=2)))]
        widths = [1] * len(line)
    rounds = []
    for width in widths:
        if line:
            rounds.append(line[:width])
            line = line[width:]
    # Without ids, the first piece says that the next file of this name begins.
    after = draw(st.lists(st.sampled_from(every[1:] if widget in NAMELESS else every), min_size=1, max_size=3))
    fresh = draw(st.sets(st.integers(0, 2 * MOST + 8), max_size=6))
    return Schedule(play, rounds, late, after, fresh)


def run(door: Door, schedule: Schedule) -> None:
    """Send it all; what each answer says, and what is stored."""
    play, browser, sent = schedule.play, Visit(door), 0
    play.begin(browser)
    told: list[tuple[bool, str, str | None]] = []
    with ThreadPoolExecutor(8) as pool:
        for numbers in schedule.rounds:
            visits = [Visit(door) if sent + n in schedule.fresh else browser for n in range(len(numbers))]
            sent += len(numbers)
            answers = list(pool.map(play.send, visits, numbers))
            told += [play.told(taken(play, browser, *each)) for each in zip(numbers, answers, strict=True)]
    assert store.visible(door.root) == {}
    assert not any(complete for complete, _, _ in told)
    last = play.told(taken(play, browser, schedule.late, play.send(browser, schedule.late)))
    assert last[0]
    again = [play.told(taken(play, browser, k, play.send(browser, k))) for k in schedule.after]
    assert [complete for complete, _, _ in again] == [True] * len(again)
    assert agree((*told, last, *again))
    assert store.visible(door.root) == {"a.bin": play.whole}


def taken(play: Play, browser: Visit, k: int, answer: Answer) -> Answer:
    """The answer; of a piece that another request with the same piece has taken over, the one to its next try."""
    if answer.status == 409:
        assert answer.json["preventRetry"] is False, answer
        answer = play.send(browser, k)
    assert answer.status in (200, 204), answer
    return answer


def expire(root: Path) -> None:
    """As if a year had passed for all that is kept."""
    for path in (root / "private" / "partials").glob("??/*.log"):
        long_ago = time.time() - 400 * 86400
        os.utime(path, (long_ago, long_ago))


def sweep(root: Path) -> None:
    """As the server does from time to time: nothing is left."""
    list(FilePartials(str(root / "private" / "partials"), durable=False).sweep())
    assert list((root / "private" / "partials").glob("??/*")) == []
    assert list((root / "private" / "partials").glob("open/*/*")) == []


def check_expiry(door: Door, play: Play) -> None:
    """What has expired is forgotten: a late piece begins anew, or is refused, and is never part of what was stored."""
    expire(door.root)
    answer = play.send(Visit(door), play.count - 1)
    if play.widget in ORDERED and play.count > 1:
        assert answer.status == (404 if play.widget == "filepond" else 409), answer
    elif play.widget == "filepond":
        assert answer.status == 404
    else:
        assert (answer.status, answer.json["complete"]) == (200, play.count == 1), answer
    store.take(door.root)
    expire(door.root)
    sweep(door.root)


def property_of(door: Door, widget: str, side_by_side: bool, examples: int) -> None:
    @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
    @given(schedule=schedules(widget, side_by_side))
    def prove(schedule: Schedule) -> None:
        store.take(door.root)  # of an example that failed
        store.forget(door.root)
        run(door, schedule)
        check_expiry(door, schedule.play)

    prove()


@pytest.mark.parametrize("door", ["webtest"], indirect=True)
@each
def test_any_schedule_gives_the_file_once(door: Door, widget: str) -> None:
    property_of(door, widget, side_by_side=False, examples=12)


@pytest.mark.servers
@pytest.mark.parametrize("door", ["gunicorn"], indirect=True)
@each
def test_any_schedule_over_two_workers_gives_the_file_once(door: Door, widget: str) -> None:
    property_of(door, widget, side_by_side=True, examples=6)


@pytest.mark.parametrize("door", ["webtest"], indirect=True)
@pytest.mark.parametrize("widget", ["blueimp", "filepond"])
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_overlap_gives_the_file_once(door: Door, widget: str, data: st.DataObject) -> None:
    """Of widgets whose pieces say where they begin, each may begin anywhere in what is there."""
    store.take(door.root)
    store.forget(door.root)
    size, at = data.draw(st.integers(1, 300)), 0
    play, visit = Play(widget, random.Random(size).randbytes(size), 1), Visit(door)
    play.begin(visit)
    for _ in range(12):
        start = data.draw(st.integers(0, min(at, size - 1)))
        end = data.draw(st.integers(start + 1, size))
        assert play.send_range(visit, start, end).status in (200, 204)
        at = max(at, end)
        if at == size:
            break
    if at < size:
        assert play.send_range(visit, at, size).status in (200, 204)
    assert store.take(door.root) == {"a.bin": play.whole}


@pytest.mark.parametrize("door", ["webtest", pytest.param("gunicorn", marks=pytest.mark.servers)], indirect=True)
@pytest.mark.parametrize("widget", [widget for widget in EVERY if widget != "filepond"])
@pytest.mark.parametrize("url", ["/public", "/kept"])
def test_every_answers_url_leads_to_the_file(door: Door, widget: str, url: str) -> None:
    """The page is shown whichever answer comes last. The store's own URL is known when the file is complete."""
    play, visit = Play(widget, bytes(range(50)), 10, url=url), Visit(door)
    visit.send("GET", url)
    told = [play.told(play.send(visit, k)) for k in range(play.count)]
    assert visit.send("GET", f"{url}/{told[0][1][::-1]}").status == 404
    for _, upload_id, where in told:
        assert where in (f"{url}/{upload_id}", "/media/a.bin")
        answer = visit.send("GET", f"{url}/{upload_id}")
        if url == "/public":
            assert (answer.status, answer.headers["location"]) == (302, told[-1][2])
        else:
            assert (answer.status, answer.body) == (200, play.whole)
    assert store.take(door.root) == {"a.bin": play.whole}
