"""A client that says exactly what it is told to, over a socket of its own, and can break off in every way.

What lives here: sending bytes and reading one answer. What must not: knowing what the answer should be.
"""

from __future__ import annotations

import http.client
import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 20.0  # seconds; a busy machine is no finding, a server that says nothing at all is


@dataclass(frozen=True)
class Answer:
    """What came back. `headers` has lower-case names; the last of each counts, all of them are in `lines`."""

    status: int
    lines: list[tuple[str, str]]
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)
    reason: str = ""

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)


@contextmanager
def connected(port: int, timeout: float = PATIENCE) -> Iterator[socket.socket]:
    """A connection to the server on this machine's `port`."""
    with socket.create_connection(("127.0.0.1", port), timeout) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield connection


def read_answer(connection: socket.socket, method: str = "POST") -> Answer:
    """One answer. Raises OSError or HTTPException where there is none."""
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        while response.status == 104:  # an interim response, which http.client takes for the answer
            response.headers = response.msg = None  # type: ignore[assignment]  # as before `begin`
            response.begin()
        body = response.read()
        lines = response.getheaders()
        return Answer(response.status, lines, body, {name.lower(): value for name, value in lines}, response.reason)
    finally:
        response.close()


def ask(port: int, request: bytes, *, timeout: float = PATIENCE) -> Answer:
    """Send it all, as browsers do, then read the answer; a server that closes early may still have answered."""
    with connected(port, timeout) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(request)
        return read_answer(connection, request.partition(b" ")[0].decode())


def hang_up(connection: socket.socket, *, reset: bool) -> None:
    """End the connection in the middle of things: with a FIN, or with a RST as a crashing machine's router does."""
    if reset:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
    else:
        connection.shutdown(socket.SHUT_WR)


def until_closed(connection: socket.socket) -> bytes:
    """Everything the server still says, until it closes (a reset counts as closed)."""
    said = b""
    with suppress(ConnectionResetError):
        while block := connection.recv(65536):
            said += block
    return said


def post(target: str, body: bytes, *headers: str, method: str = "POST", length: int | None = None) -> bytes:
    """The bytes of a request for programs to vary: Host and Content-Length are in it."""
    declared = len(body) if length is None else length
    lines = [f"{method} {target} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {declared}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def form(*parts: tuple[str, str | None, bytes], boundary: str = "XbX") -> bytes:
    """A multipart body: (field, file name or None, content) each. Send it with `FORM` as header."""
    body = b""
    for name, filename, content in parts:
        more = "" if filename is None else f'; filename="{filename}"'
        head = f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'
        body += head.encode() + content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


FORM = "Content-Type: multipart/form-data; boundary=XbX"
