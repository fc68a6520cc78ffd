"""Clients that break off: a body cut at any byte stores nothing, leaves nothing, and disturbs nobody."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.support.tally import Tally
from tests.wire import store
from tests.wire.client import FORM, Answer, ask, connected, form, hang_up, post, read_answer
from tests.wire.doors import SERVERS, Door
from tests.wire.servers import Server

pytestmark = [pytest.mark.servers, pytest.mark.parametrize("door", SERVERS, indirect=True)]

SMALL, LARGE = bytes(range(256)) + b"tail of 300 bytes" * 3, bytes(range(256)) * 16 + b"end"  # 307 and 4,099 bytes
MEGABYTE = 1_000_003  # the application's limit is a little more
QUEUE = 4  # clients that may come and go unseen: wsgiref and cheroot let five wait, and the kernel drops the others
Transport = Callable[[bytes], bytes]


def raw(content: bytes) -> bytes:
    return post("/upload/cut.bin", content, method="PUT")


def valums(content: bytes) -> bytes:
    return post("/upload?qqfile=cut.bin", content, "X-Requested-With: XMLHttpRequest")


def multipart(content: bytes) -> bytes:
    return post("/upload", form(("title", None, b"t"), ("f", "cut.bin", content)), FORM, "Accept: application/json")


def two_files(content: bytes) -> bytes:
    body = form(("f", "first.bin", content[:100]), ("f", "second.bin", content[100:]))
    return post("/upload", body, FORM, "Accept: application/json")


def chunked(content: bytes) -> bytes:
    body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (content[:100], content[100:]))
    head = b"PUT /upload/cut.bin HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + body + b"0\r\n\r\n"


TRANSPORTS = [raw, valums, multipart, two_files, chunked]


def cut_off(server: Server, request: bytes, at: int, *, reset: bool) -> Answer | None:
    """Send `at` bytes and hang up. The answer, where a client that hung up its half can still read one."""
    with connected(server.port) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused before all was sent, and closed since
            connection.sendall(request[:at])
        try:
            hang_up(connection, reset=reset)
        except OSError:  # nobody is there any more
            return None
        if not reset:
            with suppress(HTTPException, ConnectionResetError):
                return read_answer(connection)
    return None


def cuts(request: bytes, step: int) -> list[int]:
    """Places in the body: every `step` bytes, its ends, and every line end, where a parser might think it is done.

    Of a chunked body the last chunk's "0" is the end: cheroot asks for no more, and all of the file is there.
    """
    start, last = request.index(b"\r\n\r\n") + 4, len(request) - 1
    if b"Transfer-Encoding" in request:
        last = len(request) - len(b"0\r\n\r\n")
    lines = {at for at in range(start, last) if request[at - 2 : at] == b"\r\n"}
    return sorted({*range(start, last, step), *lines, start + 1, last})


def anywhere(request: bytes, count: int, chance: random.Random) -> list[int]:
    """So many random places in the body."""
    ends = cuts(request, len(request))
    return chance.sample(range(ends[0], ends[-1]), count)


def check_cuts(server: Server, transport: Transport, content: bytes, places: list[int], *, reset: bool) -> None:
    request = transport(content)
    for number, at in enumerate(places):
        answer = cut_off(server, request, at, reset=reset)
        assert answer is None or answer.status >= 400 or answer.json["success"] is False, (at, answer)
        if reset and number % QUEUE == 0:
            ask(server.port, b"GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    good = ask(server.port, transport(content))
    assert good.status in (200, 201) or (server.kind, good.status) == ("wsgiref", 411)
    assert not store.left_behind(server.pids(), server.root)
    digests = [hashlib.sha256(each).hexdigest() for each in store.take(server.root).values()]
    whole = [content[:100], content[100:]] if transport is two_files else [content]
    expected = [] if good.status == 411 else [hashlib.sha256(each).hexdigest() for each in whole]
    assert sorted(digests) == sorted(expected)


by_each_transport = pytest.mark.parametrize("transport", TRANSPORTS)
each_end = pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])


@each_end
@by_each_transport
def test_a_small_body_cut_at_every_byte_stores_nothing(
    door: Door, server: Server, transport: Transport, reset: bool
) -> None:
    check_cuts(server, transport, SMALL, cuts(transport(SMALL), 1), reset=reset)


@pytest.mark.parametrize("step", [53, pytest.param(1, marks=pytest.mark.faults)])
@each_end
@by_each_transport
def test_a_body_of_4099_bytes_cut_at_any_byte_stores_nothing(
    door: Door, server: Server, transport: Transport, reset: bool, step: int, tally: Tally
) -> None:
    places = cuts(transport(LARGE), step)
    check_cuts(server, transport, LARGE, places, reset=reset)
    tally("F01", "whole files of 4,099 bytes cut at every byte", runs=len(places), faults=len(places))


@pytest.mark.parametrize("count", [2, pytest.param(200, marks=pytest.mark.faults)])
@each_end
@by_each_transport
def test_a_megabyte_cut_at_random_places_stores_nothing(
    door: Door, server: Server, transport: Transport, reset: bool, count: int, chance: random.Random, tally: Tally
) -> None:
    content = chance.randbytes(MEGABYTE)
    check_cuts(server, transport, content, anywhere(transport(content), count, chance), reset=reset)
    tally("F01", "whole files of a megabyte cut at random places", runs=count, faults=count)
