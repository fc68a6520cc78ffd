"""The results in Markdown: for the screen, and for RESULTS.md.

What lives here: tables and their words. What must not: measuring, judging, drawing.
"""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.figures import Figures, Results, Table, merged
from benchmarks.goals import Judged, judge
from benchmarks.growth import Grown, Growth
from benchmarks.scenario import MIB

__all__ = ["goals_table", "growth_lines", "page", "scenario_table", "table"]

_MAIN = {"speed": ("MB/s", "speed"), "rate": ("a second", "rate"), "each": ("microseconds each", "each")}


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table: the first column to the left, all others to the right, and lined up in a terminal too."""
    widths = [max(len(row[column]) for row in (heads, *rows)) for column in range(len(heads))]

    def line(row: Sequence[str]) -> str:
        cells = [
            text.ljust(width) if not at else text.rjust(width)
            for at, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = "|".join("-" * (width + 2) if not at else "-" * (width + 1) + ":" for at, width in enumerate(widths))
    return "\n".join([line(heads), f"|{rule}|", *map(line, rows)])


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def scenario_table(outcome: Table) -> str:
    """Who was how fast, first's speed by theirs, and what it cost."""
    head, attribute = _MAIN[outcome.unit]
    first = next(iter(outcome.found), "")
    heads = ["", head, f"{first or 'first'} is times as fast"]
    small = outcome.unit == "each"
    heads += (
        ["slowest round"]
        if small
        else ["CPU s/GiB", "memory over idle, MiB", "to disk, times", "written, times", "slowest round"]
    )
    rows = []
    for name, found in outcome.found.items():
        ratio = outcome.ratio(first, name)
        row = [name, _number(getattr(found, attribute)), "" if ratio is None else f"{ratio:.2f}"]
        rows.append([*row, *([] if small else _costs(found)), f"{found.spread:.2f}"])
    missing = [f"\n**Not measured: {name}** ({why})" for name, why in outcome.absent.items()]
    return "\n".join([table(heads, rows), *missing])


def _costs(found: Figures) -> list[str]:
    return [_number(found.cpu), f"{found.memory / MIB:+.1f}", f"{found.disk:.2f}", f"{found.written:.2f}"]


def goals_table(judged: Sequence[Judged]) -> str:
    """Each goal, its bound, what was measured, and what does the least there."""
    words = {True: "yes", False: "**no**", None: "not measured"}
    rows = []
    for each in judged:
        bound = f"{'≥' if each.goal.least else '≤'} {each.goal.bound:g}"
        number, limit = ("" if n is None else each.goal.text.format(n) for n in (each.number, each.limit))
        rows.append([each.goal.words, bound, number, words[each.met], limit])
    return table(["goal", "bound", "measured", "reached", "the least that can be done"], rows)


def growth_lines(growth: Growth, grown: Grown) -> str:
    """One line: what was measured at each step."""
    if not grown:
        return f"- {growth.title}: **not measured**"
    head, attribute = _MAIN[growth.shown]
    steps = (
        f"{value:,} → {_number(getattr(found, attribute))} ({found.memory / MIB:+.1f} MiB)" for value, found in grown
    )
    return f"- {growth.title} ({growth.unit} → {head}, memory over idle): {', '.join(steps)}"


def page(
    results: Results,
    grown: Sequence[tuple[Growth, Grown]],
    *,
    facts: Sequence[tuple[str, str]],
    versions: Sequence[tuple[str, str]],
    doubts: Sequence[str],
) -> str:
    """RESULTS.md."""
    pieces = [
        "# What was measured",
        "Written by `make bench`; docs/explanation/benchmarks.md says how, and how to read it.",
    ]
    pieces += [f"**Doubtful: {doubt}.**" for doubt in doubts]
    pieces += [f"**Not measured: {name}**: {why}" for name, why in merged(results).items()]
    pieces.append(table(["", "on"], facts))
    pieces.append("Versions: " + ", ".join(f"{name} {version}" for name, version in versions) + ".")
    pieces += ["## Goals", goals_table(judge(results))]
    for name, outcome in results.items():
        pieces += [f"## {outcome.title} (`{name}`)", *([outcome.note] if outcome.note else []), scenario_table(outcome)]
    if grown:
        pieces += ["## How cost grows", "\n".join(growth_lines(*each) for each in grown)]
    return "\n\n".join(pieces) + "\n"
