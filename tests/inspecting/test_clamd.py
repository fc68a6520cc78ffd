"""ClamAV: what a real clamd finds is refused, and whatever else one may do lets nothing in."""

from __future__ import annotations

import io
import logging
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from webob import Request, Response

from ajaxupload import upload_endpoint
from ajaxupload.errors import NotInspected
from ajaxupload.inspect.clamd import Clamd
from ajaxupload.upload import Upload
from tests.inspecting.clamav import LIMIT, SIGNATURE, VIRUS, Daemon, clamd, read_stream, stand_in
from tests.inspecting.inspectors import tus

CLEAN = bytes(range(256)) * 2000  # more than is gathered


def put(root: Path, scanner: Clamd, content: bytes, **settings: Any) -> Response:
    """One file into ./in."""
    endpoint = upload_endpoint("local", upload_dir=str(root / "in"), inspect=scanner, **settings)
    asked: Any = Request.blank("/a.bin", method="PUT", body=content)
    return asked.get_response(endpoint)  # type: ignore[no-any-return]  # WebOb is untyped here


def stored(root: Path) -> list[bytes]:
    return [path.read_bytes() for path in (root / "in").iterdir()]


# ---- a real one ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with clamd(tmp_path_factory.mktemp("clamd")) as found:
        yield found


@pytest.fixture(params=["unix", "tcp"])
def address(request: pytest.FixtureRequest, daemon: Daemon) -> str:
    return str(getattr(daemon, request.param))


