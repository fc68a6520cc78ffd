"""A connection whose reads another thread can end, its own halves left open.

What lives here: waiting for bytes and for the end at once. What must not: who ends what, and when (serving.py).

`shutdown(SHUT_RD)` would end a read as well, but Linux tells nobody of room in a buffer whose receiving half is shut:
what a client has sent meanwhile comes by its system's probes only, up to seconds apart, and a connection that is closed
with some of it still to come is reset, the answer in it lost.
"""

from __future__ import annotations

import math
import select
import socket
from typing import Any

__all__ = ["Interruptible"]


class Interruptible(socket.socket):
    """A socket that reads as at its end as soon as a byte waits in a pipe. One thread reads at a time."""

    _end: int
    _poll: select.poll

    @classmethod
    def of(cls, connection: socket.socket, end: int) -> Interruptible:
        """Take over a connection; `end` is the pipe's descriptor."""
        timeout = connection.gettimeout()
        taken = cls(fileno=connection.detach())
        taken.settimeout(timeout)
        taken._end = end
        taken._poll = select.poll()
        taken._poll.register(taken, select.POLLIN)
        taken._poll.register(end, select.POLLIN)
        return taken

    def recv(self, bufsize: int, flags: int = 0, /) -> bytes:
        """As any socket's; b"" at the end."""
        return b"" if self._ended() else super().recv(bufsize, flags)

    def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0, /) -> int:
        """As any socket's; 0 at the end."""
        return 0 if self._ended() else super().recv_into(buffer, nbytes, flags)

    def wait(self, timeout: float | None) -> bool:
        """Whether a byte or the end came within `timeout` seconds."""
        return bool(self._found(timeout))

    def _ended(self) -> bool:
        timeout = self.gettimeout()
        found = self._found(timeout)
        if not found and timeout:
            raise TimeoutError("timed out")
        return self._end in found

    def _found(self, timeout: float | None) -> set[int]:
        return {each for each, _ in self._poll.poll(None if timeout is None else math.ceil(timeout * 1000))}
