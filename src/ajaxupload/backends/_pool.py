"""How much memory the uploads of this process hold together on their way to remote stores.

What lives here: the process's one pool. What must not: any store.
"""

from __future__ import annotations

import os
import threading

from ..errors import StorageUnavailable

__all__ = ["POOL", "SMALL", "Pool"]

#: Bytes that an upload collects before it asks the pool: what small files need is not worth counting.
SMALL = 256 << 10


class Pool:
    """Bytes of part memory that this process's uploads hold together. Who wants more than is left waits, and while
    it waits it does not read from its client: that is the back-pressure.

    An upload asks for a whole part at once and holds no other that it could wait with: so nobody waits for ever.
    """

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Begin anew, as a process does that was forked from another."""
        self.used = 0
        self._changed = threading.Condition()

    def take(self, size: int, limit: int, seconds: float) -> bool:
        """Have `size` bytes of at most `limit` in all, waiting up to `seconds` for them. False: there are none.

        One part always fits, however small the limit: otherwise nothing could ever be sent.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self.used == 0 or self.used + size <= limit, seconds):
                return False
            self.used += size
            return True

    def must_have(self, size: int, limit: int, seconds: float) -> None:
        """`take` or StorageUnavailable (503): better to refuse one upload than to fill the machine's memory."""
        if not self.take(size, limit, seconds):
            raise StorageUnavailable("Too many uploads are on their way to the store. Please try again in a minute.")

    def give_back(self, size: int) -> None:
        """Return what `take` gave."""
        with self._changed:
            self.used -= size
            self._changed.notify_all()


#: The process's own.
POOL = Pool()
os.register_at_fork(after_in_child=POOL.reset)
