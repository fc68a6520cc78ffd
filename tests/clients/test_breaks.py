"""What breaks in the middle of an upload costs nothing but a piece: answers that fail or get lost, connections that are
reset, a server that is killed.

What lives here: failures that the widget gets over by itself. What must not: those that need a person.
"""

from __future__ import annotations

import pytest

from tests.clients.conftest import MAKE, OPEN, able, every
from tests.clients.rig import DOORS
from tests.clients.widgets import CHUNK, FILM

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]


@every(*able("reset"), doors=DOORS)
def test_two_connections_that_are_reset_in_the_middle_of_a_piece_cost_nothing_else(
    visit: OPEN, make: MAKE, name: str
) -> None:
    tab = visit(name)
    tab.begin("reset")
    file = make("film.bin", FILM)
    tab.site.order(tab.case, "reset", after=2 if "chunked" in tab.widget.modes else 0, times=2)
    tab.choose(file)
    tab.wait_stored(file)
    assert tab.site.resets(tab.case) == 2


@every(*able("retry"))
def test_a_request_that_failed_once_is_sent_again(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("retry")
    file = make("film.bin", FILM)
    tab.site.order(tab.case, "fail", after=2 if "chunked" in tab.widget.modes else 0)
    tab.choose(file)
    tab.wait_stored(file)


@every(*able("lost"))
def test_a_piece_whose_answer_was_lost_is_no_second_piece(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("lost")
    file = make("film.bin", FILM)
    chunked = "chunked" in tab.widget.modes
    tab.site.order(tab.case, "lose", after=2 if chunked else 0, times=2)
    tab.choose(file)
    tab.wait_stored(file)
    assert tab.site.counted(tab.case) > (FILM // CHUNK + 1 if chunked else 2)


@every(*able("restart"))
def test_after_the_server_was_killed_and_started_again_the_upload_goes_on(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("restart")
    file = make("film.bin", 2 * FILM)
    tab.stall(file, after=4)
    tab.site.forget(tab.case)
    tab.site.restart()
    tab.wait_stored(file)
