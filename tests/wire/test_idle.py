"""Clients that send nothing any more are given up, where servers lend their socket; what came of a tus upload is kept.

gunicorn and Werkzeug; other servers' reads end when they say so themselves, or never.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.wire.client import connected, read_answer
from tests.wire.patching import Patched
from tests.wire.servers import Server, faults, gunicorn, running

pytestmark = pytest.mark.servers

CONTENT = hashlib.shake_256(b"idle").digest(200_001)
COMMANDS = {
    "gunicorn": gunicorn("once"),
    "werkzeug": [sys.executable, "-m", "tests.wire.apps.serve", "werkzeug", "tests.wire.apps.once"],
}


@pytest.fixture(params=sorted(COMMANDS))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    options = json.dumps({"idle_timeout": "0.5 s"})
    with running(request.param, COMMANDS[request.param], tmp_path, env={"AJAXUPLOAD_OPTIONS": options}) as found:
        yield found
        assert not faults(found.said)


def test_a_whole_file_that_stalls_is_given_up_with_408_and_nothing_is_stored(server: Server) -> None:
    with connected(server.port) as client:
        began = time.monotonic()
        head = f"PUT /a.bin HTTP/1.1\r\nHost: x\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
        client.sendall(head.encode() + CONTENT[:100_000])
        assert read_answer(client, "PUT").status == 408
        assert time.monotonic() - began < 10
    assert list((server.root / "in").iterdir()) == []


def test_one_that_is_only_slow_is_not(server: Server) -> None:
    with connected(server.port) as client:
        client.sendall(f"PUT /a.bin HTTP/1.1\r\nHost: x\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode())
        for at in range(0, len(CONTENT), 20_000):
            client.sendall(CONTENT[at : at + 20_000])
            time.sleep(0.1)
        assert read_answer(client, "PUT").status == 201
    assert (server.root / "in" / "a.bin").read_bytes() == CONTENT


def test_a_tus_upload_that_stalls_keeps_what_came_and_goes_on(server: Server) -> None:
    upload = Patched.created(server.port, CONTENT)
    with connected(server.port) as client:
        client.sendall(upload.head(0) + CONTENT[:100_000])
        assert read_answer(client, "PATCH").status == 500  # which tus clients try again
    offset = upload.offset()
    # gunicorn keeps the bytes of the read that failed, and they are salvaged; Werkzeug's buffer loses them.
    assert offset == 100_000 if server.kind == "gunicorn" else 0 < offset <= 100_000
    assert upload.finish(offset) == 204
    assert [path.read_bytes() for path in (server.root / "in").iterdir()] == [CONTENT]
