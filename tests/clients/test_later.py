"""What a person does later on: comes back after a reload, starts again what failed, cancels, deletes, looks at what
there is.

What lives here: what needs a person, and the server's memory. What must not: failures that need nobody.
"""

from __future__ import annotations

import pytest

from tests.clients.conftest import MAKE, OPEN, able, every
from tests.clients.rig import DOORS
from tests.clients.widgets import CHUNK, FILM

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]


@every(*able("reload"), doors=DOORS)
def test_after_a_reload_the_same_file_goes_on(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("reload")
    file = make("film.bin", 2 * FILM)
    tab.stall(file, after=6)
    tab.page.goto("about:blank")
    tab.site.forget(tab.case)
    tab.requests.clear()
    tab.begin("reload")
    tab.choose(file)
    tab.wait_stored(file)
    # Of the six requests before the one that stalled, one may have been a creation.
    assert tab.pieces() <= 2 * FILM // CHUNK + 1 - 5


@every(*able("delete"), doors=DOORS)
def test_a_click_deletes_what_was_stored(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("delete")
    file = make("film.bin", FILM)
    tab.choose(file)
    tab.wait_stored(file)
    tab.press("delete")
    tab.until(lambda: not tab.site.stored(tab.case))


@every(*able("cancel"))
def test_what_is_cancelled_is_not_stored_and_the_next_file_is(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("cancel")
    film, next_one = make("film.bin", 400_000), make("next.bin", 100)
    tab.slow(100_000)
    tab.site.order(tab.case, "nothing", after=0, times=0)
    tab.choose(film)
    tab.until(lambda: tab.site.counted(tab.case) > tab.widget.tells)
    tab.press("cancel")
    tab.slow(-1)
    tab.choose(next_one)
    tab.wait_stored(next_one)
    if tab.widget.tells:
        tab.until(lambda: "DELETE" in tab.sent())


@every(*able("again"))
def test_after_a_failure_a_person_starts_it_again_and_it_goes_on(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("again")
    file = make("film.bin", FILM)
    tab.site.order(tab.case, "fail", after=4)
    tab.choose(file)
    tab.until(tab.failed)
    tab.requests.clear()
    tab.press("again")
    tab.wait_stored(file)
    assert tab.pieces() <= 5


@every(*able("list"))
def test_what_was_stored_is_there_in_a_later_page(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("list")
    file = make("日本 film.bin", FILM)
    tab.choose(file)
    (answer,) = tab.wait_done([file.name]).values()
    tab.page.goto("about:blank")
    tab.begin("list", files=[{"source": answer["id"], "options": {"type": "limbo"}}])
    shown = tab.page.locator(tab.widget.listed)
    tab.until(lambda: shown.all_inner_texts() == [file.name])
