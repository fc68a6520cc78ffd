"""F30: mixed load by all protocols, while the server is killed, reloaded and restarted, its disk fills up, and clients
break off. Every file that was told to be stored is there and whole, nothing else is visible but whole files, nothing is
left, and the server grows neither in memory nor in descriptors.

What lives here: the faults, and how long: --soak-minutes. What must not: what clients do (load.py).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from ajaxupload.partials.file import FilePartials
from tests.faults.load import Load
from tests.faults.rig import PLAIN, Lives, memory
from tests.s3.tools import eventually
from tests.support.tally import Tally
from tests.wire import store

pytestmark = [pytest.mark.servers, pytest.mark.slow]

MIB = 1 << 20
DISK = 192 * MIB


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """A file system that can be filled; None without the right to make one, and then it is never full."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(place)]
    if subprocess.run(command, check=False, capture_output=True).returncode:
        yield None
        return
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


class Gremlin:
    """Does something to the server now and then."""

    def __init__(self, lives: Lives, disk: Path | None, chance: random.Random) -> None:
        self.lives, self.disk, self.chance = lives, disk, chance
        self.played: Counter[str] = Counter()

    def harsh(self) -> list[Callable[[], None]]:
        """What ends processes."""
        return [self.kill_worker, self.reload, self.kill, self.restart]

    def gentle(self) -> list[Callable[[], None]]:
        """What a process has to live through."""
        return [self.fill_disk] if self.disk else []

    def play(self, faults: list[Callable[[], None]], done: threading.Event, pause: float) -> None:
        """One after the other, until `done`."""
        while not done.wait(self.chance.uniform(0, pause)):
            if faults:
                fault = self.chance.choice(faults)
                fault()
                self.played[fault.__name__] += 1

    def kill_worker(self) -> None:
        """kill -9 of one."""
        workers = self.lives.workers()
        if workers:
            with suppress(ProcessLookupError):
                os.kill(self.chance.choice(workers), signal.SIGKILL)

    def reload(self) -> None:
        """HUP."""
        self.lives.server.process.send_signal(signal.SIGHUP)

    def kill(self) -> None:
        """kill -9 of all of it."""
        self.lives.kill()
        self.lives.start()

    def restart(self) -> None:
        """SIGTERM, and a start."""
        self.lives.end()
        self.lives.start()

    def fill_disk(self) -> None:
        """For a moment there is no room."""
        assert self.disk is not None
        ballast = self.disk / "ballast"
        with suppress(OSError), ballast.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(MIB))
        time.sleep(self.chance.uniform(0.1, 1.0))
        ballast.unlink()


def loaded(load: Load, gremlin: Gremlin, faults: list[Callable[[], None]], seconds: float, pause: float) -> None:
    """Clients and faults together for so long."""
    done = threading.Event()
    thread = threading.Thread(target=gremlin.play, args=(faults, done, pause))
    thread.start()
    try:
        load.run(seconds, clients=6 if seconds > 10 else 3, chance=gremlin.chance)
    finally:
        done.set()
        thread.join()


def check_flat(lives: Lives, before: tuple[int, int]) -> None:
    """Not much more memory, and no more descriptors, than before; the clients are gone."""
    deadline = time.monotonic() + 20
    while (open_now := store.descriptors(lives.server.pids())) > before[0]:
        assert time.monotonic() < deadline, f"{before[0]} descriptors were open, now {open_now}"
        time.sleep(0.1)
    grown = memory(lives.server.pids(), "VmRSS") - before[1]
    assert grown < before[1] * 0.05 + 16 * MIB, f"{grown / MIB:.1f} MiB"


def check_nothing_is_left(lives: Lives, root: Path) -> None:
    """After a start nothing of whole files is; and when their time has passed, nothing of unfinished uploads either,
    whatever a kill has left of them."""
    lives.end()
    lives.start()
    assert eventually(lambda: not store.held_open(lives.server.pids(), root))
    assert eventually(lambda: all(path.suffix == ".lock" for path in (root / "private" / "incoming").iterdir()))
    kept = root / "private" / "partials"
    for path in kept.rglob("*"):
        os.utime(path, (0, 0))
    list(FilePartials(str(kept), durable=False).sweep())
    assert [path for path in kept.rglob("*") if path.is_file() and path.name not in ("key", "lock", "entry")] == []


def soak(tmp_path: Path, chance: random.Random, seconds: float) -> tuple[Load, Gremlin]:
    """The first half with processes that end, the second without, where memory is looked at."""
    pause = min(3.0, seconds / 12)
    with ExitStack() as stack:
        disk = stack.enter_context(small_disk(tmp_path / "disk"))
        root = disk or tmp_path / "disk"
        env = {**PLAIN, "AJAXUPLOAD_FAULTS_STORE": str(root)}
        # Given-up uploads, and the records of finished ones, must not fill the disk for good.
        options = {"expires": max(20.0, 3 * pause)}
        lives = stack.enter_context(Lives(tmp_path, ("--timeout", "10"), options=options, env=env))
        load, gremlin = Load(lives.port, root, options["expires"]), Gremlin(lives, disk, chance)
        loaded(load, gremlin, [*gremlin.harsh(), *gremlin.gentle()], seconds / 2, pause)
        gremlin.restart()
        loaded(load, gremlin, [], min(20, seconds / 8), pause)
        before = store.descriptors(lives.server.pids()), memory(lives.server.pids(), "VmRSS")
        loaded(load, gremlin, gremlin.gentle(), seconds * 3 / 8, pause)
        check_flat(lives, before)
        load.settle()
        check_nothing_is_left(lives, root)
    # What the full disk said is what an operator wants to read.
    assert not [each for each in lives.complaints if "No space left on device" not in each]
    return load, gremlin


@pytest.mark.parametrize("full", [False, pytest.param(True, marks=pytest.mark.faults)], ids=["seconds", "minutes"])
def test_nothing_that_was_told_is_lost(
    request: pytest.FixtureRequest, tmp_path: Path, tally: Tally, chance: random.Random, full: bool
) -> None:
    seconds = 60 * request.config.getoption("--soak-minutes") if full else 4
    load, gremlin = soak(tmp_path, chance, seconds)
    print(dict(load.counts), dict(gremlin.played))
    assert not load.lost[:10]
    assert load.counts["told"] > 0
    faults = gremlin.played.total() + load.counts["cut"]
    tally("F30", "uploads by all protocols under random faults", runs=load.counts["sent"], faults=faults)
