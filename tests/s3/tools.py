"""What the S3 tests share: the backend with little parts, whole uploads, and the marks of what they need.

What lives here: helpers that more than one file of this folder uses. What must not: tests, fixtures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import repeat
from typing import Any

import pytest

from ajaxupload.backends._pool import POOL
from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.testing.driving import begin, cut, finish, send
from tests.s3.ceph import PROGRAMS

__all__ = ["MIB", "NEEDS_CEPH", "TinyParts", "aborting", "begun", "eventually", "pool_is_empty", "upload"]

NEEDS_CEPH = pytest.mark.needs(*PROGRAMS)
MIB = 1 << 20


class TinyParts(S3UploadBackend):
    """Parts of 1,000 bytes, at stores that were told to take them: a few kilobytes make a multipart upload."""

    def _sizes(self, largest: int) -> Iterator[int]:
        return repeat(1000)


def begun(
    content: bytes,
    *,
    cls: type[S3UploadBackend] = S3UploadBackend,
    name: str = "a.bin",
    declared: bool = False,
    pieces: int = 65_536,
    **options: Any,
) -> tuple[S3UploadBackend, str]:
    """An upload that has all its bytes, and its key. What raises is told to abort, as the engine does."""
    backend = cls(**options)
    filename = begin(backend, name, len(content) if declared else None)
    with aborting(backend, filename):
        send(backend, cut(content, [pieces]))
    return backend, filename


def upload(content: bytes, **details: Any) -> dict[str, Any]:
    """A whole upload; what the hooks replied."""
    backend, filename = begun(content, **details)
    with aborting(backend, filename):
        return finish(backend, filename)


@contextmanager
def aborting(backend: AbstractUploadBackend, filename: str) -> Iterator[None]:
    """Whatever is raised inside, the backend is told to leave nothing behind."""
    try:
        yield
    except BaseException:
        backend.upload_aborted(filename)
        raise


def eventually(true: Callable[[], object], seconds: float = 20.0) -> bool:
    """Does it come true? What a store is told in the background takes a moment."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def pool_is_empty() -> bool:
    """Has all part memory of this process been given back?"""
    return POOL.used == 0
