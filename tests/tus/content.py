"""The bytes that are uploaded: made alike in any process."""

from __future__ import annotations

import hashlib
import random


def content(size: int) -> bytes:
    """So many bytes that look random."""
    return random.Random(size).randbytes(size)


def digest_of(size: int) -> str:
    """Their SHA-256."""
    return hashlib.sha256(content(size)).hexdigest()
