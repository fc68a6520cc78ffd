"""What is measured, one file each. `ALL` lists them in the order of the report.

What lives here: the list. What must not: how they are run (rounds.py).
"""

from __future__ import annotations

from benchmarks.scenario import Scenario
from benchmarks.scenarios import bodies, many, s3, tus

__all__ = ["ALL"]

#: Small files come first: where many files were deleted a moment ago, as the others leave it, ext4 without a journal
#: takes several times as long to make one, and who makes several for an upload pays for each.
ALL: tuple[Scenario, ...] = (*many.SCENARIOS, tus.SMALL, *bodies.SCENARIOS, tus.PIECES, *s3.SCENARIOS)
