"""What the real widgets send is stored once and to the bit: whole, empty, in pieces, in pieces side by side.

What lives here: uploads that nothing disturbs. What must not: failures, and what happens later on.
"""

from __future__ import annotations

import pytest

from tests.clients.conftest import MAKE, OPEN, able, every
from tests.clients.rig import DOORS
from tests.clients.widgets import CHUNK, FILM, WIDGETS

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]


@every(*able("whole"), doors=DOORS)
def test_a_small_file_and_then_three_are_stored_whole(visit: OPEN, make: MAKE, name: str) -> None:
    """The small one's name is in several scripts, and has what means something to a server."""
    tab = visit(name)
    tab.begin("whole")
    small = make("日本語 läng & 100% +a'b;c.bin", 3000)
    tab.choose(small)
    tab.wait_stored(small)
    three = [make("a.bin", 70_000), make("b.bin", 1), make("c.bin", 200_000)]
    tab.choose(*three)
    tab.wait_stored(small, *three)


@every(*able("empty"))
def test_an_empty_file_is_a_file(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("empty")
    file = make("empty.bin", 0)
    tab.choose(file)
    tab.wait_stored(file)


@every(*able("parallel"), doors=DOORS)
def test_pieces_side_by_side_are_put_together(visit: OPEN, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.begin("parallel")
    files = [make("a.bin", 2 * FILM), make("b.bin", FILM)]
    tab.choose(*files)
    tab.wait_stored(*files)


@every("dropzone5", doors=DOORS)
def test_two_processes_take_the_pieces_of_one_file(visit: OPEN, make: MAKE, name: str) -> None:
    """Which of them takes a connection is the system's choice: the one that had some gives way to the other."""
    file = make("film.bin", 2 * FILM)
    tab = visit(name)
    tab.begin("parallel")
    tab.site.order(tab.case, "share", after=0, times=50)
    tab.choose(file)
    tab.wait_stored(file)
    assert tab.site.processes(tab.case) == 2


def check_pieces(visit: OPEN, make: MAKE, name: str) -> None:
    """One with a short last piece, one of exactly four pieces, one shorter than a piece, one with a name."""
    tab = visit(name)
    tab.begin("chunked")
    files = [make("a.bin", FILM), make("b.bin", 4 * CHUNK), make("c.bin", 100), make("日本 ü.bin", 2 * CHUNK + 1)]
    tab.choose(*files)
    tab.wait_stored(*files)


@every(*(name for name in able("chunked") if "parallel" not in WIDGETS[name].modes), doors=DOORS)
def test_files_in_pieces_are_put_together_by_widgets_that_send_one_at_a_time(
    visit: OPEN, make: MAKE, name: str
) -> None:
    check_pieces(visit, make, name)


@every(*able("parallel"))
def test_files_in_pieces_are_put_together(visit: OPEN, make: MAKE, name: str) -> None:
    check_pieces(visit, make, name)


@every(*able("many"))
def test_many_files_whose_pieces_mix_are_put_together(visit: OPEN, make: MAKE, name: str) -> None:
    """From a browser that has no cookie before the first pieces leave it."""
    tab = visit(name)
    tab.begin("many")
    files = [make(f"{number}.bin", 2 * CHUNK + number) for number in range(6)]
    tab.choose(*files)
    tab.wait_stored(*files)
