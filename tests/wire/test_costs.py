"""What an upload costs, counted and not timed: system calls, bytes that are copied, syncs. No cost slips in unseen.

What lives here: the kernel's own log of one gunicorn worker, and the most that each kind of upload may ask of it. What
must not: seconds (benchmarks/).

The bounds are what was counted when this was written, and a little more. Who makes something cheaper lowers its bound.
"""

from __future__ import annotations

import base64
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import count, pairwise
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.wire.client import Answer, connected, read_answer
from tests.wire.servers import APPS, Server, running

pytestmark = [pytest.mark.needs("strace"), pytest.mark.servers, pytest.mark.slow]

MIB = 1 << 20
SIZE, PIECE, PIECES = 64 * MIB, 8 * MIB, 8
SMALL, FILES = 1000, 20
BLOCK = bytes(range(256)) * 4096
PART = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%d.bin"\r\n\r\n'
FORM = {"Content-Type": "multipart/form-data; boundary=x"}
NUMBERS = count()  # no name is taken
TUS = {"Tus-Resumable": "1.0.0"}
WRITING, SYNCING = ("write", "pwrite64", "writev"), ("fsync", "fdatasync", "sync_file_range")
#: "recvfrom(9, ..., 262144, 0, NULL, NULL) = 262144"
CALL = re.compile(r"^(\w+)\((.*)\)\s+= (\d+)", re.MULTILINE)

#: gunicorn's own, as often as clock and scheduler have it: its sign of life, and its waiting for the next connection.
IDLING = {"utimensat", "select", "pselect6", "poll", "ppoll"}


def content(size: int) -> Iterable[bytes]:
    return (BLOCK[: min(len(BLOCK), size - at)] for at in range(0, size, len(BLOCK)))


def ask(
    server: Server, method: str, path: str, body: Iterable[bytes] = (), more: Mapping[str, str] = MappingProxyType({})
) -> Answer:
    """One request over a connection of its own. The parts of `body` are counted first."""
    parts = list(body)
    lines = {"Host": "localhost", "Content-Length": str(sum(map(len, parts))), **more}
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    with connected(server.port) as connection:
        connection.sendall(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())
        for part in parts:
            connection.sendall(part)
        answer = read_answer(connection, method)
    assert 200 <= answer.status < 300, answer
    return answer


def raw(path: str, size: int) -> Callable[[Server], object]:
    return lambda server: ask(server, "PUT", f"{path}/{next(NUMBERS)}.bin", content(size))


def form(path: str, size: int, files: int = 1) -> Callable[[Server], object]:
    def upload(server: Server) -> None:
        parts = [part for _ in range(files) for part in (PART % next(NUMBERS), *content(size), b"\r\n")]
        ask(server, "POST", path, [*parts, b"--x--\r\n"], FORM)

    return upload


def tus(path: str, size: int, pieces: int) -> Callable[[Server], object]:
    def upload(server: Server) -> None:
        name = base64.b64encode(b"%d.bin" % next(NUMBERS)).decode()
        told = {"Upload-Length": str(size), "Upload-Metadata": f"filename {name}"}
        where = ask(server, "POST", path, (), TUS | told).headers["location"]
        url, step = re.sub(r"^https?://[^/]+", "", where), size // pieces
        for at in range(0, size, step):
            more = {"Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
            ask(server, "PATCH", url, content(step), TUS | more)

    return upload


@dataclass(frozen=True)
class Cost:
    """What one upload asked of the kernel: how often each call, and the bytes that went through each."""

    calls: Counter[str]
    bytes: Counter[str]

    def called(self, *names: str) -> int:
        return sum(self.calls[name] for name in names) if names else self.calls.total()

    @property
    def blocks(self) -> int:
        """How often something was received: heads are counted with bodies."""
        return self.called("recvfrom", "recvmsg")

    def moved(self, *names: str) -> int:
        return sum(self.bytes[name] for name in names)


UPLOADS: dict[str, Callable[[Server], object]] = {
    "raw": raw("/soft", SIZE),
    "raw durable": raw("/upload", SIZE),
    "raw hashed": raw("/hashed", SIZE),
    "form": form("/soft", SIZE),
    "tus": tus("/soft", SIZE, PIECES),
    "tus durable": tus("/upload", SIZE, PIECES),
    "small raw": raw("/soft", SMALL),
    "small raw durable": raw("/upload", SMALL),
    "small tus": tus("/soft", SMALL, 1),
    "small tus durable": tus("/upload", SMALL, 1),
    "small form": form("/soft", SMALL, FILES),
    "small form durable": form("/upload", SMALL, FILES),
}


@pytest.fixture(scope="module")
def costs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Cost]:
    """All of them, the second time: the first one imports modules and makes folders."""
    folder = tmp_path_factory.mktemp("costs")
    # The strace is a grandchild, so that the server's process is the one that is told to end.
    tracer = ["strace", "-D", "-ff", "-qq", "-s", "40", "-e", "signal=none", "-o", str(folder / "calls")]
    command = [*tracer, sys.executable, "-m", "gunicorn", "-k", "sync", "--no-control-socket", "-b", "127.0.0.1:0"]
    with running("gunicorn", [*command, f"{APPS}.splicing:application"], folder) as server:
        for turn in ("first", "again"):
            for number, upload in enumerate(UPLOADS.values()):
                ask(server, "GET", f"/mark-{turn}-{number}")
                upload(server)
        ask(server, "GET", f"/mark-again-{len(UPLOADS)}")
        log = folder / f"calls.{server.pids()[-1]}"
    return dict(zip(UPLOADS, counted(log), strict=True))


