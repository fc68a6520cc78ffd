"""Quotas on a server with two processes: the last room is taken once, and what a killed one held comes back."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ajaxupload.partials.file.books import Books, held
from tests.wire.servers import Server, gunicorn, running

pytestmark = pytest.mark.servers
MIB = 1 << 20
PATIENCE = 60.0  # seconds, for what takes a fraction of one


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running("gunicorn", gunicorn("limited"), tmp_path) as found:
        yield found


def put(server: Server, name: str, size: int = MIB) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.request("PUT", f"/upload/{name}.bin", bytes(size))
        return connection.getresponse().status
    finally:
        connection.close()


def set_aside(server: Server) -> int:
    folder = next(server.root.rglob("books")).parent
    with Books(str(folder), durable=False).opened() as books:
        return sum(each.size for each in held(books))


def stored(server: Server) -> list[int]:
    return [path.stat().st_size for path in (server.root / "media").iterdir()]


def test_of_eight_at_once_as_many_are_stored_as_there_is_room_for(server: Server) -> None:
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda number: put(server, f"file-{number}"), range(8)))
    assert sorted(statuses) == [201] * 3 + [413] * 5
    assert stored(server) == [MIB] * 3


def test_what_a_killed_worker_had_set_aside_is_room_for_the_next_upload(server: Server) -> None:
    """Its client had sent all but a byte of what it declared."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=PATIENCE) as dying:
        head = f"PUT /upload/dying.bin HTTP/1.1\r\nHost: x\r\nContent-Length: {3 * MIB}\r\n\r\n"
        dying.sendall(head.encode() + bytes(3 * MIB - 1))
        assert until(lambda: set_aside(server) == 3 * MIB)
        assert put(server, "refused", 1) == 413
        for pid in server.pids()[1:]:
            os.kill(pid, signal.SIGKILL)
        assert until(lambda: put(server, "next", 2 * MIB) == 201)
    assert stored(server) == [2 * MIB]


def until(true: Callable[[], bool]) -> bool:
    """Once it is so; a worker that was killed may have taken the question with it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            if true():
                return True
        except (OSError, http.client.HTTPException):
            pass
        time.sleep(0.05)
    return False
