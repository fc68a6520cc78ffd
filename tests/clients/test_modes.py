"""What the real widgets send is stored once and whole, in every way in which each can send it.

What lives here: one test for each mode, over all widgets that have it (widgets.py). What must not: refusals.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.clients.conftest import MAKE, OPEN
from tests.clients.rig import Visit, digest
from tests.clients.widgets import CHUNK, WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]

#: Bytes of a file in seven pieces, the last of them short.
FILM = 6 * CHUNK + 1000


def every(mode: str) -> pytest.MarkDecorator:
    """Each widget that has the mode."""
    return pytest.mark.parametrize("name", [name for name, widget in WIDGETS.items() if mode in widget.modes])


def opened(visit: OPEN, name: str, mode: str) -> Visit:
    """The widget's page with the options for this mode."""
    tab = visit(name)
    tab.open(dict(tab.widget.modes[mode]))
    return tab


def stored_once(tab: Visit, files: Iterable[Path]) -> None:
    """Wait until the widget says so; then these files are there, and nothing else is."""
    wanted = {file.name: digest(file.read_bytes()) for file in files}
    tab.wait_done(wanted)
    assert tab.site.stored(tab.case) == wanted


@every("whole")
def test_three_files_are_stored_whole(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "whole")
    files = [make("a.bin", 70_000), make("b.bin", 1), make("c.bin", 200_000)]
    tab.choose(*files)
    stored_once(tab, files)


@every("empty")
def test_an_empty_file_is_a_file(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "empty")
    file = make("empty.bin", 0)
    tab.choose(file)
    stored_once(tab, [file])


@every("whole")
def test_a_name_in_any_script_arrives(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "whole")
    file = make("日本語 läng & 100% +a'b;c.bin", 3000)
    tab.choose(file)
    stored_once(tab, [file])


@every("chunked")
def test_files_in_pieces_are_put_together(visit: OPEN, make: MAKE, name: str) -> None:
    """One with a short last piece, one of exactly four pieces, one shorter than a piece, one with a name."""
    tab = opened(visit, name, "chunked")
    files = [make("a.bin", FILM), make("b.bin", 4 * CHUNK), make("c.bin", 100), make("日本 ü.bin", 2 * CHUNK + 1)]
    tab.choose(*files)
    stored_once(tab, files)


@every("many")
def test_many_files_whose_pieces_mix_are_put_together(visit: OPEN, make: MAKE, name: str) -> None:
    """From a browser that has no cookie before the first pieces leave it."""
    tab = opened(visit, name, "many")
    files = [make(f"{number}.bin", 2 * CHUNK + number) for number in range(6)]
    tab.choose(*files)
    stored_once(tab, files)


@every("parallel")
def test_pieces_side_by_side_are_put_together(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "parallel")
    files = [make("a.bin", 3 * FILM), make("b.bin", 2 * FILM)]
    tab.choose(*files)
    stored_once(tab, files)


@every("reload")
def test_after_a_reload_the_same_file_goes_on(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "reload")
    file = make("film.bin", 2 * FILM)
    tab.site.order(tab.case, "stall", after=6, times=100)
    tab.choose(file)
    tab.until(lambda: tab.site.counted(tab.case) > 6)
    tab.page.goto("about:blank")
    tab.site.forget(tab.case)
    tab.requests.clear()
    tab.open(dict(tab.widget.modes["reload"]))
    tab.choose(file)
    stored_once(tab, [file])
    assert tab.sent().count("POST") <= 2 * FILM // CHUNK + 1 - 6


@every("restart")
def test_after_the_server_was_killed_and_started_again_the_upload_goes_on(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "restart")
    file = make("film.bin", 2 * FILM)
    tab.site.order(tab.case, "stall", after=4, times=100)
    tab.choose(file)
    tab.until(lambda: tab.site.counted(tab.case) > 4)
    tab.site.forget(tab.case)
    tab.site.restart()
    stored_once(tab, [file])


@every("retry")
def test_a_request_that_failed_once_is_sent_again(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "retry")
    file = make("film.bin", FILM)
    tab.site.order(tab.case, "fail", after=2 if "chunked" in tab.widget.modes else 0)
    tab.choose(file)
    stored_once(tab, [file])


@every("lost")
def test_a_piece_whose_answer_was_lost_is_no_second_piece(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "lost")
    file = make("film.bin", FILM)
    tab.site.order(tab.case, "lose", after=2, times=2)
    tab.choose(file)
    stored_once(tab, [file])
    assert tab.site.counted(tab.case) > 7


@every("cancel")
def test_what_is_cancelled_is_not_stored_and_the_next_file_is(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "cancel")
    film, next_one = make("film.bin", 400_000), make("next.bin", 100)
    tab.slow(100_000)
    tab.site.order(tab.case, "nothing", after=0, times=0)
    tab.choose(film)
    tab.until(lambda: tab.site.counted(tab.case) > 0)
    tab.press("cancel")
    tab.slow(-1)
    tab.choose(next_one)
    stored_once(tab, [next_one])


@every("again")
def test_after_a_failure_a_person_starts_it_again_and_it_goes_on(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "again")
    file = make("film.bin", FILM)
    tab.site.order(tab.case, "fail", after=4)
    tab.choose(file)
    tab.until(tab.failed)
    tab.requests.clear()
    tab.press("again")
    stored_once(tab, [file])
    assert len([method for method in tab.sent() if method in ("POST", "PATCH")]) <= 5


@every("delete")
def test_a_click_deletes_what_was_stored(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "delete")
    file = make("film.bin", FILM)
    tab.choose(file)
    stored_once(tab, [file])
    tab.press("delete")
    tab.until(lambda: not tab.site.stored(tab.case))


@every("list")
def test_what_was_stored_is_there_in_a_later_page(visit: OPEN, make: MAKE, name: str) -> None:
    tab = opened(visit, name, "list")
    file = make("日本 film.bin", FILM)
    tab.choose(file)
    (answer,) = tab.wait_done([file.name]).values()
    tab.page.goto("about:blank")
    tab.open(dict(tab.widget.modes["list"]), files=[{"source": answer["id"], "options": {"type": "limbo"}}])
    shown = tab.page.locator(tab.widget.listed)
    tab.until(lambda: shown.all_inner_texts() == [file.name])
