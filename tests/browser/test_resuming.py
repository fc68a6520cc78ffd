"""Large files in pieces, and what is left of them: pauses, reloads, cancelling.

What lives here: what a person does to an upload that runs. What a network or a server does is in test_faults.py.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.rig import Tab
from tests.browser.scripted import Server
from tests.browser.sending import MB, TUS, only_stored, progress, started

pytestmark = pytest.mark.browser
MAKE = Callable[..., Path]


def test_a_large_file_goes_by_tus_in_pieces(tus: Tab, server: Server, film: Path) -> None:
    tus.choose(film)
    tus.wait("done")
    only_stored(server.state, film, "tus")
    assert [entry.received for entry in server.state.sent("PATCH")] == [256 << 10] * 12
    assert server.state.sent("PATCH")[-1].headers["prefer"] == "return=representation"


def test_a_small_file_is_one_post_also_where_tus_is_offered(tus: Tab, server: Server, make: MAKE) -> None:
    file = make("small.bin", 256 << 10)
    tus.choose(file)
    tus.wait("done")
    only_stored(server.state, file, "raw")


def test_an_attribute_may_name_the_tus_url(visit: OPEN, server: Server, film: Path) -> None:
    tab = visit("limits=off resumable=/files/ chunk-size=1MiB")
    tab.choose(film)
    tab.wait("done")
    only_stored(server.state, film, "tus")


def test_where_the_server_turns_out_not_to_speak_tus_the_file_is_posted(
    visit: OPEN, server: Server, film: Path
) -> None:
    server.state.tus = False
    tab = visit("resumable=/files/ chunk-size=256KiB")
    tab.choose(film)
    tab.wait("done")
    only_stored(server.state, film, "raw")
    tab.forget("404")


def test_where_the_server_offers_no_tus_the_file_is_posted(visit: OPEN, server: Server, film: Path) -> None:
    server.state.limits = {"resumable": None}
    tab = visit("chunk-size=256KiB")
    tab.choose(film)
    tab.wait("done")
    only_stored(server.state, film, "raw")
    assert [entry.method for entry in server.state.log] == ["GET", "POST"]


def test_after_a_reload_the_unfinished_file_is_named_and_resumed(tus: Tab, server: Server, film: Path) -> None:
    tus.speed(MB)
    tus.choose(film)
    started(tus, 0.3)
    tus.page.reload()
    text = tus.wait("unfinished").inner_text()
    assert "film.bin was not finished (" in text
    assert "Choose the same file again to go on." in text
    assert "film.bin was not finished" in tus.said()
    assert server.state.stored == []
    server.state.log.clear()
    tus.choose(film)
    tus.wait("done")
    only_stored(server.state, film, "tus")
    assert [entry.method for entry in server.state.log][:2] == ["GET", "HEAD"] or server.state.log[0].method == "HEAD"
    assert not server.state.sent("POST")
    assert sum(entry.received for entry in server.state.sent("PATCH")) < 0.8 * film.stat().st_size
    assert tus.row("unfinished").count() == 0
    tus.page.reload()
    tus.page.locator("ajax-upload[ready]").wait_for()
    tus.page.wait_for_timeout(200)
    assert tus.page.locator(".au-item").count() == 0


def test_another_file_of_the_same_name_and_size_is_not_mixed_in(
    tus: Tab, server: Server, film: Path, make: MAKE
) -> None:
    tus.speed(MB)
    tus.choose(film)
    started(tus, 0.3)
    tus.page.reload()
    tus.wait("unfinished")
    other = make("film.bin", 3 * MB)
    tus.choose(other)
    tus.wait("done")
    only_stored(server.state, other, "tus")


def test_an_unfinished_file_can_be_discarded_on_both_sides(tus: Tab, server: Server, film: Path) -> None:
    tus.speed(MB)
    tus.choose(film)
    started(tus)
    tus.page.reload()
    tus.wait("unfinished")
    tus.page.get_by_role("button", name="Discard film.bin").click()
    tus.until(lambda: not server.state.uploads)
    assert tus.page.locator(".au-item").count() == 0
    assert tus.focused() == "file"
    assert tus.page.evaluate("localStorage.length") == 0


def test_remember_off_keeps_no_notes(visit: OPEN, server: Server, film: Path) -> None:
    server.state.limits = dict(TUS)
    tab = visit("chunk-size=256KiB remember=off")
    tab.speed(MB)
    tab.choose(film)
    started(tab)
    assert tab.page.evaluate("localStorage.length") == 0


def test_pause_stops_and_resume_goes_on_where_it_was(tus: Tab, server: Server, film: Path) -> None:
    tus.speed(MB)
    tus.choose(film)
    started(tus)
    tus.page.get_by_role("button", name="Pause film.bin").click()
    assert "Paused at" in tus.wait("paused").inner_text()
    at = progress(tus)
    tus.page.wait_for_timeout(400)
    assert progress(tus) == at
    assert tus.focused() == "Resume film.bin"
    tus.page.keyboard.press("Enter")
    tus.wait("done")
    only_stored(server.state, film, "tus")
    assert sum(entry.received for entry in server.state.sent("PATCH")) < film.stat().st_size + (600 << 10)


def test_pause_and_resume_of_a_plain_post_starts_over_and_stores_once(visit: OPEN, server: Server, film: Path) -> None:
    tab = visit()
    tab.speed(MB)
    tab.choose(film)
    started(tab)
    tab.page.get_by_role("button", name="Pause film.bin").click()
    tab.wait("paused")
    tab.speed()
    tab.page.get_by_role("button", name="Resume film.bin").click()
    tab.wait("done")
    only_stored(server.state, film, "raw")


def test_pause_and_resume_in_one_breath_is_no_race(tus: Tab, server: Server, film: Path) -> None:
    tus.speed(2 * MB)
    tus.choose(film)
    started(tus, 0.1)
    tus.widget.evaluate("element => { for (let i = 0; i < 20; i++) { element.pause(); element.resume(); } }")
    tus.wait("done")
    only_stored(server.state, film, "tus")
    tus.errors.clear()  # a 409 where the stopped piece was still being written down


def test_cancel_stops_removes_and_tells_the_server(tus: Tab, server: Server, film: Path) -> None:
    tus.speed(MB)
    tus.choose(film)
    started(tus)
    tus.page.get_by_role("button", name="Cancel film.bin").click()
    tus.until(lambda: server.state.sent("DELETE"))
    assert tus.page.locator(".au-item").count() == 0
    assert server.state.stored == []
    assert tus.focused() == "file"
    assert tus.page.evaluate("localStorage.length") == 0


def test_pause_all_resume_all_cancel_all(tus: Tab, server: Server, make: MAKE) -> None:
    tus.speed(MB)
    tus.choose(*(make(f"{number}.bin", MB) for number in range(5)))
    started(tus, 0.1)
    tus.page.get_by_role("button", name="Pause all files").click()
    tus.wait("paused", 5)
    tus.page.get_by_role("button", name="Resume all files").click()
    tus.wait("sending", 3)
    tus.page.get_by_role("button", name="Cancel all files").click()
    assert tus.page.locator(".au-item").count() == 0
    assert tus.focused() == "file"


def test_taken_out_of_the_page_nothing_goes_on_unseen(tus: Tab, server: Server, film: Path) -> None:
    tus.speed(MB)
    tus.choose(film)
    started(tus)
    tus.page.evaluate("window.kept = document.querySelector('ajax-upload'); kept.remove()")
    tus.until("kept.files[0].state === 'paused'")
    tus.page.evaluate("document.querySelector('form').prepend(kept)")
    tus.page.get_by_role("button", name="Resume film.bin").click()
    tus.wait("done")
    only_stored(server.state, film, "tus")
