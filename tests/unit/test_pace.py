"""How slow a client may be: the reckoning, with a clock of the tests' own, and giving up a read that lasts."""

from __future__ import annotations

import io
import socket
import tempfile
import threading
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload import pace as pace_module
from ajaxupload.body import Body, body_of
from ajaxupload.config import EndpointSettings, load
from ajaxupload.errors import BodyIncomplete, BodyTimeout, ConfigError
from ajaxupload.pace import Pace, descriptor_of

KIB = 1 << 10


class Clock:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Client:
    """Sends `size` bytes after so many seconds, again and again, and then the end."""

    def __init__(self, clock: Clock, *script: tuple[float, int]) -> None:
        self.clock, self.script = clock, list(script)

    def read(self, size: int, /) -> bytes:
        if not self.script:
            return b""
        seconds, count = self.script.pop(0)
        self.clock.now += seconds
        return bytes(min(size, count))


def taken(*script: tuple[float, int], rate: int = KIB, window: float = 60.0, work: float = 0.0) -> tuple[int, float]:
    """How many bytes such a client can bring, and after how many seconds it is given up; 0 if it is not. The server
    works so long on each block."""
    clock = Clock()
    body = Body(Client(clock, *script), 1 << 40, pace=Pace(rate, window, clock=clock))
    try:
        while body.read():
            clock.now += work
    except BodyTimeout:
        return body.received, clock.now - 1000
    except BodyIncomplete:  # it was never given up
        return body.received, 0
    raise AssertionError("a body that is not whole has come to its end")


