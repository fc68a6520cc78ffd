"""What several fault tests share: content that needs no room, a tus client that never gives up, and a gunicorn whose
port stays the same over all of its lives.

What lives here: the means. What must not: faults, verdicts other than a protocol's own promises to its client.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from http.client import HTTPException
from pathlib import Path
from typing import Any

from tests.wire.client import Answer, ask, connected, hang_up, post, read_answer
from tests.wire.servers import Server, faults, running

PATIENCE = 90.0  # seconds that a client knocks for before it says that nobody is there
UNIT = 1 << 16
#: Without coverage: who is killed while writing it down leaves half a file.
UNTRACED: dict[str, str | None] = {"COVERAGE_PROCESS_START": None, "COVERAGE_PROCESS_CONFIG": None}
#: For what is measured: with the allocator that everybody has, too.
PLAIN: dict[str, str | None] = {**UNTRACED, "PYTHONDEVMODE": None, "PYTHONTRACEMALLOC": None}
_PATTERN = hashlib.shake_256(b"pattern").digest(UNIT)
_TUS = "Tus-Resumable: 1.0.0"
_PIECE = "Content-Type: application/offset+octet-stream"
#: What tells a tus client to ask where it is and to go on: interrupted, taken over, too many just now, or no room.
_GO_ON = (400, 408, 409, 423, 429, 500, 503, 507)


@dataclass(frozen=True)
class Content:
    """Bytes that tell by themselves whose they are and where they stand: each 64 KiB begin with both."""

    seed: int
    size: int

    def cut(self, start: int, end: int) -> bytes:
        """These bytes."""
        units = range(start // UNIT, -(-end // UNIT))
        made = b"".join(self.seed.to_bytes(8, "big") + at.to_bytes(8, "big") + _PATTERN[16:] for at in units)
        return made[start - units.start * UNIT :][: end - start] if units else b""

    def blocks(self, start: int = 0, step: int = UNIT) -> Iterator[bytes]:
        """All of them from `start` on."""
        for at in range(start, self.size, step):
            yield self.cut(at, min(at + step, self.size))

    def sha256(self) -> str:
        """In hex."""
        digest = hashlib.sha256()
        for block in self.blocks(step=16 * UNIT):
            digest.update(block)
        return digest.hexdigest()


def sha256_of(path: Path) -> str:
    """Of a file that may be large, in hex."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


# ---- a client --------------------------------------------------------------------------------------------------------


def knock(port: int, request: bytes) -> Answer:
    """Ask until somebody answers, and is ready to: servers come back."""
    deadline = time.monotonic() + PATIENCE
    while True:
        with suppress(OSError, HTTPException):
            answer = ask(port, request)
            if answer.status not in (429, 502, 503, 504, 507):
                return answer
        assert time.monotonic() < deadline, "nobody answers any more"
        time.sleep(0.05)


