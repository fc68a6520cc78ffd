"""Failures that a test orders, in front of whatever framework: answers that fail or get lost, connections that break.

What lives here: WSGI middleware for gunicorn. What must not: an upload, a page.

A failure is ordered by a file, `<root>/orders/<case>.json`; requests with a body are counted over all workers.
"""

from __future__ import annotations

import errno
import io
import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tests.clients.apps.steering import give_way
from tests.clients.apps.wiring import ROOT

__all__ = ["Ordered"]

WSGI = Callable[[dict[str, Any], Any], Iterable[bytes]]


class Ordered:
    """An application, and before it what a test has ordered for its address."""

    def __init__(self, application: WSGI) -> None:
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        order, number = _order(environ)
        if order == "fail":
            return _fail(environ, start_response)
        if order == "lose":
            return self._lose(environ, start_response)
        if order == "stall":
            _stall(environ)
        if order == "share":
            give_way(lambda: len(_takers(_file(environ))) > 1 or not _file(environ).exists())
        if order == "reset":
            environ["wsgi.input"] = _Broken(environ, _file(environ).with_suffix(f".reset-{number}"))
        return self._application(environ, start_response)

    def _lose(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Do all that the request asks, and cut the connection before the answer."""
        answer = self._application(environ, start_response)
        list(answer)
        getattr(answer, "close", list)()
        environ["gunicorn.socket"].shutdown(socket.SHUT_RDWR)
        return []


class _Broken(io.RawIOBase):
    """A body in the middle of which the connection is reset: the client gets a TCP RST, and reads fail here as reads of
    such a connection do, whatever the server has read ahead. That it came to that is told by the file `mark`."""

    def __init__(self, environ: dict[str, Any], mark: Path) -> None:
        self._input, self._socket, self._mark = environ["wsgi.input"], environ["gunicorn.socket"], mark
        self._left = int(environ.get("CONTENT_LENGTH") or 0) // 2

    def readable(self) -> bool:
        """It can be read, half of it."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Half of the body, and then nothing but the error."""
        if not self._left:
            _reset(self._socket)
            self._mark.touch()
            raise ConnectionResetError(errno.ECONNRESET, os.strerror(errno.ECONNRESET))
        data = self._input.read(min(len(buffer), self._left))
        self._left -= len(data)
        buffer[: len(data)] = data
        return len(data)


def _reset(connection: socket.socket) -> None:
    """Close it with bytes unsent and nobody to wait for them, which is a reset. Its number is given to a connection
    whose other end has gone in the same way, so that the server finds out by itself and not by a number that is
    somebody else's."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    mine, other = socket.socketpair()
    with mine, other:
        mine.send(b"never read: its end is a reset")
        other.close()
        os.dup2(mine.fileno(), connection.fileno(), inheritable=False)


def _order(environ: dict[str, Any]) -> tuple[str, int]:
    """What becomes of this request: "", "fail", "stall", "lose", "reset" or "share"; and its number."""
    file = _file(environ)
    if environ["REQUEST_METHOD"] not in ("POST", "PATCH", "PUT") or not file.exists():
        return "", 0
    order = json.loads(file.read_text(encoding="utf-8"))
    number = _count(file)
    return str(order["do"]) if order["after"] <= number < order["after"] + order["times"] else "", number


def _file(environ: dict[str, Any]) -> Path:
    words = environ["PATH_INFO"].split("/")
    return ROOT / "orders" / f"{words[2] if len(words) > 2 else 'none'}.json"


def _count(file: Path) -> int:
    """How many requests of this case came before, to any worker; the file that counts this one tells whose it is."""
    number = 0
    while True:
        try:
            descriptor = os.open(file.with_suffix(f".{number}"), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
        except FileExistsError:
            number += 1
        else:
            with open(descriptor, "w", encoding="ascii") as mark:
                mark.write(str(os.getpid()))
            return number


def _takers(file: Path) -> set[str]:
    """The processes that have had requests of this case."""
    return {mark.read_text("ascii") for mark in file.parent.glob(f"{file.stem}.[0-9]*")} - {""}


def _stall(environ: dict[str, Any]) -> None:
    """Until the test takes its order back, or this process is killed."""
    while _file(environ).exists():
        time.sleep(0.02)


def _fail(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Read it all, and be unable."""
    left = int(environ.get("CONTENT_LENGTH") or 0)
    while left and (data := environ["wsgi.input"].read(min(left, 1 << 16))):
        left -= len(data)
    start_response("503 Service Unavailable", [("Content-Type", "application/json")])
    return [b'{"success": false, "error": "The test wants it so."}']
