"""What it looks like, in light, dark, busy, failed, and on a phone: pictures for a person to look at, and what can be
told of them without one.

What lives here: the scenes. The pictures land in build/browser; three of them are the documentation's (docs/images).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.pictures import landscape, png
from tests.browser.rig import Tab
from tests.browser.scripted import Server
from tests.browser.state import Fault
from tests.conftest import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MAKE = Callable[..., Path]
MB = 1 << 20
FOLDER = ROOT / "build" / "browser"
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2, "has_touch": True, "is_mobile": True}


def picture(tab: Tab, name: str, *, rtl: bool = False) -> None:
    """Keep it, and make sure that it fits: nothing wider than the page, nothing over something else."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    tab.page.screenshot(path=FOLDER / f"{name}.png", full_page=True)
    width, space = tab.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert width <= space
    boxes = tab.page.evaluate(
        """[...document.querySelectorAll('.au-item')].map((row) => [...row.children]
          .filter((part) => part.checkVisibility()).map((part) => part.getBoundingClientRect())
          .map(({ left, right }) => [Math.round(left), Math.round(right)]))"""
    )
    for row in boxes:
        parts = row[::-1] if rtl else row
        assert all(one[1] <= other[0] for one, other in pairwise(parts)), parts


def busy(tab: Tab, server: Server, make: MAKE) -> None:
    """One of each: stored, refused by the server, on its way, paused, waiting for its turn."""
    refusal = {"success": False, "error": "This file holds a virus (EICAR)."}
    server.state.faults = [Fault("POST", 422, refusal, path="/upload", skip=2)]
    tab.choose(make("evening in the hills.png", png(160, 120, landscape)))
    tab.wait("done")
    tab.choose(make("annual report.pdf", 812_000))
    tab.wait("done", 2)
    tab.choose(make("invoice-2219.doc", 48_000))
    tab.wait("failed")
    tab.forget("422")
    tab.speed(2 * MB)
    names = ("holiday film.mp4", "interview with the long title that somebody gave it in a hurry.wav", "backup.zip")
    tab.choose(*(make(name, (number + 2) * 3 * MB) for number, name in enumerate(names)))
    second = "document.querySelectorAll('.au-item')[%d].querySelector('progress').value > %f"
    tab.until(second % (4, 0.25))
    tab.page.get_by_role("button", name="Pause interview").click()
    tab.until(second % (3, 0.6))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_busy(visit: OPEN, server: Server, make: MAKE, scheme: str) -> None:
    server.state.limits = {"max_size": 2 << 30, "resumable": "/files/"}
    attributes = "chunk-size=1MiB concurrency=2"
    tab = visit(attributes, color_scheme=scheme, viewport={"width": 760, "height": 720}, device_scale_factor=2)
    picture(tab, f"{scheme}-idle")
    busy(tab, server, make)
    picture(tab, f"{scheme}-busy")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_failed(visit: OPEN, server: Server, make: MAKE, scheme: str) -> None:
    server.state.limits = {"max_size": 2 << 20, "allow": ["image/*", ".pdf"]}
    tab = visit(color_scheme=scheme, viewport={"width": 760, "height": 600}, device_scale_factor=2)
    server.state.faults = [Fault("POST", 400, {"error": "There is no album of that name."}, path="/upload")]
    tab.choose(make("scan.pdf", 50_000))
    tab.wait("failed")
    tab.page.get_by_role("button", name="Try scan.pdf again").focus()
    files = tab.make_files(("setup.exe", "MZ", "application/x-msdownload"))
    tab.page.dispatch_event("ajax-upload", "drop", {"dataTransfer": files})
    tab.wait("refused")
    tab.forget("400")
    picture(tab, f"{scheme}-failed")


def test_phone(visit: OPEN, server: Server, make: MAKE) -> None:
    server.state.limits = {"max_size": 2 << 30, "resumable": "/files/"}
    tab = visit("chunk-size=1MiB concurrency=2", **PHONE)
    busy(tab, server, make)
    picture(tab, "phone-busy")


def test_right_to_left(visit: OPEN, server: Server, make: MAKE) -> None:
    server.state.limits = {"max_size": 2 << 30, "resumable": "/files/"}
    viewport = {"width": 760, "height": 720}
    tab = visit("chunk-size=1MiB concurrency=2", lang="ar", dir="rtl", viewport=viewport)
    busy(tab, server, make)
    picture(tab, "rtl-busy", rtl=True)


def test_dragging_over(visit: OPEN) -> None:
    tab = visit(viewport={"width": 760, "height": 400})
    files = tab.make_files(("d.txt", "dropped", "text/plain"))
    tab.page.dispatch_event("ajax-upload", "dragenter", {"dataTransfer": files})
    picture(tab, "light-dragging")


def test_an_old_page(visit: OPEN, server: Server, make: MAKE) -> None:
    from tests.browser.test_seed import open_page

    tab = open_page(visit, viewport={"width": 760, "height": 400})
    tab.choose(make("a.txt"))
    tab.page.locator(".qq-upload-success").wait_for()
    server.state.faults = [Fault("POST", 422, {"error": "No."})]
    tab.choose(make("b.txt"))
    tab.page.locator(".qq-upload-fail").wait_for()
    tab.speed(MB)
    tab.choose(make("film.bin", 3 * MB))
    tab.page.locator(".qq-upload-size", has_text="of 3 MiB").wait_for()
    tab.forget("422")
    picture(tab, "old-page")
