"""What the tests of sending and of faults have in common: how far a file is, and what is stored at the end.

What lives here: questions, no scenario.
"""

from __future__ import annotations

from pathlib import Path

from tests.browser.rig import Tab, sha256
from tests.browser.state import State

MB = 1 << 20
TUS = {"resumable": "/files/"}


def progress(tab: Tab) -> float:
    """How far the first bar is, 0 to 1."""
    return float(tab.page.evaluate("document.querySelector('.au-item progress')?.value ?? 0"))


def started(tab: Tab, at_least: float = 0.2) -> None:
    """Wait until the first bar is that far."""
    tab.until(lambda: progress(tab) >= at_least)


def only_stored(state: State, file: Path, proto: str) -> None:
    """Exactly this file is stored, whole, and came by that protocol."""
    assert [(one.proto, one.name, one.sha256) for one in state.stored] == [(proto, file.name, sha256(file))]
