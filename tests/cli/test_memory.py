"""What two gigabytes cost the server: memory that does not grow with the file, and every byte on the disk.

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

import pytest

from tests.support.command import PATIENCE, Served, served

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


def peak(server: Served) -> int:
    """Bytes: the sum over the parent and its workers."""
    pids = [server.process.pid, *server.workers(2)]
    found = (re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()) for pid in pids)
    return sum(int(each[1]) << 10 for each in found if each)


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
