"""A clock that can be set: what `time.time()` says, and what files are stamped with, while the real one goes on.

What lives here: the clock. What must not: uploads. Files are stamped by the kernel, whose clock is not ours to set:
what it stamped is told as the set clock would have said it at that moment. The clocks that measure patience are left
alone, as setting a machine's clock leaves them.
"""

from __future__ import annotations

import bisect
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["HOUR", "Clock", "ticking"]

HOUR = 3600.0
GRAIN = 0.012  # seconds between which kernels tell their files' stamps apart: a tick, of 10 ms at most


class Clock:
    """`set(seconds)` sets it forward, or back."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._when, self._offsets = [0.0], [0.0]

    def set(self, seconds: float) -> None:
        """From now on it says so much more than it did. What was stamped before is told apart from what is after."""
        time.sleep(GRAIN)
        self._when.append(self._now())
        self._offsets.append(self._offsets[-1] + seconds)
        time.sleep(GRAIN)

    def time(self) -> float:
        """What it says."""
        return self._now() + self._offsets[-1]

    def told(self, stamp: float) -> float:
        """What it said at a moment of the real one."""
        return stamp + self._offsets[bisect.bisect_right(self._when, stamp) - 1]

    def seen(self, found: os.stat_result) -> os.stat_result:
        """A file's stamps, as the kernel would have made them."""
        values = list(found)
        stamps = [self.told(each) for each in (found.st_atime, found.st_mtime, found.st_ctime)]
        values[7:10] = [int(each) for each in stamps]
        more = {f"st_{name}time": stamp for name, stamp in zip("amc", stamps, strict=True)}
        more |= {f"st_{name}time_ns": int(stamp * 1e9) for name, stamp in zip("amc", stamps, strict=True)}
        return os.stat_result(values, more)


@contextmanager
def ticking() -> Iterator[Clock]:
    """The clock of this process, until the end of the block."""
    real_time, stat, fstat, lstat = time.time, os.stat, os.fstat, os.lstat
    clock = Clock(real_time)

    def seeing(look: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def see(*arguments: Any, **more: Any) -> os.stat_result:
            return clock.seen(look(*arguments, **more))

        return see

    time.time = clock.time
    os.stat, os.fstat, os.lstat = seeing(stat), seeing(fstat), seeing(lstat)
    try:
        yield clock
    finally:
        time.time, os.stat, os.fstat, os.lstat = real_time, stat, fstat, lstat
