"""A server's own command in a process of its own: started, waited for, stopped by its pid.

What lives here: one life, for examples and documents that say how they are started. What must not: any application.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.wire.servers import START, STOP, faults

__all__ = ["serving"]

#: How gunicorn and `flask run` tell where they listen, port 0 resolved.
_TOLD = re.compile(r"(?:Listening at:|Running on) https?://127\.0\.0\.1:(\d+)")


@contextmanager
def serving(command: Sequence[str], *, cwd: Path, log: Path, **env: str) -> Iterator[int]:
    """Run `command` in `cwd` and give its port; at the end nothing may stand in its log that should not."""
    with log.open("wb") as said:
        environ = {**os.environ, "PYTHONUNBUFFERED": "1", **env}
        process = subprocess.Popen(command, cwd=cwd, env=environ, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield _port(process, log)
    finally:
        _stop(process)
    assert not faults(_text(log))


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def _port(process: subprocess.Popen[bytes], log: Path) -> int:
    deadline = time.monotonic() + START
    while not (told := _TOLD.search(_text(log))):
        assert process.poll() is None, _text(log)
        assert time.monotonic() < deadline, _text(log)
        time.sleep(0.02)
    return int(told[1])


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
