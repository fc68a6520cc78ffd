"""Sweeping by time, in the process that serves.

What lives here: one thread that does it while requests come. What must not: what is swept (partials/).

The thread is begun by the first request and not at start: servers fork, and threads do not survive that.
"""

from __future__ import annotations

import logging
import os
import threading
import weakref
from collections.abc import Callable

__all__ = ["Sweeper"]

_log = logging.getLogger("ajaxupload")


class Sweeper:
    """Calls `sweep` each `interval` seconds from the first `poke` on, for as long as its owner lives."""

    def __init__(self, sweep: Callable[[], object], interval: float) -> None:
        self._sweep = weakref.WeakMethod(sweep)
        self._interval = interval
        self._pid: int | None = None
        self._starting = threading.Lock()

    def poke(self) -> None:
        """A request has come: see to it that somebody sweeps in this process."""
        if self._pid == os.getpid():
            return
        if not self._starting.acquire(blocking=False):
            return  # somebody else sees to it; or did so when this process was forked off, and never lets go
        try:
            if self._pid != os.getpid():
                self._pid = os.getpid()
                threading.Thread(
                    target=_run, args=(self._sweep, self._interval), name="ajaxupload-sweep", daemon=True
                ).start()
        finally:
            self._starting.release()


def _run(sweep: weakref.WeakMethod[Callable[[], object]], interval: float) -> None:
    pause = threading.Event()
    while not pause.wait(interval):
        method = sweep()
        if method is None:
            return
        try:
            method()
        except Exception:  # noqa: BLE001 - a listener of `expired` included: sweeping goes on
            _log.exception("unfinished uploads could not be swept; the next round tries again")
        del method
