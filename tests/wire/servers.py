"""Real servers in processes of their own: started on a free port, stopped by their pid, and what they said kept.

What lives here: one server's life. What must not: what is asked of it.
"""

from __future__ import annotations

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType

from tests.wire.client import ask

ROOT = Path(__file__).resolve().parents[2]
APPS = "tests.wire.apps"
WORKERS = 2  # every fact about state is to hold with two processes
START, STOP = 30.0, 15.0  # seconds
_PRCTL = ctypes.CDLL(None).prctl if sys.platform == "linux" else None  # looked up here, not between fork and exec
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_FAULT = re.compile(r"^.*(?:Traceback \(most recent call last\)|ResourceWarning|Exception ignored in).*$", re.MULTILINE)
_OURS = ("/ajaxupload/", "/tests/wire/", "/tests/clients/")
_TOLD = re.compile(r"Listening at: http://127\.0\.0\.1:(\d+)")


@dataclass
class Server:
    """A running server. `root` is what it stores below, `log` the file with all it said."""

    kind: str
    root: Path
    log: Path
    process: subprocess.Popen[bytes]
    port: int = 0

    @property
    def host(self) -> str:
        """As the Host header names it."""
        return f"127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """Everything it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def pids(self) -> list[int]:
        """The process and its workers."""
        try:
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        except OSError:
            children = ""
        return [self.process.pid, *map(int, children.split())]


def gunicorn(module: str, *more: str) -> list[str]:
    """Threads and two workers; kept alive long enough for the tests that ask twice."""
    options = ["-k", "gthread", "--threads", "4", "-w", str(WORKERS), "--no-control-socket", "--graceful-timeout", "5"]
    return [sys.executable, "-m", "gunicorn", *options, "-b", "127.0.0.1:0", *more, f"{APPS}.{module}:application"]


def commands() -> dict[str, list[str]]:
    """Door -> the command that opens it."""
    serve = [sys.executable, "-m", f"{APPS}.serve"]
    return {
        "wsgiref": [*serve, "wsgiref", f"{APPS}.bare"],
        "cheroot": [*serve, "cheroot", f"{APPS}.bare"],
        "gunicorn": gunicorn("bare"),
        "django": gunicorn("django_app"),
        "flask": gunicorn("flask_app"),
        "pyramid": gunicorn("pyramid_app"),
    }


def _die_with_the_tests() -> None:
    """In the child: be told (SIGTERM) when the process that started us ends, however it does; Linux only."""
    if _PRCTL is not None:
        _PRCTL(_PR_SET_PDEATHSIG, signal.SIGTERM)


@contextmanager
def running(
    kind: str,
    command: list[str],
    root: Path,
    *,
    env: Mapping[str, str | None] = MappingProxyType({}),
    log: Path | None = None,
) -> Iterator[Server]:
    """Start it, wait until it answers, and end it at the end of the block, asking first. A variable of `env` that is
    None is taken out of the environment. What it says goes to `log`, a file in `root` unless told."""
    log = log or root / "server.log"
    wanted = {**os.environ, "AJAXUPLOAD_WIRE_ROOT": str(root), "PYTHONUNBUFFERED": "1", **env}
    environ = {name: value for name, value in wanted.items() if value is not None}
    with log.open("wb") as said:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdout=said,
            stderr=subprocess.STDOUT,
            preexec_fn=_die_with_the_tests,  # noqa: PLW1509 - one call into the kernel, nothing that takes a lock
        )
    server = Server(kind, root, log, process)
    try:
        _wait_until_ready(server)
        yield server
    finally:
        _stop(process)


def _wait_until_ready(server: Server) -> None:
    deadline = time.monotonic() + START
    while not (told := _TOLD.search(server.said)):
        if server.process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"{server.kind} did not start:\n{server.said}")
        time.sleep(0.02)
    server.port = int(told[1])
    while True:  # some servers tell before they listen
        try:
            ask(server.port, b"GET /upload HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", timeout=START)
        except OSError as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"{server.kind} does not answer ({error}):\n{server.said}") from error
            time.sleep(0.02)
        else:
            return


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def faults(said: str) -> list[str]:
    """What a server's log tells of us that it should not: tracebacks through our code, and files of ours that nobody
    closed. Servers have faults of their own, with clients that go away above all; those are not looked at."""
    starts = [found.start() for found in _FAULT.finditer(said)]
    pieces = [said[start:end] for start, end in pairwise([*starts, len(said)])]
    return [piece[:9000] for piece in pieces if any(folder in piece for folder in _OURS)]
