"""What is aimed at, in numbers, and whether it was reached.

What lives here: the goals and their judging. What must not: measuring, and making a goal fit what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.figures import Results
from benchmarks.inside import BARE_CALL, CREATE, HOOKS, LINKED, OTHERS, PARSE, PARSE_DJANGO, PARSE_WERKZEUG
from benchmarks.peers import (
    boto3_library,
    django_views,
    flask_views,
    loops,
    nginx,
    node,
    ours,
    ours_to_s3,
    relay,
    tuspyserver,
)
from benchmarks.scenario import MIB
from benchmarks.scenarios.s3 import EIGHT_MEMORY

__all__ = ["GOALS", "Goal", "Judged", "judge"]

_Measured = Callable[[Results], float | None]


@dataclass(frozen=True)
class Goal:
    """A sentence, how its number is had from the results, and the bound: at `least`, or else at most. `text` writes the
    number. `limit` is the same number for what does the least that the work takes, in the plain way: who is beyond it
    does without something that seemed to be needed, as `splice` does without copies."""

    words: str
    measured: _Measured
    bound: float
    least: bool = True
    text: str = "{:.2f}"
    limit: _Measured = lambda _results: None


@dataclass(frozen=True)
class Judged:
    """A goal, its number (None: not measured), whether it was reached, and the limit's number, where there is one."""

    goal: Goal
    number: float | None
    limit: float | None = None

    @property
    def met(self) -> bool | None:
        """None where it is not known."""
        if self.number is None:
            return None
        return self.number >= self.goal.bound if self.goal.least else self.number <= self.goal.bound


def judge(results: Results) -> list[Judged]:
    """All goals, in their order."""
    return [Judged(goal, goal.measured(results), goal.limit(results)) for goal in GOALS]


def _speed(scenario: str, theirs: str, mine: str = ours.OURS) -> _Measured:
    """How many times as fast as theirs."""
    return lambda results: results[scenario].ratio(mine, theirs) if scenario in results else None


def _figure(scenario: str, what: str, mine: str = ours.OURS) -> _Measured:
    def number(results: Results) -> float | None:
        found = results[scenario].found.get(mine) if scenario in results else None
        return None if found is None else float(getattr(found, what))

    return number


def _by(one: _Measured, other: _Measured) -> _Measured:
    """The one divided by the other."""

    def number(results: Results) -> float | None:
        above, below = one(results), other(results)
        return None if above is None or not below else above / below

    return number


def _times(
    scenario: str,
    bounds: Mapping[str, float],
    what: str,
    least: Sequence[str] = (),
    *,
    of: str = "",
    mine: str = ours.OURS,
) -> list[Goal]:
    """So many times as fast as each of them; the quickest of the `least` is the limit, measured in the scenario `of`
    where no such loop takes part in this one."""
    return [
        Goal(
            f"{what}: times the speed of {theirs}",
            _speed(scenario, theirs, mine),
            bound,
            limit=_most(*(_by(_figure(of, "speed", each), _figure(scenario, "speed", theirs)) for each in least))
            if of
            else _most(*(_speed(scenario, theirs, each) for each in least)),
        )
        for theirs, bound in bounds.items()
    ]


def _most(*measured: _Measured) -> _Measured:
    def number(results: Results) -> float | None:
        return max((found for each in measured if (found := each(results)) is not None), default=None)

    return number


def _memory(words: str, scenario: str, bound: int) -> Goal:
    def mib(results: Results) -> float | None:
        found = _figure(scenario, "memory")(results)
        return None if found is None else found / MIB

    return Goal(f"{words}: memory over idle, MiB", mib, bound / MIB, least=False, text="{:.1f}")


def _cpu(scenario: str, words: str) -> Goal:
    """A form's is compared with the bare loop on a raw body, which knows no forms."""
    return Goal(words, _by(_figure(scenario, "cpu"), _figure("raw", "cpu", loops.BARE)), 1.25, least=False)


