"""The clock is set while uploads are under way (F11): forward and back, between requests and in the middle of one.

What lives here: clocks that are wrong. What is older than `expires` by a clock that was set forward does expire; what
is not does not, and no clock that is set back throws anything away or ends a request.
"""

from __future__ import annotations

import io
import random
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from ajaxupload.partials.file import FilePartials
from tests.faults.calling import Here
from tests.faults.clock import HOUR, Clock, ticking
from tests.partials.uploads import noise
from tests.support.tally import Tally

DAY = 24 * HOUR


class Setting(io.BytesIO):
    """A body whose reader finds the clock set when it has read half."""

    def __init__(self, content: bytes, clock: Clock, seconds: float) -> None:
        super().__init__(content)
        self._half, self._clock, self._seconds = len(content) // 2, clock, seconds

    def read(self, size: int | None = -1) -> bytes:
        """At most half of it at once."""
        if self._seconds and self.tell() >= self._half:
            self._clock.set(self._seconds)
            self._seconds = 0
        return super().read(min(self._half or 1, len(self.getvalue()) if size is None or size < 0 else size))


class Schedule:
    """One upload, and a clock that is set at random; `age` is how old the clock makes what came last."""

    def __init__(self, here: Here, clock: Clock, number: int, chance: random.Random) -> None:
        self.here, self.clock, self.chance = here, clock, chance
        self.content = noise(chance.randint(2, 50_000), number)
        self.name = f"{number}.bin"
        self.path = here.create(self.name, len(self.content))
        self.offset, self.age, self.sets = 0, 0.0, 0

    def jump(self) -> float:
        """By how much the clock is set: never so that the upload were older than a day, less an hour."""
        self.sets += 1
        hours = self.chance.choice([-24 * 30, -24, -1, -0.001, 1, 23, self.chance.uniform(-48, 22)])
        return min(hours * HOUR, DAY - HOUR - self.age)

    def set_clock(self) -> None:
        """Between two requests."""
        seconds = self.jump()
        self.clock.set(seconds)
        self.age += seconds

    def send(self, *, setting: bool) -> None:
        """A piece, while the clock is set or not."""
        size = self.chance.randint(1, max(1, len(self.content) // 3))
        piece = self.content[self.offset : self.offset + size]
        seconds = self.jump() if setting else 0.0
        said = {"HTTP_UPLOAD_OFFSET": str(self.offset), "wsgi.input": Setting(piece, self.clock, seconds)}
        answer = self.here.tus("PATCH", self.path, piece, **said)
        assert answer.status == 204, answer
        self.offset += len(piece)
        self.age = max(0.0, seconds)
        assert int(answer.headers["upload-offset"]) == self.offset
        self.still_there(answer.headers.get("upload-expires"))

    def still_there(self, expires: str | None) -> None:
        """It may be gone on with for an hour at least."""
        assert self.here.offset(self.path) == self.offset
        if expires:
            assert parsedate_to_datetime(expires).timestamp() >= self.clock.time() + HOUR - 5

    def step(self, store: FilePartials) -> None:
        """Anything."""
        act = self.chance.choice(["set", "set", "send", "send and set", "sweep"])
        if act == "set":
            self.set_clock()
        elif act == "sweep":
            assert self.name not in [record and record.name for record, _ in store.sweep()]
        else:
            self.send(setting=act == "send and set")
        self.still_there(None)


@pytest.mark.slow
@pytest.mark.parametrize("schedules", [5, pytest.param(250, marks=pytest.mark.faults)])
def test_a_clock_that_is_set_ends_no_upload(
    tmp_path: Path, schedules: int, chance: random.Random, tally: Tally
) -> None:
    """Each goes on to its end, in one process, whose clock ends up months away."""
    sets = 0
    with ticking() as clock:
        here = Here(tmp_path, durable=False)
        for number in range(schedules):
            one = Schedule(here, clock, number, chance)
            store = FilePartials(str(tmp_path / "private/partials"))
            while one.offset < len(one.content):
                one.step(store)
            sets += one.sets
            (tmp_path / "media" / one.name).rename(tmp_path / "stored")
            assert (tmp_path / "stored").read_bytes() == one.content
    assert sets > schedules
    tally("F11", "clock set forward and back", runs=schedules, faults=sets)


def test_what_a_clock_makes_older_than_expires_is_gone_and_nothing_else(tmp_path: Path) -> None:
    with ticking() as clock:
        here = Here(tmp_path, durable=False)
        old = here.create("old.bin", 10)
        clock.set(DAY - HOUR)
        new = here.create("new.bin", 10)
        clock.set(2 * HOUR)
        assert (here.offset(old), here.offset(new)) == (None, 0)
        clock.set(-2 * HOUR)
        assert here.offset(new) == 0
