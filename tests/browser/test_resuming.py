"""What comes between a file and the server: pauses, reloads, lost connections, proxies, servers that are down.

What lives here: faults that pass, and what must not be stored twice. Against the scripted server, for no healthy one
has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.rig import Tab, sha256
from tests.browser.scripted import Server
from tests.browser.state import Fault, State

pytestmark = pytest.mark.browser
MAKE = Callable[..., Path]
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


@pytest.fixture
def film(make: MAKE) -> Path:
    """3 MiB, so 12 pieces of 256 KiB."""
    return make("film.bin", 3 * MB)


@pytest.fixture
def tus(visit: OPEN, server: Server) -> Tab:
    """A page whose server offers tus, with small pieces."""
    server.state.limits = dict(TUS)
    return visit("chunk-size=256KiB")


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


def test_offline_waits_says_so_and_spends_no_tries(tus: Tab, server: Server, film: Path) -> None:
    tus.widget.evaluate("element => { element.uploader.options.retries = 0; }")
    tus.speed(MB)
    tus.choose(film)
    started(tus)
    tus.speed(MB, offline=True)
    assert "No connection. It goes on by itself" in tus.wait("waiting").inner_text()
    assert "No connection." in tus.said()
    tus.page.wait_for_timeout(500)
    tus.speed(4 * MB)
    tus.wait("done")
    only_stored(server.state, film, "tus")
    assert sum(entry.received for entry in server.state.sent("PATCH")) < film.stat().st_size + (600 << 10)
    tus.forget("ERR_INTERNET_DISCONNECTED")


def test_a_server_that_is_down_is_tried_again_when_it_asked(tus: Tab, server: Server, film: Path) -> None:
    server.state.faults = [Fault("PATCH", 503, {}, {"Retry-After": "1"}, skip=3, times=2)]
    tus.choose(film)
    tus.page.locator(".au-status", has_text="Connection problem. Next try in 1 sec.").wait_for()
    tus.wait("done")
    only_stored(server.state, film, "tus")
    tus.forget("503")


def test_connections_reset_within_pieces_cost_only_those_pieces(tus: Tab, server: Server, film: Path) -> None:
    server.state.faults = [Fault("PATCH", reset=100_000, skip=2), Fault("PATCH", reset=0, skip=4, times=3)]
    tus.choose(film)
    tus.wait("done")
    only_stored(server.state, film, "tus")
    tus.errors.clear()  # the number of complaints depends on what the browser repeats by itself


def test_connections_reset_within_a_post_are_tried_again(visit: OPEN, server: Server, film: Path) -> None:
    server.state.faults = [Fault("POST", reset=100_000, times=2)]
    tab = visit()
    tab.choose(film)
    tab.wait("done")
    only_stored(server.state, film, "raw")
    tab.errors.clear()


def test_a_post_whose_answer_was_lost_is_repeated_under_the_same_key(visit: OPEN, server: Server, film: Path) -> None:
    server.state.faults = [Fault("POST", lose_answer=True)]
    tab = visit()
    tab.choose(film)
    tab.wait("done")
    only_stored(server.state, film, "raw")
    assert len({entry.headers["idempotency-key"] for entry in server.state.sent("POST")}) == 1
    tab.errors.clear()


def test_a_last_piece_whose_answer_was_lost_is_asked_for_not_stored_again(tus: Tab, server: Server, film: Path) -> None:
    server.state.faults = [Fault("PATCH", lose_answer=True, skip=11)]
    tus.choose(film)
    tus.wait("done")
    only_stored(server.state, film, "tus")
    assert server.state.sent("PATCH")[-1].received == 0
    assert server.state.sent("PATCH")[-1].headers["upload-offset"] == str(3 * MB)
    assert tus.page.evaluate("document.querySelector('ajax-upload').files[0].response.id") == "id1"
    tus.errors.clear()


def test_an_upload_that_the_server_lost_begins_anew(tus: Tab, server: Server, film: Path) -> None:
    server.state.faults = [Fault("PATCH", 404, {}, skip=3)]
    tus.choose(film)
    tus.wait("done")
    only_stored(server.state, film, "tus")
    assert len(server.state.sent("POST")) == 2
    tus.forget("404")


def test_a_proxys_413_halves_the_piece_until_it_passes(tus: Tab, server: Server, film: Path) -> None:
    server.state.max_body = 70_000
    tus.choose(film)
    tus.wait("done")
    only_stored(server.state, film, "tus")
    assert max(entry.received for entry in server.state.sent("PATCH") if entry.status != 413) == 64 << 10
    assert [entry.status for entry in server.state.sent("PATCH")].count(413) == 2
    tus.forget("413")


def test_a_proxys_413_to_a_post_turns_to_tus_in_smaller_pieces(visit: OPEN, server: Server, film: Path) -> None:
    server.state.limits = dict(TUS)
    server.state.max_body = MB
    tab = visit()
    tab.choose(film)
    tab.wait("done")
    only_stored(server.state, film, "tus")
    tab.forget("413")


def test_a_413_of_the_endpoint_itself_is_final_and_says_why(tus: Tab, server: Server, make: MAKE) -> None:
    reason = "The file is larger than the 100 kB allowed here."
    server.state.faults = [Fault("POST", 413, {"success": False, "error": reason}, path="/upload")]
    tus.choose(make("a.bin", 200_000))
    assert reason in tus.wait("failed").inner_text()
    assert len(server.state.sent("POST")) == 1
    tus.forget("413")


def test_prevent_retry_is_obeyed(visit: OPEN, server: Server, make: MAKE) -> None:
    answer = {"success": False, "error": "The disk is full.", "preventRetry": True}
    server.state.faults = [Fault("POST", 507, answer, times=9)]
    tab = visit()
    tab.choose(make("a.txt"))
    assert "The disk is full." in tab.wait("failed").inner_text()
    assert len(server.state.sent("POST")) == 1
    tab.forget("507")


def test_a_file_that_changed_on_disk_is_called_so_and_not_tried_again(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit("auto=off")
    file = make("a.txt", "before")
    tab.choose(file)
    tab.wait("queued")
    file.write_text("and after, longer")
    os.utime(file, (2e9, 2e9))
    tab.page.get_by_role("button", name="Start a.txt").click()
    assert "changed or removed on your device" in tab.wait("failed").inner_text()
    assert server.state.stored == []
    tab.errors.clear()


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
