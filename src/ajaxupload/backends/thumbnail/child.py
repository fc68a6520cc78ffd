"""One child process that decodes pictures: how it is started, asked and ended.

What lives here: one life. What must not: how many there are (pool.py), what the child does (imaging/).

It is a fresh interpreter, not a fork of this process: a fork of a process with threads may hold locks that nobody will
ever release, and has all that this process knows in its memory. It gets no environment, no descriptor but its socket,
and loads nothing but Pillow and the folder `imaging`.
"""

from __future__ import annotations

import errno
import itertools
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...errors import ConfigError
from .imaging.messages import pack, unpack

__all__ = ["Child", "Gone", "Limits", "interpreter"]

_START = 20.0  # seconds: a busy machine takes long to start an interpreter
_STOP = 5.0
_IMAGING = Path(__file__).parent / "imaging"
#: What may stand before an interpreter that finds its own libraries by it.
_KEPT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
#: One arena: each further one reserves 64 MiB of the address space that is limited.
_ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}

_BOOT = """
import json, sys
folder, paths, memory, formats = json.loads(sys.argv[1])
sys.path += paths
try:
    from importlib.util import module_from_spec, spec_from_file_location
    spec = spec_from_file_location("imaging", folder + "/__init__.py", submodule_search_locations=[folder])
    sys.modules["imaging"] = module_from_spec(spec)
    spec.loader.exec_module(sys.modules["imaging"])
    from imaging.worker import main
except BaseException as error:
    text = json.dumps({"ready": False, "reason": f"{type(error).__name__}: {error}"[:500]}).encode()
    open(0, "wb", closefd=False).write(len(text).to_bytes(4, "big") + text)
    raise
main(memory, formats)
"""


@dataclass(frozen=True)
class Limits:
    """What one job may use: bytes of address space, seconds of processor time, seconds by the clock."""

    memory: int
    cpu: float
    wall: float


class Gone(Exception):
    """The child ended, or had to be ended, in the middle of a job. `why` is "time", "memory" or "crash"."""

    def __init__(self, why: str, detail: str) -> None:
        self.why = why
        super().__init__(detail)


@lru_cache(maxsize=1)
def interpreter() -> str:
    """The Python that runs this process. Raises ConfigError where there is none to be started, or nothing to talk to it
    by."""
    if not hasattr(socket, "send_fds"):
        raise ConfigError("to decode pictures in processes of their own takes a POSIX system: set sandbox = false")
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    # In a server that embeds Python (uWSGI, mod_wsgi) sys.executable is that server, or nothing.
    own = [sys.executable] if os.path.basename(sys.executable or "").startswith(("python", "pypy")) else []
    places = [
        os.path.join(prefix, "bin", each) for prefix in (sys.prefix, sys.base_prefix) for each in (name, "python3")
    ]
    for path in (*own, *places):
        if os.path.isfile(path):
            return path
    raise ConfigError(
        f"no Python interpreter that this user may look at was found to decode pictures in ({', '.join(places)}): "
        "let it, or set sandbox = false"
    )


class Child:
    """A child process. Used by one thread at a time. Raises OSError where none can be started."""

    _numbers = itertools.count(1)

    def __init__(self, limits: Limits, formats: Sequence[str]) -> None:
        self.limits = limits
        self.jobs = 0
        self.confined = False
        self._process: subprocess.Popen[bytes]
        self._channel, theirs = socket.socketpair()
        words = json.dumps([str(_IMAGING), _paths(formats), limits.memory, list(formats)])
        try:
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own words
                    [interpreter(), "-I", "-S", "-c", _BOOT, words],
                    stdin=theirs.fileno(),
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    cwd="/",
                    env=_ENVIRONMENT | {name: os.environ[name] for name in _KEPT if name in os.environ},
                )
        except BaseException:
            self._channel.close()
            raise
        try:
            self._await_ready()
        except BaseException:
            self.end()
            raise

    @property
    def pid(self) -> int:
        """Its process id."""
        return int(self._process.pid)

    def alive(self) -> bool:
        """Is it still there?"""
        return self._process.poll() is None

    def hand_over(self, job: Mapping[str, Any], source: int, output: int) -> int:
        """Give it a job and the descriptors that belong to it. Returns the job's number. Raises OSError."""
        number = next(self._numbers)
        data = pack({**job, "job": number, "cpu": self.limits.cpu})
        self._channel.settimeout(self.limits.wall)
        sent = socket.send_fds(self._channel, [data], [source, output])
        if rest := data[sent:]:  # to send nothing fails as well where it has answered already, and hung up
            self._channel.sendall(rest)
        self.jobs += 1
        return number

    def answer(self, number: int) -> dict[str, Any]:
        """What became of the job. Raises Gone; then it is of no use any more."""
        try:
            answer = self._receive(self.limits.wall)
        except TimeoutError:
            self.end()
            raise Gone("time", f"no answer in {self.limits.wall:g} s") from None
        except (OSError, EOFError, ValueError, RecursionError) as error:
            raise self._death(error) from error
        if answer is None or answer.get("job") != number:
            raise self._death(None)
        return answer

    def end(self) -> None:
        """End it at once, which it may be at any moment: it holds nothing."""
        self._channel.close()
        with suppress(OSError):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_STOP)

    def disown(self) -> None:
        """In a forked copy of the process that it belongs to: close our copy of the socket, leave it in peace."""
        self._channel.close()
        self._process.returncode = 0  # nothing of ours to wait for

    def _await_ready(self) -> None:
        try:
            hello = self._receive(_START)
        except (OSError, EOFError, ValueError) as error:
            raise OSError(errno.ECHILD, f"the process that decodes pictures did not start: {error}") from error
        if hello is None or not hello.get("ready"):
            reason = (hello or {}).get("reason") or f"exit status {self._process.wait(_STOP)}"
            raise OSError(errno.ECHILD, f"the process that decodes pictures did not start: {reason}")
        self.confined = bool(hello.get("confined"))

    def _receive(self, patience: float) -> dict[str, Any] | None:
        deadline = time.monotonic() + patience

        def read(size: int) -> bytes:
            rest = deadline - time.monotonic()
            if rest <= 0:
                raise TimeoutError
            self._channel.settimeout(rest)
            return self._channel.recv(size)

        return unpack(read)

    def _death(self, error: Exception | None) -> Gone:
        """Why it ended, as far as its exit status tells; it is given a moment to be gone."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.5)
        status = self._process.poll()
        self.end()
        if status == -signal.SIGXCPU:
            return Gone("time", f"over {self.limits.cpu:g} s of processor time")
        if status == -signal.SIGKILL:  # of the kernel, where memory is short; we have not sent one
            return Gone("memory", "killed by the system")
        return Gone("crash", f"exit status {status}, {type(error).__name__ if error else 'a strange answer'}")


@lru_cache(maxsize=8)
def _paths_of(packages: tuple[str, ...]) -> tuple[str, ...]:
    """The folders that these packages are imported from."""
    specs = [find_spec(name) for name in packages]
    return tuple(dict.fromkeys(str(Path(spec.origin).parent.parent) for spec in specs if spec and spec.origin))


def _paths(formats: Sequence[str]) -> list[str]:
    return list(_paths_of(("PIL", "pillow_heif") if "HEIC" in formats else ("PIL",)))
