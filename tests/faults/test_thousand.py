"""F12: a thousand uploads at once with little memory. All of them are under way at the same moment, each file is whole
in the end, and the server has stayed within what it was allowed.

What lives here: one server with a thread or a greenlet for each upload, under a limit of address space that the kernel
keeps, and one client with all the connections. What must not: time.
"""

from __future__ import annotations

import hashlib
import resource
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.faults.rig import PATIENCE, PLAIN, Content, Lives, memory
from tests.support.tally import Tally
from tests.wire import store
from tests.wire.client import connected, post, read_answer

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from Linux's /proc"),
]

MIB = 1 << 20
STEP = 1 << 14
#: Address space of each process: a thread's stack (512 KiB), twice two arenas, the interpreter, and little more.
LIMITS = 'ulimit -v 1500000 && ulimit -s 512 && ulimit -n {files} && exec "$@"'
FULL = [pytest.mark.faults, pytest.mark.alone]
#: The worker, how many at once, and what it may take. A bare loop that stores as many takes 451 MiB with threads and
#: 200 with gevent.
SIZES = [
    ("gthread", 200, 200 * MIB),
    ("gevent", 200, 150 * MIB),
    pytest.param("gthread", 1000, 450 * MIB, marks=FULL),
    pytest.param("gevent", 1000, 300 * MIB, marks=FULL),
]


@contextmanager
def many_files(count: int) -> Iterator[None]:
    """This process may have so many open."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    assert hard == resource.RLIM_INFINITY or hard >= count, f"a process may open {hard} files: ulimit -Hn {count}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def send_half(clients: list[socket.socket], contents: list[Content], half: int) -> None:
    """Of each file, in small pieces in turns."""
    for start in range(half * MIB // 2, (half + 1) * MIB // 2, STEP):
        for client, content in zip(clients, contents, strict=True):
            client.sendall(content.cut(start, start + STEP))


def wait_until_all_run(lives: Lives, root: Path, count: int) -> None:
    """Until the server holds that many unfinished files."""
    deadline = time.monotonic() + PATIENCE
    while (found := len(store.held_open(lives.server.pids(), root))) < count:
        assert time.monotonic() < deadline, f"{found} of {count} uploads run at once"
        time.sleep(0.1)


@pytest.mark.parametrize(("worker", "count", "allowed"), SIZES)
def test_all_are_whole_and_the_memory_is_little(
    tmp_path: Path, tally: Tally, worker: str, count: int, allowed: int
) -> None:
    contents = [Content(number, MIB) for number in range(count)]
    before = ("sh", "-c", LIMITS.format(files=4 * count + 200), "sh")
    more = ("-k", worker, "--worker-connections", "2000", "--backlog", "2048", "--timeout", "300")
    env = {**PLAIN, "MALLOC_ARENA_MAX": "2"}
    with ExitStack() as stack:
        stack.enter_context(many_files(count + 200))
        lives = stack.enter_context(Lives(tmp_path, more, env=env, before=before, threads=count))
        clients = [stack.enter_context(connected(lives.port, timeout=PATIENCE)) for _ in range(count)]
        for number, client in enumerate(clients):
            client.sendall(post(f"/upload/{number}.bin", b"", "Connection: close", method="PUT", length=MIB))
        send_half(clients, contents, 0)
        wait_until_all_run(lives, tmp_path, count)
        send_half(clients, contents, 1)
        assert {read_answer(client, "PUT").status for client in clients} == {201}
        most = memory(lives.server.pids())
        assert not store.left_behind(lives.server.pids(), tmp_path)
    stored = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (tmp_path / "media").iterdir()}
    assert stored == {f"{number}.bin": content.sha256() for number, content in enumerate(contents)}
    assert not lives.complaints
    assert most < allowed, f"{most / MIB:.0f} MiB"
    print(f"{count} uploads at once, {worker}: {most / MIB:.0f} MiB at the most")
    tally("F12", f"uploads at once under a limit of memory, {worker}", runs=count, faults=1)
