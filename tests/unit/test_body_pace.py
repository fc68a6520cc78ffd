"""How fast a body is read, and how much of one that nobody wants."""

from __future__ import annotations

import io
import socket
import time
from collections.abc import Iterable

import pytest

from ajaxupload import body as body_module
from ajaxupload.body import DRAIN_LIMIT, DRAIN_SECONDS, Body, body_of

KIB, MIB = 1 << 10, 1 << 20


class Source:
    """Hands out what it is told to, an exception instead of a block where one is; remembers what was asked for."""

    def __init__(self, *script: bytes | Exception) -> None:
        self.script = iter(script)
        self.asked: list[int] = []

    def read(self, size: int, /) -> bytes:
        self.asked.append(size)
        block = next(self.script, b"")
        if isinstance(block, Exception):
            raise block
        return block


class Endless:
    """Zeros for ever; counts them."""

    def __init__(self) -> None:
        self.given = 0

    def read(self, size: int, /) -> bytes:
        self.given += size
        return bytes(size)


class Clock:
    """Time that passes in reads only."""

    def __init__(self, seconds: Iterable[float]) -> None:
        self.now, self.seconds, self.asked = 0.0, iter(seconds), list[int]()

    def monotonic(self) -> float:
        return self.now

    def read(self, size: int, /) -> bytes:
        self.asked.append(size)
        self.now += next(self.seconds)
        return bytes(size)


@pytest.mark.parametrize(
    ("client", "seconds", "reads"),
    [
        ("quick", [0.001] * 6, [16 * KIB, 64 * KIB, 256 * KIB, MIB, MIB, MIB]),
        ("slow", [1.0] * 4, [16 * KIB] * 4),
        ("neither", [0.02] * 4, [16 * KIB] * 4),
        (
            "quick, then slow",
            [0.001] * 3 + [0.2] * 4,
            [16 * KIB, 64 * KIB, 256 * KIB, MIB, 256 * KIB, 64 * KIB, 16 * KIB],
        ),
    ],
)
def test_reads_follow_the_clients_speed(
    client: str, seconds: list[float], reads: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(seconds)
    monkeypatch.setattr(body_module, "time", clock)
    body = Body(clock, 1 << 40)
    for _ in seconds:
        body.read()
    assert clock.asked == reads


def test_a_short_block_is_no_sign_of_speed() -> None:
    source = Source(*[b"x"] * 5)
    assert b"".join(map(bytes, Body(source, 5))) == b"xxxxx"
    assert source.asked == [5, 4, 3, 2, 1]


# ---- what nobody wants ----------------------------------------------------------------------------------------------


def test_draining_reads_no_more_than_its_limit() -> None:
    source = Endless()
    Body(source, 10 << 30).drain()
    assert source.given == DRAIN_LIMIT


def test_draining_reads_to_the_end_of_a_small_body() -> None:
    body = Body(io.BytesIO(b"x" * 70_000), 70_000)
    body.drain()
    assert body.complete


def test_draining_ends_after_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock([0.7] * 99)
    monkeypatch.setattr(body_module, "time", clock)
    Body(clock, 10 << 30).drain()
    assert len(clock.asked) == 3
    assert clock.now == pytest.approx(DRAIN_SECONDS, abs=0.7)


@pytest.mark.parametrize("error", [ConnectionResetError(), TimeoutError(), ValueError(), None])
def test_draining_does_not_mind_a_client_that_went_away(error: Exception | None) -> None:
    body = Body(Source(b"x", *([error] if error else [])), 6)
    body.drain()
    assert body.broken


class Receiving:
    """Reads from a connection, as servers' inputs do in the end."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def read(self, size: int, /) -> bytes:
        return self.connection.recv(size)


@pytest.mark.parametrize(("patience", "waited"), [(None, 0.2), (60.0, 0.2), (0.05, 0.05)])
def test_draining_does_not_wait_for_a_client_that_waits_where_the_server_lends_its_socket(
    patience: float | None, waited: float
) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.settimeout(patience)
        theirs.sendall(b"half")
        asked = {"wsgi.input": Receiving(ours), "CONTENT_LENGTH": "8", "gunicorn.socket": ours}
        began = time.monotonic()
        body_of(asked).drain(seconds=0.2)
        assert waited <= time.monotonic() - began < 5
        assert ours.gettimeout() == patience, "as it was"


def test_draining_does_not_mind_a_connection_that_is_closed() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        body = body_of({"wsgi.input": Receiving(ours), "CONTENT_LENGTH": "8", "gunicorn.socket": ours})
    body.drain()
    assert body.broken


def test_a_client_that_waits_for_100_continue_is_not_read_from() -> None:
    source = Source(b"never")
    body = body_of({"wsgi.input": source, "CONTENT_LENGTH": "5", "HTTP_EXPECT": "100-Continue"})
    body.drain()
    assert source.asked == []


@pytest.mark.parametrize(("length", "small"), [(DRAIN_LIMIT, True), (DRAIN_LIMIT + 1, False), (0, True), (None, False)])
def test_a_rest_is_small_when_it_can_be_drained(length: int | None, small: bool) -> None:
    assert Body(Endless(), length).small_rest is small