@pytest.mark.needs("clamd")
@pytest.mark.stores
class TestARealOne:
    """clamd itself, with one signature."""

    @pytest.mark.parametrize("content", [b"", b"x", CLEAN])
    def test_what_is_clean_is_stored(self, tmp_path: Path, address: str, content: bytes) -> None:
        assert put(tmp_path, Clamd(address), content).status_code == 201
        assert stored(tmp_path) == [content]

    @pytest.mark.parametrize("content", [VIRUS, b"x" * 70_000 + VIRUS + b"y" * 70_000], ids=["small", "large"])
    @pytest.mark.parametrize("required", [True, False])
    def test_a_virus_is_refused_and_named(self, tmp_path: Path, address: str, content: bytes, required: bool) -> None:
        answer = put(tmp_path, Clamd(address), content, inspect_required=required)
        assert (answer.status_code, answer.json["code"], stored(tmp_path)) == (422, "infected", [])
        assert SIGNATURE in answer.json["message"]

    @pytest.mark.parametrize("over", [1, 40 * LIMIT], ids=["a byte", "much"])
    def test_what_is_over_its_limit_is_refused_for_good_and_the_operator_is_told(
        self, tmp_path: Path, address: str, over: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        answer = put(tmp_path, Clamd(address), bytes(LIMIT + over))
        assert (answer.status_code, answer.json["code"], stored(tmp_path)) == (413, "too_large_to_inspect", [])
        assert "Raise StreamMaxLength in clamd.conf" in caplog.text

    def test_where_that_is_allowed_it_is_let_in_and_the_log_says_so(
        self, tmp_path: Path, address: str, caplog: pytest.LogCaptureFixture
    ) -> None:
        content = bytes(3 * LIMIT) + VIRUS
        assert put(tmp_path, Clamd(address, oversize="accept"), content).status_code == 201
        assert stored(tmp_path) == [content]
        assert "let in without a scan" in caplog.text

    def test_exactly_its_limit_is_scanned(self, tmp_path: Path, address: str) -> None:
        assert put(tmp_path, Clamd(address), bytes(LIMIT - len(VIRUS)) + VIRUS).status_code == 422

    def test_a_tus_upload_is_scanned_at_its_end(self, tmp_path: Path, address: str) -> None:
        endpoint: Any = upload_endpoint("local", upload_dir=str(tmp_path / "in"), inspect=Clamd(address))

        url = tus(endpoint, "POST", "/", Upload_Length=str(len(VIRUS))).headers["Location"]
        kind = "application/offset+octet-stream"
        assert tus(endpoint, "PATCH", url, VIRUS[:30], Upload_Offset="0", Content_Type=kind).status_code == 204
        assert tus(endpoint, "PATCH", url, VIRUS[30:], Upload_Offset="30", Content_Type=kind).status_code == 422
        assert tus(endpoint, "HEAD", url).status_code == 422
        assert stored(tmp_path) == []
        assert not list(tmp_path.rglob("*.part"))

    def test_it_is_examined(self, address: str) -> None:
        assert Clamd(address).examine() == []


# ---- one that fails ------------------------------------------------------------------------------------------------


def answers(text: bytes) -> Any:
    """Reads all of it and says this."""

    def serve(connection: socket.socket) -> None:
        read_stream(connection)
        connection.sendall(text)

    return serve


def gone_at_once(connection: socket.socket) -> None:
    """A reset before a byte was read."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def gone_in_the_middle(connection: socket.socket) -> None:
    """The first block, and no more."""
    connection.recv(1000)


def silent(connection: socket.socket) -> None:
    """Reads all, says nothing, stays until the client has gone."""
    read_stream(connection)
    connection.recv(1)


def trickling(connection: socket.socket) -> None:
    """An answer that never ends, a letter at a time."""
    read_stream(connection)
    for _ in range(200):
        connection.sendall(b"x")
        time.sleep(0.01)


FAILING = {
    "gone at once": (gone_at_once, r"broke off|without an answer|did not answer"),
    "gone in the middle": (gone_in_the_middle, r"broke off|without an answer|did not answer"),
    "silent": (silent, "did not answer: timed out"),
    "trickling": (trickling, "did not answer: timed out"),
    "no answer": (answers(b""), "hung up without an answer"),
    "garbage": (answers(b"\xff\x00\xfe HTTP/1.1 400"), r"answered '\\ufffd'"),
    "unknown command": (answers(b"UNKNOWN COMMAND\0"), "answered 'UNKNOWN COMMAND'"),
    "an error": (answers(b"stream: Can't allocate memory ERROR\0"), "answered .stream: Can't allocate memory ERROR"),
    "a lie": (answers(b"stream: OK FOUND?\0"), "answered"),
    "half an answer": (answers(b"stream: O"), "answered 'stream: O'"),
    "endless": (answers(b"x" * 100_000), "answered"),
}


@pytest.mark.parametrize("name", FAILING)
def test_what_is_no_verdict_lets_nothing_in(tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture) -> None:
    serve, words = FAILING[name]
    with stand_in(tmp_path, serve) as address:
        answer = put(tmp_path, Clamd(address, timeout=5, scan_timeout="300 ms"), CLEAN)
    assert (answer.status_code, answer.json["code"], stored(tmp_path)) == (503, "not_inspected", [])
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.messages[0].startswith("Clamd(")
    assert re.search(words, caplog.text), caplog.text
    assert "Traceback" not in caplog.text


@pytest.mark.slow
def test_one_that_takes_nothing_any_more_is_given_up(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1)
        gone.wait(30)

    gone = threading.Event()
    with stand_in(tmp_path, serve) as address:
        began = time.monotonic()
        with pytest.raises(NotInspected):
            scan = Clamd(address, timeout="200 ms").begin(None, Upload())
            try:
                for _ in range(100):
                    scan.feed(bytes(1 << 20))
            finally:
                scan.close()
                gone.set()
        assert time.monotonic() - began < 10


@pytest.mark.parametrize("address", ["unix:/nowhere/at/all", "tcp:127.0.0.1:1"])
def test_where_there_is_none_nothing_is_let_in(tmp_path: Path, address: str, caplog: pytest.LogCaptureFixture) -> None:
    assert put(tmp_path, Clamd(address), CLEAN).status_code == 503
    assert f"clamd at {address} cannot be reached" in caplog.text
    assert stored(tmp_path) == []
    assert "cannot be reached" in Clamd(address).examine()[0]
    assert put(tmp_path, Clamd(address), CLEAN, inspect_required=False).status_code == 201


def test_the_last_word_of_one_that_hangs_up_counts(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"INSTREAM size limit exceeded. ERROR\0")

    with stand_in(tmp_path, serve) as address:
        assert put(tmp_path, Clamd(address), bytes(20 << 20)).status_code == 413


def test_a_verdict_before_the_last_byte_is_none(tmp_path: Path) -> None:
    """It was made without what was still to come."""

    def serve(connection: socket.socket) -> None:
        connection.recv(1000)
        connection.sendall(b"stream: OK\0")

    with stand_in(tmp_path, serve) as address:
        assert put(tmp_path, Clamd(address), bytes(20 << 20)).status_code == 503
    assert stored(tmp_path) == []


@pytest.mark.parametrize("pause", [0.5, 5.0, 100.0])
def test_what_is_gathered_does_not_wait_for_long(tmp_path: Path, pause: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """clamd gives up connections on which it hears nothing: its ReadTimeout, by default 120 s."""
    came: list[int] = []
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("ajaxupload.inspect.clamd.time", SimpleNamespace(monotonic=lambda: clock.now))

    def serve(connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            assert file.read(10) == b"zINSTREAM\0"
            while size := int.from_bytes(file.read(4), "big"):
                came.append(len(file.read(size)))
        connection.sendall(b"stream: OK\0")

    with stand_in(tmp_path, serve) as address:
        scan = Clamd(address).begin(None, Upload())
        for _ in range(60):
            clock.now += pause
            scan.feed(b"")  # must not be told: it would mean the end
            scan.feed(b"x")
        scan.end()
        scan.close()
    assert sum(came) == 60
    assert max(came) <= max(1, 10 / pause)


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 300_000])
@pytest.mark.parametrize("step", [1_000, 64 << 10, 1 << 20])
def test_it_is_sent_every_byte_in_order(tmp_path: Path, size: int, step: int) -> None:
    content, came = (CLEAN * 2)[:size], io.BytesIO()

    def serve(connection: socket.socket) -> None:
        came.write(read_stream(connection))
        connection.sendall(b"stream: OK\0")

    with stand_in(tmp_path, serve) as address:
        scan = Clamd(address).begin(None, Upload())
        for at in range(0, size, step):
            scan.feed(memoryview(content)[at : at + step])
        scan.end()
        scan.close()
    assert came.getvalue() == content


def test_what_is_no_clamd_is_told(tmp_path: Path) -> None:
    def serve(connection: socket.socket) -> None:
        connection.recv(6)
        connection.sendall(b"220 mail\0")

    with stand_in(tmp_path, serve) as address:
        assert Clamd(address).examine() == [f"what answers at {address} is no clamd: it said '220 mail'"]


@pytest.mark.parametrize(
    "address", ["", "unix:run/clamd", "/run/clamd", "tcp:localhost", "tcp:localhost:0", "tcp::3310"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        Clamd(address)


def test_other_slips_are_refused() -> None:
    with pytest.raises(ValueError, match="a duration such as"):
        Clamd(timeout="soon")
    with pytest.raises(ValueError, match="longer than no time"):
        Clamd(scan_timeout=0)
    with pytest.raises(ValueError, match="oversize must be"):
        Clamd(oversize="skip")  # type: ignore[arg-type]  # wrong, and told so


def test_ipv6_addresses_stand_in_brackets() -> None:
    assert Clamd("tcp:[::1]:3310")._where == ("::1", 3310)
