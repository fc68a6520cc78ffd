"""tus 1.0.0: one large upload in pieces, and small ones.

What lives here: the client's part of creation and of the core protocol. What must not: other protocols.
"""

from __future__ import annotations

import base64
from urllib.parse import urlsplit

from benchmarks.client import Connection
from benchmarks.contender import Contender, Way
from benchmarks.peers import loops, node, ours, tuspyserver
from benchmarks.scenario import Choice, Scenario, Sent, each_at_once, names

__all__ = ["PIECES", "SMALL", "create", "patch"]

_VERSION = {"Tus-Resumable": "1.0.0"}
_CONNECTIONS = 4
_NAMES = iter(names())


def create(connection: Connection, path: str, size: int) -> str:
    """Begin an upload (extension creation): its path."""
    name = base64.b64encode(next(_NAMES).encode()).decode()
    headers = {**_VERSION, "Upload-Length": str(size), "Upload-Metadata": f"filename {name}"}
    location = urlsplit(connection.ask("POST", path, headers).headers["location"])
    return location.path + (f"?{location.query}" if location.query else "")


def patch(connection: Connection, path: str, at: int, content: int | bytes) -> None:
    """Send what comes at that offset."""
    headers = {**_VERSION, "Upload-Offset": str(at), "Content-Type": "application/offset+octet-stream"}
    connection.ask("PATCH", path, headers, content)


def in_pieces(port: int, way: Way, choice: Choice) -> Sent:
    """One file."""
    with Connection(port) as connection:
        path = create(connection, way.tus, choice.size)
        for at in range(0, choice.size, choice.piece):
            patch(connection, path, at, min(choice.piece, choice.size - at))
    return Sent(choice.size)


def small(port: int, way: Way, choice: Choice) -> Sent:
    """Two requests each, as tus' own clients send them."""
    content = bytes(choice.small)

    def turn(connection: Connection) -> None:
        patch(connection, create(connection, way.tus, len(content)), 0, content)

    each_at_once(port, [turn] * choice.count, _CONNECTIONS)
    return Sent(choice.small * choice.count, choice.count)


def _contenders(_choice: Choice) -> list[Contender]:
    mine = [ours.contender(), ours.contender(durable=True)]
    return [*mine, tuspyserver.contender(), node.contender(node.TUS), loops.tus()]


PIECES = Scenario("tus", "tus in pieces", "speed", _contenders, in_pieces)
SMALL = Scenario("tus-small", "Small tus uploads", "rate", _contenders, small, note="Over four connections.")
