"""An endpoint into a bucket, on gunicorn with two workers, and a client of it.

What lives here: starting the server, sending files, looking at its processes. What must not: stores, assertions.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.wire.client import Answer, ask
from tests.wire.servers import WORKERS, Server, running

__all__ = ["put", "put_at_once", "serving", "states"]

_PATIENCE = 120.0  # seconds: a store that fails is asked again


@contextmanager
def serving(root: Path, options: dict[str, Any], *, workers: int = WORKERS, measured: bool = False) -> Iterator[Server]:
    """The endpoint /upload on gunicorn, storing as `options` of the backend `s3` say, or of the "class" among them.

    With `measured` it is not traced for coverage, whatever the tests are.
    """
    command = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "8", "-w", str(workers)]
    command += ["--no-control-socket", "--graceful-timeout", "10", "--timeout", "120", "-b", "127.0.0.1:0"]
    env = {"AJAXUPLOAD_S3": json.dumps(options)}
    env |= {"COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""} if measured else {}
    with running("gunicorn", [*command, "tests.s3.app:application"], root, env=env) as server:
        yield server


def put(server: Server, name: str, content: bytes, *, chunked: bool = True) -> Answer:
    """Send a file, of unknown length unless told otherwise."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(content)}"
    body = (
        b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content) if chunked and content else content or b"0\r\n\r\n" * chunked
    )
    head = f"PUT /upload/{name} HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n{framing}\r\n\r\n"
    return ask(server.port, head.encode() + body, timeout=_PATIENCE)


def put_at_once(server: Server, contents: Sequence[bytes]) -> list[Answer]:
    """Send them all at the same time, every second one with its length."""
    with ThreadPoolExecutor(len(contents)) as pool:
        sent = [
            pool.submit(put, server, f"{number}.bin", content, chunked=number % 2 == 0)
            for number, content in enumerate(contents)
        ]
        return [each.result() for each in sent]


def states(server: Server) -> list[dict[str, Any]]:
    """What each worker process says of itself."""
    found: dict[int, dict[str, Any]] = {}
    request = f"GET /state HTTP/1.1\r\nHost: {server.host}\r\nConnection: close\r\n\r\n".encode()
    deadline = time.monotonic() + _PATIENCE  # one may not have started yet
    while time.monotonic() < deadline:
        state = ask(server.port, request).json
        found[state["pid"]] = state
        if len(found) == len(server.pids()) - 1:
            return list(found.values())
    raise AssertionError(f"only these workers answer: {found}")
