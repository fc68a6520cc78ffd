"""Bodies that nobody needs to see go from the connection to the file by themselves: gunicorn 23 to 27.

What lives here: that they arrive whole, that the connection is left right, and what breaks off on the way. What must
not: bodies that come to memory (test_lent.py), the pipe by itself (tests/unit/test_piped.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import socket
import time
from collections.abc import Iterator

import pytest

from ajaxupload.piped import can_splice
from tests.wire import store
from tests.wire.client import connected, hang_up, until_closed
from tests.wire.servers import Server
from tests.wire.test_lent import KINDS, Answers, gunicorn, keeps_alive, until

pytestmark = [
    pytest.mark.servers,
    pytest.mark.slow,
    pytest.mark.skipif(not can_splice(), reason="splice(2) is Linux's"),
]

FILM = hashlib.shake_256(b"long film").digest(5_000_001)
SHORT = hashlib.shake_256(b"short film").digest(2_000_003)


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    version, worker = request.param
    with gunicorn(version, worker, tmp_path_factory.mktemp("spliced"), module="splicing") as running_one:
        yield running_one
    assert "ResourceWarning" not in running_one.said
    assert "Exception ignored" not in running_one.said


def put(name: str, length: int, path: str = "/upload") -> bytes:
    return f"PUT {path}/{name} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode()


def piped(server: Server) -> int:
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(b"GET /piped HTTP/1.1\r\nHost: localhost\r\n\r\n")
        return int(answers.next()[1])


def stored(server: Server, answer: tuple[int, bytes]) -> bytes:
    assert answer[0] == 201, answer
    name: str = json.loads(answer[1])["filename"]
    return (server.root / "media" / name).read_bytes()


def test_it_goes_by_itself_and_the_next_request_is_answered(server: Server) -> None:
    before = piped(server)
    with connected(server.port) as connection, Answers(connection) as answers:
        for body in (FILM, SHORT, b"abc", FILM) if keeps_alive(server) else (FILM,):
            connection.sendall(put("film.bin", len(body)) + body)
            assert stored(server, answers.next()) == body
    assert piped(server) - before > len(FILM) - (600 << 10)  # all but the head, and what came with it


def test_requests_that_come_at_once_are_answered_in_turn(server: Server) -> None:
    both = put("first.bin", len(FILM)) + FILM + put("second.bin", len(SHORT)) + SHORT
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(both[:-1])
        assert stored(server, answers.next()) == FILM
        if keeps_alive(server):
            connection.sendall(both[-1:])
            assert stored(server, answers.next()) == SHORT


@pytest.mark.parametrize("reset", [False, True], ids=["ends", "resets"])
def test_a_body_that_breaks_off_leaves_nothing(server: Server, reset: bool) -> None:
    piped(server)
    names, before = sorted(os.listdir(server.root / "media")), store.descriptors(server.pids())
    with connected(server.port) as connection:
        connection.sendall(put("film.bin", len(FILM)) + FILM[:3_000_000])
        hang_up(connection, reset=reset)
        if not reset:
            until_closed(connection)
    assert store.left_behind(server.pids(), server.root) == []
    until(lambda: store.descriptors(server.pids()) <= before)
    assert sorted(os.listdir(server.root / "media")) == names


def test_a_full_disk_is_told_and_the_connection_is_left_right(server: Server) -> None:
    for pid in server.pids():
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (2 << 20, resource.RLIM_INFINITY))
    try:
        with connected(server.port) as connection, Answers(connection) as answers:
            connection.sendall(put("film.bin", len(FILM)) + FILM)
            assert answers.next()[0] == 507
    finally:
        for pid in server.pids():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert store.left_behind(server.pids(), server.root) == []
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(put("film.bin", len(FILM)) + FILM)
        assert stored(server, answers.next()) == FILM


@pytest.mark.parametrize("path", ["/hashed", "/slow"])
def test_what_is_looked_at_or_told_not_to_goes_by_memory(server: Server, path: str) -> None:
    before = piped(server)
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(put("film.bin", len(FILM), path) + FILM)
        answer = answers.next()
    assert stored(server, answer) == FILM
    if path == "/hashed":
        assert hashlib.sha256(FILM).hexdigest().encode() in answer[1]
    assert piped(server) == before


def test_drops_arrive_as_well(server: Server) -> None:
    """A pipe has places for so many pieces, however small they are."""
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(put("film.bin", len(SHORT)) + SHORT[:1_000])
        for at in range(1_000, 401_000, 100):
            connection.send(SHORT[at : at + 100])
        connection.sendall(SHORT[401_000:])
        assert stored(server, answers.next()) == SHORT


def test_a_client_that_falls_silent_is_given_up(server: Server) -> None:
    with connected(server.port) as connection, Answers(connection) as answers:
        began = time.monotonic()
        connection.sendall(put("film.bin", len(FILM), "/idle") + FILM[:2_000_000])
        assert answers.next()[0] == 408
        assert 0.9 < time.monotonic() - began < 10
        connection.shutdown(socket.SHUT_RDWR)
    assert store.left_behind(server.pids(), server.root) == []
