"""What is measured, one file each. `ALL` lists them in the order of the report.

What lives here: the list. What must not: how they are run (rounds.py).
"""

from __future__ import annotations

from benchmarks.scenario import Scenario
from benchmarks.scenarios import bodies, many, s3, tus

__all__ = ["ALL"]

ALL: tuple[Scenario, ...] = (*bodies.SCENARIOS, *many.SCENARIOS, *tus.SCENARIOS, *s3.SCENARIOS)
