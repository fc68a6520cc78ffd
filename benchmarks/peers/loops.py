"""The least that can be done: a WSGI application that reads 64 KiB and writes them, and a loop without any server.

What lives here: both. What must not: parsing, naming, checking: they are what everything else is compared with.
"""

from __future__ import annotations

import itertools
import os
import socket
import sys
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.contender import GUNICORN, Contender, Site, Way, wsgi

__all__ = ["BARE", "FILLED", "SYNCED", "WSGI", "application", "bare", "contender", "tus", "tus_application"]

BARE, WSGI = "bare receive-and-write loop", "raw WSGI loop"
FILLED, SYNCED = "bare loop, whole MiB", "bare loop, synced"
_BLOCK = 256 << 10  # the size that costs the least processor time if each receipt is written at once
_FILLED_BLOCK = 1 << 20  # and if a block is filled first, which a slow client would have to wait for
_ANSWER = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"


def contender(*, server: str = GUNICORN) -> Contender:
    """The WSGI application."""
    return wsgi(WSGI, f"{__name__}:application", Way(raw="/{name}"), server=server)


def tus() -> Contender:
    """The WSGI application for tus."""
    return wsgi(WSGI, f"{__name__}:tus_application", Way(tus="/"))


def bare(name: str = BARE) -> Contender:
    """The loop: what came is written at once; or when a block is full; or the answer waits for the disk."""

    def command(site: Site) -> list[str]:
        return [sys.executable, "-m", __name__, name, str(site.port), str(site.files)]

    return Contender(name, command, Way(raw="/{name}"))


def application() -> Any:
    """It stores what it is sent."""
    folder, numbers = Path(os.environ["BENCH_ROOT"], "files"), itertools.count()

    def store(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        left = int(environ["CONTENT_LENGTH"])
        with (folder / f"{next(numbers)}.bin").open("wb", buffering=0) as file:
            while left and (block := environ["wsgi.input"].read(min(left, 64 << 10))):
                file.write(block)
                left -= len(block)
        start_response("201 Created", [("Content-Length", "0")])
        return []

    return store


def tus_application() -> Any:
    """It keeps the bytes of an upload and nothing else, knows no wrong request, and asks no file how long it is."""
    folder, numbers = os.environ["BENCH_ROOT"] + "/files", itertools.count()

    def store(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] == "POST":
            name = f"/{next(numbers)}"
            os.close(os.open(folder + name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            start_response("201 Created", [("Location", name), ("Content-Length", "0")])
            return []
        left = int(environ["CONTENT_LENGTH"])
        with Path(folder + environ["PATH_INFO"]).open("ab", buffering=0) as file:
            while left and (block := environ["wsgi.input"].read(min(left, 64 << 10))):
                left -= file.write(block)
        start_response("204 No Content", [])
        return []

    return store


def serve(connection: socket.socket, folder: str, numbers: Iterable[int], name: str) -> None:
    """Requests of one connection, as few as need be understood: a length, and a body."""
    size, flags = (_FILLED_BLOCK, socket.MSG_WAITALL) if name == FILLED else (_BLOCK, 0)
    buffer, kept = memoryview(bytearray(size)), b""
    with connection:
        for number in numbers:
            while b"\r\n\r\n" not in kept:
                block = connection.recv(_BLOCK)
                if not block:
                    return
                kept += block
            head, _, kept = kept.partition(b"\r\n\r\n")
            left = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
            handle = os.open(f"{folder}/{number}.bin", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            left -= os.write(handle, kept[:left])
            kept = b""
            while left and (count := connection.recv_into(buffer, min(left, size), flags)):
                left -= os.write(handle, buffer[:count])
            if name == SYNCED:
                os.fsync(handle)
                sync_folder(folder)
            os.close(handle)
            connection.sendall(_ANSWER)


def sync_folder(path: str) -> None:
    """So that the new name is on the disk too."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    os.fsync(handle)
    os.close(handle)


def main(name: str, port: int, folder: str) -> None:
    """A thread for each connection."""
    numbers = itertools.count()
    with socket.create_server(("127.0.0.1", port), backlog=1024) as server:
        while True:
            connection, _ = server.accept()
            threading.Thread(target=serve, args=(connection, folder, numbers, name), daemon=True).start()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
