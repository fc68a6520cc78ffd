"""The coverage gate of `make test`: of the core at least 95 % of the lines and 95 % of the branches, each for itself.

    python tests/coverage_gate.py build/coverage.json

`coverage report` mixes both into one number, in which many lines outweigh an untested branch. The core is everything
that needs no extra: not the adapters, whose frameworks call them in their own ways, and not the stores that work in
other processes or against servers, which have suites of their own.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

FLOORS = {"lines": 95.0, "branches": 95.0}
NOT_CORE = ("/adapters/", "/backends/s3/", "/backends/object_store", "/backends/thumbnail/", "/testing/driving.py")


def shares(files: dict[str, Any]) -> dict[str, float]:
    """Percent covered of the core's lines and of its branches, from coverage's JSON report."""
    core = [each["summary"] for path, each in files.items() if not any(part in path for part in NOT_CORE)]
    if not core:
        sys.exit("the coverage report names no file of the core: nothing was measured")

    def share(covered: str, of: str) -> float:
        return 100.0 * sum(int(each[covered]) for each in core) / max(sum(int(each[of]) for each in core), 1)

    return {"lines": share("covered_lines", "num_statements"), "branches": share("covered_branches", "num_branches")}


def main(report: str) -> None:
    """Print both; leave with 1 when one is under the floor."""
    found = shares(json.loads(Path(report).read_text(encoding="utf-8"))["files"])
    print("coverage of the core:", ", ".join(f"{share:.2f} % of {what}" for what, share in found.items()))
    if low := [f"{what} under {FLOORS[what]:.0f} %" for what, share in found.items() if share < FLOORS[what]]:
        sys.exit(f"coverage gate: {' and '.join(low)}")


if __name__ == "__main__":
    main(sys.argv[1])
