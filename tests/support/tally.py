"""Counts of the fault tests: what was done to the library, how often, and that nothing was lost.

What lives here: the fixtures `tally` and `chance`, the table at the end of a run, and the page of the documents that is
made of it. What must not: faults. A pytest plugin, which tests/conftest.py loads; what a test counted travels with its
report, over xdist's workers too.
"""

from __future__ import annotations

import os
import platform
import random
import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Protocol

import pytest

__all__ = ["Count", "Tally", "counted_by_tests", "is_counted", "machine", "missing_on", "page_of", "read_page"]

PROPERTY = "tally"
NOT_RUN = "not run"  # a property by which a test says what this machine has not: the table ends with it
HEADINGS = "| no. | what | runs | faults | lost | seconds | date | seed |"
LINE = re.compile(r"^\| (F\d\d) \| (.+?) \| ([\d,]+) \| ([\d,]+) \| (\d+) \| (\d+) \| (\S+) \| (\d+) \|$", re.MULTILINE)
MACHINE = re.compile(r"^Machine: (.+)$", re.MULTILINE)
PAGE = """# Fault tests that were run

What `make faults` counted, at full counts, on the machine and day that stand here. A run is one upload or request that
met the fault or was beside it, a fault one thing that was done to it; lost is what broke a promise of
[What is guaranteed](guarantees.md). What each row is about says [Faults that are provoked](guarantees-faults.md).

`make faults TABLE=docs/reference/fault-runs.md` writes this page: rows that were run replace those that stand here,
unless the machine is another one. `make faults SEED=7` plays the same faults at the same moments again, as far as a
machine does the same twice.

Machine: {machine}

{headings}
|---|---|---|---|---|---|---|---|
{lines}

Not run there yet: {missing}.
"""
#: How tests count: `tally("F02", f"killed at each call of {verb}", ...)`.
CALL = re.compile(r'\btally\(\s*"(F\d\d)",\s*f?"([^"]+)"')
MISSING = re.compile(r"^Not run there yet: (.+)\.$", re.MULTILINE)
TESTS = Path(__file__).resolve().parents[1]


class Tally(Protocol):
    """What the fixture `tally` is: `tally("F02", "killed at random moments", runs=500, faults=1700, lost=0)`."""

    def __call__(self, row: str, what: str, *, runs: int, faults: int, lost: int = 0) -> None:
        """Count it, and fail the test if anything was lost. `what` holds no `|`; the same words twice add up."""


@dataclass(frozen=True)
class Count:
    """One line of the table; `seconds` is how long its tests took, `seed` what its random moments were drawn from."""

    row: str
    what: str
    runs: int
    faults: int
    lost: int
    seconds: float = 0
    date: str = ""
    seed: int = 0

    def __str__(self) -> str:
        numbers = f"{self.runs:,} | {self.faults:,} | {self.lost} | {self.seconds:.0f}"
        return f"| {self.row} | {self.what} | {numbers} | {self.date} | {self.seed} |"


# ---- for tests -------------------------------------------------------------------------------------------------------


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Tally:
    """Counts what a fault test did, and asserts that nothing was lost."""

    def count(row: str, what: str, *, runs: int, faults: int, lost: int = 0) -> None:
        assert re.fullmatch(r"F\d\d", row), row
        assert "|" not in what
        full = request.node.get_closest_marker("faults") is not None
        said = {"row": row, "what": what, "runs": runs, "faults": faults, "lost": lost, "full": full}
        request.node.user_properties.append((PROPERTY, said))
        assert lost == 0, f"{row}, {what}: {lost} of {runs} lost"

    return count


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Everything random in a fault test: of the run's seed and the test's own name."""
    return random.Random(f"{request.config.getoption('--faults-seed')} {request.node.nodeid}")


# ---- options ---------------------------------------------------------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """What makes two runs alike, how long the long ones are, and where the counts go."""
    group = parser.getgroup("faults", "fault tests")
    group.addoption("--faults-seed", default="1", help="what random faults are drawn from: a number, or draw")
    group.addoption("--soak-minutes", type=float, default=4, help="how long the mixed load lasts: hours find more")
    group.addoption(
        "--small-files", type=int, default=50_000, help="how many small files are stored one after the other"
    )
    group.addoption("--faults-table", metavar="PAGE", help="write what tests marked `faults` counted into this page")


def pytest_configure(config: pytest.Config) -> None:
    """Draw the seed, once for all workers, which are handed the options as they are then."""
    if config.option.faults_seed == "draw":
        config.option.faults_seed = str(random.SystemRandom().randrange(1, 1_000_000))
    if not config.option.faults_seed.isdigit():
        raise pytest.UsageError(f"--faults-seed {config.option.faults_seed}: say a number, or draw")
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(_Counts(config), "fault counts")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes the full counts is `full`, too: `make test` leaves it out, but for `faults(always=True)`."""
    for item in items:
        marker = item.get_closest_marker("faults")
        if marker and not marker.kwargs.get("always"):
            item.add_marker("full")


# ---- the table -------------------------------------------------------------------------------------------------------


