"""Eight writers over two processes for one upload (F15), and eight pieces side by side: no corruption, no
unexpected error, nobody waits."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.partials.uploads import Site, noise, sha
from tests.support.tally import Tally

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ENV = {"PYTHONPATH": f"{ROOT}:{':'.join(sys.path)}", "PATH": os.environ["PATH"], "PYTHONWARNINGS": "ignore"}

#: One of the processes: four threads, each a client that asks, sends what is missing and finishes, over and over.
WORKER = """
import random, sys, threading, time
from pathlib import Path
from ajaxupload.errors import Fenced, OffsetMismatch, NotFound
from tests.partials.uploads import *
folder, rounds, seed, manner = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
first = Site(folder, durable=False)
slowest, wrong = 0.0, []

def timed(verb, *arguments):
    global slowest
    began = time.monotonic()
    try:
        return verb(*arguments)
    finally:
        slowest = max(slowest, time.monotonic() - began)

def race(number, who):
    random_ = random.Random(seed * 1000003 + number * 31 + who)
    upload_id = f"upload-{number:06}"
    content = noise(1 + number * 7919 % 60_000, number)
    while True:
        site = first.again()
        try:
            with site.open(len(content), upload_id, name=f"{number}.bin"):
                pass
            offset = timed(site.status, upload_id)
            while offset < len(content):
                offset = timed(site.write, offset, content[offset : offset + random_.randrange(1, 30_000)], upload_id)
            site.finish(upload_id)
            return
        except (Fenced, OffsetMismatch):
            continue

def pieces(number, who):
    upload_id = f"upload-{number:06}"
    content = noise(80_000, number)
    site = first.again()
    with site.open(len(content), upload_id, name=f"{number}.bin") as partial:
        start = (who + 4 * seed) * 10_000
        blocks = iter([content[at : at + 1_000] for at in range(start, start + 10_000, 1_000)])
        timed(lambda: site.resumable.piece(site.request(), partial, start, 10_000, chunks=lambda: next(blocks, b"")))
        if partial.offset == len(content):
            site.resumable.finish(site.request(), partial, nobody)

def client(who):
    try:
        for number in range(rounds):
            (race if manner == "race" else pieces)(number, who)
    except BaseException as error:
        wrong.append(repr(error))
        raise

threads = [threading.Thread(target=client, args=(who,)) for who in range(4)]
for each in threads: each.start()
for each in threads: each.join()
assert not wrong, wrong
print(slowest)
"""


def run(folder: Path, rounds: int, manner: str) -> float:
    """Both processes; the longest wait."""
    Site(folder, durable=False)
    command = [sys.executable, "-c", WORKER, str(folder), str(rounds)]
    running = [
        subprocess.Popen(
            [*command, str(seed), manner], cwd=ROOT, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for seed in range(2)
    ]
    answers = [each.communicate(timeout=3_000) for each in running]
    assert [each.returncode for each in running] == [0, 0], [error.decode()[-2_000:] for _, error in answers]
    return max(float(told) for told, _ in answers)


@pytest.mark.parametrize("rounds", [25, pytest.param(1_000, marks=pytest.mark.faults)])
def test_eight_writers_over_two_processes_for_one_upload(tmp_path: Path, tally: Tally, rounds: int) -> None:
    """Each file is whole and there once; the only errors are those that a client goes on after."""
    slowest = run(tmp_path, rounds, "race")
    expected = {f"{number}.bin": sha(noise(1 + number * 7919 % 60_000, number)) for number in range(rounds)}
    assert Site(tmp_path, durable=False).files() == expected
    assert slowest < 1.0 + waiting_for_the_machine(), "seconds that one request took"
    tally("F15", "eight writers over two processes for one upload", runs=rounds, faults=7 * rounds)


@pytest.mark.parametrize("rounds", [25, pytest.param(1_000, marks=pytest.mark.faults)])
def test_eight_pieces_side_by_side_over_two_processes(tmp_path: Path, tally: Tally, rounds: int) -> None:
    """None ends another's turn: any Fenced would fail its process."""
    run(tmp_path, rounds, "pieces")
    expected = {f"{number}.bin": sha(noise(80_000, number)) for number in range(rounds)}
    assert Site(tmp_path, durable=False).files() == expected
    tally("F15", "eight pieces side by side over two processes", runs=rounds, faults=7 * rounds)


def waiting_for_the_machine() -> float:
    """Seconds that a thread of ours may wait for a processor that others have."""
    return max(0.0, os.getloadavg()[0] - (os.cpu_count() or 1)) * 0.25


#: A worker that writes, slowly: it is killed while it does, or between two writes.
VICTIM = """
import sys, time
from pathlib import Path
from tests.partials.uploads import *
site = Site(Path(sys.argv[1]))
content = noise(400_000, int(sys.argv[2]))
print("ready", flush=True)
offset = site.status()
while offset < len(content):
    offset = site.write(offset, content[offset : offset + 3_000])
    print(offset, flush=True)
site.finish()
print("stored", flush=True)
"""


@pytest.mark.parametrize("count", [8, pytest.param(100, marks=pytest.mark.faults)])
def test_killed_by_the_kernel_it_is_resumed_from_what_was_told(
    tmp_path: Path, count: int, chance: random.Random, tally: Tally
) -> None:
    """kill -9 at a random moment, seeded; the next process goes on at once: nobody holds a lock for the dead."""
    for number in range(count):
        folder = tmp_path / str(number)
        content = noise(400_000, number)
        Site(folder).open(len(content)).close()
        told = 0
        for _ in range(2):
            victim = subprocess.Popen(
                [sys.executable, "-c", VICTIM, str(folder), str(number)],
                cwd=ROOT, env=ENV, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            )  # fmt: skip
            assert victim.stdout is not None
            assert victim.stdout.readline() == "ready\n"
            threading.Timer(chance.uniform(0, 0.3), victim.send_signal, [signal.SIGKILL]).start()
            for line in victim.stdout:
                told = int(line) if line.strip().isdigit() else told
            victim.stdout.close()
            victim.wait()
            site = Site(folder)
            began = time.monotonic()
            offset = site.status()
            assert time.monotonic() - began < 1 + waiting_for_the_machine(), "a lock that the dead one held"
            assert told <= offset <= len(content)
        upload = Site(folder).resume(content, step=100_000)
        assert Site(folder).files() == {upload.filename: sha(content)}
    tally("F02", "kill -9 of a process", runs=count, faults=2 * count)
