"""F19: the server ends or starts anew in the middle of one upload, again and again, in each way that a server can. What
was told is there each time, the upload is gone on with from there, and the file is the same bytes in the end.

What lives here: the ways of ending. What must not: crashes of one call (tests/partials/test_crashes.py).
"""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.faults.rig import UNIT, Content, Lives, TusClient, sha256_of
from tests.support.tally import Tally
from tests.wire import store
from tests.wire.client import ask

pytestmark = [pytest.mark.servers, pytest.mark.slow]

MIB = 1 << 20
WORN = "40"  # requests after which gunicorn exchanges a worker
QUESTION = b"GET /alive HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def worker_killed(lives: Lives) -> None:
    """kill -9 of all workers; the parent makes new ones."""
    for pid in lives.workers():
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def reloaded(lives: Lives) -> None:
    """HUP: new workers, and the old ones have a moment to end what they are at."""
    old = lives.workers()
    lives.server.process.send_signal(signal.SIGHUP)
    lives.wait_for_others(old)


def worn_out(lives: Lives) -> None:
    """`max_requests`: other clients' requests use the workers up."""
    old = lives.workers()
    for _ in range(2_000):
        if not set(old) & set(lives.workers()):
            return
        with suppress(OSError, HTTPException):
            ask(lives.port, QUESTION)
    lives.wait_for_others(old)


def ended(lives: Lives) -> None:
    """SIGTERM, as service managers do, and a start."""
    lives.end()
    lives.start()


def killed(lives: Lives) -> None:
    """kill -9 of everything, and a start."""
    lives.kill()
    lives.start()


AT_ONCE: list[Callable[[Lives], None]] = [worker_killed, ended, killed]
WAYS = [*AT_ONCE, reloaded, worn_out]  # the last two let a worker wait for its clients
FULL = pytest.param(1 << 30, 100, WAYS, marks=pytest.mark.faults, id="100")


@pytest.mark.parametrize(("size", "count", "kinds"), [pytest.param(24 * MIB, 3, AT_ONCE, id="3"), FULL])
def test_one_upload_survives_every_way_of_ending(
    tmp_path: Path, tally: Tally, chance: random.Random, size: int, count: int, kinds: list[Callable[[Lives], None]]
) -> None:
    """Each fault comes when a PATCH is under way, at a random byte of its stretch of the file."""
    stretch = size // count
    # Before the last block of its stretch: it comes when a block is about to be sent.
    moments = [number * stretch + chance.randrange(stretch - UNIT) for number in range(count)]
    ways = [way for _ in range(-(-count // len(kinds))) for way in chance.sample(kinds, len(kinds))]
    played: list[str] = []

    def trouble(at: int) -> None:
        while moments and at >= moments[0]:
            moments.pop(0)
            way = ways.pop(0)
            played.append(way.__name__)
            way(lives)

    with Lives(tmp_path, ("--max-requests", WORN, "--timeout", "3")) as lives:
        client = TusClient(lives.port, Content(19, size), trouble)
        client.create()
        client.upload()
        stored = list((tmp_path / "media").iterdir())
        assert not store.left_behind(lives.server.pids(), tmp_path)
    assert not lives.complaints
    assert len(played) == count
    assert [sha256_of(path) for path in stored] == [client.content.sha256()]
    print(f"{client.cuts} requests were cut, {client.again >> 10} KiB sent again")
    tally("F19", "restarts in the middle of one upload", runs=1 + client.cuts, faults=count)
