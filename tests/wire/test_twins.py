"""Two people who cannot be told apart, behind one address and with the same browser, send files of one name and size
before either has a cookie: each gets what they sent, or is told; what has come of both is no file."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire import store
from tests.wire.client import Answer
from tests.wire.doors import Door
from tests.wire.playing import GUESSABLE, Play
from tests.wire.visiting import Visit

pytestmark = pytest.mark.slow

ROWS = [pytest.param("webtest"), pytest.param("gunicorn", marks=pytest.mark.servers)]
both = pytest.mark.parametrize("door", ROWS, indirect=True)
here = pytest.mark.parametrize("door", ["webtest"], indirect=True)
each = pytest.mark.parametrize("widget", GUESSABLE)
UNORDERED = [widget for widget in GUESSABLE if widget not in ("plupload", "blueimp")]


class Twin:
    """One of them: sends its pieces in `order`, `ahead` of them without the cookie that its first answers set, and
    stops at the first failure, as widgets do; or, where they go side by side, does not. One that `asks` leaves out what
    it is told is there."""

    def __init__(
        self, door: Door, play: Play, ahead: int = 1, order: list[int] | None = None, asks: bool = False
    ) -> None:
        self.door, self.play, self.ahead, self.asks = door, play, ahead, asks
        self.stops, self.order = order is None, list(range(play.count)) if order is None else order
        self.browser, self.sent = Visit(door), 0
        self.failed: Answer | None = None
        self.told: dict[str, bool] = {}

    @property
    def done(self) -> bool:
        return (self.stops and self.failed is not None) or self.sent == self.play.count

    def step(self) -> None:
        """The next piece."""
        visit, k = Visit(self.door) if self.sent < self.ahead else self.browser, self.order[self.sent]
        self.sent += 1
        if self.asks and self.play.asks(visit, k):
            return
        answer = self.play.send(visit, k)
        self.browser.cookies.update(visit.cookies)
        if answer.status != 200:
            self.failed = answer
        else:
            self.told[answer.json["id"]] = answer.json["complete"]


def pair(door: Door, widget: str, one: bytes, two: bytes, step: int = 10, ahead: int = 1) -> list[Twin]:
    return [Twin(door, Play(widget, whole, step), ahead) for whole in (one, two)]


def check(twins: list[Twin], stored: dict[str, bytes]) -> None:
    """Whoever was told of no failure has their file stored, and nobody's is mixed with another's unless both know."""
    for twin in twins:
        if twin.failed is None:
            assert twin.asks or list(twin.told.values()) == [True]
            assert twin.play.whole in stored.values()
        else:
            assert twin.failed.status in (400, 409, 415), twin.failed
            assert twin.failed.json["error"]
    mixed = [content for content in stored.values() if content not in {twin.play.whole for twin in twins}]
    assert not mixed or all(twin.failed is not None for twin in twins)


@both
@each
def test_pieces_in_turns_are_never_mixed(door: Door, widget: str) -> None:
    twins = pair(door, widget, b"A" * 40, b"B" * 40)
    while not all(twin.done for twin in twins):
        for twin in twins:
            if not twin.done:
                twin.step()
    stored = store.take(door.root)
    check(twins, stored)
    assert set(stored.values()) <= {b"A" * 40, b"B" * 40}


@both
@each
def test_files_that_begin_alike_are_never_mixed(door: Door, widget: str) -> None:
    one, two = pair(door, widget, b"=" * 20 + b"A" * 20, b"=" * 20 + b"B" * 20)
    for twin in (one, two, one, two, one, two, two, one):
        if not twin.done:
            twin.step()
    stored = store.take(door.root)
    check([one, two], stored)
    assert set(stored.values()) <= {one.play.whole, two.play.whole}


@both
@each
def test_a_file_is_not_taken_for_another_one_that_was_just_stored(door: Door, widget: str) -> None:
    """It is sent within minutes after, and differs somewhere."""
    one, two = pair(door, widget, b"A" * 40, b"A" * 20 + b"B" * 20)
    for twin in (one, two):
        while not twin.done:
            twin.step()
    stored = store.take(door.root)
    check([one, two], stored)
    assert one.failed is None
    assert one.play.whole in stored.values()


@here
@pytest.mark.parametrize("widget", UNORDERED)
def test_both_are_told_and_may_try_again_a_minute_later(
    door: Door, widget: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair(door, widget, b"A" * 40, b"B" * 40)
    for twin in (one, two, one):
        twin.step()
    assert (one.failed is not None, two.failed is not None) == (True, True)
    assert two.failed is not None
    assert two.failed.json["code"] == "piece_differs"
    assert store.take(door.root) == {}
    monkeypatch.setattr("ajaxupload.protocols.chunked._TOLD", -1.0)
    for twin in (one, two):  # one after the other
        for k in range(twin.play.count):
            answer = twin.play.send(twin.browser, k)
            if twin is one:
                assert answer.status == 200, answer
    assert b"A" * 40 in store.take(door.root).values()


@both
@pytest.mark.parametrize("widget", ["resumablejs", "flow"])
def test_nobody_is_told_of_pieces_that_somebody_else_has_sent(door: Door, widget: str) -> None:
    """A question is answered with yes to who has sent some of it; else a stranger would leave those pieces out."""
    one, two = pair(door, widget, b"A" * 40, b"B" * 40)
    one.step()
    one.step()
    assert [one.play.asks(one.browser, k) for k in range(4)] == [True, True, False, False]
    assert [two.play.asks(two.browser, k) for k in range(4)] == [False] * 4
    assert [two.play.asks(two.browser, k) for k in range(4)] == [False] * 4  # nor with the cookie that the first set


@both
def test_nobody_goes_on_with_a_file_that_somebody_else_has_begun(door: Door) -> None:
    """jQuery File Upload asks how far a file has come; and what answers a piece leads nobody past their own."""
    one, two = Visit(door), Visit(door)
    play = Play("blueimp", b"=" * 10 + b"A" * 30, 10)
    for k in range(3):
        assert play.send(one, k).headers["range"] == f"0-{10 * k + 9}"
    asked = f"/upload?file={play.name}&size=40"
    assert one.send("GET", asked).json["file"]["size"] == 30
    assert two.send("GET", asked).json == {"file": None}
    other = Play("blueimp", b"=" * 10 + b"B" * 30, 10)
    assert other.send(two, 0).headers["range"] == "0-9"
    assert other.send(two, 1).status == 409
    assert play.send(one, 3).json["complete"]
    assert store.take(door.root) == {"a.bin": play.whole}


@here
@each
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_interleaving_leaves_nobody_in_the_dark(door: Door, widget: str, data: st.DataObject) -> None:
    interleave(door, data, [Twin(door, drawn(data, widget), data.draw(st.integers(0, 4))) for _ in range(2)])


@here
@pytest.mark.parametrize("widget", UNORDERED)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_interleaving_side_by_side_leaves_nobody_in_the_dark(door: Door, widget: str, data: st.DataObject) -> None:
    """What had left already is sent after a failure too. Where the file was complete before both had sent the same
    piece, it may be of both: then each of them has been told."""
    order = st.permutations(range(4))
    interleave(
        door,
        data,
        [Twin(door, drawn(data, widget), data.draw(st.integers(0, 4)), list(data.draw(order))) for _ in range(2)],
    )


@here
@pytest.mark.parametrize("widget", ["resumablejs", "flow"])
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_interleaving_of_who_asks_before_each_piece_leaves_nobody_in_the_dark(
    door: Door, widget: str, data: st.DataObject
) -> None:
    """Of files whose first pieces differ. Where these are the same, who has sent one of them may be told of others that
    are somebody else's: what cannot be told apart is in docs/reference/widgets.md."""
    plays = [drawn(data, widget) for _ in range(2)]
    for letter, play in zip(b"ab", plays, strict=True):
        play.whole = bytes([letter]) * 10 + play.whole[10:]
    interleave(door, data, [Twin(door, play, data.draw(st.integers(0, 4)), asks=True) for play in plays])


def drawn(data: st.DataObject, widget: str) -> Play:
    letters = data.draw(st.text("ab", min_size=4, max_size=4))
    return Play(widget, b"".join(letter.encode() * 10 for letter in letters), 10)


def interleave(door: Door, data: st.DataObject, twins: list[Twin]) -> None:
    store.take(door.root)
    store.forget(door.root)
    turns = data.draw(st.lists(st.integers(0, 1), min_size=4, max_size=14))
    for turn in [*turns, *[0] * 4, *[1] * 4]:
        if not twins[turn].done:
            twins[turn].step()
    check(twins, store.take(door.root))
