"""Signals during system calls (F04, EINTR): an interval timer fires all the time while uploads are stored.

What lives here: what the kernel interrupts. Errors that are made up, EINTR among them, are in
tests/backends/test_local_faults.py and tests/partials/test_failures.py.
"""

from __future__ import annotations

import random
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.calling import Here
from tests.partials.tripping import in_child
from tests.partials.uploads import noise
from tests.support.tally import Tally

EVERY = 0.0005  # seconds; a sync of a file takes as long


def in_pieces(here: Here, name: str, content: bytes, chance: random.Random) -> None:
    """One upload in several requests, each answer what it would be without signals."""
    path, offset = here.create(name, len(content)), 0
    while offset < len(content):
        end = min(len(content), offset + chance.randint(1, 60_000))
        answer = here.patch(path, offset, content[offset:end])
        assert (answer.status, answer.headers["upload-offset"]) == (204, str(end)), answer
        offset = end


def interrupted(folder: Path, uploads: int, chance: random.Random) -> None:
    """In a process of its own, whose signals nobody else's tests see. How many came stands in the file "signals"."""
    seen = 0

    def handler(number: int, frame: Any) -> None:
        nonlocal seen
        seen += 1

    here = Here(folder)
    signal.signal(signal.SIGALRM, handler)
    signal.siginterrupt(signal.SIGALRM, True)  # no call is begun again by the kernel
    signal.setitimer(signal.ITIMER_REAL, EVERY, EVERY)
    contents = {f"{number}.bin": noise(chance.randint(1, 100_000), number) for number in range(uploads)}
    for number, (name, content) in enumerate(contents.items()):
        if number % 2:
            in_pieces(here, name, content, chance)
        else:
            assert here.put(name, content).status == 201
    signal.setitimer(signal.ITIMER_REAL, 0)
    assert here.files() == contents
    (folder / "signals").write_text(str(seen))
    sys.stderr.flush()


@pytest.mark.parametrize("uploads", [8, pytest.param(2_000, marks=pytest.mark.faults)])
def test_signals_interrupt_nothing(tmp_path: Path, uploads: int, chance: random.Random, tally: Tally) -> None:
    assert in_child(lambda: interrupted(tmp_path, uploads, chance)) == 0
    signals = int((tmp_path / "signals").read_text())
    assert signals > 0
    tally("F04", "signals during calls (EINTR)", runs=uploads, faults=signals)
