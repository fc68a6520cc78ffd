"""Bodies received straight from the connection leave the server as its own `wsgi.input` would have: gunicorn 23 to 27.

What lives here: whole, cut, refused and pipelined bodies on one connection, for each version and worker. What must not:
what is stored (other tests: all that run on gunicorn, wsgiref or Werkzeug take this way).
"""

from __future__ import annotations

import hashlib
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.wire.client import PATIENCE, connected, hang_up, until_closed
from tests.wire.servers import APPS, Server, faults, running

pytestmark = [pytest.mark.servers, pytest.mark.slow]

#: Older versions lie where the Makefile puts them; the newest is the one that all tests use.
OLDER = [path.name for path in sorted((ROOT / ".gunicorns").glob("[0-9]*"))]
KINDS = [(version, worker) for version in [*OLDER, "27"] for worker in ("gthread", "sync")]
FILM = hashlib.shake_256(b"film").digest(1_000_001)


@contextmanager
def gunicorn(version: str, worker: str, folder: Path, module: str = "telling") -> Iterator[Server]:
    """One process of that version, so that one that was left in a wrong state is met again."""
    where = str(ROOT / ".gunicorns" / version) if version in OLDER else ""
    more = ["--no-control-socket"] if version >= "25" else []
    command = [sys.executable, "-m", "gunicorn", "-k", worker, "--threads", "4", "--graceful-timeout", "2", *more]
    command += ["-b", "127.0.0.1:0", f"{APPS}.{module}:application"]
    with running("gunicorn", command, folder, env={"PYTHONPATH": where}) as running_one:
        yield running_one


@pytest.fixture(scope="module", params=KINDS, ids="-".join)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    version, worker = request.param
    with gunicorn(version, worker, tmp_path_factory.mktemp("lent")) as running_one:
        yield running_one
    assert not faults(running_one.said)


def test_all_versions_are_here() -> None:
    """23 to 27, as pyproject.toml allows and docs/reference name; `make test` brings them."""
    assert [version.partition(".")[0] for version in OLDER] == ["23", "24", "25", "26"], "make gunicorns"


def head(length: int, path: str = "/body", more: str = "") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{more}\r\n".encode()


class Answers:
    """What comes back on a connection, one answer after the other."""

    def __init__(self, connection: socket.socket) -> None:
        self._stream = connection.makefile("rb")

    def __enter__(self) -> Answers:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stream.close()

    def next(self) -> tuple[int, bytes]:
        lines = list(iter(self._stream.readline, b"\r\n"))
        found = re.search(rb"content-length: (\d+)", b"".join(lines).lower())
        assert found, lines
        return int(lines[0].split()[1]), self._stream.read(int(found[1]))


def told(answer: tuple[int, bytes], body: bytes, source: str = "_Gunicorn") -> bool:
    """Was this body received whole, and straight from the connection?"""
    digest = hashlib.sha256(body).hexdigest()
    return answer[0] == 200 and all(f'"{word}"'.encode() in answer[1] for word in (digest, source, "whole"))


def keeps_alive(server: Server) -> bool:
    return "sync" not in server.said.partition("Using worker: ")[2].partition("\n")[0]


@pytest.mark.parametrize("size", [0, 1, 8_000, 300_000, len(FILM)])
def test_the_next_request_on_a_connection_is_answered(server: Server, size: int) -> None:
    """The second comes when the first is answered."""
    with connected(server.port) as connection, Answers(connection) as answers:
        for body in (FILM[:size], FILM[-size:], FILM[:5]) if keeps_alive(server) else (FILM[:size],):
            connection.sendall(head(len(body)) + body)
            assert told(answers.next(), body)


@pytest.mark.parametrize("size", [0, 1, 8_000, 100_000, len(FILM)])
@pytest.mark.parametrize("next_size", [0, 50, 300_000])
def test_requests_that_come_at_once_are_answered_in_turn(server: Server, size: int, next_size: int) -> None:
    """What stands behind a body is the next request, not the body's. (Its last byte comes later: gunicorn before 27
    looks at a request that it holds already only when more comes.)"""
    first, second = FILM[:size], FILM[size : size + next_size]
    both = head(len(first)) + first + head(len(second)) + second
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(both[:-1])
        assert told(answers.next(), first)
        if keeps_alive(server):
            connection.sendall(both[-1:])
            assert told(answers.next(), second)


@pytest.mark.parametrize("peek", [1, 1000, 20_000])
def test_what_somebody_has_read_before_is_not_read_again(server: Server, peek: int) -> None:
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(head(len(FILM), f"/body?peek={peek}") + FILM)
        assert told(answers.next(), FILM)
        if keeps_alive(server):
            connection.sendall(head(3) + b"abc")
            assert told(answers.next(), b"abc")


