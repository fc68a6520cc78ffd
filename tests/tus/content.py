"""The bytes that are uploaded: made alike in any process."""

from __future__ import annotations

import random


def content(size: int) -> bytes:
    """So many bytes that look random."""
    return random.Random(size).randbytes(size)
