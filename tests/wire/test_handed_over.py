"""A browser whose cookie comes in the middle of an upload goes on with what it had begun: from any widget, whatever set
the cookie, with two workers; and it goes on with nobody else's."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.wire import store
from tests.wire.doors import Door
from tests.wire.playing import GUESSABLE, UNORDERED, Play
from tests.wire.uploaders import UUID, dropzone
from tests.wire.visiting import Visit

WHOLE = bytes(range(60, 95))  # four pieces of ten, or three for who leaves no short one
ROWS = [pytest.param("webtest"), pytest.param("gunicorn", marks=pytest.mark.servers)]
both = pytest.mark.parametrize("door", ROWS, indirect=True)
here = pytest.mark.parametrize("door", ["webtest"], indirect=True)
each = pytest.mark.parametrize("widget", GUESSABLE)
each_serial = pytest.mark.parametrize("widget", ["plupload", "blueimp"])


def by_page(visit: Visit) -> None:
    visit.send("GET", "/kept", Accept="text/html")


def by_list(visit: Visit) -> None:
    assert visit.send("GET", f"/kept?{urlencode({'qqtimestamp': 1})}", Accept="application/json").json == []


def by_random_id(visit: Visit) -> None:
    assert dropzone(visit, 0, b"other", 10, UUID, name="other.txt", url="/kept").json["complete"]


WAYS = (by_page, by_list, by_random_id)


@both
@each
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("before", [1, 2])
def test_an_upload_goes_on_with_a_cookie_that_came_meanwhile(door: Door, widget: str, way: Any, before: int) -> None:
    play, browser = Play(widget, WHOLE, 10, url="/kept"), Visit(door)
    answers = [play.send(Visit(door), k) for k in range(before)]  # they had left before there was a cookie
    way(browser)
    known = browser.cookies["ajaxupload"].split(".")[1]
    answers += [play.send(browser, k) for k in range(before, play.count)]
    assert [answer.status for answer in answers] == [200] * play.count, answers
    told = [play.told(answer) for answer in answers]
    assert [complete for complete, _, _ in told] == [False] * (play.count - 1) + [True]
    assert len({upload_id for _, upload_id, _ in told}) == 1
    assert browser.cookies["ajaxupload"].split(".")[1] == known
    assert "deleteUrl" not in answers[-1].json  # others could have begun it: it is nobody's own
    assert {name: content for name, content in store.take(door.root).items() if name != "other.txt"} == {"a.bin": WHOLE}


@both
@pytest.mark.parametrize("widget", UNORDERED)
def test_pieces_of_both_kinds_come_in_any_order(door: Door, widget: str) -> None:
    play, browser = Play(widget, WHOLE, 5), Visit(door)
    first = play.send(Visit(door), 3)
    browser.send("GET", "/upload")
    order = [k for k in (6, 0, 5, 1, 4, 2, 3) if k < play.count]
    answers = [play.send(browser if k % 2 else Visit(door), k) for k in order]
    assert {answer.json["id"] for answer in (first, *answers)} == {first.json["id"]}
    assert store.take(door.root) == {"a.bin": WHOLE}


@here
@each
def test_who_came_before_it_was_begun_does_not_go_on_with_it(
    door: Door, widget: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind one address, with one browser: one has a cookie, the other one has begun a file of that name without."""
    monkeypatch.setattr("ajaxupload.protocols.chunked._LATE", 0.0)
    known, stranger = Visit(door), Visit(door)
    known.send("GET", "/upload")
    theirs, mine = Play(widget, WHOLE, 10), Play(widget, WHOLE[::-1], 10)
    assert theirs.send(stranger, 0).status == 200
    for k in range(mine.count):
        assert mine.send(known, k).status == 200
        if k:
            assert theirs.send(stranger, k).status == 200
    assert sorted(store.take(door.root).values()) == sorted([WHOLE, WHOLE[::-1]])


@both
@each
def test_browsers_that_looked_at_the_page_first_never_meet(door: Door, widget: str) -> None:
    """Of one address, language and make; the same name, size and number of pieces; at the same time."""
    people = [(Visit(door), Play(widget, bytes([65 + n]) * 35, 10)) for n in range(3)]
    for visit, _ in people:
        visit.send("GET", "/upload", Accept="application/json")
    assert len({visit.cookies["ajaxupload"] for visit, _ in people}) == 3
    for k in range(people[0][1].count):
        for visit, play in people:
            assert play.send(visit, k).status == 200
    assert sorted(store.take(door.root).values()) == [bytes([65 + n]) * 35 for n in range(3)]


