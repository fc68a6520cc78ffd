"""One connection after the other: what follows an upload is answered for itself, or the connection is closed."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.wire import store
from tests.wire.client import FORM, Answer, ask, connected, form, post, read_answer, until_closed
from tests.wire.doors import FRAMEWORKS, SERVERS, TOKEN, Door
from tests.wire.servers import Server, commands, gunicorn, running

pytestmark = pytest.mark.servers
each_server = pytest.mark.parametrize("door", [*SERVERS, *FRAMEWORKS], indirect=True)
DRESS = (f"Cookie: csrftoken={TOKEN}", f"X-CSRFToken: {TOKEN}", "Accept: application/json")

#: A body that would be requests, were it read as such.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"
NEXT = b"GET /elsewhere?q=next HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def whole() -> bytes:
    return post("/upload?filename=whole.txt", SMUGGLED * 9, *DRESS)


def whole_form() -> bytes:
    return post("/upload", form(("f", "whole.txt", SMUGGLED * 9)) + b"and an epilogue\r\n" * 9, FORM, *DRESS)


def refused() -> bytes:
    return post("/photos?filename=refused.exe", SMUGGLED * 99, *DRESS)


def refused_and_large() -> bytes:
    return post("/upload?filename=large.txt", SMUGGLED * 99_999, *DRESS)


def not_allowed() -> bytes:
    return post("/upload", SMUGGLED * 99, *DRESS, method="PATCH")


def not_read() -> bytes:
    return post("/upload", SMUGGLED * 99, *DRESS, method="GET")


def cross_origin() -> bytes:
    return post("/upload?filename=x.txt", SMUGGLED * 99, *DRESS, "Sec-Fetch-Site: cross-site")


def broken_form() -> bytes:
    return post("/upload", b"no form at all" + SMUGGLED * 99, FORM, *DRESS)


FIRST = [whole, whole_form, refused, refused_and_large, not_allowed, not_read, cross_origin, broken_form]


def exchange(port: int, first: bytes) -> list[Answer]:
    """Send `first` and NEXT at once, as pipelining clients and smugglers do; every answer that comes back."""
    answers = []
    with connected(port) as connection:
        with suppress(ConnectionResetError, BrokenPipeError):
            connection.sendall(first + NEXT)
        for method in (first.partition(b" ")[0].decode(), "GET"):
            with suppress(ConnectionResetError, HTTPException):
                answers.append(read_answer(connection, method))
        assert b"HTTP/1" not in until_closed(connection), "a third answer to two requests"
    return answers


@each_server
@pytest.mark.parametrize("first", FIRST)
def test_the_next_request_is_answered_for_itself_or_the_connection_is_closed(
    door: Door, server: Server, first: Callable[[], bytes]
) -> None:
    answers = exchange(server.port, first())
    assert not [answer for answer in answers if b"smuggled" in answer.body]
    assert [answer.status for answer in answers[1:]] in ([], [200])
    assert all(b"site: GET /elsewhere" in answer.body for answer in answers[1:])
    assert answers, "the first request got no answer"
    assert (answers[0].status == 200) == (first in (whole, whole_form, not_read))
    assert list(store.take(server.root).values()) == ([SMUGGLED * 9] if first in (whole, whole_form) else [])


@pytest.mark.parametrize("door", ["gunicorn", "cheroot"], indirect=True)
def test_a_connection_that_is_kept_takes_one_upload_after_the_other(door: Door, server: Server) -> None:
    with connected(server.port) as connection:
        for number in range(20):
            connection.sendall(post(f"/upload?filename={number}.txt", b"%d" % number))
            assert read_answer(connection).status == 200
    assert store.take(server.root) == {f"{number}.txt": b"%d" % number for number in range(20)}


@pytest.mark.parametrize("door", ["gunicorn", "cheroot"], indirect=True)
def test_after_a_broken_chunk_nothing_more_is_taken_from_the_connection(door: Door, server: Server) -> None:
    head = b"PUT /upload/x.txt HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    answers = exchange(server.port, head + b"5\r\nhelloXX0\r\n\r\n")
    assert {answer.status for answer in answers} <= {400}
    # cheroot reads on and finds no request: WSGI has no way to tell it to close.
    assert len(answers) <= (2 if door.name == "cheroot" else 1)
    assert store.take(server.root) == {}


def stall(server: Server, patience: float) -> tuple[bytes, float]:
    """Send half a body and nothing more; what the server says, and after how many seconds it closed."""
    began = time.monotonic()
    with connected(server.port, timeout=patience) as connection:
        connection.sendall(post("/upload/stalled.bin", b"half", method="PUT", length=4000))
        return until_closed(connection), time.monotonic() - began


def check_nothing_is_left(server: Server) -> None:
    assert store.visible(server.root) == {}
    assert not store.left_behind(server.pids(), server.root)
    assert ask(server.port, post("/upload/next.bin", b"next", "Connection: close", method="PUT")).status == 201
    assert store.take(server.root) == {"next.bin": b"next"}


@pytest.mark.slow
def test_a_client_that_stalls_is_given_up_by_cheroots_timeout(tmp_path_factory: pytest.TempPathFactory) -> None:
    root = tmp_path_factory.mktemp("stalled")
    with running("cheroot", commands()["cheroot"], root, env={"AJAXUPLOAD_WIRE_PATIENCE": "1"}) as server:
        said, seconds = stall(server, 10)
        assert said == b"" or b"408" in said.partition(b"\r\n")[0]
        assert seconds < 8
        check_nothing_is_left(server)
    assert "/ajaxupload/" not in server.said  # cheroot prints what its own reading on after our answer comes to


@pytest.mark.slow
def test_a_worker_that_gunicorn_ends_in_the_middle_of_a_read_leaves_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.mktemp("killed")
    command = gunicorn("bare", "-k", "sync", "--threads", "1", "--timeout", "2")
    with running("gunicorn sync", command, root) as server:
        said, seconds = stall(server, 20)
        assert b" 201 " not in said
        assert 1 < seconds < 15
        check_nothing_is_left(server)
    assert "WORKER TIMEOUT" in server.said
