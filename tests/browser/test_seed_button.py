"""The old script's button, drop area and leaving question, by mouse, keyboard and drag.

What lives here: what a hand does on a qq page. Options and callbacks are in test_seed.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.rig import Tab
from tests.browser.scripted import Server
from tests.browser.test_seed import calls, finished, open_page

pytestmark = pytest.mark.browser
MAKE = Callable[..., Path]


def opened(tab: Tab, before: int) -> bool:
    """Has a chooser opened since there were so many?"""
    return len(tab.choosers) > before


def test_the_button_opens_the_chooser_by_mouse_and_keyboard(visit: OPEN, make: MAKE) -> None:
    tab = open_page(visit)
    button = tab.page.get_by_role("button", name="Upload a file")
    button.click()
    tab.until(lambda: len(tab.choosers) == 1)
    tab.page.keyboard.press("Escape")
    for key in ("Enter", "Space"):
        before = len(tab.choosers)
        button.press(key)
        tab.until(partial(opened, tab, before))
    tab.choosers[-1].set_files(make("k.txt"))
    finished(tab)


def test_the_button_carries_the_old_hover_and_focus_classes(visit: OPEN) -> None:
    tab = open_page(visit)
    button = tab.page.locator(".qq-upload-button")
    button.hover()
    assert "qq-upload-button-hover" in (button.get_attribute("class") or "")
    button.focus()
    assert "qq-upload-button-focus" in (button.get_attribute("class") or "")
    tab.page.mouse.move(0, 0)
    button.blur()
    assert button.get_attribute("class") == "qq-upload-button"


def test_the_drop_area_shows_only_while_files_are_dragged(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = open_page(visit)
    area = tab.page.locator(".qq-upload-drop-area")
    assert not area.is_visible()
    files = tab.make_files(("a.txt", "x", "text/plain"))
    tab.page.dispatch_event("body", "dragenter", {"dataTransfer": files})
    assert area.is_visible()
    tab.page.dispatch_event(".qq-upload-drop-area", "dragover", {"dataTransfer": files})
    assert "qq-upload-drop-area-active" in (area.get_attribute("class") or "")
    tab.page.dispatch_event(".qq-upload-drop-area", "drop", {"dataTransfer": files})
    assert not area.is_visible()
    finished(tab)
    assert [one.name for one in server.state.stored] == ["a.txt"]


def test_a_drop_beside_the_area_neither_uploads_nor_leaves_the_page(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = open_page(visit, style="main { margin-block-start: 200px }")
    tab.drop(make("beside.txt"), selector="html")
    tab.page.wait_for_timeout(200)
    assert tab.page.url.endswith("/page.html")
    assert server.state.stored == []


def test_a_real_drop_on_the_area_uploads(visit: OPEN, server: Server, make: MAKE) -> None:
    tab = open_page(visit)
    tab.drop(make("dropped.txt"), selector=".qq-uploader")
    finished(tab)
    assert [one.name for one in server.state.stored] == ["dropped.txt"]


def test_without_multiple_two_dropped_files_are_refused(visit: OPEN, server: Server) -> None:
    tab = open_page(visit, "multiple: false,")
    assert tab.page.locator("input[type=file]").get_attribute("multiple") is None
    files = tab.make_files(("a.txt", "x", ""), ("b.txt", "x", ""))
    tab.page.dispatch_event("body", "dragenter", {"dataTransfer": files})
    tab.page.dispatch_event(".qq-upload-drop-area", "drop", {"dataTransfer": files})
    tab.until(lambda: calls(tab, "message"))
    assert calls(tab, "message") == [["Only one file can be uploaded."]]


def test_both_interfaces_on_one_page_leave_each_other_their_drops(visit: OPEN, server: Server) -> None:
    tab = open_page(visit)
    tab.page.evaluate(
        """document.body.append(Object.assign(document.createElement('ajax-upload'), { id: 'new' }));
        document.querySelector('#new').setAttribute('endpoint', '/upload')"""
    )
    tab.page.locator("ajax-upload[ready]").wait_for()
    files = tab.make_files(("a.txt", "x", "text/plain"))
    tab.page.dispatch_event("ajax-upload", "drop", {"dataTransfer": files})
    tab.wait("done")
    assert len(server.state.stored) == 1
    assert calls(tab, "submit") == []


def test_the_basic_class_draws_nothing_but_uses_a_button(visit: OPEN, server: Server, make: MAKE) -> None:
    body = """<button id="b">Send files</button><script nonce="test">
      window.calls = [];
      window.uploader = new qq.FileUploaderBasic({ action: '/upload', button: document.getElementById('b'),
        onComplete: (...args) => calls.push(['complete', ...args]), onAllComplete: () => calls.push(['all', []]) });
    </script>"""
    tab = visit(body=body, defer=False)
    tab.page.get_by_role("button", name="Send files").press("Enter")
    tab.until(lambda: len(tab.choosers) == 1)
    tab.choosers[0].set_files([make("a.txt"), make("b.txt")])
    finished(tab)
    assert len(server.state.stored) == 2
    assert tab.page.locator("li").count() == 0


def test_leaving_asks_while_files_are_sent(visit: OPEN, make: MAKE) -> None:
    tab = open_page(visit)
    tab.speed(1 << 20)
    tab.choose(make("film.bin", 3 << 20))
    tab.until("uploader.getInProgress()")
    tab.page.mouse.click(5, 5)
    tab.page.reload()
    assert tab.dialogs == ["beforeunload"]


def test_large_files_resume_here_too_when_the_server_offers_it(visit: OPEN, server: Server, make: MAKE) -> None:
    server.state.limits = {"resumable": "/files/"}
    tab = open_page(visit)
    tab.choose(make("film.bin", 9 << 20))
    finished(tab)
    assert [(one.proto, one.size) for one in server.state.stored] == [("tus", 9 << 20)]
    assert calls(tab, "complete")[0][2]["id"] == "id1"


def test_axe_finds_nothing_on_an_old_page_either(visit: OPEN, make: MAKE, axe: Path) -> None:
    tab = open_page(visit)
    assert tab.axe(axe) == []
    tab.choose(make("a.txt"))
    finished(tab)
    assert tab.axe(axe) == []
