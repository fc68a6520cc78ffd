"""What thumbnails are called: after their picture, with their own extension.

What lives here: names. What must not: whether one is free, which the store finds out.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import count

from ...cleaning import cut, safe_name, split_name
from ...filetypes import type_of
from .recipe import KINDS

__all__ = ["thumbnail_name"]

_ROOM = 200  # bytes, as `safe_name` has it


def thumbnail_name(filename: str, kind: str, size_name: str | None, taken: Collection[str]) -> str:
    """ "a/photo.JPG" -> "a/photo.png", or "a/photo-small.png" for one of several sizes; no name in `taken`.

    An extension that fits the format already stays as it is.
    """
    folder, slash, last = filename.rpartition("/")
    stem, extension = split_name(last)
    if type_of(last) != KINDS[kind].type:
        extension = KINDS[kind].extension
    tail = f"-{size_name}" if size_name else ""
    for number in count(2):
        stem = cut(stem, _ROOM - len((tail + extension).encode()))
        name = folder + slash + safe_name(stem + tail + extension)
        if name not in taken:
            return name
        tail = f"{tail}-{number}"
    raise AssertionError("there is always another number")