def chunked(body: bytes, step: int, path: str = "/body") -> bytes:
    """A request with this body in chunks, half of them with an extension, and a trailer."""
    chunks = [b"%X;more=1\r\n%s\r\n" % (len(piece), piece) for piece in cut(body, step)]
    coding = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    return b"".join([coding, *chunks, b"0\r\nX-Trailer: yes\r\n\r\n"]).replace(b";more=1", b"", len(chunks) // 2)


def cut(body: bytes, step: int) -> list[bytes]:
    return [body[at : at + step] for at in range(0, len(body), step)]


def parser_of(server: Server) -> str:
    """gunicorn 27 receives whole chunks; the parsers of those before it are read as `wsgi.input`."""
    return "_Chunked" if "27." in server.said.partition("Starting gunicorn ")[2][:4] else "Body"


@pytest.mark.parametrize("step", [7_000, 400_000, len(FILM)])
def test_chunked_bodies_leave_the_next_request_where_it_is(server: Server, step: int) -> None:
    """It comes when the one before is answered, and at once with it (but for its last byte, as above)."""
    second = chunked(FILM[:50_000], 1_000)
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(chunked(FILM, step) + second[:-1])
        assert told(answers.next(), FILM, parser_of(server))
        if keeps_alive(server):
            connection.sendall(second[-1:])
            assert told(answers.next(), FILM[:50_000], parser_of(server))
            connection.sendall(head(3) + b"abc")
            assert told(answers.next(), b"abc")


@pytest.mark.parametrize("peek", [1, 1000, 20_000])
def test_what_somebody_has_read_of_a_chunked_body_is_not_read_again(server: Server, peek: int) -> None:
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(chunked(FILM, 30_000, f"/body?peek={peek}"))
        assert told(answers.next(), FILM, parser_of(server))


@pytest.mark.parametrize("at", [100, 500_000])
def test_a_chunked_body_that_ends_early_is_not_whole(server: Server, at: int) -> None:
    request = chunked(FILM, 100_000)
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(request[:at])
        connection.shutdown(socket.SHUT_WR)
        status, said = answers.next()
        assert (status, b'"whole"' in said) == (200, False)


def test_nothing_behind_a_broken_chunk_is_taken_for_a_request(server: Server) -> None:
    """Nobody knows where the next one begins: the connection is closed."""
    broken = b"zz\r\n" + chunked(b"abc", 1) * 3
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(chunked(FILM, 100_000)[:-21] + broken)
        status, said = answers.next()
        assert (status, b'"whole"' in said) == (200, False)
        with suppress(ConnectionError):
            assert connection.recv(1) == b""


def test_after_a_refused_body_the_next_request_is_answered(server: Server) -> None:
    """On the same connection where the server keeps it, or on another: nothing of the refused body is taken for it."""
    body = b"GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n" * 3000
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(head(len(body), "/upload?qqfile=x.bin", "Origin: http://elsewhere.example\r\n") + body)
        assert b"Uploads from another site are refused" in answers.next()[1]
        try:
            connection.sendall(head(3) + b"abc")
            again = answers.next()
        except (OSError, IndexError):
            assert not keeps_alive(server)
        else:
            assert told(again, b"abc")
    with connected(server.port) as connection, Answers(connection) as answers:
        connection.sendall(head(3) + b"abc")
        assert told(answers.next(), b"abc")


@pytest.mark.parametrize("reset", [False, True], ids=["ends", "resets"])
def test_a_body_that_breaks_off_is_not_whole_and_all_that_came_counts(server: Server, reset: bool) -> None:
    """tus: the offset afterwards is what was sent (of a reset connection, what had been received)."""
    sent = 700_000
    url = created(server, len(FILM))
    patch = "Tus-Resumable: 1.0.0\r\nUpload-Offset: 0\r\nContent-Type: application/offset+octet-stream\r\n"
    with connected(server.port) as connection:
        request = head(len(FILM), url, patch).replace(b"POST", b"PATCH", 1)
        connection.sendall(request + FILM[:sent])
        if reset:
            until(lambda: any(path.stat().st_size for path in Path(server.root).rglob("*.part")))
        hang_up(connection, reset=reset)
        if not reset:
            until_closed(connection)  # asking for the offset earlier would end the request
    at = offset(server, url)
    assert 0 < at <= sent if reset else at == sent
    rest = patch.replace("Offset: 0", f"Offset: {at}")
    with connected(server.port) as connection:
        connection.sendall(head(len(FILM) - at, url, rest).replace(b"POST", b"PATCH", 1) + FILM[at:])
        assert connection.recv(65536).startswith(b"HTTP/1.1 204 ")
    assert any(path.read_bytes() == FILM for path in Path(server.root).rglob("*") if path.is_file())


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def created(server: Server, size: int) -> str:
    name = "Upload-Metadata: filename ZmlsbS5iaW4=\r\n"
    with connected(server.port) as connection:
        connection.sendall(head(0, "/upload", f"Tus-Resumable: 1.0.0\r\nUpload-Length: {size}\r\n{name}"))
        found = re.search(r"location: (\S+)", connection.recv(65536).decode(), re.IGNORECASE)
    assert found
    return found[1]


def offset(server: Server, url: str) -> int:
    with connected(server.port) as connection:
        connection.sendall(f"HEAD {url} HTTP/1.1\r\nHost: localhost\r\nTus-Resumable: 1.0.0\r\n\r\n".encode())
        found = re.search(r"upload-offset: (\d+)", connection.recv(65536).decode(), re.IGNORECASE)
    assert found
    return int(found[1])
