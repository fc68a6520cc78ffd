"""The tables of docs/reference/widgets.md are those that the tests run: widgets.py.

What lives here: the tables as text. What must not: prose.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.clients.widgets import MODES, WIDGETS, Widget
from tests.conftest import ROOT

DOCUMENT = ROOT / "docs" / "reference" / "widgets.md"


def row(*cells: str) -> str:
    """A line of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def matrix() -> Iterator[str]:
    """Widget by mode."""
    yield row("", *MODES)
    yield row(*["---"] * (len(MODES) + 1))
    for widget in WIDGETS.values():
        yield row(widget.title, *("yes" if mode in widget.modes else "no" for mode in MODES))


def own(widget: Widget, mode: str) -> dict[str, object]:
    """The options for a mode, without those that any file in pieces needs."""
    pieces = {} if mode in ("whole", "empty", "chunked") else widget.modes.get("chunked", {})
    return {name: value for name, value in widget.modes[mode].items() if pieces.get(name) != value}


def options() -> Iterator[str]:
    """What each widget needs for each mode, where it needs anything."""
    yield row("", "mode", "options")
    yield row("---", "---", "---")
    for widget in WIDGETS.values():
        for mode in widget.modes:
            if found := own(widget, mode):
                yield row(widget.title, mode, f"`{json.dumps(found)}`")


def reasons() -> Iterator[str]:
    """What each widget shows of a refusal."""
    yield row("", "by itself", "options for the server's reason")
    yield row("---", "---", "---")
    for widget in WIDGETS.values():
        asked = f"`{json.dumps(dict(widget.helped))}`" if widget.lack else "none"
        yield row(widget.title, f'"{widget.lack}"' if widget.lack else "the server's reason", asked)


def test_the_document_has_these_tables() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for table in (matrix(), options(), reasons()):
        assert "\n\n" + "\n".join(table) + "\n\n" in text


def test_the_document_says_what_each_mode_is() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for mode, fact in MODES.items():
        assert f"- `{mode}`: {fact}\n" in text
