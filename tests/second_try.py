"""The second try of `make test`: what failed is run once more, by itself, with nothing beside it.

    python tests/second_try.py STATUS build/junit.xml        after a pytest that ended with STATUS

Thousands of these tests run real servers, browsers and stores, kill processes and cut connections, on machines that do
other things as well. A defect fails again. What does not is named as UNSTEADY, its first failure stands above in full,
and it is to be mended all the same: more than a few of them, and the run has failed. So has one that left anything out.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

#: So many tests may be unsteady in one run.
MOST = 3
_LAST_FAILED = Path(".pytest_cache", "v", "cache", "lastfailed")
_TESTS_FAILED = 1  # pytest's ExitCode; all others mean that it could not do its work


def hopeless(status: int, report: Path, failed: list[str]) -> str:
    """Why a second try cannot make a run good whose report is given; "" if it can."""
    if status != _TESTS_FAILED or not report.is_file():
        return "the run did not come to its end"
    suites = ET.parse(report).getroot().iter("testsuite")
    told = dict.fromkeys(("failures", "errors", "skipped"), 0)
    for suite in suites:
        told = {name: count + int(suite.get(name, 0)) for name, count in told.items()}
    if told["skipped"] and os.environ.get("CI"):
        return "something was left out"
    if not failed or told["failures"] + told["errors"] < len(failed):
        return "it is not known which tests failed"
    if len(failed) > MOST:
        return f"{len(failed)} tests failed, and at most {MOST} are tried again"
    return ""


def main(status: int, report: Path) -> int:
    """The exit status of both runs together."""
    failed = sorted(json.loads(_LAST_FAILED.read_text(encoding="utf-8"))) if _LAST_FAILED.is_file() else []
    if why := hopeless(status, report, failed):
        print(f"No second try: {why}.", file=sys.stderr)
        return status
    print(f"\nThe second try of {len(failed)}, by themselves:", flush=True)
    again = ["--last-failed", "--last-failed-no-failures", "none", "-p", "no:xdist"]
    second = subprocess.run([sys.executable, "-m", "coverage", "run", "-m", "pytest", *again], check=False).returncode
    if second == 0:
        for name in failed:
            print(f"UNSTEADY, it failed once and passed by itself: {name}", file=sys.stderr)
    return second


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Path(sys.argv[2])))
