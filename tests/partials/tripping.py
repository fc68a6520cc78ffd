"""Death and failure at the n-th system call: SQLite's loop, "fail the n-th call for n = 1, 2, 3 ... until it passes".

What lives here: counting the calls through which files change, and ending the process, or failing, at one of them. What
must not: what is done meanwhile, and what must hold afterwards (tests).
"""

from __future__ import annotations

import fcntl
import itertools
import os
import posix
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["KILLED", "Trip", "in_child", "numbers"]

#: What a killed child's exit code is.
KILLED = 137
_CALLS = {
    os: [
        *("open", "close", "link", "rename", "replace", "unlink", "write", "pwrite", "pread", "fsync", "ftruncate"),
        *("mkdir", "rmdir", "fchmod", "chmod", "stat", "listdir", "statvfs", "copy_file_range"),
    ],
    fcntl: ["flock"],
}


class Trip:
    """Does something at the `number`-th call; `reached` says whether there was one, `names` what was called."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.names: list[str] = []

    @property
    def reached(self) -> bool:
        return len(self.names) >= self.number

    @contextmanager
    def killing(self, *, after: bool) -> Iterator[None]:
        """End this process before or after the call: as kill -9 does, with nothing cleared up."""

        def act(real: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
            if len(self.names) != self.number:
                return real(*arguments, **more)
            try:
                if after:
                    real(*arguments, **more)
            finally:
                self._restore()
                posix._exit(KILLED)

        with self._patched(act):
            yield

    @contextmanager
    def failing(self, code: int, *, forever: bool = False) -> Iterator[None]:
        """Let the call fail, and with `forever` all that follow. What is closed is closed all the same (close(2))."""

        def act(real: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
            now = len(self.names)
            if now == self.number or (forever and now > self.number):
                if self.names[-1] == "close":
                    real(*arguments, **more)
                elif self.names[-1] in ("pread", "stat", "listdir"):
                    return real(*arguments, **more)  # what only looks is the business of other tests
                raise OSError(code, os.strerror(code))
            return real(*arguments, **more)

        with self._patched(act):
            yield

    @contextmanager
    def _patched(self, act: Callable[..., Any]) -> Iterator[None]:
        self._real = [(module, name, getattr(module, name)) for module, names in _CALLS.items() for name in names]

        def counting(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
            def call(*arguments: Any, **more: Any) -> Any:
                self.names.append(name)
                return act(real, *arguments, **more)

            return call

        for module, name, real in self._real:
            setattr(module, name, counting(name, real))
        try:
            yield
        finally:
            self._restore()

    def _restore(self) -> None:
        for module, name, real in self._real:
            setattr(module, name, real)


def in_child(act: Callable[[], object]) -> int:
    """Run it in a forked child; its exit code: 0, KILLED, or 1 with a traceback on its stderr."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a forked child of a test that runs beside threads does no more than this
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            act()
            code = 0
        except BaseException:  # noqa: BLE001 - it is told, and must not run on into the parent's tests
            traceback.print_exc()
        finally:
            # Not os._exit, through which coverage would write all that the parent has measured so far: for each child.
            posix._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def numbers(step: int = 1) -> Iterator[int]:
    """1, 1 + step, ...: a loop leaves when the number was not reached."""
    return itertools.count(1, step)
