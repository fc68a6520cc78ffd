"""How cost grows: with the size of a file, with uploads at once, with unfinished uploads on disk, with the number of
pieces. Of ours alone, on gunicorn, durable off.

What lives here: these four, a line for each step. What must not: comparisons (scenarios/).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.client import Connection
from benchmarks.contender import Site, Way
from benchmarks.figures import Figures, figures
from benchmarks.peers import ours
from benchmarks.processes import free_port
from benchmarks.rounds import FAILURES, Player, place, play, seated
from benchmarks.scenario import MIB, Choice, Scenario, Sent, each_at_once, names
from benchmarks.scenarios.bodies import send_raw
from benchmarks.scenarios.tus import create, in_pieces, small

__all__ = ["ALL", "Grown", "Growth", "measure_growth"]

_NAMES = iter(names())
_SMALL = 64 << 10  # of uploads at once, of which there may be a thousand
_PIECED = 64 * MIB  # cut into pieces, up to ten thousand
_THREADS = 64


@dataclass(frozen=True)
class Growth:
    """One of them: what is counted, at which values, and how a value changes what is chosen. `before` brings the server
    from the value before to this one, outside of what is measured."""

    name: str
    title: str
    unit: str  # of the values
    steps: tuple[int, ...]
    send: Callable[[int, Way, Choice], Sent]
    chosen: Callable[[Choice, int], Choice]
    before: Callable[[int, Way, int, int], None] = lambda _port, _way, _had, _value: None
    shown: str = "speed"


Grown = list[tuple[int, Figures]]


def at_once(port: int, way: Way, choice: Choice) -> Sent:
    """As many connections as uploads."""

    def turn(connection: Connection) -> None:
        connection.ask(way.method, way.raw.format(name=next(_NAMES)), {}, _SMALL)

    each_at_once(port, [turn] * choice.at_once, choice.at_once)
    return Sent(_SMALL * choice.at_once, choice.at_once)


def begin_many(port: int, way: Way, had: int, value: int) -> None:
    """So many unfinished uploads on disk, with those that were there."""

    def turn(connection: Connection) -> None:
        create(connection, way.tus, 1)

    if value > had:
        each_at_once(port, [turn] * (value - had), 4)


def hundred_tus(port: int, way: Way, choice: Choice) -> Sent:
    """A hundred uploads of two requests each, beside those that lie there."""
    return small(port, way, replace(choice, count=min(100, choice.count), small=1024))


ALL = (
    Growth(
        "size", "Size of the file", "MiB", (1, 10, 100, 1024, 10240), send_raw, lambda c, n: replace(c, size=n * MIB)
    ),
    Growth(
        "uploads at once",
        "Uploads of 64 KiB at once",
        "uploads",
        (1, 10, 100, 300, 1000),
        at_once,
        lambda c, n: replace(c, at_once=n),
        shown="rate",
    ),
    Growth(
        "unfinished",
        "Small tus uploads beside unfinished ones",
        "unfinished",
        (0, 100, 1000, 10_000, 100_000),
        hundred_tus,
        lambda c, _n: c,
        begin_many,
        shown="rate",
    ),
    Growth(
        "pieces",
        "64 MiB by tus in pieces",
        "pieces",
        (1, 10, 100, 1000, 10_000),
        in_pieces,
        lambda c, n: replace(c, size=_PIECED, piece=-(-_PIECED // n)),
    ),
)


def measure_growth(growth: Growth, choice: Choice, tell: Callable[[str], None] = print) -> Grown:
    """Figures at each step. What fails is told, and ends the line there."""
    contender, found = ours.contender(), Grown()
    scenario = Scenario(growth.name, growth.title, growth.shown, lambda _: [contender], growth.send)
    with tempfile.TemporaryDirectory(dir=place(choice, tmpfs=False)) as folder, ExitStack() as stack:
        site = Site(Path(folder, "ours"), free_port(), _THREADS)
        try:
            player = stack.enter_context(seated(contender, site, scenario, choice))
            for value, each in _climb(player, growth, scenario, choice):
                found.append((value, each))
                tell(f"  {growth.name}: {value:,} {growth.unit}")
        except FAILURES as error:
            tell(f"  !! NOT MEASURED: {growth.name} beyond {len(found)} steps: {' '.join(str(error).split())[-300:]}")
    return found


def _climb(player: Player, growth: Growth, scenario: Scenario, choice: Choice) -> Iterator[tuple[int, Figures]]:
    """Each step in turn, in one server: memory is the most that it held so far."""
    had = 0
    for value in growth.steps[: choice.steps]:
        growth.before(player.process.port, player.contender.way, had, value)
        had, chosen = value, growth.chosen(choice, value)
        runs = [play(player, scenario, chosen) for _ in range(choice.rounds)]
        yield value, figures(runs, player.process.memory()[1] - player.idle)
