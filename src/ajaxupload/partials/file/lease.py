"""Being the only one where the kernel has no locks: a lease, for as long as its holder renews it.

What lives here: `Lease`, which stands in for flock on file systems without it. What must not: what is guarded.

A lease is a directory whose only entry is its holder's token. Two system calls carry all of it. To take it is to
rename a directory that was made ready onto its place, which succeeds only where there is none or an empty one
(rename(2)): one of several. To give it back, or to take it from a dead holder, is to unlink the token: by its own name,
so that nobody who looked long ago can take it from whoever holds it by now. Ages are told by the file system's own
clock. A holder that was stopped for longer than the lease, and goes on, is the one danger left: the price of a file
system without locks.
"""

from __future__ import annotations

import errno
import os
import secrets
import time
from contextlib import suppress

__all__ = ["LEASE", "Lease"]

#: Seconds after which a holder that has not renewed it is dead.
LEASE = 30.0
_POLL = 0.005
_TAKEN = frozenset((errno.ENOTEMPTY, errno.EEXIST))


class Lease:
    """The lease whose place is `path`."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._token: str | None = None

    @property
    def held(self) -> bool:
        """By us, as far as we know."""
        return self._token is not None

    def take(self, *, wait: bool) -> bool:
        """Take it; without `wait`, False if somebody living has it. Raises OSError."""
        token = secrets.token_hex(8)
        ready = f"{self._path}.{token}"
        mine = os.path.join(ready, token)
        os.mkdir(ready, 0o700)
        try:
            os.close(os.open(mine, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
            while not self._move_in(ready, mine):
                if not self._clear_dead(mine):
                    if not wait:
                        return False
                    time.sleep(_POLL)
            self._token = token
            return True
        finally:
            if self._token != token:
                _remove(ready)

    def renew(self) -> None:
        """Say that its holder lives. Raises FileNotFoundError when it was taken for dead, OSError."""
        if self._token is not None:
            os.utime(os.path.join(self._path, self._token))

    def give_back(self) -> None:
        """Never raises."""
        token, self._token = self._token, None
        if token is not None:
            with suppress(OSError):
                os.unlink(os.path.join(self._path, token))
            with suppress(OSError):
                os.rmdir(self._path)  # which fails where somebody else has moved in

    def _move_in(self, ready: str, mine: str) -> bool:
        os.utime(mine)  # it is young from now on
        try:
            os.rename(ready, self._path)
            return True
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise

    def _clear_dead(self, mine: str) -> bool:
        """Take the tokens of the dead away; whether one went."""
        now, cleared = os.stat(mine).st_mtime, False
        with suppress(FileNotFoundError):
            for token in os.listdir(self._path):
                path = os.path.join(self._path, token)
                if now - os.stat(path).st_mtime > LEASE:
                    os.unlink(path)
                    cleared = True
        return cleared


def _remove(folder: str) -> None:
    with suppress(OSError):
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
