"""Random bytes as the choices that a target needs: numbers, words, blocks.

What lives here: taking choices out of bytes, the same ones from the same bytes under whatever runs the target. What
must not: what is done with them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")


class Feed:
    """Choices, one after the other. Where the bytes have ended all are the first."""

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def byte(self) -> int:
        """0 to 255."""
        first, self.rest = self.rest[:1], self.rest[1:]
        return first[0] if first else 0

    def choice(self, among: Sequence[T]) -> T:
        """One of at most 256."""
        return among[self.byte() % len(among)]

    def take(self, size: int) -> bytes:
        """So many of the next bytes, if there are."""
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def text(self) -> str:
        """Up to 63 bytes, as text in which any code point can be, lone surrogates too."""
        size = self.byte()
        return self.take(size % 64).decode("utf-8" if size < 192 else "utf-16-le", "replace" if size % 2 else "ignore")


def blocks(data: bytes, sizes: bytes) -> Iterator[bytes]:
    """`data` in blocks of these sizes, again and again."""
    at = turn = 0
    while at < len(data):
        size = sizes[turn % len(sizes)] % 64 + 1 if sizes else len(data)
        yield data[at : at + size]
        at, turn = at + size, turn + 1
