"""F23: lengths that lie, on every server that the documents name. Whatever the server makes of them, a body that is not
whole is never stored, never more is stored than was declared, and the next request is served.

What lives here: the lies, and what each may have stored at the most, whatever the server. The three servers of the wire
tests have the exact answers in tests/wire/tables/lengths.txt. What must not: how servers are started (matrix.py).
"""

from __future__ import annotations

import random
import select
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.faults import matrix
from tests.faults.rig import Content, TusClient
from tests.support.tally import NOT_RUN, Tally
from tests.wire import store
from tests.wire.client import FORM, Answer, ask, connected, form, hang_up, post, read_answer
from tests.wire.servers import Server, faults

pytestmark = [pytest.mark.servers, pytest.mark.slow]

PUT = "PUT /upload/x.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
HELLO = b"hello"
CHUNKS = b"5\r\nhello\r\n0\r\n\r\n"
#: What is sent: header lines and body -> contents of which any may be stored, if any is.
LIES: dict[str, tuple[str, bytes, set[bytes]]] = {
    "a minus": ("Content-Length: -5", HELLO, set()),
    "a plus": ("Content-Length: +5", HELLO, {HELLO}),
    "a list": ("Content-Length: 5, 5", HELLO, {HELLO}),
    "a list of two": ("Content-Length: 5, 3", HELLO, set()),
    "hexadecimal": ("Content-Length: 0x5", HELLO, set()),
    "20 digits": ("Content-Length: 18446744073709551621", HELLO, set()),
    "many zeros": ("Content-Length: 00000000000000000005", HELLO, {HELLO}),
    "a digit of another alphabet": ("Content-Length: \xb25", HELLO, set()),
    "an underscore in the number": ("Content-Length: 0_5", HELLO, set()),
    "a space in the number": ("Content-Length: 5 5", HELLO, set()),
    "nothing": ("Content-Length:", HELLO, {b""}),
    "two": ("Content-Length: 5\r\nContent-Length: 3", HELLO, {HELLO, b"hel"}),
    "two alike": ("Content-Length: 5\r\nContent-Length: 5", HELLO, {HELLO}),
    "an underscore in the name": ("Content-Length: 5\r\nContent_Length: 3", HELLO, {HELLO, b"hel"}),
    "both ways": ("Content-Length: 3\r\nTransfer-Encoding: chunked", CHUNKS, {HELLO}),
    "both ways, the other first": ("Transfer-Encoding: chunked\r\nContent-Length: 3", CHUNKS, {HELLO}),
    "a coding nobody knows": ("Transfer-Encoding: xchunked", CHUNKS, set()),
    "two codings": ("Transfer-Encoding: gzip, chunked", CHUNKS, set()),
    "chunked twice": ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", CHUNKS, {HELLO}),
    "a chunk without a number": ("Transfer-Encoding: chunked", b"zz\r\nhello\r\n0\r\n\r\n", set()),
    "a chunk that is longer": ("Transfer-Encoding: chunked", b"3\r\nhello\r\n0\r\n\r\n", set()),
    "a chunk of minus one": ("Transfer-Encoding: chunked", b"-1\r\nhello\r\n0\r\n\r\n", set()),
    "a body that is longer": ("Content-Length: 3", HELLO, {b"hel"}),
    "no length and no body": ("X: y", b"", {b""}),
    "no length and a body": ("X: y", HELLO, {b""}),
}
#: Where a server takes a chunk's length that is none for the end of the body, and tells nobody.
QUIRKS = {
    ("uWSGI", "a chunk without a number"): {b""},
    ("uWSGI", "a chunk that is longer"): {b"hel"},
    ("uWSGI", "a chunk of minus one"): {b""},
    ("cheroot", "a chunk of minus one"): {b""},
}
GOOD = Content(23, 70_001)
FULL = pytest.mark.faults
LIGHTLY = (("waitress", 2), ("uWSGI", 1), ("granian", 1), ("gunicorn gevent", 1), ("uvicorn with a2wsgi", 1))


def check_stored(server: Server, what: str, answer: Answer | None, allowed: set[bytes]) -> None:
    """Success where something is stored, and then only what may be. (Who got no answer does not know.)"""
    assert not store.left_behind(server.pids(), server.root), what
    stored = list(store.take(server.root).values())
    assert answer is None or (answer.status < 300) == bool(stored), (what, answer, stored)
    assert all(each in allowed for each in stored), (what, stored)


