"""How slow a client may be: the least rate at which a body must come.

What lives here: the reckoning, the time limit of one read, and giving up a connection whose read lasts too long. What
must not: reading (body.py).

The reckoning is a bucket of seconds. It is full at first, which is everybody's grace. Waiting for the client drains it;
each byte that came puts back the time that a byte may take, but never more than the bucket holds. Only waiting counts:
a slow store and a slow scanner cost the client nothing.

On some servers a read waits until it has all the bytes that it was asked for: a client that drips a byte now and then
holds it for hours, and nobody learns of it. So one thread of the process watches over reads. When one cannot have kept
the rate any more, it shuts the connection's receiving half, and the read ends.
"""

from __future__ import annotations

import os
import socket
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

__all__ = ["Pace", "descriptor_of", "patience"]

#: Seconds between two looks of the watching thread, and how many looks at nothing until it ends.
_TICK, _LAZY = 0.25, 20


class Pace:
    """One body's. `rate` is in bytes a second (0: any will do), `window` in seconds; `fd` is the descriptor of the
    connection, where it is known, and `clock` any that never goes back."""

    def __init__(
        self, rate: int = 0, window: float = 60.0, fd: int | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.rate = rate
        #: The watching thread has ended a read.
        self.cut = False
        self._window = self._left = window
        self._fd = fd
        self._clock = clock

    def is_late(self) -> bool:
        """Has the client been too slow for too long?"""
        return self.cut or self._left < 0

    @contextmanager
    def waiting(self, unseen: int) -> Iterator[None]:
        """Around a read. `unseen` are the bytes that may come without its ending: 0 if it returns with the first."""
        if not self.rate:
            yield
            return
        began = self._clock()
        if self._fd is not None:
            _watchman.arm(self, began + max(0.0, self._left) + unseen / self.rate)
        try:
            yield
        finally:
            if self._fd is not None:
                _watchman.disarm(self)
            self._left -= self._clock() - began

    def came(self, size: int) -> None:
        """So many bytes came of the read before."""
        if self.rate:
            self._left = min(self._window, self._left + size / self.rate)

    def give_up(self) -> bool:
        """Nothing is to be received any more: servers would read on after our answer, at the client's pace. Whether
        the connection is known, so that no read of it waits from now on. Never raises.

        Below a server's own `ssl.SSLSocket`, whose `shutdown` would have it read what is encrypted as if it were not.
        """
        self.cut = True
        if self._fd is None:
            return False
        with suppress(OSError), socket.socket(fileno=os.dup(self._fd)) as connection:
            connection.shutdown(socket.SHUT_RD)
        return True


class _Watchman:
    """Gives up whoever is armed for longer than it should be."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: dict[Pace, float] = {}
        self._running = False

    def arm(self, pace: Pace, deadline: float) -> None:
        """From now on."""
        with self._lock:
            self._armed[pace] = deadline
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="ajaxupload-pace", daemon=True).start()

    def disarm(self, pace: Pace) -> None:
        """Its descriptor may be another connection's in a moment: afterwards nothing is done to it any more."""
        with self._lock:
            self._armed.pop(pace, None)

    def _run(self) -> None:
        idle = 0
        while True:
            time.sleep(_TICK)
            with self._lock:
                idle = 0 if self._armed else idle + 1
                for pace, deadline in tuple(self._armed.items()):
                    if pace._clock() >= deadline:  # noqa: SLF001 - of our own class
                        del self._armed[pace]
                        pace.give_up()
                if idle > _LAZY:
                    self._running = False
                    return


_watchman = _Watchman()
if hasattr(os, "register_at_fork"):  # threads do not survive that, and a lock may be held by one of them
    os.register_at_fork(after_in_child=_watchman.__init__)  # type: ignore[misc]  # on purpose: as if it were new


def descriptor_of(connection: Any, source: Any) -> int | None:
    """The descriptor of the connection that `source` reads from: the server lends it, or its input has it (wsgiref's,
    uWSGI's), or the input behind its input (cheroot's). None where there is none, or it is no socket."""
    inner = getattr(source, "rfile", None)
    candidates: tuple[Any, ...] = (connection, source, inner, getattr(inner, "rfile", None))
    for each in candidates:
        if hasattr(each, "rollover"):  # a SpooledTemporaryFile, which goes to the disk to have a descriptor
            continue
        with suppress(AttributeError, OSError, ValueError, TypeError):
            fd = int(each.fileno())
            if stat.S_ISSOCK(os.fstat(fd).st_mode):
                return fd
    return None


@contextmanager
def patience(connection: socket.socket | None, seconds: float | None) -> Iterator[None]:
    """Let no read wait longer than `seconds` for its client; a server that is less patient stays so."""
    before = connection.gettimeout() if connection is not None else None
    if connection is None or seconds is None or (before is not None and before <= seconds):
        yield
        return
    with suppress(OSError):  # it may be closed already
        connection.settimeout(seconds)
    try:
        yield
    finally:
        with suppress(OSError):
            connection.settimeout(before)