@pytest.mark.parametrize(
    ("script", "end"),
    [
        ([(1, KIB)] * 500, 0),  # just fast enough
        ([(10, 10 * KIB)] * 50, 0),
        ([(59, 1)], 0),  # the grace
        ([(59, 60 * KIB)] * 9, 0),  # with a pause each time
        ([(61, 1)] * 2, 61),
        ([(1, KIB // 2)] * 500, 121),  # half of it: twice the window
        ([(5, 1)] * 500, 65),  # a byte now and then
        ([(0.001, 1 << 20)] * 99 + [(5, 1)] * 500, 60.1),  # what was quick before is no credit
    ],
)
def test_who_is_slower_for_longer_is_given_up(script: list[tuple[float, int]], end: float) -> None:
    assert taken(*script)[1] == pytest.approx(end, abs=5)


def test_what_came_before_was_handed_out() -> None:
    assert taken(*[(5, 1)] * 500)[0] == 13


def test_the_servers_own_work_costs_the_client_nothing() -> None:
    assert taken(*[(1, KIB)] * 50, work=1000)[1] == 0


def test_no_rate_is_no_limit() -> None:
    assert taken(*[(9999, 1)] * 9, rate=0)[1] == 0


@given(st.lists(st.tuples(st.floats(0.001, 100), st.integers(1, 100_000)), max_size=50))
def test_who_is_never_slower_is_never_given_up(reads: list[tuple[float, int]]) -> None:
    first = 16 * KIB  # which a slow client is read in at once
    fast = [(min(seconds, min(size, first) / KIB), size) for seconds, size in reads]
    assert taken(*fast, rate=KIB - 1)[1] == 0


@given(st.integers(1, 1000), st.floats(0.1, 5))
def test_who_is_always_slower_is_given_up_in_the_end(percent: int, seconds: float) -> None:
    rate = 100_000
    sent = max(1, int(rate * seconds * min(percent, 900) / 1000))
    assert taken(*[(seconds, sent)] * 20_000, rate=rate, window=2.0)[1] > 0


def test_a_body_that_is_whole_is_whole_however_long_its_last_byte_took() -> None:
    clock = Clock()
    body = Body(Client(clock, (999, 5)), 5, pace=Pace(KIB, 1.0, clock=clock))
    assert len(body.read()) == 5
    assert body.read() == b""
    assert body.complete


# ---- watching --------------------------------------------------------------------------------------------------------


@pytest.fixture
def pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair()


class Waiting:
    """As most servers' inputs: a read waits for all that it was asked for."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection

    def read(self, size: int, /) -> bytes:
        return self.connection.recv(size, socket.MSG_WAITALL)

    def fileno(self) -> int:
        return self.connection.fileno()


class Behind:
    """As cheroot's: the input has another one inside."""

    def __init__(self, inner: object) -> None:
        self.rfile = inner
        self.read = inner.read  # type: ignore[attr-defined]  # any input


@pytest.mark.parametrize("wrap", [lambda source: source, Behind, lambda source: Behind(Behind(source))])
@pytest.mark.parametrize("sent", [b"", b"half"])
def test_a_read_that_lasts_is_ended_and_what_came_is_handed_out(
    pair: tuple[socket.socket, socket.socket], wrap: object, sent: bytes
) -> None:
    ours, theirs = pair
    with ours, theirs:
        theirs.sendall(sent)
        asked = {"wsgi.input": wrap(Waiting(ours)), "CONTENT_LENGTH": "8"}  # type: ignore[operator]  # one of those
        body = body_of(asked, rate=(1000, 0.05))
        came = b""
        with pytest.raises(BodyTimeout, match="too slowly"):
            while block := body.read():
                came += bytes(block)
        assert came == sent
        assert body.broken
        ours.sendall(b"408")
        assert theirs.recv(9) == b"408", "it can be answered"


def test_the_end_of_a_chunked_body_that_was_cut_is_none() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        asked = {"wsgi.input": Waiting(ours), "wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"}
        body = body_of(asked, rate=(1 << 20, 0.05))
        with pytest.raises(BodyTimeout):
            body.read()
        assert not body.complete


def test_a_read_that_ends_in_time_is_left_alone_afterwards() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"whole")
        body = body_of({"wsgi.input": Waiting(ours), "CONTENT_LENGTH": "5"}, rate=(1000, 0.05))
        assert body.read() == b"whole"
        time.sleep(0.7)  # the watching thread looks at it, were it still to be watched
        theirs.sendall(b"the next request")
        assert ours.recv(99) == b"the next request"


def test_the_watching_thread_ends_when_there_is_nothing_to_watch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace_module, "_TICK", 0.01)
    watchman = pace_module._Watchman()
    watchman.arm(Pace(1, 1), time.monotonic() + 0.02)
    deadline = time.monotonic() + 30
    while watchman._running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not watchman._running
    assert watchman._armed == {}


def test_many_are_watched_by_one_thread() -> None:
    sockets = [socket.socketpair() for _ in range(20)]
    bodies = [body_of({"wsgi.input": Waiting(ours), "CONTENT_LENGTH": "8"}, rate=(1000, 0.1)) for ours, _ in sockets]

    def read(body: Body) -> None:
        with suppress(BodyTimeout):
            body.read()

    threads = [threading.Thread(target=read, args=(body,)) for body in bodies]
    for each in threads:
        each.start()
    for each in threads:
        each.join(30)
    assert all(body.broken for body in bodies)
    assert [each.name for each in threading.enumerate()].count("ajaxupload-pace") <= 1
    for ours, theirs in sockets:
        ours.close()
        theirs.close()


def test_what_is_no_socket_is_not_watched(tmp_path: object) -> None:
    assert descriptor_of(None, io.BytesIO()) is None
    assert descriptor_of(None, None) is None
    with tempfile.SpooledTemporaryFile() as spooled:
        assert descriptor_of(None, spooled) is None
        assert not spooled._rolled, "it was written to the disk to have a descriptor"  # type: ignore[attr-defined]  # it has no other way to tell
    with open("/dev/null", "rb") as file:
        assert descriptor_of(None, file) is None
    with suppress(OSError):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            assert descriptor_of(ours, io.BytesIO()) == ours.fileno()


# ---- settings --------------------------------------------------------------------------------------------------------


def settings(**table: object) -> EndpointSettings:
    return load({"endpoints": {"/upload": {"backend": "memory", **table}}}).endpoints["/upload"]


def test_by_default_it_is_a_kibibyte_over_a_minute_and_half_a_minute_of_silence() -> None:
    found = settings()
    assert (found.min_rate, found.min_rate_window, found.idle_timeout) == (KIB, 60, 30)


def test_it_is_a_size_and_a_duration() -> None:
    found = settings(min_rate="10 KiB", min_rate_window="2 min")
    assert (found.min_rate, found.min_rate_window) == (10 * KIB, 120)
    with pytest.raises(ConfigError, match="min_rate must be a size such as"):
        settings(min_rate="quick")
    with pytest.raises(ConfigError, match="min_rate_window must be longer than no time at all"):
        settings(min_rate_window=0)
