"""What was measured, in numbers: one run, the medians of several, and how two contenders compare.

What lives here: arithmetic on plain data. What must not: measuring, and words for people (report.py).
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Figures", "Results", "Run", "Table", "figures", "merged"]

_GIB = 1 << 30


@dataclass(frozen=True)
class Run:
    """One run of one contender: seconds until the last answer, seconds of its processes, bytes of content and how many
    uploads they were, bytes that its processes wrote to a disk and anywhere."""

    seconds: float
    cpu: float
    size: int
    items: int = 1
    disk: int = 0
    written: int = 0


@dataclass(frozen=True)
class Figures:
    """Medians over the rounds: MB (10^6 bytes) and uploads a second, microseconds an upload, times the content that
    went to the disk and was written at all. `cpu` is processor seconds a GiB, of all rounds together: the kernel counts
    in hundredths of seconds. `memory` is the most over idle, in bytes; `spread` the slowest round's time by the
    quickest one's."""

    speed: float
    rate: float
    cpu: float
    each: float
    disk: float
    written: float
    memory: int
    spread: float
    rounds: int


def figures(runs: Sequence[Run], memory: int = 0) -> Figures:
    """Of at least one run. A run is as long as the clock's resolution at least, so that nothing is divided by none."""
    seconds = [max(run.seconds, 1e-9) for run in runs]
    return Figures(
        speed=statistics.median(run.size / took for run, took in zip(runs, seconds, strict=True)) / 1e6,
        rate=statistics.median(run.items / took for run, took in zip(runs, seconds, strict=True)),
        cpu=sum(run.cpu for run in runs) / max(sum(run.size for run in runs), 1) * _GIB,
        each=statistics.median(took / max(run.items, 1) for run, took in zip(runs, seconds, strict=True)) * 1e6,
        disk=statistics.median(run.disk / max(run.size, 1) for run in runs),
        written=statistics.median(run.written / max(run.size, 1) for run in runs),
        memory=max(0, memory),
        spread=max(seconds) / min(seconds),
        rounds=len(runs),
    )


@dataclass
class Table:
    """One scenario's outcome: contender -> figures, and why the others have none."""

    title: str
    unit: str  # "speed", "rate" or "each": what counts in it
    found: dict[str, Figures] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    note: str = ""

    def ratio(self, one: str, other: str) -> float | None:
        """How many times as fast `one` is as `other`; None where one of them was not measured."""
        if one not in self.found or other not in self.found:
            return None
        mine, theirs = getattr(self.found[one], self.unit), getattr(self.found[other], self.unit)
        return float(theirs / mine if self.unit == "each" else mine / theirs)


Results = dict[str, Table]


def merged(results: Results) -> dict[str, str]:
    """Who was absent anywhere, and why, each once."""
    return {name: why for table in results.values() for name, why in table.absent.items()}