def counted(log: Path) -> Iterable[Cost]:
    """The costs between two marks. What a mark itself costs, an accept and an answer, counts to the upload."""
    text = log.read_text(encoding="utf-8", errors="replace")
    marks = [found.start() for found in re.finditer(r"GET /mark-again-", text)]
    for begin, end in pairwise(marks):
        calls: Counter[str] = Counter()
        moved: Counter[str] = Counter()
        for found in CALL.finditer(text, text.index("\n", begin), end):
            calls[found[1]] += found[1] not in IDLING
            moved[found[1]] += int(found[3])
        yield Cost(calls, moved)


@pytest.mark.parametrize("name", ["raw", "raw durable"])
def test_a_body_that_nobody_needs_to_see_is_not_copied(costs: dict[str, Cost], name: str) -> None:
    cost = costs[name]
    assert cost.moved("splice") > 2 * (SIZE - MIB)  # into the pipe, and out of it
    assert cost.moved("recvfrom", *WRITING) < MIB  # the head, and what is looked at
    assert cost.called() <= 50 + 5 * cost.blocks


@pytest.mark.parametrize("name", ["raw hashed", "form"])
def test_a_body_is_received_once_and_written_once(costs: dict[str, Cost], name: str) -> None:
    cost = costs[name]
    assert cost.moved(*WRITING) == SIZE
    assert SIZE <= cost.moved("recvfrom") < SIZE + (64 << 10)
    assert cost.called() <= 45 + 4 * cost.blocks


@pytest.mark.parametrize("name", ["raw", "raw hashed", "form", "tus"])
def test_what_a_quick_client_sends_is_taken_in_large_blocks(costs: dict[str, Cost], name: str) -> None:
    """A MiB each; a client on a busy machine is not always quick."""
    assert costs[name].blocks <= 2 * SIZE // MIB


@pytest.mark.parametrize("name", ["tus", "tus durable"])
def test_pieces_are_written_once_and_their_books_are_small(costs: dict[str, Cost], name: str) -> None:
    cost = costs[name]
    assert SIZE < cost.moved(*WRITING) < SIZE + (64 << 10)
    assert cost.called() <= 60 * (PIECES + 1) + 9 * cost.blocks


@pytest.mark.parametrize(
    ("name", "calls"), [("small raw", 41), ("small raw durable", 43), ("small tus", 185), ("small tus durable", 209)]
)
def test_a_small_upload_asks_little_of_the_kernel(costs: dict[str, Cost], name: str, calls: int) -> None:
    assert costs[name].called() <= calls


@pytest.mark.parametrize(("name", "calls"), [("small form", 15), ("small form durable", 17)])
def test_so_does_each_small_file_of_a_form(costs: dict[str, Cost], name: str, calls: int) -> None:
    cost = costs[name]
    assert cost.called() <= 35 + 4 * cost.blocks + calls * FILES


@pytest.mark.parametrize(
    ("name", "syncs"),
    [
        ("raw", 0),
        ("form", 0),
        ("tus", 0),
        ("raw durable", 2),  # the content, and the folder that has its name
        ("small raw durable", 2),
        ("small form durable", FILES + 1),
        ("small tus durable", 10),
        ("tus durable", 5 + 5 * PIECES),
    ],
)
def test_no_more_is_synced_than_durable_takes(costs: dict[str, Cost], name: str, syncs: int) -> None:
    assert costs[name].called(*SYNCING) <= syncs
