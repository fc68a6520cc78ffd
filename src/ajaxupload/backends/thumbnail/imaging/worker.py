"""The child process: takes jobs from a socket, one at a time, until its parent is gone.

What lives here: the loop, and what the process may use up. What must not: pictures (drawing.py).

A job brings two descriptors with it (SCM_RIGHTS, unix(7)): the file to read, which cannot be written to, and the file
to write thumbnails to.

    parent -> child   {"job": 7, "cpu": 10, "formats": [...], "limits": {...}, "sizes": [...]}
    child -> parent   {"ready": true, "confined": true}, once; then {"job": 7, "done": {...}}
                      or {"job": 7, "refused": [code, reason, facts]}
                      or {"job": 7, "failed": errno}, when the thumbnails could not be written
"""

from __future__ import annotations

import errno
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
from .messages import pack, unpack
from .source import Refused, guard_pillow, load_formats, use_one_thread

__all__ = ["main"]

#: What all thumbnails of one file may weigh together.
_LARGEST_OUTPUT = 256 << 20
#: Sent to all processes of a group or a service when it ends. Ours ends with its parent, which may still be waiting for
#: a last picture.
_NOT_FOR_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def main(memory: int, formats: Sequence[str]) -> None:
    """Serve on the socket that is file descriptor 0. `memory` bounds the address space, in bytes."""
    for number in _NOT_FOR_US:
        signal.signal(number, signal.SIG_IGN)
    _limit(resource.RLIMIT_AS, memory)
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_FSIZE, _LARGEST_OUTPUT)
    found = load_formats(formats)
    use_one_thread()
    rehearse(found)
    with socket.socket(fileno=0) as channel:
        channel.sendall(pack({"ready": True, "confined": confine(threads="HEIC" in formats)}))
        while (received := _receive(channel)) is not None:
            channel.sendall(pack(_serve(*received)))


def _receive(channel: socket.socket) -> tuple[dict[str, Any], Sequence[int]] | None:
    descriptors: list[int] = []

    def read(size: int) -> bytes:
        # They come with a message's first byte.
        data, found, _flags, _address = socket.recv_fds(channel, size, 2)
        descriptors.extend(found)
        return data

    message = unpack(read)
    return None if message is None else (message, descriptors)


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