@dataclass
class TusClient:
    """A tus upload that is gone on with, whatever happens. `before_byte` is asked before each block is sent, with the
    place of the block: that is where faults happen."""

    port: int
    content: Content
    before_byte: Callable[[int], None] = lambda _at: None
    url: str = ""
    told: int = 0
    cuts: int = 0
    again: int = 0  # bytes that were sent once more
    _sent: int = 0

    def create(self, *headers: str) -> None:
        """Where no answer came, once more: what was left then has no owner, and expires."""
        request = post("/upload", b"", _TUS, f"Upload-Length: {self.content.size}", "Connection: close", *headers)
        answer = knock(self.port, request)
        assert answer.status == 201, answer
        self.url = answer.headers["location"]

    def ask_where(self) -> int:
        """HEAD, which never says less than was told."""
        head = f"HEAD {self.url} HTTP/1.1\r\nHost: x\r\n{_TUS}\r\nConnection: close\r\n\r\n"
        answer = knock(self.port, head.encode())
        assert answer.status == 200, answer
        at = int(answer.headers["upload-offset"])
        assert self.told <= at <= self._sent, (self.told, at, self._sent)
        self.again += self._sent - at
        self.told = self._sent = at
        return at

    def send(self, end: int | None = None, *, declared: int | None = None, step: int = UNIT) -> bool:
        """One PATCH from where it is, to `end`; or to `declared`, and the client hangs up at `end`. Whether it was
        acknowledged."""
        at, end = self.told, self.content.size if end is None else end
        length = (end if declared is None else declared) - at
        head = post(
            self.url, b"", _TUS, _PIECE, f"Upload-Offset: {at}", "Connection: close", method="PATCH", length=length
        )
        try:
            with connected(self.port) as connection:
                self._stream(connection, head, at, end, step)
                if declared is not None:
                    hang_up(connection, reset=False)
                answer = read_answer(connection, "PATCH")
        except (OSError, HTTPException):
            self.cuts += 1
            return False
        if answer.status == 204:
            self.told = int(answer.headers["upload-offset"])
            assert self.told == end
            return True
        assert answer.status in _GO_ON, answer
        self.cuts += 1
        return False

    def _stream(self, connection: socket.socket, head: bytes, at: int, end: int, step: int) -> None:
        """A server that closes may still have answered."""
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(head)
            while at < end:
                self.before_byte(at)
                block = self.content.cut(at, min(at + step, end))
                self._sent = at = at + len(block)  # though it fails: some of them may have come
                connection.sendall(block)

    def upload(self, most: int | None = None) -> None:
        """To the end, in pieces of at most so many bytes."""
        while self.told < self.content.size:
            end = None if most is None else min(self.told + most, self.content.size)
            if not self.send(end):
                self.ask_where()


# ---- a server --------------------------------------------------------------------------------------------------------


def lasting_port() -> int:
    """One that nobody is given by chance while the server is away: below those of outgoing connections (Linux)."""
    for port in random.SystemRandom().sample(range(12_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("no port is free")


def gunicorn(port: int, *more: str, workers: int = 2, threads: int = 4) -> list[str]:
    """The command: threads, and little patience with those that do not end."""
    options = ["-k", "gthread", "--threads", str(threads), "-w", str(workers), "--no-control-socket"]
    options += ["--graceful-timeout", "2", "-b", f"127.0.0.1:{port}", *more]
    return [sys.executable, "-m", "gunicorn", *options, "tests.faults.app:application"]


@dataclass
class Lives:
    """gunicorn on a port of its own, which ends and starts anew. What it said that it should not is kept."""

    root: Path
    more: tuple[str, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str | None] = field(default_factory=dict)
    port: int = field(default_factory=lasting_port)
    complaints: list[str] = field(default_factory=list)
    before: tuple[str, ...] = ()  # a command that starts another, with limits for example
    threads: int = 4
    workers_wanted: int = 2
    _stack: ExitStack = field(default_factory=ExitStack)
    _server: Server | None = None

    def __enter__(self) -> Lives:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def server(self) -> Server:
        """The one that runs."""
        assert self._server is not None
        return self._server

    def start(self) -> None:
        """A new life."""
        env = {"AJAXUPLOAD_OPTIONS": json.dumps(self.options), **UNTRACED, **self.env}
        command = gunicorn(self.port, *self.more, workers=self.workers_wanted, threads=self.threads)
        started = running("gunicorn", [*self.before, *command], self.root, env=env)
        self._server = self._stack.enter_context(started)

    def end(self) -> None:
        """SIGTERM, unless it has ended already."""
        self._stack.close()
        self.complaints += faults(self.server.said)

    def workers(self) -> list[int]:
        """Their ids."""
        return self.server.pids()[1:]

    def kill(self) -> None:
        """kill -9 of all of it, the parent first: nobody comes after those who die."""
        for pid in self.server.pids():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.server.process.wait()
        self.end()

    def wait_for_others(self, old: list[int]) -> None:
        """Until none of these workers is there, and others are."""
        deadline = time.monotonic() + PATIENCE
        while set(old) & set(self.workers()) or not self.workers():
            assert time.monotonic() < deadline, self.server.said[-2000:]
            time.sleep(0.02)


# ---- measuring -------------------------------------------------------------------------------------------------------


def memory(pids: list[int], what: str = "VmHWM") -> int:
    """Bytes of all of them: the most that each has ever had in memory (VmHWM), or has now (VmRSS)."""
    found = (re.search(rf"{what}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text()) for pid in pids)
    return sum(int(each[1]) << 10 for each in found if each)
