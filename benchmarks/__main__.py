"""`make bench`, or `python -m benchmarks`: everything, or what the words choose.

What lives here: the command line, the order of things, and where results go. What must not: measuring.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from ajaxupload.values import parse_size
from benchmarks import growth, inside, machine, report
from benchmarks.chart import chart
from benchmarks.contender import SERVERS
from benchmarks.figures import Results, Table
from benchmarks.goals import judge
from benchmarks.growth import Grown, Growth
from benchmarks.processes import ROOT
from benchmarks.rounds import measure, place
from benchmarks.scenario import Choice, Scenario
from benchmarks.scenarios import ALL

__all__ = ["chosen", "main", "words"]

GROWTH = "growth"
NAMES = (*(each.name for each in ALL), *(each.name for each in inside.ALL), GROWTH)
_WHOLE = (ROOT / "benchmarks" / "RESULTS.md", ROOT / "docs" / "images" / "benchmarks.svg")
_PART = (ROOT / "build" / "bench" / "RESULTS.md", ROOT / "build" / "bench" / "benchmarks.svg")


def _size(text: str) -> int:
    try:
        return parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of one or more")
    return int(text)


def _listed(known: Sequence[str]) -> Callable[[str], tuple[str, ...]]:
    """A parser of names with commas between them, each of which must be known."""

    def parse(text: str) -> tuple[str, ...]:
        names = tuple(name.strip() for name in text.split(",") if name.strip())
        if not names or not set(names) <= set(known):
            raise argparse.ArgumentTypeError(f"{text!r}: name some of {', '.join(known)}")
        return names

    return parse


def words() -> argparse.ArgumentParser:
    """What may be said. What is not said is as the goals have it."""
    default = Choice()
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description="Measures ajaxupload beside its peers.")
    parser.add_argument("--only", type=_listed(NAMES), default=NAMES, metavar="NAME,...", help=", ".join(NAMES))
    parser.add_argument(
        "--servers", type=_listed(SERVERS), default=SERVERS, metavar="NAME,...", help=", ".join(SERVERS)
    )
    parser.add_argument("--peers", default="", metavar="WORD,...", help="those whose names have one of the words")
    parser.add_argument("--size", type=_size, default=default.size, help="of large files: 1 GiB")
    parser.add_argument("--piece", type=_size, default=default.piece, help="of tus uploads: 8 MiB")
    parser.add_argument("--small", type=_size, default=default.small, help="of small files: 1 KiB")
    parser.add_argument("--count", type=_count, default=default.count, help="of small files: 2000")
    parser.add_argument("--at-once", type=_count, default=default.at_once, help="uploads at once: 64")
    parser.add_argument("--rounds", type=_count, default=default.rounds, help="5")
    parser.add_argument("--steps", type=_count, default=default.steps, help="of growth: 5")
    parser.add_argument("--folder", type=Path, help="where is stored: a disk below ./build, or a tmpfs where noted")
    parser.add_argument("--results", type=Path, help=f"{_WHOLE[0].relative_to(ROOT)}, if all was measured")
    parser.add_argument("--chart", type=Path, help=f"{_WHOLE[1].relative_to(ROOT)}, if all was measured")
    return parser


def chosen(told: argparse.Namespace) -> Choice:
    """The same as plain data."""
    names = ("size", "piece", "small", "count", "at_once", "rounds", "steps", "folder", "peers", "servers")
    return Choice(**{name: getattr(told, name) for name in names})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write. 1 where nothing could be measured."""
    parser = words()
    told = parser.parse_args(arguments)
    if not sys.platform.startswith("linux"):
        parser.error("it is Linux that counts what processes cost (/proc), and nothing else")
    _raise_limits()
    choice = chosen(told)
    if choice.folder and not choice.folder.is_dir():
        parser.error(f"there is no folder {choice.folder}")
    doubts = _doubts(told, choice)
    results, grown = _measured(told.only, choice)
    print("\n" + report.goals_table(judge(results)))
    facts = machine.described(place(choice, tmpfs=False))
    page = report.page(results, grown, facts=facts, versions=machine.versions(), doubts=doubts)
    files = _PART if doubts else _WHOLE
    _write(told.results or files[0], page)
    _write(told.chart or files[1], chart(results))
    for doubt in doubts:
        print(f"!! {doubt}", file=sys.stderr)
    return 0 if any(table.found for table in results.values()) or any(steps for _, steps in grown) else 1


def _raise_limits() -> None:
    """A thousand uploads at once need more open files than most systems begin with; servers inherit it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 65536)), hard))


def _doubts(told: argparse.Namespace, choice: Choice) -> list[str]:
    """Why these are not results to publish."""
    plain = chosen(words().parse_args([]))
    doubts = [] if choice == plain and told.only == NAMES else ["not everything was measured, or not in full size"]
    return doubts + ([f"the machine is busy: {load}"] if (load := machine.busy()) else [])


def _measured(only: Sequence[str], choice: Choice) -> tuple[Results, list[tuple[Growth, Grown]]]:
    """Each in turn, its table printed when it is there."""
    with ExitStack() as end:
        results = {scenario.name: _beside(scenario, choice, end) for scenario in ALL if scenario.name in only}
        for within in inside.ALL:
            if within.name in only:
                _tell(f"\n{within.title}")
                results[within.name] = inside.measure_inside(within, choice, _tell)
                print(report.scenario_table(results[within.name]))
        grown = [(each, growth.measure_growth(each, choice, _tell)) for each in growth.ALL if GROWTH in only]
        for each, steps in grown:
            print(report.growth_lines(each, steps))
    return results, grown


def _beside(scenario: Scenario, choice: Choice, end: ExitStack) -> Table:
    _tell(f"\n{scenario.title}")
    table = measure(scenario, choice, _tell, end)
    print(report.scenario_table(table))
    return table


def _tell(said: str) -> None:
    """What goes on, with the time, where it is not mixed with the tables."""
    lead = "\n" * (len(said) - len(said.lstrip("\n")))
    print(f"{lead}{time.strftime('%H:%M:%S')} {said.lstrip(chr(10))}", file=sys.stderr, flush=True)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    print(f"written: {path}")


if __name__ == "__main__":
    sys.exit(main())
