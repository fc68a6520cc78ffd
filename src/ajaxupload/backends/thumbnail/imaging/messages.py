"""The form of what parent and child tell each other.

What lives here: four bytes of length (big-endian), and that much JSON. What must not: what it means (worker.py).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["pack", "unpack"]

#: Enough for any job; what a child that went mad may make its parent hold.
_LARGEST = 64 << 10
_LENGTH = 4


def pack(message: dict[str, Any]) -> bytes:
    """One message. ValueError when it is too long."""
    content = json.dumps(message).encode("ascii")
    if len(content) > _LARGEST:
        raise ValueError(f"a message of {len(content)} bytes is too long")
    return len(content).to_bytes(_LENGTH, "big") + content


def unpack(read: Callable[[int], bytes]) -> dict[str, Any] | None:
    """The next message; `read` gives at most so many bytes, and none at the end. None at the end; EOFError for an end
    in the middle, ValueError for what is no message."""
    start = read(_LENGTH)
    if not start:
        return None
    length = int.from_bytes(_whole(read, _LENGTH, start), "big")
    if length > _LARGEST:
        raise ValueError(f"a message of {length} bytes is too long")
    message = json.loads(_whole(read, length, b""))
    if not isinstance(message, dict):
        raise ValueError("a message is a table")
    return message


def _whole(read: Callable[[int], bytes], size: int, data: bytes) -> bytes:
    while len(data) < size:
        more = read(size - len(data))
        if not more:
            raise EOFError("the other side has gone in the middle of a message")
        data += more
    return data