_LEAST = (loops.BARE, loops.FILLED)
_RAW = {flask_views.STREAM: 8, django_views.RAW_LARGE: 4, django_views.RAW: 4, nginx.NGINX: 1.2}
_FORM = {flask_views.FILES: 5, django_views.FILES: 4, node.BUSBOY: 2}
#: boto3 sends a local file: from one is like with like, by HTTP is what an upload is.
_TO_S3 = {boto3_library.SIGNED: 3, boto3_library.UNSIGNED: 1.4}
_DOORS = [
    Goal(f"{words}: {door} by {ours.OURS}, speed", _speed(scenario, ours.OURS, door), 0.9)
    for scenario, words in (("raw", "A raw body"), ("multipart", "A form"))
    for door in (ours.DJANGO, ours.FLASK)
]

GOALS = [
    *_times("raw", _RAW, "A raw body", _LEAST),
    *_times("multipart", _FORM, "A form", _LEAST, of="raw"),
    _cpu("raw", "A raw body: processor time by the bare loop's"),
    _cpu("multipart", "A form: processor time by the bare loop's on a raw body"),
    *_DOORS,
    Goal(
        "A raw body: durable by not durable, speed",
        _speed("raw", ours.OURS, ours.DURABLE),
        0.8,
        limit=_speed("raw", loops.BARE, loops.SYNCED),
    ),
    Goal("Small uploads: durable by not durable, a second", _speed("small-uploads", ours.OURS, ours.DURABLE), 0.6),
    _memory("A raw body", "raw", 8 * MIB),
    _memory("A form", "multipart", 8 * MIB),
    _memory("tus in pieces", "tus", 8 * MIB),
    _memory("64 raw bodies at once", "at-once", 32 * MIB),
    _memory("64 forms at once", "forms-at-once", 32 * MIB),
    Goal("Small files in one form: parsing, times Werkzeug's", _speed("parsing", PARSE_WERKZEUG, PARSE), 5),
    Goal("Small files in one form: parsing, times Django's", _speed("parsing", PARSE_DJANGO, PARSE), 5),
    Goal(
        "Small files: writing by what creating them costs, time",
        _by(_figure("writing", "each", HOOKS), _figure("writing", "each", CREATE)),
        1.15,
        least=False,
        limit=_by(_figure("writing", "each", LINKED), _figure("writing", "each", CREATE)),
    ),
    *_times("tus", {node.TUS: 2, tuspyserver.TUSPYSERVER: 2}, "tus in pieces", _LEAST, of="raw"),
    *_times("tus-small", {tuspyserver.TUSPYSERVER: 2}, "Small tus uploads", (loops.WSGI,)),
    Goal(
        "A request that is not ours: microseconds",
        lambda results: _less(
            _figure("others", "each", OTHERS)(results), _figure("others", "each", BARE_CALL)(results)
        ),
        2.0,
        least=False,
    ),
    *_times("s3-form", {flask_views.UPLOAD_FILEOBJ: 5}, "A form straight to S3", (relay.RELAY,)),
    _memory("Eight forms to S3 at once, part memory limited to 64 MiB", "s3-eight", EIGHT_MEMORY + 32 * MIB),
    *_times("s3", _TO_S3, "Unknown length to S3, from a file", (relay.FROM_FILE,), mine=ours_to_s3.FROM_FILE),
    *_times("s3", _TO_S3, "Unknown length to S3, by HTTP", (relay.RELAY,)),
    Goal(
        f"Unknown length to S3, by HTTP: memory over idle by that of {boto3_library.SIGNED}",
        _by(_figure("s3", "memory"), _figure("s3", "memory", boto3_library.SIGNED)),
        2 / 3,
        least=False,
    ),
    *_times("s3-30ms", {boto3_library.SIGNED: 1}, "Unknown length to S3, by HTTP, 30 ms away", (relay.RELAY,)),
]


def _less(one: float | None, other: float | None) -> float | None:
    return None if one is None or other is None else one - other