def asked(server: Server, request: bytes) -> Answer | None:
    """The answer; None where the server closes without one. A server that waits for more is shown that there is none:
    at once, but for those that take the end of a client's half for the end of the client."""
    with suppress(OSError, HTTPException), connected(server.port, timeout=60) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            client.sendall(request)
        if server.kind in matrix.HALF_IS_ALL:
            select.select([client], [], [], 5)
        hang_up(client, reset=False)
        return read_answer(client, "PUT")
    return None


def check_lies(server: Server) -> int:
    """Each of them, and an honest one after it; and before, for the first request of a server takes its time."""
    check_good(server)
    for what, (lines, body, allowed) in LIES.items():
        request = f"{PUT}{lines}\r\n\r\n".encode("latin-1") + body
        check_stored(server, what, asked(server, request), QUIRKS.get((server.kind, what), allowed))
        check_good(server)
    return len(LIES)


def check_good(server: Server) -> None:
    """The next request is served."""
    whole = GOOD.cut(0, GOOD.size)
    answer = ask(server.port, post("/upload/good.bin", whole, "Connection: close", method="PUT"), timeout=60)
    check_stored(server, "an honest request", answer, {whole})
    assert answer.status == 201


def whole_files() -> dict[str, bytes]:
    """The ways of sending a file in one request, complete."""
    content = GOOD.cut(0, GOOD.size)
    chunks = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in (content[:30_000], content[30_000:]))
    return {
        "raw": post("/upload/a.bin", content, method="PUT"),
        "valums": post("/upload?qqfile=a.bin", content, "X-Requested-With: XMLHttpRequest"),
        "form": post("/upload", form(("f", "a.bin", content)), FORM),
        "chunked": f"{PUT}Transfer-Encoding: chunked\r\n\r\n".encode() + chunks + b"0\r\n\r\n",
    }


def check_cuts(server: Server, chance: random.Random, count: int) -> int:
    """Bodies that end before they said: at so many places, in each way of sending and of ending."""
    for way, request in whole_files().items():
        start = request.index(b"\r\n\r\n") + 4
        last = len(request) - (6 if way == "chunked" else 1)  # before the last chunk, which says that all is there
        for at in {start, last, *(chance.randrange(start, last) for _ in range(count))}:
            for reset in (False, True):
                answer = cut_off(server, request[:at], reset=reset)
                assert answer is None or answer.status >= 400 or b'"success": false' in answer.body, (way, at, answer)
        assert not store.left_behind(server.pids(), server.root), way
        assert store.take(server.root) == {}, way
    check_good(server)
    return 8 * (count + 2)


def cut_off(server: Server, part: bytes, *, reset: bool) -> Answer | None:
    """Send it and hang up."""
    with suppress(OSError, HTTPException), connected(server.port, timeout=60) as client:
        client.sendall(part)
        hang_up(client, reset=reset)
        if not reset:
            return read_answer(client)
    return None


def check_tus(server: Server, chance: random.Random, count: int) -> int:
    """What was told stays, and is gone on with, after each cut; the file is whole."""
    for _ in range(count):
        client = TusClient(server.port, GOOD)
        client.create()
        at = chance.randrange(GOOD.size)
        client.send(declared=GOOD.size, end=at)
        client.ask_where()
        client.upload()
        assert store.take(server.root) == {"file": GOOD.cut(0, GOOD.size)}
    return count


@pytest.fixture
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Server]:
    with matrix.serving(request.param, tmp_path) as found:
        yield found
        assert not faults(found.said)


def check_all(server: Server, tally: Tally, chance: random.Random, count: int) -> None:
    runs = check_lies(server) + check_cuts(server, chance, count) + check_tus(server, chance, count)
    tally("F23", f"lengths that lie, and cuts: {server.kind}", runs=runs, faults=runs)


@pytest.mark.parametrize(
    ("server", "count"),
    [*LIGHTLY, *(pytest.param(name, 100, marks=FULL) for name in matrix.HERE)],
    indirect=["server"],
)
def test_no_lie_is_stored_and_the_next_is_served(
    server: Server, tally: Tally, chance: random.Random, count: int
) -> None:
    check_all(server, tally, chance, count)


@pytest.mark.faults
@pytest.mark.parametrize("name", [*matrix.ELSEWHERE, *matrix.NOT_TRIED])
def test_the_same_on_servers_that_may_not_be_here(
    request: pytest.FixtureRequest, tmp_path: Path, tally: Tally, chance: random.Random, name: str
) -> None:
    """Which of them are not is told at the end of the table."""
    if missing := matrix.missing(name):
        request.node.user_properties.append((NOT_RUN, f"F23 on {name}: {missing}"))
        return
    with matrix.serving(name, tmp_path) as server:
        check_all(server, tally, chance, 20)
        assert not faults(server.said)
