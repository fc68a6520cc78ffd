"""What a person sees in each widget when the server refuses: the server's own words, wherever the widget can show them.

What lives here: one test for each reason and widget. What must not: what the server answers (tests/wire).

Where a widget shows the reason only with options of its own, these are in widgets.py, and what it shows without them
is a fact that is tested, too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from tests.clients.conftest import MAKE, OPEN, able, every
from tests.clients.rig import DISK, DOORS
from tests.clients.widgets import WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]

FRAMEWORKS = [door for door in DOORS if door != "wsgi"]
#: Endpoint -> size of the file that it does not take, and what a person is to read.
REASONS = {
    "large": (150_000, "larger than the 100 kB"),
    "type": (1000, "only files ending in .png"),
    "authorize": (1000, "You are not allowed to upload here."),
    "in": (DISK + 30_000, "no space"),
}


def refused(visit: OPEN, make: MAKE, name: str, endpoint: str, options: Mapping[str, Any]) -> str:
    """What is seen in the widget after a file was refused."""
    tab = visit(name)
    tab.open(dict(options), endpoint=endpoint)
    tab.choose(make("film.bin", REASONS[endpoint][0]))
    shown = tab.page.locator(tab.widget.shown)
    tab.until(lambda: any(shown.all_inner_texts()))
    tab.until(tab.failed)
    assert tab.done() == {}
    assert tab.site.stored(tab.case) == {}
    return " ".join(shown.all_inner_texts())


@every(*able("whole"))
@pytest.mark.parametrize("endpoint", REASONS)
def test_the_servers_reason_for_a_whole_file_is_seen(visit: OPEN, make: MAKE, name: str, endpoint: str) -> None:
    widget = WIDGETS[name]
    assert REASONS[endpoint][1] in refused(visit, make, name, endpoint, {**widget.modes["whole"], **widget.helped})


@every(*able("chunked"))
@pytest.mark.parametrize("endpoint", REASONS)
def test_the_servers_reason_for_a_piece_is_seen(visit: OPEN, make: MAKE, name: str, endpoint: str) -> None:
    widget = WIDGETS[name]
    assert REASONS[endpoint][1] in refused(visit, make, name, endpoint, {**widget.modes["chunked"], **widget.helped})


@every(*WIDGETS, doors=FRAMEWORKS)
def test_a_hooks_reason_is_seen_in_each_framework(visit: OPEN, make: MAKE, name: str) -> None:
    widget = WIDGETS[name]
    options = {**widget.modes.get("chunked", {}), **widget.helped}
    assert REASONS["authorize"][1] in refused(visit, make, name, "authorize", options)


@every(*(name for name, widget in WIDGETS.items() if widget.lack))
def test_without_its_options_a_widget_shows_its_own_words(visit: OPEN, make: MAKE, name: str) -> None:
    lack = WIDGETS[name].lack
    assert lack is not None
    assert lack in refused(visit, make, name, "type", {})


@every("dropzone", doors=["django"])
def test_without_djangos_cookie_the_widget_says_why(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.open({})
    tab.page.context.clear_cookies()
    tab.choose(make("film.bin", 1000))
    tab.until(tab.failed)
    assert "Please reload the page" in tab.page.locator(tab.widget.shown).inner_text()
    assert tab.site.stored(tab.case) == {}
