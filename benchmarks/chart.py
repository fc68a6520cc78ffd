"""A bar chart as SVG, in a few lines: no library, no script, readable on light and on dark pages.

What lives here: drawing. What must not: which numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.figures import Results, Table

__all__ = ["CHARTED", "bars", "chart"]

CHARTED = ("raw", "multipart", "at-once", "small-uploads", "tus", "s3-form")
_WIDTH, _LABEL, _ROW, _HEAD, _GAP = 760, 260, 22, 34, 14
_UNITS = {"speed": "MB/s", "rate": "a second"}
_STYLE = (
    "text{font:13px system-ui,sans-serif;fill:#222}.h{font-weight:600}.o{fill:#1565c0}.t{fill:#9aa7b2}"
    "@media(prefers-color-scheme:dark){text{fill:#eee}.o{fill:#64b5f6}.t{fill:#5c6873}}"
)


def chart(results: Results) -> str:
    """Those of the results that a page shows, below one another."""
    groups = {table.title: table for name in CHARTED if (table := results.get(name)) and table.found}
    y, shapes = 0, []
    for title, table in groups.items():
        shapes.append(f'<text class="h" x="0" y="{y + 20}">{escape(title)}, {_UNITS[table.unit]}</text>')
        shapes += bars(_values(table), y + _HEAD)
        y += _HEAD + _ROW * len(table.found) + _GAP
    size = f'viewBox="0 0 {_WIDTH} {max(y, 1)}" width="{_WIDTH}" height="{max(y, 1)}"'
    about = f"<title>{escape(', '.join(groups) or 'Nothing was measured')}</title>"
    body = "\n".join(shapes)
    return f'<svg xmlns="http://www.w3.org/2000/svg" role="img" {size}>{about}<style>{_STYLE}</style>\n{body}\n</svg>\n'


def _values(table: Table) -> Mapping[str, float]:
    return {name: float(getattr(found, table.unit)) for name, found in table.found.items()}


def bars(values: Mapping[str, float], y: int) -> Sequence[str]:
    """A line for each, the longest as wide as there is room; ours stand out."""
    longest, room = max(values.values()) or 1.0, _WIDTH - _LABEL - 70
    shapes = []
    for number, (name, value) in enumerate(values.items()):
        top, width = y + number * _ROW, max(1.0, value / longest * room)
        kind = "o" if name.startswith("ajaxupload") else "t"
        shapes.append(f'<text x="{_LABEL - 8}" y="{top + 14}" text-anchor="end">{escape(name)}</text>')
        shapes.append(
            f'<rect class="{kind}" x="{_LABEL}" y="{top + 2}" width="{width:.1f}" height="{_ROW - 6}" rx="2"/>'
        )
        shapes.append(f'<text x="{_LABEL + width + 6:.1f}" y="{top + 14}">{value:,.0f}</text>')
    return shapes
