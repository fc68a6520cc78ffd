"""Forks, and the end of the server's process: no process that decodes is shared, and none is left behind.

What lives here: programs of their own that fork and end in every way. What must not: what happens within one process
(test_pool.py).
"""

from __future__ import annotations

import subprocess
import sys
import time

import pytest

from tests.thumbnail.pools import ROOT, gone, wait_until

pytestmark = pytest.mark.slow

PROGRAM = """
import functools, os, sys, threading, time
from tests.thumbnail.pictures import jpeg, uploaded
from tests.thumbnail.pools import SLOW, SLOWLY
from ajaxupload.backends.thumbnail.pool import _pools
Daemon = functools.partial(threading.Thread, daemon=True)

def pids():
    return [pid for pool in _pools._found.values() for pid in pool.pids()]

uploaded(jpeg(40, 30))
print(*pids(), flush=True)
"""


def run(more: str, *, wait: bool = True) -> tuple[subprocess.Popen[str], list[int]]:
    """A program that has had a picture decoded and goes on with `more`. What it printed as process ids."""
    process = subprocess.Popen([sys.executable, "-c", PROGRAM + more], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    with process.stdout:
        if wait:
            return process, [int(word) for word in process.stdout.read().split()]
        return process, [int(word) for word in process.stdout.readline().split()]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("sys.exit(4)", 4),
        ("os._exit(5)", 5),
        ("os.kill(os.getpid(), 9)", -9),
        ("Daemon(target=time.sleep, args=(30,)).start()", 0),
        ("Daemon(target=uploaded, args=(SLOW,), kwargs=SLOWLY).start(); time.sleep(0.3)", 0),
    ],
    ids=["end", "exit", "_exit", "kill", "daemon thread", "at work"],
)
def test_it_does_not_outlive_its_server(end: str, status: int) -> None:
    start = time.monotonic()
    process, pids = run(end)
    assert process.wait(20) == status
    assert time.monotonic() - start < 15
    assert len(pids) == 1
    wait_until(lambda: all(map(gone, pids)))


def test_a_forked_worker_has_its_own_and_leaves_its_parents_alone() -> None:
    more = """
child = os.fork()
if not child:
    assert pids() == []
    uploaded(jpeg(40, 30)); print(*pids(), flush=True)
    uploaded(jpeg(40, 30)); print(*pids(), flush=True)
    sys.exit()
assert os.waitpid(child, 0)[1] == 0
uploaded(jpeg(40, 30)); print(*pids(), flush=True)
"""
    process, pids = run(more)
    assert process.wait(20) == 0
    parents, first, second, again = pids
    assert parents == again
    assert first == second
    assert first != parents
    wait_until(lambda: all(map(gone, pids)))


def test_a_fork_that_lives_on_does_not_keep_it_alive() -> None:
    """The copy of the socket in the fork is closed: else the child would not see the end of its parent."""
    more = """
if not os.fork():
    os.close(1); time.sleep(5); os._exit(0)
os.kill(os.getpid(), 9)
"""
    process, pids = run(more, wait=False)
    assert process.wait(20) == -9
    wait_until(lambda: all(map(gone, pids)), 4)


def test_a_warning_about_it_is_never_given() -> None:
    """No ResourceWarning at the end, nor after a fork."""
    command = [sys.executable, "-X", "dev", "-c", PROGRAM + "os.fork() or sys.exit()\nos.wait()"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "ResourceWarning" not in done.stderr
