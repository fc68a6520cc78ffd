"""Mounting small file systems, where that is allowed.

What lives here: `mount`. What must not: what is made of a file system (tests).
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

import pytest

__all__ = ["mount"]

_TRIES = 10


def mount(*words: str | Path) -> None:
    """`mount` with these words; the test is skipped where that takes more than we may. Two who look for a free loop
    device at once may find the same one: the second tries again. So does who mounts read-only what is there already,
    where somebody opened a file to write it between the two steps that this takes."""
    for left in reversed(range(_TRIES)):
        run = subprocess.run(["mount", *words], check=False, capture_output=True, text=True)
        if run.returncode == 0:
            return
        halfway = "filesystem was mounted" in run.stderr
        if halfway:
            subprocess.run(["umount", "--lazy", words[-1]], check=True)
        if left and (halfway or "loop" in run.stderr):
            time.sleep(0.1)
            continue
        pytest.skip(f"mounting takes root: {run.stderr.strip()}")
