"""What the tests of the processes that decode share.

What lives here: pools of their own, and whether a process is gone. What must not: tests.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ajaxupload.backends.thumbnail.child import Limits
from ajaxupload.backends.thumbnail.pool import Pool, pool_for
from tests.thumbnail.pictures import gif_with_frames

ROOT = Path(__file__).resolve().parents[2]
FORMATS = ("GIF", "JPEG", "PNG", "WEBP")
SLOW = gif_with_frames(150_000)  # seconds of work
SLOWLY: dict[str, Any] = {"MAX_FRAMES": 10**6, "UPSCALE": False}  # where animations may be long


def pool_of(options: dict[str, Any]) -> Pool:
    limits = Limits(options["MEMORY_LIMIT"], options.get("CPU_LIMIT", 10.0), options.get("TIME_LIMIT", 15.0))
    return pool_for(limits, FORMATS, options["PROCESSES"])


def gone(pid: int) -> bool:
    """Is there no such process, not even as a zombie?"""
    return not Path(f"/proc/{pid}").exists()


def wait_until(condition: Callable[[], bool], patience: float = 10.0) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
