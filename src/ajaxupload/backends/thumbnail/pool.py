"""The child processes of this process: started when they are needed, used again and again, and never left behind.

What lives here: who has which child, and what a fork and the end of the interpreter mean for them. What must not: how
one is talked to (child.py).
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any

from ...errors import StorageUnavailable
from .child import Child, Limits

__all__ = ["Pool", "pool_for"]

_log = logging.getLogger("ajaxupload")
#: Jobs after which a child is replaced: what a decoder leaks is leaked for so long only.
_MOST_JOBS = 200
_BUSY = "The server is busy with other pictures at the moment. Please try again in a little while."


class Pool:
    """Up to `size` children with the same limits and formats."""

    def __init__(self, limits: Limits, formats: Sequence[str], size: int) -> None:
        self.limits = limits
        self.formats = tuple(formats)
        self.size = size
        self._children: set[Child] = set()
        self._idle: list[Child] = []
        self._starting = 0
        self._change = threading.Condition()

    def run(self, job: Mapping[str, Any], source: int, output: int) -> dict[str, Any]:
        """The answer to a job with its two descriptors, see imaging/worker.py.

        Raises Gone when the child did not survive it, StorageUnavailable when all are busy for too long, OSError when
        none can be started.
        """
        child, number = self._handed_over(job, source, output)
        try:
            answer = child.answer(number)
        except BaseException:
            # Also SystemExit and a greenlet's timeout: the answer that is still to come belongs to nobody.
            self._drop(child)
            raise
        # What a decoder could not allocate it may have half allocated.
        refused = answer.get("refused")
        worn = child.jobs >= _MOST_JOBS or (isinstance(refused, list) and refused[:1] == ["memory"])
        self._drop(child) if worn else self._give_back(child)
        return answer

    def pids(self) -> list[int]:
        """The process ids of all children."""
        with self._change:
            return [child.pid for child in self._children]

    def _handed_over(self, job: Mapping[str, Any], source: int, output: int) -> tuple[Child, int]:
        """A child that has the job. One that was killed while it was idle costs one more try, not the upload."""
        for last in (False, True):
            child = self._take()
            try:
                return child, child.hand_over(job, source, output)
            except BaseException as error:
                self._drop(child)
                if last or not isinstance(error, OSError):
                    raise
        raise AssertionError("the second try returns or raises")

    def _take(self) -> Child:
        deadline = time.monotonic() + self.limits.wall
        with self._change:
            while True:
                while self._idle:
                    child = self._idle.pop()  # the last one used: its memory is warm, and the others may stay unstarted
                    if child.alive():
                        return child
                    self._children.discard(child)
                    child.end()
                if len(self._children) + self._starting < self.size:
                    self._starting += 1
                    break
                if not self._change.wait(max(0.0, deadline - time.monotonic())) and time.monotonic() >= deadline:
                    raise StorageUnavailable(_BUSY, retry_after=5)
        return self._started()

    def _started(self) -> Child:
        child = None
        try:
            child = Child(self.limits, self.formats)
            if not child.confined:
                _log.debug("pictures are decoded without a system call filter: this system has none that we know")
            return child
        finally:
            with self._change:
                self._starting -= 1
                if child is not None:
                    self._children.add(child)
                else:
                    self._change.notify()

    def _give_back(self, child: Child) -> None:
        with self._change:
            if child in self._children:  # not, where the pool was ended meanwhile
                self._idle.append(child)
            self._change.notify()

    def _drop(self, child: Child) -> None:
        child.end()
        with self._change:
            self._children.discard(child)
            self._change.notify()

    def end(self) -> None:
        """End all children, also those at work."""
        with self._change:
            children, self._children, self._idle = self._children, set(), []
        for child in children:
            child.end()

    def disown(self) -> None:
        """Forget all children, which are our parent's: this process was forked off it."""
        for child in self._children:
            child.disown()


class _Pools:
    """All pools of this process."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._found: dict[tuple[Limits, tuple[str, ...], int], Pool] = {}

    def get(self, limits: Limits, formats: Sequence[str], size: int) -> Pool:
        key = limits, tuple(formats), size
        with self._guard:
            if key not in self._found:
                self._found[key] = Pool(*key)
            return self._found[key]

    def end(self) -> None:
        """The interpreter ends: no child outlives it, and none is left as a zombie."""
        for pool in list(self._found.values()):
            pool.end()

    def start_anew(self) -> None:
        """As a forked child: the children are the parent's, and what held the locks does not exist here."""
        self._guard = threading.Lock()
        found, self._found = self._found, {}
        for pool in found.values():
            pool.disown()


_pools = _Pools()
atexit.register(_pools.end)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pools.start_anew)


def pool_for(limits: Limits, formats: Sequence[str], size: int) -> Pool:
    """The pool with these properties: one for all backends of this process that agree about them."""
    return _pools.get(limits, formats, size)
