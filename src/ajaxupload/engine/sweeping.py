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
#: Seconds after the first request.
_SOON = 10.0


class Sweeper:
    """Calls `sweep` soon after the first `poke`, and then each `interval` seconds, for as long as its owner lives.

    Not at once: a process that begins has requests waiting, and to look through many uploads takes seconds.
    """

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
    pause, wait = threading.Event(), min(_SOON, interval)
    while not pause.wait(wait):
        wait, method = interval, sweep()
        if method is None:
            return
        try:
            method()
        except Exception:  # noqa: BLE001 - a listener of `expired` included: sweeping goes on
            _log.exception("unfinished uploads could not be swept; the next round tries again")
        del method
