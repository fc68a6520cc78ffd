"""How `ajaxupload serve` ends, and what becomes of uploads under way, of its clients and of what a killed one left."""

from __future__ import annotations

import hashlib
import re
import signal
import socket
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from gunicorn.config import Config

from ajaxupload.demo import serving
from tests.partials.tripping import in_child
from tests.support.command import Served, commanded, served
from tests.wire.store import held_open

pytestmark = pytest.mark.servers

CONTENT = hashlib.shake_256(b"content").digest(3_000_001)


class Slow:
    """An upload that has sent its first half. It reads what it is told as it comes, as clients do."""

    def __init__(self, server: Served) -> None:
        self.client = socket.create_connection(("127.0.0.1", server.port), timeout=30)
        head = f"PUT /upload/slow.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(CONTENT)}\r\n\r\n"
        self.client.sendall(head.encode() + CONTENT[:1_500_000])
        self.server = server
        self.connected = time.monotonic()
        self._found, self._failed = b"", [OSError("nothing was read")]
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def begun(self) -> Slow:
        """Once a worker holds an open file for it. (A process that is being forked holds its parent's lock.)"""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            if any(self._is_open_in(pid) for pid in self.server.workers()):
                return self
            time.sleep(0.02)
        raise AssertionError("no worker has taken the upload")

    def _is_open_in(self, pid: int) -> bool:
        private = self.server.place / ".uploads.ajaxupload"
        return any(held_open([pid], root) for root in (self.server.folder, private))

    def finish(self) -> None:
        self.client.sendall(CONTENT[1_500_000:])

    def answer(self) -> str:
        """All that the server says until it closes."""
        self._reader.join()
        if self._failed:
            raise self._failed[0]
        return self._found.decode()

    def _read(self) -> None:
        try:
            with self.client:
                while not self._is_answered() and (block := self.client.recv(65536)):
                    self._found += block
        except OSError as error:
            self._failed = [error]
        else:
            self._failed = []

    def _is_answered(self) -> bool:
        head, _, body = self._found.partition(b"\r\n\r\n")
        length = re.search(rb"Content-Length: (\d+)", head)
        return length is not None and len(body) >= int(length[1])


def test_sigterm_lets_an_upload_finish(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        slow = Slow(server).begun()
        finish = threading.Timer(1, slow.finish)
        finish.start()
        assert server.end(signal.SIGTERM) == 0
        finish.join()
        assert slow.answer().startswith("HTTP/1.1 201 ")
        assert (server.folder / "slow.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("group", [False, True], ids=["kill", "terminal"])
def test_ctrl_c_gives_an_upload_up_at_once_and_tells_its_client(tmp_path: Path, group: bool) -> None:
    with served(tmp_path) as server:
        slow = Slow(server).begun()
        began = time.monotonic()
        assert server.end(signal.SIGINT, group=group) == 0
        assert time.monotonic() - began < 5
        assert "Nothing was stored; please try again" in slow.answer()
        assert server.names() == []
        assert server.leftovers() == []
        assert "/upload: aborted 'slow.bin' after" in server.err
        assert "Traceback" not in server.err


#: The main thread stays where a busy machine may hold it for long: with the pool's lock, the request's thread running.
SUBMITTING = """
import time
from concurrent.futures import ThreadPoolExecutor
start = ThreadPoolExecutor._adjust_thread_count
def stay(self):
    start(self)
    time.sleep(60)
ThreadPoolExecutor._adjust_thread_count = stay
"""


def test_ctrl_c_finds_a_worker_that_is_handing_a_request_to_its_thread(tmp_path: Path) -> None:
    with served(tmp_path, before=SUBMITTING) as server:
        slow = Slow(server).begun()
        began = time.monotonic()
        assert server.end(signal.SIGINT) == 0
        assert time.monotonic() - began < 5
        assert "Nothing was stored; please try again" in slow.answer()
        assert "/upload: aborted 'slow.bin' after" in server.err


def test_an_upload_that_outlives_the_grace_is_given_up_and_its_client_told(tmp_path: Path) -> None:
    with served(tmp_path, before="import ajaxupload.demo.serving as s; s._GRACE = 1") as server:
        slow = Slow(server).begun()
        assert server.end(signal.SIGTERM) == 0
        assert "Nothing was stored; please try again" in slow.answer()
        assert server.names() == []
        assert server.leftovers() == []


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT])
def test_it_ends_at_once_however_early_it_is_told_to(tmp_path: Path, how: signal.Signals) -> None:
    with served(tmp_path) as server:  # the workers are being made
        began = time.monotonic()
        assert server.end(how) == 0
        assert time.monotonic() - began < 4
        assert "SIGKILL" not in server.err


def test_a_closed_terminal_ends_it(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        assert server.end(signal.SIGHUP) == 0


def test_nohup_does_not(tmp_path: Path) -> None:
    with served(tmp_path, before="import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)") as server:
        server.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)
        assert server.process.poll() is None
        assert "Stored in" in server.page()


def test_a_killed_servers_leftovers_are_cleaned(tmp_path: Path) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="f"; filename="%d.bin"\r\n\r\n'
    with served(tmp_path) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            head = b"POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            client.sendall(
                head + b"Content-Length: 9000000\r\n\r\n" + form % 1 + CONTENT + b"\r\n" + form % 2 + CONTENT
            )
            deadline = time.monotonic() + 10
            while not server.leftovers() and time.monotonic() < deadline:
                time.sleep(0.02)
            server.end(signal.SIGKILL, group=True)
        assert len(server.leftovers()) == 1
        assert server.names() == []
        said, _ = commanded("clean", "uploads", cwd=tmp_path)
        assert said == f"{server.folder}: 1 leftover removed\n"
        assert server.leftovers() == []


IMPATIENT = "import ajaxupload.demo.serving as s; s.IDLE_SECONDS = 0.5"


def test_a_client_that_sends_nothing_any_more_is_given_up(tmp_path: Path) -> None:
    with served(tmp_path, before=IMPATIENT) as server:
        slow = Slow(server)
        assert slow.answer().startswith("HTTP/1.1 408 ")
        assert time.monotonic() - slow.connected < 5
        server.wait_for("aborted 'slow.bin' after")
        assert server.names() == []


def test_a_client_that_stops_reading_a_download_is_dropped_without_a_traceback(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "1", "--threads", "1", before=IMPATIENT) as server:
        with (server.folder / "large.bin").open("wb") as large:
            large.truncate(100 << 20)
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"GET /files/large.bin HTTP/1.1\r\nHost: localhost\r\n\r\n")
            began = time.monotonic()
            assert "large.bin" in server.page()  # the only thread is free again
            assert time.monotonic() - began < 10


def test_a_worker_that_has_not_begun_ends_once_however_often_it_is_told() -> None:
    """A terminal's Ctrl-C reaches it as well as its parent, which passes it on: while the interpreter ends, perhaps."""

    def told_twice() -> None:
        serving._after_fork(None, SimpleNamespace(cfg=Config()))
        with pytest.raises(SystemExit):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)

    assert in_child(told_twice) == 0