class _Counts:
    """Where a run's counts come together: in the process that prints."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.counts: dict[tuple[str, str], Count] = {}
        self.full: dict[tuple[str, str], Count] = {}
        self.not_run: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Add what a test counted."""
        said: list[Any] = [value for name, value in report.user_properties if name == PROPERTY]
        self.not_run |= {str(value) for name, value in report.user_properties if name == NOT_RUN}
        if report.when != "call" or not said:
            return
        date, seed = today(), int(self.config.option.faults_seed)
        for each in said:
            full = each["full"]
            facts = {name: each[name] for name in ("row", "what", "runs", "faults", "lost")}
            count = Count(**facts, seconds=report.duration / len(said), date=date, seed=seed)
            key = count.row, count.what
            for counts in (self.counts, self.full) if full else (self.counts,):
                counts[key] = added(counts[key], count) if key in counts else count

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Print them, and write the page if one is wanted."""
        if not self.counts:
            return
        terminalreporter.section(f"FAULTS (--faults-seed {self.config.option.faults_seed})")
        shown = dict(self.counts)
        if page := self.config.option.faults_table:
            shown = self._written(Path(page))
        for line in aligned(shown.values()):
            terminalreporter.line(line)
        for line in sorted(self.not_run):
            terminalreporter.line(f"NOT RUN: {line}", yellow=True, bold=True)

    def _written(self, page: Path) -> dict[tuple[str, str], Count]:
        """The page's counts and ours, which replace them; where the machine is another one, ours alone."""
        before = read_page(page.read_text(encoding="utf-8")) if page.exists() else ("", [])
        ours = machine()
        kept = {(each.row, each.what): each for each in before[1]} if before[0] == ours else {}
        calls = counted_by_tests()
        kept = {key: count for key, count in kept.items() if is_counted(count, calls)} | self.full
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(page_of(ours, kept.values(), [row for row, _ in calls]), encoding="utf-8")
        return kept


def added(one: Count, other: Count) -> Count:
    """The same fault in several tests."""
    sums = {name: getattr(one, name) + getattr(other, name) for name in ("runs", "faults", "lost", "seconds")}
    return replace(one, **sums)


def aligned(counts: Iterable[Count]) -> list[str]:
    """For reading on a terminal, with the sum of all."""
    lines = sorted(counts, key=lambda each: (each.row, each.what))
    width = max((len(each.what) for each in lines), default=4)
    told = [f"{'':4}{'what':{width}} {'runs':>10} {'faults':>10} {'lost':>5} {'seconds':>8}"]
    told += [
        f"{each.row} {each.what:{width}} {each.runs:>10,} {each.faults:>10,} {each.lost:>5} {each.seconds:>8.0f}"
        for each in lines
    ]
    runs, faults, lost = (sum(getattr(each, name) for each in lines) for name in ("runs", "faults", "lost"))
    return [*told, f"{'':4}{'all':{width}} {runs:>10,} {faults:>10,} {lost:>5}"]


def page_of(where: str, counts: Iterable[Count], rows: Iterable[str] = ()) -> str:
    """The page as text; `rows` are all that there are, run or not."""
    lines = sorted(counts, key=lambda each: (each.row, each.what))
    missing = ", ".join(sorted(set(rows) - {each.row for each in lines})) or "nothing"
    return PAGE.format(machine=where, headings=HEADINGS, lines="\n".join(map(str, lines)), missing=missing)


def counted_by_tests() -> list[tuple[str, re.Pattern[str]]]:
    """Row and words of everything that the tests count, as far as their text tells."""
    texts = (path.read_text(encoding="utf-8") for path in TESTS.rglob("test_*.py") if path.name != "test_tally.py")
    calls = (call for text in texts for call in CALL.findall(text))
    return [(row, re.compile(".+".join(map(re.escape, re.split(r"\{[^}]*\}", what))))) for row, what in calls]


def is_counted(count: Count, calls: Iterable[tuple[str, re.Pattern[str]]]) -> bool:
    """Is there still a test that counts this?"""
    return any(row == count.row and words.fullmatch(count.what) for row, words in calls)


def missing_on(text: str) -> set[str]:
    """The rows that a page says were not run."""
    found = MISSING.search(text)
    return set(found[1].split(", ")) - {"nothing"} if found else set()


def read_page(text: str) -> tuple[str, list[Count]]:
    """The machine, and the counts of a page that `page_of` made."""
    where = MACHINE.search(text)
    return where[1] if where else "", [
        Count(row, what, number(runs), number(faults), int(lost), int(seconds), date, int(seed))
        for row, what, runs, faults, lost, seconds, date, seed in LINE.findall(text)
    ]


def number(text: str) -> int:
    """A number with commas in it."""
    return int(text.replace(",", ""))


# ---- where and when --------------------------------------------------------------------------------------------------


def today() -> str:
    """The day, in UTC."""
    return datetime.now(tz=timezone.utc).date().isoformat()


def machine() -> str:
    """What may matter of this machine, in one line."""
    model = re.search(r"^model name\s*: (.+)$", _text("/proc/cpuinfo"), re.MULTILINE)
    memory = re.search(r"^MemTotal:\s+(\d+)", _text("/proc/meminfo"), re.MULTILINE)
    facts = [
        f"{os.cpu_count()} processors" + (f" ({model[1]})" if model else ""),
        f"{int(memory[1]) / (1 << 20):.0f} GiB of memory" if memory else "",
        f"{platform.system()} {platform.release()}",
        file_system(tempfile.gettempdir()),
        f"Python {platform.python_version()}",
    ]
    return ", ".join(fact for fact in facts if fact)


def file_system(folder: str) -> str:
    """The kind of file system that a folder is on, "ext4" for example."""
    mounts = [line.split() for line in _text("/proc/mounts").splitlines()]
    holding = [(len(each[1]), each[2]) for each in mounts if os.path.commonpath([folder, each[1]]) == each[1]]
    return max(holding)[1] if holding else ""


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except OSError:
        return ""
