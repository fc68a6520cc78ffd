"""A finished upload's file, as a backend adopts it.

What lives here: what `Whole` asks for, over a `FilePartial`. What must not: what becomes of the file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO

from ..base import Record

__all__ = ["FileWhole"]


class FileWhole:
    """See `Whole`. `amend` changes the record."""

    def __init__(self, record: Record, path: str, size: int, amend: Callable[[Callable[[Record], None]], None]) -> None:
        self._planned = record.planned
        self._path = path
        self._amend = amend
        self.size = size

    @property
    def path(self) -> str | None:
        """Of the file with all its bytes."""
        return self._path

    @property
    def planned(self) -> str | None:
        """From the record: it outlives the process that planned."""
        return self._planned

    def open(self) -> BinaryIO:
        """Its bytes, from the start; read in large blocks, which a buffer would only copy."""
        return open(self._path, "rb", buffering=0)

    def plan(self, name: str) -> None:
        """Durably, if the place is."""

        def change(record: Record) -> None:
            record.planned = name

        self._amend(change)
