"""F13: many clients that send a byte in five seconds, beside others. The slow are given up at the deadline and leave
nothing, the others are all served; where there are threads for everybody, and where the slow hold every thread.

What lives here: counts. How much longer the quick ones took is told in the table, and is no verdict.
"""

from __future__ import annotations

import random
import socket
import statistics
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.faults.rig import PATIENCE, Content, Lives
from tests.support.tally import Tally
from tests.wire import store
from tests.wire.client import ask, connected, post, read_answer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

FULL = [pytest.mark.faults, pytest.mark.alone]
SLOW_SIZE = 1 << 20


def drip(clients: list[socket.socket], done: threading.Event, every: float) -> None:
    """A byte each, now and then, for as long as somebody takes it."""
    while not done.wait(every):
        for client in clients:
            with suppress(OSError):
                client.sendall(b"x")


def quick(lives: Lives, count: int, each: int, named: str) -> list[float]:
    """So many clients at once, with so many uploads one after the other. The seconds that each upload took."""

    def upload(number: int) -> list[float]:
        took = []
        for turn in range(each):
            content = Content(number, 100_000 + turn)
            request = post(f"/upload/{named}-{number}-{turn}.bin", content.cut(0, content.size), "Connection: close",
                           method="PUT")  # fmt: skip
            began = time.monotonic()
            assert ask(lives.port, request, timeout=PATIENCE).status == 201
            took.append(time.monotonic() - began)
        return took

    with ThreadPoolExecutor(count) as pool:
        return [seconds for many in pool.map(upload, range(count)) for seconds in many]


def p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


@pytest.mark.parametrize(
    ("slow", "threads", "window"),
    [
        pytest.param(40, 32, 2, id="40"),
        pytest.param(200, 128, 10, id="200 with threads for all", marks=FULL),
        pytest.param(200, 8, 3, id="200 that hold every thread", marks=FULL),
    ],
)
def test_the_slow_are_given_up_and_the_quick_are_served(
    tmp_path: Path, tally: Tally, chance: random.Random, slow: int, threads: int, window: int
) -> None:
    options = {"min_rate": "1 KiB", "min_rate_window": f"{window} s", "idle_timeout": "60 s"}
    with ExitStack() as stack:
        lives = stack.enter_context(Lives(tmp_path, ("--timeout", "120"), options=options, threads=threads))
        alone = p95(quick(lives, 20, 5, "alone"))
        done = threading.Event()
        clients = [stack.enter_context(connected(lives.port, timeout=PATIENCE)) for _ in range(slow)]
        for number, client in enumerate(clients):
            head = post(f"/upload/slow-{number}.bin", b"", "Connection: close", method="PUT", length=SLOW_SIZE)
            client.sendall(head + b"x" * chance.randrange(3))
        dripping = threading.Thread(target=drip, args=(clients, done, window / 2))
        dripping.start()
        stack.callback(dripping.join)
        stack.callback(done.set)
        beside = p95(quick(lives, 20, 5, "beside"))
        statuses = [read_answer(client, "PUT").status for client in clients]
        assert statuses == [408] * slow
        assert not store.left_behind(lives.server.pids(), tmp_path)
    assert len(list((tmp_path / "media").glob("slow-*"))) == 0
    assert len(list((tmp_path / "media").iterdir())) == 200
    assert not lives.complaints
    enough = "threads for all" if 2 * threads > slow else "threads for few"
    print(f"p95 of the quick ones: {alone * 1000:.0f} ms alone, {beside * 1000:.0f} ms beside the slow")
    print(f"their p95 is {beside / alone:.1f} times as long")
    longer = "at most twice" if beside <= 2 * alone else "more than twice"
    tally("F13", f"clients beside {slow} that drip, {enough}, p95 of the quick {longer}", runs=100 + slow, faults=slow)
