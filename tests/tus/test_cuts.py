"""A PATCH that is cut at any byte, by FIN or RST, keeps at least what was acknowledged and at most what was sent, and
goes on from there to the same bytes; one that stalls keeps nobody waiting and writes nothing once it was taken over."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import suppress
from http.client import HTTPException

import pytest

from tests.support.tally import Tally
from tests.tus.conftest import stored
from tests.tus.content import content, digest_of
from tests.wire.client import Answer, ask, connected, hang_up, post, read_answer
from tests.wire.servers import Server
from tests.wire.tus import checksum

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SIZE, MEGABYTE = 4099, 1 << 20  # bytes of the PATCH that is cut
PIECE = "Content-Type: application/offset+octet-stream"
TUS = "Tus-Resumable: 1.0.0"
#: Their reads end where the client hung up, and hand out what had come; uWSGI's fail, and lose it.
KEEPING = ("gunicorn", "cheroot", "wsgiref")
on_each = pytest.mark.parametrize("server", ["gunicorn", "cheroot", "uwsgi", "wsgiref"], indirect=True)
each_end = pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])


def create(server: Server, size: int, first: bytes = b"") -> str:
    """The URL of an upload whose first bytes are acknowledged."""
    answer = ask(server.port, post("/upload", first, TUS, PIECE, f"Upload-Length: {size}", "Connection: close"))
    assert (answer.status, answer.headers["upload-offset"]) == (201, str(len(first))), answer
    return answer.headers["location"]


def offset(server: Server, url: str) -> int:
    """As HEAD tells it."""
    answer = ask(server.port, f"HEAD {url} HTTP/1.1\r\nHost: x\r\n{TUS}\r\nConnection: close\r\n\r\n".encode())
    assert answer.status == 200, answer
    return int(answer.headers["upload-offset"])


def patch(url: str, at: int, body: bytes) -> bytes:
    """The bytes of a PATCH."""
    return post(url, body, TUS, PIECE, f"Upload-Offset: {at}", "Connection: close", method="PATCH")


def cut_off(server: Server, request: bytes, at: int, *, reset: bool) -> Answer | None:
    """Send the request up to the byte `at` of its body and hang up. The answer, where one can still be read."""
    with connected(server.port) as connection:
        connection.sendall(request[: request.index(b"\r\n\r\n") + 4 + at])
        hang_up(connection, reset=reset)
        if not reset:
            with suppress(HTTPException, ConnectionResetError):
                return read_answer(connection, "PATCH")
    return None


def check_cut(server: Server, at: int, *, reset: bool, size: int = SIZE) -> None:
    """One upload: some bytes acknowledged, then the cut, then the rest."""
    acknowledged = at % 97
    whole = content(acknowledged + size)
    url = create(server, len(whole), whole[:acknowledged])
    answer = cut_off(server, patch(url, acknowledged, whole[acknowledged:]), at, reset=reset)
    assert answer is None or answer.status == 500, (at, answer)  # what tus-js-client tries again
    found = offset(server, url)
    assert acknowledged <= found <= acknowledged + at, (at, found)
    if not reset and server.kind in KEEPING:
        assert found == acknowledged + at
    again = ask(server.port, patch(url, found, whole[found:]))
    if again.status == 409 and reset:  # what was cut off was read only now, after the HEAD: the client asks again
        found = offset(server, url)
        assert acknowledged <= found <= acknowledged + at, (at, found)
        again = ask(server.port, patch(url, found, whole[found:]))
    assert (again.status, again.headers["upload-offset"]) == (204, str(len(whole))), (at, again)
    assert stored(server) == {"file": digest_of(len(whole))}, at
    (server.root / "media" / "file").unlink()


@on_each
@each_end
def test_cut_at_some_bytes(server: Server, reset: bool) -> None:
    for at in (0, 1, SIZE - 1, *random.Random(SIZE).sample(range(SIZE), 40)):
        check_cut(server, at, reset=reset)


@pytest.mark.faults
@on_each
@each_end
def test_cut_at_every_byte(server: Server, reset: bool, tally: Tally) -> None:
    for at in range(SIZE):
        check_cut(server, at, reset=reset)
    tally("F01", "tus, pieces of 4,099 bytes cut at every byte", runs=SIZE, faults=SIZE)


@pytest.mark.faults
@on_each
@each_end
def test_a_megabyte_cut_at_random_places(server: Server, reset: bool, chance: random.Random, tally: Tally) -> None:
    for at in chance.sample(range(MEGABYTE), 200):
        check_cut(server, at, reset=reset, size=MEGABYTE)
    tally("F01", "tus, pieces of a megabyte cut at random places", runs=200, faults=200)


@on_each
@each_end
def test_of_a_piece_with_a_checksum_nothing_counts_unless_all_comes(server: Server, reset: bool) -> None:
    whole = content(SIZE)
    url = create(server, SIZE, whole[:100])
    said = checksum("sha256", whole[100:])
    request = post(url, whole[100:], TUS, PIECE, "Upload-Offset: 100", f"Upload-Checksum: {said}", method="PATCH")
    for at in (0, 1, 2000, SIZE - 101):
        cut_off(server, request, at, reset=reset)
        assert offset(server, url) == 100
    answer = ask(server.port, request)
    if answer.status == 409 and reset:  # what was cut off was read only now: the client asks again
        answer = ask(server.port, request)
    assert answer.status == 204, answer
    assert stored(server) == {"file": digest_of(SIZE)}


# ---- stalled ---------------------------------------------------------------------------------------------------------


def timed(call: Callable[[], Answer]) -> Answer:
    """The answer, which comes within a second."""
    began = time.monotonic()
    answer = call()
    assert time.monotonic() - began < 1.0
    return answer


def wait_until(server: Server, url: str, at: int) -> None:
    """Until the bytes up to `at` have arrived in the file; no HEAD, which would end the writer's turn."""
    part = next((server.root / "private" / "partials").glob(f"??/{url.rpartition('/')[2]}.part"))
    deadline = time.monotonic() + 10
    while part.stat().st_size < at:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("server", ["gunicorn"], indirect=True)
