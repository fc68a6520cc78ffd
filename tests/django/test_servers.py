"""Django under gunicorn and under uvicorn: the body streams under the one and is whole under the other."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .servers import Browser, Server, digest, digest_of, gunicorn, noise, running, uvicorn
from .wire import BOUNDARY, FORM, encoded

pytestmark = pytest.mark.servers

COMMANDS = {"wsgi": gunicorn("tests.django.wsgi"), "asgi": uvicorn("tests.django.asgi:application")}


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for each test of this module that takes both."""
    root = tmp_path_factory.mktemp(request.param)
    (root / "tmp").mkdir()
    with running(COMMANDS[request.param], root, AJAXUPLOAD_TEST_ROOT=str(root)) as server:
        yield server
    assert "Traceback" not in server.said, server.said
    assert not list((root / "media" / ".media.ajaxupload").glob("*.part"))


def stored(server: Server, name: str) -> Path:
    return server.root / "media" / "uploads" / name


def form_of(size: int) -> tuple[Iterator[bytes], int]:
    """A form with one file of that size, as blocks and as a length."""
    head, tail = encoded(("file", "form.bin", b"\0")).split(b"\0")

    def blocks() -> Iterator[bytes]:
        yield head
        yield from noise(size)
        yield tail

    return blocks(), len(head) + size + len(tail)


@pytest.mark.parametrize("size", [0, 1, 5 << 20], ids=["empty", "1 byte", "5 MiB"])
def test_a_form_is_stored(server: Server, size: int) -> None:
    blocks, length = form_of(size)
    reply = Browser(server.port).ask("POST", "/free", blocks, {"Content-Type": FORM, "Content-Length": str(length)})
    assert reply.status == 200
    assert reply.json["size"] == size
    assert reply.json["sha256"] == digest(noise(size)) == digest_of(stored(server, reply.json["filename"]))


@pytest.mark.parametrize("size", [0, 1, 5 << 20], ids=["empty", "1 byte", "5 MiB"])
def test_a_chunked_body_is_stored(server: Server, size: int) -> None:
    """Django's own stream ends at once here: it goes by the Content-Length."""
    reply = Browser(server.port).ask("PUT", "/free/put.bin", noise(size))
    assert reply.status == 201
    assert digest_of(stored(server, reply.json["filename"])) == digest(noise(size))


def test_a_chunked_form_is_stored(server: Server) -> None:
    reply = Browser(server.port).ask("POST", "/free", form_of(3 << 20)[0], {"Content-Type": FORM})
    assert digest_of(stored(server, reply.json["filename"])) == digest(noise(3 << 20))


def test_tokens_are_asked_for(server: Server) -> None:
    browser = Browser(server.port)
    token = browser.token("/start")
    file = ("file", "with-token.txt", b"x")
    good, bad = encoded(("csrfmiddlewaretoken", token), file), encoded(file, ("csrfmiddlewaretoken", token))
    headers = {"Content-Type": FORM, "Origin": f"http://127.0.0.1:{server.port}"}
    assert browser.ask("POST", "/ajax-upload", bad, headers).json["code"] == "csrf"
    assert browser.ask("POST", "/ajax-upload", good, headers).json["success"] is True
    assert len(list(stored(server, "").glob("with-token*"))) == 1


def test_many_clients_with_one_name_store_as_many_files(server: Server) -> None:
    def send(number: int) -> str:
        body = encoded(("file", "same.txt", str(number).encode()))
        return str(Browser(server.port).ask("POST", "/free", body, {"Content-Type": FORM}).json["filename"])

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(send, range(24)))
    assert [stored(server, name).read_text() for name in names] == [str(number) for number in range(24)]


def test_a_client_that_hangs_up_stores_nothing(server: Server) -> None:
    before = set(stored(server, "").iterdir()) if stored(server, "").exists() else set()
    head = f"POST /free HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\nContent-Length: 100000\r\n\r\n"
    for reset in (False, True):
        with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
            connection.sendall(
                head.replace("Host: x", "Host: 127.0.0.1").encode() + b"--" + BOUNDARY.encode() + b"\r\n"
            )
            connection.sendall(b'Content-Disposition: form-data; name="f"; filename="cut.bin"\r\n\r\n' + b"x" * 5000)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert Browser(server.port).ask("GET", "/free").status == 200
    assert set(stored(server, "").iterdir()) == before


def test_a_refusal_is_read_by_a_client_that_is_still_sending(server: Server) -> None:
    """300 kB beyond what is allowed, sent before the answer is looked at."""
    browser = Browser(server.port)
    reply = browser.ask("POST", "/ajax-upload?filename=a.bin", b"x" * 300_000, {"Content-Type": "text/plain"})
    assert (reply.status, reply.json["code"]) == (403, "csrf")


@pytest.fixture(scope="module")
def wsgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("watched")
    (root / "tmp").mkdir()
    with running(COMMANDS["wsgi"], root, AJAXUPLOAD_TEST_ROOT=str(root)) as server:
        yield server


def touched(server: Server) -> tuple[int, int]:
    """When a name last came or went in FILE_UPLOAD_TEMP_DIR and in the system's folder for temporary files."""
    return (server.root / "tmp").stat().st_mtime_ns, (server.root / "systmp").stat().st_mtime_ns


@pytest.mark.slow
@pytest.mark.parametrize("size", [5 << 20, 64 << 20], ids=["5 MiB", "64 MiB"])
@pytest.mark.parametrize("form", [True, False], ids=["form", "raw"])
def test_nothing_lands_in_file_upload_temp_dir(wsgi: Server, size: int, form: bool) -> None:
    """A folder's time of change tells of every file that was ever there, however short."""
    browser = Browser(wsgi.port)
    token = browser.token("/start")
    before = touched(wsgi)
    blocks, length = form_of(size) if form else (noise(size), size)
    kind = FORM if form else "application/octet-stream"
    headers = {"Content-Type": kind, "Content-Length": str(length), "X-CSRFToken": token}
    reply = browser.ask("POST", "/ajax-upload?filename=raw.bin", blocks, headers)
    assert reply.json["size"] == size
    assert digest_of(stored(wsgi, reply.json["filename"])) == digest(noise(size))
    assert touched(wsgi) == before


def test_djangos_own_parsing_would_have_been_seen(wsgi: Server) -> None:
    browser = Browser(wsgi.port)
    headers = {"X-CSRFToken": browser.token("/start"), "Content-Type": FORM}
    before = touched(wsgi)
    blocks, length = form_of(5 << 20)
    reply = browser.ask("POST", "/parsed", blocks, {**headers, "Content-Length": str(length)})
    assert reply.text == str(5 << 20)
    assert touched(wsgi)[0] != before[0]
