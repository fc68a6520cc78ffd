"""What a scenario is: who takes part, what each is sent, and what the person at the keyboard has chosen.

What lives here: these descriptions, and the pieces that most scenarios are made of. What must not: the scenarios
(scenarios/), and running them (rounds.py).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.client import Connection
from benchmarks.contender import SERVERS, Contender, Way

__all__ = ["MIB", "Choice", "Scenario", "Sent", "each_at_once", "form_of", "names"]

MIB = 1 << 20
_BOUNDARY = b"----benchmark5f0d3c6a91"
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Choice:
    """Sizes in bytes. `folder` is where is stored, None: on a disk below ./build, or on a tmpfs where the scenario says
    so. `steps`: how far the scenarios of growth go."""

    size: int = 1024 * MIB
    piece: int = 8 * MIB
    at_once: int = 64
    count: int = 2000
    small: int = 1024
    rounds: int = 5
    steps: int = 5
    folder: Path | None = None
    servers: tuple[str, ...] = SERVERS
    peers: str = ""

    def tiny(self) -> Choice:
        """The same in little: what is asked before memory is looked at, so that all is imported that is needed."""
        return replace(self, size=64 << 10, piece=32 << 10, at_once=1, count=1, small=100)


@dataclass(frozen=True)
class Sent:
    """Bytes of content, and how many uploads."""

    size: int
    items: int = 1


@dataclass(frozen=True)
class Scenario:
    """The first contender is the one that the others are compared with. `latency`: seconds that each answer of the S3
    stub waits; None where no S3 is needed."""

    name: str
    title: str
    unit: str
    contenders: Callable[[Choice], Sequence[Contender]]
    send: Callable[[int, Way, Choice], Sent]
    threads: int = 8
    latency: float | None = None
    tmpfs: bool = False
    note: str = ""


def names() -> Iterable[str]:
    """File names that were not there before."""
    return (f"{number}.bin" for number in _numbers)


def form_of(files: Iterable[tuple[str, int | bytes]]) -> tuple[dict[str, str], list[bytes | int]]:
    """Headers and body of a multipart form with a file (name, size or content) in each part."""
    body: list[bytes | int] = []
    text = bytearray()
    for number, (name, content) in enumerate(files):
        text += b"\r\n" * (number > 0) + b"--" + _BOUNDARY
        text += f'\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n'.encode()
        text += b"Content-Type: application/octet-stream\r\n\r\n"
        if isinstance(content, int):
            body += [bytes(text), content]
            text.clear()
        else:
            text += content
    body.append(bytes(text) + b"\r\n--" + _BOUNDARY + b"--\r\n")
    return {"Content-Type": f"multipart/form-data; boundary={_BOUNDARY.decode()}"}, body


def each_at_once(port: int, turns: Sequence[Callable[[Connection], None]], workers: int) -> None:
    """All of them over so many connections, each kept alive and taking every so-many-th turn."""
    workers = min(workers, len(turns))

    def work(first: int) -> None:
        with Connection(port) as connection:
            for turn in turns[first::workers]:
                turn(connection)

    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(work, first) for first in range(workers)]:
            done.result()
