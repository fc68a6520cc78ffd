"""Refusals come early, cost little, and are seen: also by browsers, which send everything before they listen."""

from __future__ import annotations

import socket
import time
from contextlib import suppress

import pytest

from ajaxupload.body import DRAIN_SECONDS
from tests.wire import store
from tests.wire.client import FORM, ask, connected, form, post, read_answer
from tests.wire.doors import FRAMEWORKS, SERVERS, TOKEN, Door
from tests.wire.servers import Server

pytestmark = pytest.mark.servers
each_server = pytest.mark.parametrize("door", [*SERVERS, *FRAMEWORKS], indirect=True)
DRESS = (f"Cookie: csrftoken={TOKEN}", f"X-CSRFToken: {TOKEN}", "Accept: application/json")

GIB = 1 << 30
TOO_MUCH = bytes(3 << 20)  # the limit is 1 MiB
#: What may be sent into a connection that nobody reads any more: the kernel's buffers on both sides, which grow to
#: some MiB each, our 1 MiB and gunicorn's 64 KiB.
BUFFERS = 32 << 20


@pytest.mark.parametrize("door", ["gunicorn", *FRAMEWORKS], indirect=True)
def test_ten_gib_are_refused_within_50_ms_by_their_declared_length(door: Door, server: Server) -> None:
    seconds = []
    for _ in range(5):
        with connected(server.port) as connection:
            began = time.monotonic()
            connection.sendall(post("/upload/huge.bin", b"", *DRESS, method="PUT", length=10 * GIB))
            assert read_answer(connection).status == 413
            seconds.append(time.monotonic() - began)
    assert min(seconds) < 0.05  # the best of five: other tests run at the same time
    assert store.take(server.root) == {}


@pytest.mark.parametrize("door", ["gunicorn", *FRAMEWORKS], indirect=True)
def test_of_a_refused_body_little_is_read(door: Door, server: Server) -> None:
    sent, block = 0, bytes(1 << 16)
    with connected(server.port) as connection, suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(post("/upload/huge.bin", b"", *DRESS, method="PUT", length=10 * GIB))
        while sent < 2 * BUFFERS:
            sent += connection.send(block)
    assert sent < BUFFERS


@each_server
@pytest.mark.parametrize("declared", [True, False], ids=["raw", "form"])
def test_a_browser_that_sends_everything_first_sees_the_refusal(door: Door, server: Server, declared: bool) -> None:
    if declared:
        request = post("/upload/large.bin", TOO_MUCH, *DRESS, method="PUT")
    else:
        request = post("/upload", form(("f", "large.bin", TOO_MUCH)), FORM, *DRESS)
    for _ in range(5):
        answer = ask(server.port, request)
        assert (answer.status, answer.json["code"]) == (413, "too_large")
    assert store.take(server.root) == {}


@each_server
def test_a_browser_on_a_slow_line_sees_the_refusal(door: Door, server: Server) -> None:
    request = post("/upload", form(("f", "large.bin", TOO_MUCH)), FORM, *DRESS)
    with connected(server.port) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32 << 10)
        with suppress(ConnectionResetError, BrokenPipeError):
            for at in range(0, len(request), 96 << 10):
                connection.sendall(request[at : at + (96 << 10)])
                time.sleep(0.005)
        assert read_answer(connection).status == 413


@pytest.mark.slow
@pytest.mark.parametrize("door", ["gunicorn", *FRAMEWORKS], indirect=True)
def test_a_client_that_waits_for_the_refusal_before_it_sends_gets_it(door: Door, server: Server) -> None:
    with connected(server.port, timeout=DRAIN_SECONDS + 8) as connection:
        connection.sendall(post("/photos?filename=x.exe", b"", *DRESS, length=500_000))
        assert read_answer(connection).status == 415
    assert store.take(server.root) == {}


@each_server
def test_a_small_refused_body_leaves_the_connection_usable_or_closed(door: Door, server: Server) -> None:
    answer = ask(server.port, post("/photos?filename=x.exe", bytes(200_000), *DRESS))
    assert answer.status == 415
    assert store.take(server.root) == {}
