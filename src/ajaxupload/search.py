"""Where a delimiter begins in a block of bytes, found fast whatever a client makes the block of.

What lives here: which search is used, and when. What must not: what a delimiter means, and the one that lies across
two blocks (parts.py).

`bytes.find` looks at 10 GB/s, but only at 0.4 where a client makes its content up of what stands near the boundary's
end. `bytes.rfind`, which is another algorithm, finds the same at 5 GB/s, and at 1.2 to 2 whatever it is shown
(CPython 3.10 to 3.13). So a body whose blocks take `find` too long is searched backwards for a while. Where the extra
`fast` is installed neither is asked: StringZilla compares by vector instructions, at 30 GB/s whatever it is shown. See
benchmarks/forms.py.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache, partial

__all__ = ["WINDOW", "Search", "by_vectors"]

#: So much of a block is to be searched at once. Where two in turn take longer than so many seconds a byte (one may have
#: been disturbed), so many of the next ones are searched backwards.
WINDOW, _SLOW, _BACKWARDS = 256 << 10, 1e-9, 64


@cache
def by_vectors() -> Callable[[bytes | bytearray, bytes, int, int], int] | None:
    """As `bytes.find`, the text being the first argument; None without the extra `fast`."""
    try:
        from stringzilla import find  # type: ignore[import-not-found]  # it ships no types
    except ImportError:
        return None
    return find  # type: ignore[no-any-return]  # as above


class Search:
    """For one delimiter, which begins with a CR and has no other. It learns from each window what the next may be."""

    def __init__(self, delimiter: bytes) -> None:
        self._delimiter = delimiter
        self._by_vectors = by_vectors()
        self._slow = self._backwards = 0  # how many windows were slow, how many are to be searched backwards

    def places(self, base: bytes | bytearray, start: int, stop: int) -> list[int]:
        """Where whole delimiters begin in base[start:stop], the last one first: all of them, for where files are small
        the next ones are wanted soon."""
        if self._by_vectors:
            find = partial(self._by_vectors, base)
            return self._forwards(find, find(self._delimiter, start, stop), stop)
        # Where nothing begins, which `memchr` tells faster than memory is copied, nothing is searched for.
        start = base.find(b"\r", start, stop)
        if start < 0:
            return []
        if self._backwards:
            self._backwards -= 1
            return self._from_behind(base, start, stop)
        began, at = time.perf_counter(), base.find(self._delimiter, start, stop)
        patience = ((stop if at < 0 else at) - start + 4096) * _SLOW
        self._slow = self._slow + 1 if time.perf_counter() - began > patience else 0
        if self._slow == 2:
            self._slow, self._backwards = 0, _BACKWARDS
        return self._forwards(base.find, at, stop)

    def _forwards(self, find: Callable[[bytes, int, int], int], at: int, stop: int) -> list[int]:
        found, delimiter = [], self._delimiter
        while at >= 0:
            found.append(at)
            at = find(delimiter, at + len(delimiter), stop)
        found.reverse()
        return found

    def _from_behind(self, base: bytes | bytearray, start: int, stop: int) -> list[int]:
        found = []
        while (stop := base.rfind(self._delimiter, start, stop)) >= 0:
            found.append(stop)
        return found
