"""The child process: takes jobs from a socket, one at a time, until its parent is gone.

What lives here: the loop, the messages' form, and what the process may use up. What must not: pictures.

A message is four bytes of length (big-endian) and that much JSON. A job brings two descriptors with it (SCM_RIGHTS,
unix(7)): the file to read, which cannot be written to, and the file to write thumbnails to.

    parent -> child   {"job": 7, "cpu": 10, "formats": [...], "limits": {...}, "sizes": [...]}
    child -> parent   {"ready": true}, once; then {"job": 7, "done": {...}}, {"job": 7, "refused": [code, reason, facts]}
                      or {"job": 7, "failed": errno}, when the thumbnails could not be written
"""

from __future__ import annotations

import errno
import json
import math
import os
import resource
import signal
import socket
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from .confine import confine
from .drawing import Job, draw, rehearse
from .source import Refused, guard_pillow, load_formats

__all__ = ["LARGEST_MESSAGE", "main", "receive", "send"]

LARGEST_MESSAGE = 64 << 10
_LENGTH = 4
#: What all thumbnails of one file may weigh together.
_LARGEST_OUTPUT = 256 << 20
#: Sent to all processes of a group or a service when it ends. Ours ends with its parent, which may still be waiting for
#: a last picture.
_NOT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(memory: int, formats: Sequence[str]) -> None:
    """Serve on the socket that is file descriptor 0. `memory` bounds the address space, in bytes."""
    for number in _NOT_FOR_US:
        signal.signal(number, signal.SIG_IGN)
    channel = socket.socket(fileno=0)
    try:
        _limit(resource.RLIMIT_AS, memory)
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_FSIZE, _LARGEST_OUTPUT)
        rehearse(load_formats(formats))
        confine()
    except BaseException as error:
        send(channel, {"ready": False, "reason": f"{type(error).__name__}: {error}"[:500]})
        raise
    send(channel, {"ready": True})
    while (message := receive(channel, 2)) is not None:
        send(channel, _serve(*message))


def _serve(message: dict[str, Any], descriptors: Sequence[int]) -> dict[str, Any]:
    answer: dict[str, Any] = {"job": message["job"]}
    source, output = descriptors
    with os.fdopen(source, "rb") as read, os.fdopen(output, "wb", buffering=0) as written:
        _allow_cpu(message["cpu"])
        job = Job.unpacked(message)
        guard_pillow(job.limits)
        try:
            answer["done"] = draw(job, read, written)
        except Refused as error:
            answer["refused"] = [error.code, error.reason, error.facts]
        except OSError as error:
            answer["failed"] = error.errno or errno.EIO
    return answer


def _allow_cpu(seconds: float) -> None:
    """So many more seconds from now on; the kernel counts whole ones, and ends the process after them (SIGXCPU)."""
    _limit(resource.RLIMIT_CPU, math.ceil(time.process_time() + seconds), hard=False)


def _limit(which: int, value: int, *, hard: bool = True) -> None:
    most = resource.getrlimit(which)[1]
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    with suppress(ValueError, OSError):  # macOS knows some of them by name only
        resource.setrlimit(which, (value, value if hard else most))


def send(channel: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """One message. Raises OSError."""
    content = json.dumps(message, ensure_ascii=True).encode("ascii")
    data = len(content).to_bytes(_LENGTH, "big") + content
    sent = socket.send_fds(channel, [data], list(descriptors)) if descriptors else 0
    channel.sendall(data[sent:])


def receive(channel: socket.socket, most_descriptors: int = 0) -> tuple[dict[str, Any], list[int]] | None:
    """One message and its descriptors; None at the end. Raises OSError, ValueError for what is no message."""
    data, descriptors = _first(channel, most_descriptors)
    if not data:
        return None
    while len(data) < _LENGTH:
        data += _more(channel, _LENGTH - len(data))
    length = int.from_bytes(data[:_LENGTH], "big")
    if length > LARGEST_MESSAGE:
        raise ValueError("a message is too long")
    while len(data) < _LENGTH + length:
        data += _more(channel, _LENGTH + length - len(data))
    return json.loads(data[_LENGTH:]), descriptors


def _first(channel: socket.socket, most_descriptors: int) -> tuple[bytes, list[int]]:
    if not most_descriptors:
        return channel.recv(_LENGTH), []
    data, descriptors, _flags, _address = socket.recv_fds(channel, _LENGTH, most_descriptors)
    return data, descriptors


def _more(channel: socket.socket, size: int) -> bytes:
    data = channel.recv(size)
    if not data:
        raise EOFError("the other side has gone in the middle of a message")
    return data
