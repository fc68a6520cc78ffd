"""How much memory the uploads of this process hold together on their way to remote stores.

What lives here: the process's one pool. What must not: any store.
"""

from __future__ import annotations

import mmap
import os
import threading

from ..errors import StorageUnavailable

__all__ = ["CROWDED", "POOL", "SMALL", "Pool"]

#: Bytes that an upload collects before it asks the pool: what small files need is not worth counting.
SMALL = 256 << 10
#: What a client is told that there is no memory for.
CROWDED = "Too many uploads are on their way to the store. Please try again in a minute."


class Pool:
    """Bytes that this process's uploads hold together. Who wants more than is left waits, and while it waits it does
    not read from its client: that is the back-pressure.

    An upload asks for what it needs at once and holds nothing that it could wait with: so nobody waits for ever. What
    is given back is kept for the next who wants as much, until nobody holds anything: fresh memory costs more than all
    the rest of an upload. It comes from the system itself, for what malloc is given back it keeps for each thread.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a process does that was forked from another."""
        self.used = 0
        self.spare = 0
        self._spares: list[memoryview] = []
        self._changed = threading.Condition()

    def reserve(self, size: int, limit: int, patience: float) -> None:
        """Count `size` bytes of at most `limit` in all, waiting up to `patience` seconds for them.

        One part always fits, however small the limit: otherwise nothing could ever be sent. Raises StorageUnavailable
        (503): better to refuse one upload than to fill the machine's memory.
        """
        with self._changed:
            if not self._counted(size, limit, patience):
                raise StorageUnavailable(CROWDED)
            self._trim(limit)

    def take(self, size: int, limit: int, seconds: float) -> memoryview | None:
        """As `reserve`, and the memory itself, which holds whatever it held. None: there is none in time."""
        with self._changed:
            if not self._counted(size, limit, seconds):
                return None
            found = next((at for at, each in enumerate(self._spares) if len(each) == size), None)
            memory = self._spares.pop(found) if found is not None else None
            self.spare -= size if memory is not None else 0
            self._trim(limit)
        return memory if memory is not None else memoryview(mmap.mmap(-1, size))

    def give_back(self, back: int | memoryview) -> None:
        """Return what was reserved, or the memory, which nobody looks at any more."""
        with self._changed:
            if isinstance(back, memoryview):
                self._spares.append(back)
                self.spare += len(back)
            self.used -= back if isinstance(back, int) else len(back)
            if not self.used:
                self._drop_spares()
            self._changed.notify_all()

    def _counted(self, size: int, limit: int, seconds: float) -> bool:
        if not self._changed.wait_for(lambda: self.used == 0 or self.used + size <= limit, seconds):
            return False
        self.used += size
        return True

    def _trim(self, limit: int) -> None:
        if self.used + self.spare > limit:
            self._drop_spares()

    def _drop_spares(self) -> None:
        self._spares.clear()
        self.spare = 0


#: The process's own.
POOL = Pool()
os.register_at_fork(after_in_child=POOL.reset)