@pytest.mark.parametrize("turn", range(6))  # either worker may be asked
def test_a_stalled_patch_keeps_nobody_waiting_and_writes_nothing_later(server: Server, turn: int) -> None:
    whole = content(200_000)
    url = create(server, len(whole))
    head = f"HEAD {url} HTTP/1.1\r\nHost: x\r\n{TUS}\r\nConnection: close\r\n\r\n".encode()
    with connected(server.port) as stalled:
        request = patch(url, 0, b"X" * len(whole))
        start = request.index(b"\r\n\r\n") + 4
        stalled.sendall(request[: start + 100_000])
        wait_until(server, url, 16 << 10)
        found = int(timed(lambda: ask(server.port, head)).headers["upload-offset"])
        assert 16 << 10 <= found <= 100_000
        assert int(timed(lambda: ask(server.port, head)).headers["upload-offset"]) == found
        middle = timed(lambda: ask(server.port, patch(url, found, whole[found:150_000])))
        assert (middle.status, middle.headers["upload-offset"]) == (204, "150000")
        with suppress(OSError):
            stalled.sendall(request[start + 100_000 :])
        with suppress(HTTPException, OSError):
            assert read_answer(stalled, "PATCH").status in (409, 500)
        assert offset(server, url) == 150_000
    assert ask(server.port, patch(url, 150_000, whole[150_000:])).status == 204
    made = (server.root / "media" / "file").read_bytes()
    assert made == b"X" * found + whole[found:]


@pytest.mark.parametrize("server", ["gunicorn"], indirect=True)
def test_an_upload_can_be_given_up_while_its_writer_stalls(server: Server) -> None:
    url = create(server, 200_000)
    delete = f"DELETE {url} HTTP/1.1\r\nHost: x\r\n{TUS}\r\nConnection: close\r\n\r\n".encode()
    with connected(server.port) as stalled:
        request = patch(url, 0, content(200_000))
        stalled.sendall(request[:100_000])
        wait_until(server, url, 16 << 10)
        assert timed(lambda: ask(server.port, delete)).status == 204
        with suppress(OSError):
            stalled.sendall(request[100_000:])
        with suppress(HTTPException, OSError):
            assert read_answer(stalled, "PATCH").status >= 400
    assert stored(server) == {}
