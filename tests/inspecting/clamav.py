"""A real clamd for the tests, with one signature, and a stand-in for those answers that a real one does not give.

What lives here: both, and the harmless file that scanners agree to find. What must not: verdicts. The file's text never
stands here in one piece: scanners would find this one.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from ajaxupload.inspect.clamd import Clamd
from tests.conftest import find_program

#: The test file of the European Institute for Computer Antivirus Research.
VIRUS = "".join(
    reversed(["$H+H*", "ANTIVIRUS-TEST-FILE!", "$EICAR-STANDARD-", "7CC)7}", "X5O!P%@AP[4\\PZX54(P^)"])
).encode()
SIGNATURE = "Ajaxupload.Test"
LIMIT = 1 << 20  # clamd's StreamMaxLength


@dataclass
class Daemon:
    """A running clamd and where it listens."""

    unix: str
    tcp: str
    process: subprocess.Popen[bytes]


@contextmanager
def clamd(folder: Path) -> Iterator[Daemon]:
    """clamd in `folder`, as whoever runs the tests, listening in both ways; ended with the block."""
    (folder / "db").mkdir()
    (folder / "db" / "test.ndb").write_text(f"{SIGNATURE}:0:*:{VIRUS.hex()}\n", encoding="ascii")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = [
        "Foreground yes", f"DatabaseDirectory {folder}/db", f"LocalSocket {folder}/s", f"TemporaryDirectory {folder}",
        f"TCPSocket {port}", "TCPAddr 127.0.0.1", f"StreamMaxLength {LIMIT}", "MaxThreads 4",
    ]  # fmt: skip
    (folder / "clamd.conf").write_text("\n".join(settings) + "\n", encoding="ascii")
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            [str(find_program("clamd")), f"--config-file={folder}/clamd.conf"], stdout=said, stderr=subprocess.STDOUT
        )
    daemon = Daemon(f"unix:{folder}/s", f"tcp:127.0.0.1:{port}", process)
    try:
        deadline = time.monotonic() + 60
        while any(Clamd(each).examine() for each in (daemon.unix, daemon.tcp)):
            assert process.poll() is None, (folder / "said").read_text(encoding="utf-8")
            assert time.monotonic() < deadline, (folder / "said").read_text(encoding="utf-8")
            time.sleep(0.05)
        yield daemon
    finally:
        process.terminate()
        process.wait(30)


def read_stream(connection: socket.socket) -> bytes:
    """All of an INSTREAM that a client sends."""
    with connection.makefile("rb") as file:
        assert file.read(10) == b"zINSTREAM\0"
        content = b""
        while size := int.from_bytes(file.read(4), "big"):
            content += file.read(size)
        return content


@contextmanager
def stand_in(folder: Path, serve: Callable[[socket.socket], None]) -> Iterator[str]:
    """The address of something that is not quite a clamd: `serve` has each connection."""
    path = folder / "fake"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()

        def run() -> None:
            with suppress(OSError):  # the listener was closed
                while True:
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        serve(connection)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        try:
            yield f"unix:{path}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(10)
