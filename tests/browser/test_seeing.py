"""What a person sees and hears while files are on their way, and when one fails.

What lives here: texts, bars, pictures and live regions. Who can reach and read them is in test_everybody.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.pictures import png
from tests.browser.rig import sha256
from tests.browser.scripted import Server
from tests.browser.state import Fault

pytestmark = pytest.mark.browser
MAKE = Callable[..., Path]
MB = 1 << 20


def red(_x: int, _y: int) -> tuple[int, int, int]:
    """A picture of one colour."""
    return (255, 0, 0)


def test_one_file_shows_progress_amount_speed_and_time_left(visit: OPEN, server: Server, make: MAKE) -> None:
    film = make("film.bin", 3 * MB)
    tab = visit()
    tab.record("progress")
    tab.speed(MB)
    tab.choose(film)
    status = tab.page.locator(".au-item .au-status", has_text="left")
    status.wait_for()
    assert re.fullmatch(r"\d+%, [\d.,]+ .iB of 3 MiB, [\d.,]+ .iB/s, \d+ sec left", status.inner_text())
    assert tab.wait("done").locator(".au-status").inner_text() == "Uploaded, 3 MiB"
    amounts = [loaded for _, _, loaded in tab.seen()]
    assert len(amounts) > 10
    assert amounts == sorted(amounts)
    assert amounts[-1] == 3 * MB
    assert server.state.stored[0].sha256 == sha256(film)


def test_the_speed_is_true(visit: OPEN, make: MAKE) -> None:
    """Against the bytes and the clock that the page itself saw, for a busy machine is slower than it is told to be."""
    tab = visit()
    tab.page.evaluate(
        """() => {
          window.looks = [];
          document.addEventListener('upload-progress', ({ detail }) => looks.push([performance.now(), detail.loaded]));
        }"""
    )
    tab.speed(MB)
    tab.choose(make("film.bin", 4 * MB))
    tab.until("document.querySelector('.au-item progress')?.value > 0.6")
    rate, (since, first), (now, last) = tab.page.evaluate(
        "[document.querySelector('ajax-upload').uploader.rate, looks[0], [performance.now(), looks.at(-1)[1]]]"
    )
    assert rate == pytest.approx((last - first) / (now - since) * 1000, rel=0.1)


def test_several_files_show_a_line_for_all_of_them(visit: OPEN, make: MAKE) -> None:
    tab = visit("concurrency=1")
    tab.speed(MB)
    tab.choose(make("a.bin", MB), make("b.bin", MB), make("c.bin", MB))
    line = tab.page.locator(".au-total .au-status", has_text="left")
    line.wait_for()
    assert re.fullmatch(r"\d of 3 files, \d+%, [\d.,]+ .iB/s, \d+ sec left", line.inner_text())
    assert tab.page.locator(".au-item[data-state=queued] .au-status").first.inner_text() == "Waiting, 1 MiB"
    tab.speed()
    tab.wait("done", 3)
    assert not tab.page.locator(".au-total").is_visible()


def test_a_resumed_file_does_not_inflate_the_speed(visit: OPEN, server: Server, make: MAKE) -> None:
    """What the server has from before the reload was not sent now."""
    server.state.limits = {"resumable": "/files/"}
    film = make("film.bin", 12 * MB)
    tab = visit("chunk-size=256KiB")
    tab.speed(2 * MB)
    tab.choose(film)
    tab.until("document.querySelector('.au-item progress')?.value > 0.4")
    tab.page.reload()
    tab.wait("unfinished")
    tab.choose(film)
    rate = tab.until("document.querySelector('ajax-upload').uploader.rate")
    assert rate < 4 * MB
    tab.widget.evaluate("element => element.cancel()")


@pytest.mark.parametrize(
    ("status", "body", "headers", "text"),
    [
        (422, {"success": False, "error": "Infected with EICAR"}, {}, "Infected with EICAR"),
        (400, {"message": "No such album"}, {}, "No such album"),
        (403, {"detail": "CSRF token missing."}, {}, "CSRF token missing."),
        (400, {"error": {"message": "Nested reason"}}, {}, "Nested reason"),
        (200, {"success": False, "error": "Refused with a 200"}, {}, "Refused with a 200"),
        (415, b"Only pictures, please.", {"Content-Type": "text/plain"}, "Only pictures, please."),
        (404, {}, {}, "The server answered 404."),
        (413, {}, {}, "The server does not take a file this large."),
    ],
)
def test_the_servers_own_reason_is_shown_and_announced(
    visit: OPEN, server: Server, make: MAKE, status: int, body: object, headers: dict[str, str], text: str
) -> None:
    tab = visit()
    server.state.faults = [Fault("POST", status, body, headers)]
    tab.choose(make("x.txt"))
    assert tab.wait("failed").locator(".au-status").inner_text() == f"Failed: {text}"
    assert tab.alert() == f"x.txt: {text}"
    assert tab.said() == "x.txt failed"
    if status >= 400:
        tab.forget(str(status))


def test_a_new_try_by_hand_is_a_new_upload(visit: OPEN, server: Server, make: MAKE) -> None:
    """With a key of its own, for the server may replay its refusal to the old one."""
    tab = visit()
    server.state.faults = [Fault("POST", 403, {"error": "Not yet."})]
    tab.choose(make("x.txt"))
    tab.page.get_by_role("button", name="Try x.txt again").click()
    tab.wait("done")
    assert len({entry.headers["idempotency-key"] for entry in server.state.sent("POST")}) == 2
    tab.forget("403")


@pytest.mark.parametrize(
    ("status", "body", "buttons"),
    [
        pytest.param(413, {"error": "No.", "preventRetry": True}, ["Remove x.txt"], id="too-large"),
        pytest.param(415, {"error": "No."}, ["Remove x.txt"], id="type"),
        pytest.param(422, b"No.", ["Remove x.txt"], id="content"),
        pytest.param(507, {"error": "No.", "preventRetry": True}, ["Remove x.txt"], id="the-servers-word"),
        pytest.param(422, {"error": "No.", "preventRetry": False}, ["Try x.txt again", "Remove x.txt"], id="may-pass"),
        pytest.param(401, {"error": "No.", "preventRetry": True}, ["Try x.txt again", "Remove x.txt"], id="log-in"),
        pytest.param(404, {"error": "No."}, ["Try x.txt again", "Remove x.txt"], id="unknown"),
    ],
)
def test_a_retry_is_offered_only_where_it_has_a_chance(
    visit: OPEN, server: Server, make: MAKE, status: int, body: object, buttons: list[str]
) -> None:
    tab = visit()
    server.state.faults = [Fault("POST", status, body, times=9)]
    tab.choose(make("x.txt"))
    row = tab.wait("failed")
    names = [button.get_attribute("aria-label") for button in row.get_by_role("button").all()]
    assert names == buttons
    assert len(server.state.sent("POST")) == 1
    tab.forget(str(status))


def test_a_log_in_page_is_not_taken_for_a_receipt(visit: OPEN, server: Server, make: MAKE) -> None:
    """A session that ran out redirects to a page with status 200, and nothing was stored."""
    tab = visit()
    server.state.faults = [Fault("POST", 200, b"<!doctype html><h1>Log in</h1>", {"Content-Type": "text/html"})]
    tab.choose(make("x.txt"))
    assert "Perhaps you need to log in again." in tab.wait("failed").inner_text()


def test_after_all_tries_the_lost_connection_is_named(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit()
    tab.widget.evaluate("element => { element.uploader.options.retries = 1; }")
    server.state.faults = [Fault("POST", reset=0, times=99)]
    tab.choose(make("x.txt"))
    assert "The connection was lost." in tab.wait("failed").inner_text()
    tab.errors.clear()


def test_a_connection_that_stands_still_is_given_up(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = visit()
    tab.widget.evaluate("element => Object.assign(element.uploader.options, { retries: 0, stall: 0.5 })")
    server.state.rate = 1000
    tab.choose(make("x.bin", 5 * MB))
    assert "The connection was lost." in tab.wait("failed").inner_text()
    tab.errors.clear()


def test_the_live_region_says_added_quarters_and_done_once(visit: OPEN, make: MAKE) -> None:
    tab = visit()
    tab.page.evaluate(
        """() => {
          window.heard = [];
          const region = document.querySelector('ajax-upload [role=status]');
          new MutationObserver(() => heard.push(region.textContent)).observe(region, { childList: true });
        }"""
    )
    tab.page.evaluate("performance.now = () => Date.now() * 50")  # four seconds pass in 80 ms
    tab.speed(MB)
    tab.choose(make("film.bin", 2 * MB))
    tab.wait("done")
    heard = tab.page.evaluate("heard")
    assert heard[0] == "film.bin added"
    assert heard[-1] == "film.bin uploaded"
    assert [re.fullmatch(r"\d\d%, .* of 2 MiB", text) is not None for text in heard[1:-1]] == [True] * 3


def test_the_live_region_is_not_a_chatterbox(visit: OPEN, make: MAKE) -> None:
    tab = visit()
    tab.page.evaluate(
        """() => {
          window.heard = [];
          const region = document.querySelector('ajax-upload [role=status]');
          new MutationObserver(() => heard.push(region.textContent)).observe(region, { childList: true });
        }"""
    )
    tab.choose(*(make(f"{number}.bin", 100_000) for number in range(12)))
    tab.wait("done", 12)
    assert tab.page.evaluate("heard") == ["12 files added", "12 files uploaded"]


def test_pictures_get_thumbnails_without_blob_urls(visit: OPEN, make: MAKE) -> None:
    tab = visit()
    tab.choose(make("photo.png", png(800, 400, red)), make("broken.png", b"no picture"), make("report.pdf", 5000))
    tab.wait("done", 3)
    canvas = tab.page.locator(".au-thumb canvas")
    canvas.wait_for()
    assert canvas.count() == 1
    pixel = "canvas => [...canvas.getContext('2d').getImageData(10, 10, 1, 1).data]"
    assert canvas.evaluate(pixel) == [255, 0, 0, 255]
    assert tab.page.locator(".au-thumb", has_text="png").count() == 1
    assert tab.page.locator(".au-thumb", has_text="pdf").count() == 1


def test_a_refused_file_is_a_row_with_its_reason_that_can_be_dismissed(visit: OPEN, make: MAKE) -> None:
    tab = visit('max-size="100"')
    tab.choose(make("big.bin", 101))
    row = tab.wait("refused")
    assert row.locator(".au-status").inner_text() == "Not added: big.bin is too large. The limit is 100 bytes."
    assert tab.alert() == "big.bin is too large. The limit is 100 bytes."
    row.get_by_role("button", name="Remove big.bin").click()
    assert tab.page.locator(".au-item").count() == 0
    assert tab.focused() == "file"


def test_the_next_choice_clears_what_was_refused(visit: OPEN, make: MAKE) -> None:
    tab = visit('max-size="100"')
    tab.choose(make("big.bin", 101))
    tab.wait("refused")
    tab.choose(make("small.bin", 100))
    tab.wait("done")
    assert tab.row("refused").count() == 0


def test_names_and_reasons_are_text_never_markup(visit: OPEN, server: Server, make: MAKE) -> None:
    evil = "<img src=x onerror=alert(1)>"
    tab = visit()
    server.state.faults = [Fault("POST", 422, {"error": f"{evil} & {{file}}"})]
    files = tab.make_files((f"{evil}.txt", "x", "text/plain"))
    tab.page.dispatch_event("ajax-upload", "drop", {"dataTransfer": files})
    assert tab.wait("failed").locator(".au-name").inner_text() == f"{evil}.txt"
    assert f"{evil} & {{file}}" in tab.alert()
    assert tab.page.locator("ajax-upload img").count() == 0
    tab.forget("422")
