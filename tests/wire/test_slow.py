"""Clients that drip a byte now and then are given up by whatever server, and keep nobody else waiting; what came of a
tus upload is kept."""

from __future__ import annotations

import hashlib
import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.wire.client import ask, connected, read_answer
from tests.wire.patching import Patched
from tests.wire.servers import Server, faults, gunicorn, running

pytestmark = pytest.mark.servers

CONTENT = hashlib.shake_256(b"slow").digest(60_001)
SERVE = [sys.executable, "-m", "tests.wire.apps.serve"]
COMMANDS = {
    "gunicorn": gunicorn("once"),
    "cheroot": [*SERVE, "cheroot", "tests.wire.apps.once"],
    "werkzeug": [*SERVE, "werkzeug", "tests.wire.apps.once"],
    "wsgiref": [*SERVE, "wsgiref", "tests.wire.apps.once"],
}
DRIP = 0.02  # seconds between two bytes: fifty a second where a hundred thousand are wanted


@pytest.fixture(params=sorted(COMMANDS))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    options = json.dumps({"min_rate": 100_000, "min_rate_window": "0.5 s"})
    with running(request.param, COMMANDS[request.param], tmp_path, env={"AJAXUPLOAD_OPTIONS": options}) as found:
        yield found
        assert not faults(found.said)


def drip(client: socket.socket, done: threading.Event) -> None:
    """Bytes, one by one, for as long as somebody takes them."""
    with suppress(OSError):
        while not done.wait(DRIP):
            client.sendall(b"x")


def dripping(client: socket.socket, request: bytes, method: str) -> int:
    """The status that such a client is given in the end."""
    done = threading.Event()
    client.sendall(request)
    thread = threading.Thread(target=drip, args=(client, done))
    thread.start()
    try:
        return read_answer(client, method).status
    finally:
        done.set()
        thread.join()


def test_a_client_that_drips_is_given_up_and_nothing_is_stored(server: Server) -> None:
    with connected(server.port) as client:
        began = time.monotonic()
        request = f"PUT /a.bin HTTP/1.1\r\nHost: x\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()
        assert dripping(client, request, "PUT") == 408
        assert time.monotonic() - began < 20
    assert list((server.root / "in").iterdir()) == []
    assert ask(server.port, request + CONTENT).status == 201


def test_a_tus_upload_keeps_what_came_and_goes_on(server: Server) -> None:
    upload = Patched.created(server.port, CONTENT)
    with connected(server.port) as client:
        assert dripping(client, upload.head(0) + CONTENT[:40_000], "PATCH") == 500  # which tus clients try again
    offset = upload.offset()
    assert 16_384 <= offset < len(CONTENT), "the first read was whole at the least"
    assert upload.finish(offset) == 204


def test_those_who_are_quick_do_not_wait_for_those_who_drip(tmp_path: Path) -> None:
    options = json.dumps({"min_rate": 100_000, "min_rate_window": "0.5 s"})
    with ExitStack() as stack:
        server = stack.enter_context(
            running("gunicorn", COMMANDS["gunicorn"], tmp_path, env={"AJAXUPLOAD_OPTIONS": options})
        )
        done = threading.Event()
        stack.callback(done.set)
        head = f"PUT /slow.bin HTTP/1.1\r\nHost: x\r\nContent-Length: {len(CONTENT)}\r\n\r\n".encode()
        for _ in range(16):  # twice as many as the server has threads
            client = stack.enter_context(connected(server.port))
            client.sendall(head)
            thread = threading.Thread(target=drip, args=(client, done))
            thread.start()
            stack.callback(thread.join)
            stack.callback(done.set)
        quick = head.replace(b"slow", b"quick").replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + CONTENT
        for _ in range(5):
            assert ask(server.port, quick, timeout=30).status == 201
    assert len(list((tmp_path / "in").iterdir())) == 5