@here
@each
def test_a_cookie_that_an_upload_set_is_the_browsers_own_after_a_minute(
    door: Door, widget: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ajaxupload.protocols.visitors._SETTLING", -60.0)
    monkeypatch.setattr("ajaxupload.protocols.chunked._LATE", 0.0)
    one, two = Visit(door), Visit(door)
    for visit in (one, two):  # a file, by which each got a cookie that is settled by now
        own = Play(widget, b"first", 10, f"{id(visit)}.bin", f"key of {id(visit)}")
        assert own.send(visit, 0).json.get("complete", True)
    store.take(door.root)
    plays = [(visit, Play(widget, bytes([65 + n]) * 35, 10)) for n, visit in enumerate((one, two))]
    for k in range(plays[0][1].count):
        for visit, play in plays:
            assert play.send(visit, k).status == 200
    assert sorted(store.take(door.root).values()) == [b"A" * 35, b"B" * 35]


@here
def test_a_cookie_of_another_make_is_none(door: Door) -> None:
    visit = Visit(door)
    for value in ("~abc.def", "x", "1.2.3", "zz.abc.sig", ""):
        visit.cookies["ajaxupload"] = value
        answer = visit.send("GET", "/upload")
        assert re.match("[0-9a-f]+[.]", visit.cookies["ajaxupload"]), answer


@pytest.fixture
def a_minute_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Cookies that came in the middle of an upload are settled when it is called."""
    clock = SimpleNamespace(time=time.time)
    monkeypatch.setattr("ajaxupload.protocols.visitors.time", clock)
    return lambda: setattr(clock, "time", lambda: time.time() + 61)


@here
@each_serial
def test_a_second_tab_waits_for_what_was_begun_before_the_cookie_counted(
    door: Door, widget: str, a_minute_later: Callable[[], None]
) -> None:
    """One browser, two files of one name and size: they are not mixed, and none is lost."""
    browser, one, two = Visit(door), Play(widget, WHOLE, 10), Play(widget, WHOLE[::-1], 10)
    assert [one.send(browser, k).status for k in range(2)] == [200, 200]
    a_minute_later()
    waits = two.send(browser, 0)
    assert (waits.status, waits.json["code"], waits.json["preventRetry"]) == (409, "out_of_turn", False)
    rest = [one.send(browser, k) for k in range(2, one.count)]
    assert [one.told(answer)[0] for answer in rest] == [False] * (len(rest) - 1) + [True]
    assert [two.send(browser, k).status for k in range(two.count)] == [200] * two.count
    assert sorted(store.take(door.root).values()) == sorted([WHOLE, WHOLE[::-1]])


@here
@each_serial
def test_a_second_tab_does_not_wait_for_what_was_given_up(
    door: Door, widget: str, a_minute_later: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    browser, one, two = Visit(door), Play(widget, WHOLE, 10), Play(widget, WHOLE[::-1], 10)
    assert one.send(browser, 0).status == 200
    a_minute_later()
    monkeypatch.setattr("ajaxupload.protocols.serial._QUIET", -1.0)
    assert [two.send(browser, k).status for k in range(two.count)] == [200] * two.count
    assert one.send(browser, 1).status == 409
    assert store.take(door.root) == {"a.bin": WHOLE[::-1]}


@here
@each_serial
def test_files_of_one_name_and_other_sizes_go_on_side_by_side_when_the_cookie_counts(
    door: Door, widget: str, a_minute_later: Callable[[], None]
) -> None:
    """Phones call each picture image.jpg."""
    browser, one, two = Visit(door), Play(widget, WHOLE, 10), Play(widget, WHOLE[::-1] * 2, 10)
    assert one.send(browser, 0).status == 200
    a_minute_later()
    for k in range(two.count):
        assert two.send(browser, k).status == 200
        if 0 < k < one.count:
            assert one.send(browser, k).status == 200
    assert sorted(store.take(door.root).values()) == sorted([WHOLE, WHOLE[::-1] * 2])


@here
def test_how_far_a_file_has_come_is_told_though_another_size_was_begun_when_the_cookie_counted(
    door: Door, a_minute_later: Callable[[], None]
) -> None:
    browser, one, two = Visit(door), Play("blueimp", WHOLE, 10), Play("blueimp", WHOLE * 2, 10)
    assert one.send(browser, 0).status == 200
    a_minute_later()
    assert two.send(browser, 0).status == 200
    for size in (35, 70):
        assert browser.send("GET", f"/upload?file=a.bin&size={size}").json["file"]["size"] == 10
