"""What comes between a file and the server: lost connections, proxies, servers that are down or forgetful.

What lives here: faults that pass, and what must not be stored twice. Against the scripted server, for no healthy one
has them.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.rig import Tab
from tests.browser.scripted import Server
from tests.browser.sending import MB, TUS, only_stored, started
from tests.browser.state import Fault

pytestmark = pytest.mark.browser
MAKE = Callable[..., Path]


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
