"""A thousand uploads are given up (F03) at a server in processes of its own: descriptors, threads, files and memory
are what they were.

What lives here: clients that go away in each way there is, and what the kernel says of the server's processes.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.partials.uploads import noise
from tests.support.tally import Tally
from tests.wire import store
from tests.wire.client import FORM, ask, connected, form, hang_up, post, read_answer
from tests.wire.servers import Server, commands, faults, running

pytestmark = [pytest.mark.slow, pytest.mark.servers]

TUS = ("Tus-Resumable: 1.0.0", "Connection: close")
PIECE = (*TUS, "Content-Type: application/offset+octet-stream", "Upload-Offset: 0")
CONTENT = noise(200_000)
MIB = 1 << 20
GROWTH = 5 * MIB  # of all processes together
THREADS = {"gunicorn": 1 + 2 * (1 + 4 + 2), "cheroot": 1 + 10 + 2}  # with each pool full, and two for other work


@dataclass(frozen=True)
class Held:
    """What a server's processes have: counts, and bytes of memory."""

    descriptors: int
    threads: int
    files: tuple[str, ...]
    memory: int

    def same(self, other: Held) -> bool:
        """But for memory, and threads, which a pool makes when it first needs them."""
        return (self.descriptors, self.files) == (other.descriptors, other.files)


def held(server: Server) -> Held:
    """All its processes together."""
    pids = server.pids()
    said = [Path(f"/proc/{pid}/status").read_text() for pid in pids]
    return Held(
        store.descriptors(pids),
        sum(_number(text, "Threads:") for text in said),
        tuple(sorted(str(path.relative_to(server.root)) for path in server.root.rglob("*") if path.is_file())),
        sum(_number(text, "VmRSS:") << 10 for text in said),
    )


def _number(text: str, word: str) -> int:
    return int(text.partition(word)[2].split()[0])


def settled(server: Server, before: Held | None = None) -> Held:
    """What they have once nothing changes any more, or it is as before."""
    deadline, last, found = time.monotonic() + 30, None, held(server)
    while time.monotonic() < deadline and not (found.same(before) if before else last and found.same(last)):
        time.sleep(0.3)
        last, found = found, held(server)
    return found


# ---- ways to give up -------------------------------------------------------------------------------------------------


def broken(server: Server, request: bytes, chance: random.Random) -> None:
    """Some of its body, then the end of the connection, one way or the other."""
    start = request.index(b"\r\n\r\n") + 4
    with connected(server.port) as connection:
        with suppress(OSError):  # refused before all was sent
            connection.sendall(request[: chance.randrange(start, len(request))])
        reset = chance.random() < 0.5
        with suppress(OSError):
            hang_up(connection, reset=reset)
        if not reset:
            with suppress(HTTPException, OSError):
                read_answer(connection)


def raw(server: Server, chance: random.Random) -> None:
    broken(server, post("/upload/a.bin", CONTENT, method="PUT"), chance)


def in_form(server: Server, chance: random.Random) -> None:
    broken(server, post("/upload", form(("f", "a.bin", CONTENT), ("g", "b.bin", CONTENT)), FORM), chance)


def valums(server: Server, chance: random.Random) -> None:
    broken(server, post("/upload?qqfile=a.bin", CONTENT, "X-Requested-With: XMLHttpRequest"), chance)


def refused(server: Server, chance: random.Random) -> None:
    """Too large by what is said, at an endpoint that takes pictures only."""
    with connected(server.port) as connection:
        connection.sendall(post("/photos/a.exe", CONTENT[: chance.randrange(1, 50_000)], method="PUT", length=1 << 40))
        with suppress(HTTPException, OSError):
            assert read_answer(connection).status >= 400


def tus(server: Server, chance: random.Random) -> None:
    """Begun, broken off, and given up."""
    url = ask(server.port, post("/upload", b"", *TUS, f"Upload-Length: {len(CONTENT)}")).headers["location"]
    broken(server, post(url, CONTENT, *PIECE, method="PATCH"), chance)
    answer = ask(server.port, post(url, b"", *TUS, method="DELETE"))
    assert answer.status == 204, answer


WAYS: list[Callable[[Server, random.Random], None]] = [raw, in_form, valums, refused, tus]


@contextmanager
def serving(kind: str, root: Path) -> Iterator[Server]:
    with running(kind, commands()[kind], root) as server:
        yield server
    assert not faults(server.said)


def give_up(server: Server, times: int, chance: random.Random) -> None:
    """In each way in turn."""
    for number in range(times):
        WAYS[number % len(WAYS)](server, chance)


@pytest.mark.parametrize("kind", ["gunicorn", "cheroot"])
@pytest.mark.parametrize("times", [60, pytest.param(1_000, marks=pytest.mark.faults)])
def test_what_is_given_up_leaves_the_server_as_it_was(
    tmp_path: Path, kind: str, times: int, chance: random.Random, tally: Tally
) -> None:
    """After the first few, with which a process gets its threads and its memory its first shape."""
    with serving(kind, tmp_path) as server:
        give_up(server, 20 if times < 1_000 else 200, chance)
        before = settled(server)
        give_up(server, times, chance)
        after = settled(server, before)
        assert after.same(before), (before, after)
        assert after.threads <= max(before.threads, THREADS[kind])
        assert times < 1_000 or after.memory - before.memory <= GROWTH, (after.memory - before.memory) / MIB
        assert store.visible(tmp_path) == {}
        assert store.left_behind(server.pids(), tmp_path) == []
    tally("F03", f"uploads given up, {kind}", runs=times, faults=times)
