"""What gigabytes cost the server: memory that does not grow with the file, and every byte on the disk.

The kernel counts: VmHWM in /proc/<pid>/status is the most that a process has ever had in memory (proc(5)).
"""

from __future__ import annotations

import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import PATIENCE, Served, served
from tests.support.tally import Tally

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from Linux's /proc"),
]

#: Content that is not the same from block to block, without keeping it: each MiB begins with its number.
BLOCK = hashlib.shake_256(b"block").digest(1 << 20)
BLOCKS = 2048
SIZE = BLOCKS * len(BLOCK)
ALLOWED = 16 << 20

BEFORE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="large.bin"\r\n\r\n'
AFTER = b"\r\n--x--\r\n"
FORM = {"Content-Type": "multipart/form-data; boundary=x", "Content-Length": str(len(BEFORE) + SIZE + len(AFTER))}


def blocks() -> Iterator[bytes]:
    for number in range(BLOCKS):
        yield number.to_bytes(8, "big") + BLOCK[8:]


def form() -> Iterator[bytes]:
    yield BEFORE
    yield from blocks()
    yield AFTER


def peaks(server: Served) -> list[int]:
    """Bytes, of the parent and of each worker."""
    pids = [server.process.pid, *server.workers(2)]
    found = (re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()) for pid in pids)
    return [int(each[1]) << 10 for each in found if each]


def peak(server: Served) -> int:
    """Bytes: the sum of them."""
    return sum(peaks(server))


def warm_up(server: Served) -> None:
    """A byte through each worker: the code itself has been loaded and used."""
    for pid in server.workers(2):
        deadline = time.monotonic() + PATIENCE
        while f"process {pid})" not in server.err:
            assert time.monotonic() < deadline, "one worker takes all"
            assert server.ask("PUT", "/upload/small.bin", b"x")[0].status == 201


def test_two_gibibytes_cost_less_than_16_mib(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        warm_up(server)
        before = peak(server)
        answer, body = server.ask("POST", "/upload", form(), FORM)
        grown = peak(server) - before
        assert answer.status == 200, body
        assert json.loads(body)["size"] == SIZE
        assert grown < ALLOWED, f"{grown / 1048576:.1f} MiB"
        large = server.folder / "large.bin"
        assert large.stat().st_size == SIZE
        with large.open("rb", buffering=0) as stored:
            assert all(stored.read(len(BLOCK)) == block for block in blocks())
        large.unlink()
        print(f"the server's memory grew by {grown / 1048576:.1f} MiB")


def tus(server: Served, method: str, url: str, body: bytes | Iterator[bytes] = b"", **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer, _ = server.ask(method, url, body, {"Tus-Resumable": "1.0.0", **named})
    assert answer.status < 300, answer.status
    return answer


@pytest.mark.parametrize("gibibytes", [1, pytest.param(10, marks=[pytest.mark.faults, pytest.mark.alone])])
def test_a_tus_upload_in_pieces_of_64_mib_costs_less_than_16_mib(tmp_path: Path, tally: Tally, gibibytes: int) -> None:
    """In each process: the pieces of one upload go to both workers."""
    count, step = gibibytes << 10, 64
    with served(tmp_path) as server:
        warm_up(server)
        before = peaks(server)
        url = tus(server, "POST", "/upload", Upload_Length=str(count << 20)).getheader("Location")
        for first in range(0, count, step):
            tus(
                server,
                "PATCH",
                url,
                (number.to_bytes(8, "big") + BLOCK[8:] for number in range(first, first + step)),
                Content_Type="application/offset+octet-stream",
                Content_Length=str(step << 20),
                Upload_Offset=str(first << 20),
            )
        assert tus(server, "HEAD", url).getheader("Upload-Offset") == str(count << 20)
        grown = max(after - first for first, after in zip(before, peaks(server), strict=True))
        assert grown < ALLOWED, f"{grown / 1048576:.1f} MiB"
        with (server.folder / "file").open("rb", buffering=0) as stored:
            for number in range(count):
                assert stored.read(len(BLOCK)) == number.to_bytes(8, "big") + BLOCK[8:]
        print(f"the server's memory grew by {grown / 1048576:.1f} MiB")
    tally("F14", f"{gibibytes} GiB by tus in pieces of 64 MiB", runs=count // step, faults=0)
