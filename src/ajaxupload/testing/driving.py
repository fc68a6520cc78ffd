"""A tiny engine: calls a backend's hooks as the real one does, and nothing else.

What lives here: how chunks are handed over, how a whole upload goes, how something is done in another process. What
must not: assertions (backend.py).
"""

from __future__ import annotations

import os
import pickle
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import cycle
from pathlib import Path
from random import Random
from typing import Any

from ..backends.base import AbstractUploadBackend
from ..config import options_of
from ..engine.hooks import ability
from ..piped import Pipe, can_splice
from ..upload import Upload

__all__ = [
    "Crash",
    "Sweep",
    "begin",
    "cut",
    "descriptors_fall_to",
    "elsewhere",
    "finish",
    "noise",
    "open_descriptors",
    "options_in_force",
    "send",
]

#: How another process starts: with this one's import path, and what to do from standard input.
_CHILD = "import pickle, sys; i = sys.stdin.buffer; sys.path[:] = pickle.load(i); f, a = pickle.load(i); f(*a)"


def noise(size: int, seed: int = 0) -> bytes:
    """`size` bytes that are the same for the same seed and compress badly."""
    return Random(seed).randbytes(size)


def cut(content: bytes, sizes: Sequence[int]) -> Iterator[bytes]:
    """`content` in pieces of these sizes, over and over."""
    at = 0
    for size in cycle(sizes):
        if at >= len(content):
            return
        yield content[at : at + size]
        at += size


def begin(backend: AbstractUploadBackend, name: str, size: int | None = None, request: Any = None) -> str:
    """The hooks before the first byte. Returns the name that all later hooks are given."""
    backend.upload = Upload(name=name, filename=name, size=size)
    filename = backend.update_filename(request, name) or name
    backend.upload.filename = filename
    backend.setup(filename)
    return filename


def send(backend: AbstractUploadBackend, blocks: Iterable[bytes]) -> None:
    """Hand over `blocks` as the backend takes them: of BUFFER_SIZE, lent or its own to keep, every other one piped."""
    piped = can_splice() and not backend.BUFFER_SIZE and ability(backend, "PIPED_CHUNKS")
    if backend.BUFFER_SIZE:
        blocks = cut(b"".join(blocks), [backend.BUFFER_SIZE])
    for number, block in enumerate(blocks):
        if piped and number % 2:
            _send_piped(backend, block)
        elif backend.LENT_BUFFER:
            buffer = bytearray(block)
            with memoryview(buffer) as lent:
                backend.upload_chunk(lent)
            buffer[:] = b"\xee" * len(buffer)  # who kept it instead of its bytes stores rubbish and is found out
        else:
            backend.upload_chunk(block)
        backend.upload.offset += len(block)


def _send_piped(backend: AbstractUploadBackend, block: bytes) -> None:
    pipe = Pipe()
    ours, theirs = socket.socketpair()
    try:
        with ours, theirs:
            for part in cut(block, [16 << 10]):  # no more than lies in a socket while nobody reads
                theirs.sendall(part)
                backend.upload_chunk(pipe.fill(ours.fileno(), len(part)))
    finally:
        pipe.close()


def finish(backend: AbstractUploadBackend, filename: str, request: Any = None) -> dict[str, Any]:
    """The last hook. Returns its reply, with `filename` in any case."""
    backend.upload.size = backend.upload.offset
    reply = backend.upload_complete(request, filename)
    return {"filename": backend.upload.filename, **(reply or {})}


def options_in_force(backend: AbstractUploadBackend) -> dict[str, Any]:
    """All its options, the class's own included, so that another process can make the same."""
    return {name: getattr(backend, name) for name in options_of(type(backend))}


def elsewhere(function: Callable[..., None], *args: Any) -> int:
    """Call a module's function in a process of its own. Returns the exit status; minus the signal, if one killed it."""
    work = pickle.dumps(sys.path) + pickle.dumps((function, args))
    return subprocess.run([sys.executable, "-c", _CHILD], input=work, check=False).returncode


class Crash:
    """What dies in the middle of an upload: a picklable recipe for a process that kills itself."""

    def __init__(self, backend: AbstractUploadBackend, after: str) -> None:
        self._cls, self._options = type(backend), options_in_force(backend)
        self._after = after

    def __call__(self, name: str, content: bytes) -> None:
        """Upload until the hook `after`, then be gone without a word."""
        backend = self._cls(**self._options)
        filename = begin(backend, name)
        if self._after != "setup":
            send(backend, cut(content, [1000]))
        if self._after in ("upload_waits", "upload_complete"):
            backend.upload_waits(filename)
        if self._after == "upload_complete":
            finish(backend, filename)
        os.kill(os.getpid(), 9)  # SIGKILL: no handler, no finally, no atexit


class Sweep:
    """The recipe for a process that clears up while others live."""

    def __init__(self, backend: AbstractUploadBackend) -> None:
        self._cls, self._options = type(backend), options_in_force(backend)

    def __call__(self) -> None:
        """What a second worker does when it starts, and `ajaxupload clean` at any time."""
        self._cls(**self._options).startup()
        self._cls(**self._options).clean()


def open_descriptors(below: Path | None = None) -> int:
    """How many this process has, of files below a folder if one is given; 0 where the system does not tell."""
    if Path("/proc/self/fd").is_dir():
        links = map(_link, os.listdir("/proc/self/fd"))
        return sum(below is None or link.startswith(f"{below}/") for link in links)
    return len(os.listdir("/dev/fd")) if Path("/dev/fd").is_dir() and below is None else 0


def descriptors_fall_to(count: int, seconds: float = 10.0) -> bool:
    """Whether no more than `count` are open within so many seconds: other threads, like those that sweep other stores,
    open some for a moment; what leaks stays."""
    end = time.monotonic() + seconds
    while open_descriptors() > count:
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def _link(descriptor: str) -> str:
    try:
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())
    except OSError:  # the listing's own
        return ""
