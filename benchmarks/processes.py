"""A server's processes: started, waited for, counted and ended.

What lives here: one server's life, and what the kernel counts of it (proc(5)): processor time, memory, what was
written. What must not: what is asked of it, and which servers there are.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Counted", "NotStarted", "Process", "free_port", "started"]

ROOT = Path(__file__).resolve().parents[1]
_START, _STOP = 60.0, 15.0  # seconds
_TICK = os.sysconf("SC_CLK_TCK")


class NotStarted(RuntimeError):
    """A server ended, or did not listen in time; its own last words are in the message."""


@dataclass(frozen=True)
class Counted:
    """What the kernel has counted so far: seconds of processor time, bytes that went to a disk, bytes that were
    written anywhere (a tmpfs has no disk)."""

    cpu: float
    disk: int
    written: int


@dataclass(frozen=True)
class Process:
    """A running server: its first process, and the port of 127.0.0.1 that it listens on."""

    pid: int
    port: int

    def family(self) -> list[int]:
        """The process and all that it has started."""
        found, new = [self.pid], [self.pid]
        while new:
            new = [child for pid in new for child in _children(pid)]
            found += new
        return found

    def counted(self) -> Counted:
        """The sums over the family."""
        family = self.family()
        files = [_table(pid, "io") for pid in family]
        return Counted(
            sum(map(_ticks, family)) / _TICK,
            sum(each.get("write_bytes", 0) for each in files),
            sum(each.get("wchar", 0) for each in files),
        )

    def memory(self) -> tuple[int, int]:
        """Bytes that the family holds now, and the sum of the most that each of them ever held."""
        tables = [_table(pid, "status") for pid in self.family()]
        now, most = (sum(each.get(name, 0) for each in tables) for name in ("VmRSS", "VmHWM"))
        return now << 10, most << 10


def _children(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # it has just ended
        for task in Path(f"/proc/{pid}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def _ticks(pid: int) -> int:
    """What it has computed, and its children that have ended had: those that still run are counted by themselves."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
    except OSError:
        return 0
    return sum(map(int, text.rpartition(")")[2].split()[11:15]))


def _table(pid: int, name: str) -> dict[str, int]:
    """The numbers of a file of lines like `VmRSS:   123 kB`; none of a process that has ended."""
    try:
        text = Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = (line.split() for line in text.splitlines())
    return {line[0].rstrip(":"): int(line[1]) for line in lines if len(line) > 1 and line[1].isdigit()}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@contextmanager
def started(command: Sequence[str], log: Path, port: int, env: Mapping[str, str]) -> Iterator[Process]:
    """Start it and wait until somebody listens on the port; end it, and whatever it has started, with the block."""
    environ = {**os.environ, **_untouched(), **env}
    with log.open("wb") as said:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environ, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        _wait(process, log, port)
        yield Process(process.pid, port)
    finally:
        _stop(process)


def _untouched() -> dict[str, str]:
    """Nothing goes by a proxy, and nobody is slowed down by what tests have switched on: tracing and checks."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    off = dict.fromkeys(("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG", "PYTHONDEVMODE"), "")
    return {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "NO_PROXY": "*", "no_proxy": "*", **off}


def _wait(process: subprocess.Popen[bytes], log: Path, port: int) -> None:
    deadline = time.monotonic() + _START
    while True:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
            return
        if process.poll() is not None or time.monotonic() > deadline:
            raise NotStarted(log.read_text(encoding="utf-8", errors="replace")[-2000:] or "it said nothing")
        time.sleep(0.05)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP)
    with suppress(ProcessLookupError):  # the session is its own: whoever is left in it is a child that it forgot
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
