"""A smoke test in the other two families of browsers: Debian's Firefox, and WebKitGTK for what Safari is made of.

What lives here: the few things that must work everywhere. The details are tested in Chromium.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.drivers import Driver, firefox, webkit
from tests.browser.rig import document, form, sha256
from tests.browser.scripted import Server
from tests.browser.state import Fault
from tests.browser.test_seed import BODY

pytestmark = [pytest.mark.browser, pytest.mark.slow]
MAKE = Callable[..., Path]
STATES = "[...document.querySelectorAll('.au-item')].map((row) => row.dataset.state).join()"


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(firefox, id="firefox", marks=pytest.mark.needs("firefox-esr")),
        pytest.param(webkit, id="webkit", marks=[pytest.mark.needs("WebKitWebDriver"), pytest.mark.needs("Xvfb")]),
    ],
)
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Driver]:
    """A window of each."""
    with request.param(tmp_path_factory.mktemp("profile")) as running:
        yield running


def show(driver: Driver, server: Server, body: str, *, defer: bool = True) -> None:
    """Open a page with the widget."""
    server.state.pages["/page.html"] = document(body, defer=defer)
    driver.open(f"{server.url}/page.html")
    assert driver.run("document.title") == "Send your documents"


def shown(driver: Driver, server: Server, attributes: str = "") -> None:
    """Open a page with an element, ready."""
    show(driver, server, form(attributes))
    driver.until("document.querySelector('ajax-upload[ready]')")


def test_a_small_file_is_posted_and_the_form_sends_its_id(driver: Driver, server: Server, make: MAKE) -> None:
    file = make("läng name.txt", 50_000)
    shown(driver, server)
    driver.choose("#file", file)
    driver.until(f"{STATES} === 'done'")
    assert [(one.proto, one.name, one.sha256) for one in server.state.stored] == [("raw", file.name, sha256(file))]
    assert driver.run("new FormData(document.querySelector('form')).getAll('docs')") == ["id1"]
    assert driver.run("document.querySelector('ajax-upload [role=status]').textContent") == f"{file.name} uploaded"
    assert driver.run("document.querySelector('.au-item .au-status').textContent") == "Uploaded, 48.8 KiB"


def test_a_large_file_goes_by_tus_over_a_reset_connection(driver: Driver, server: Server, make: MAKE) -> None:
    file = make("film.bin", 2 << 20)
    server.state.limits = {"resumable": "/files/"}
    server.state.faults = [Fault("PATCH", reset=50_000, skip=2)]
    shown(driver, server, "chunk-size=256KiB")
    driver.choose("#file", file)
    driver.until(f"{STATES} === 'done'")
    assert [(one.proto, one.sha256) for one in server.state.stored] == [("tus", sha256(file))]


def test_a_refusal_shows_the_servers_reason_and_can_be_tried_again(driver: Driver, server: Server, make: MAKE) -> None:
    server.state.faults = [Fault("POST", 400, {"success": False, "error": "No such album"})]
    shown(driver, server)
    driver.choose("#file", make("x.txt"))
    driver.until(f"{STATES} === 'failed'")
    assert driver.run("document.querySelector('[role=alert]').textContent") == "x.txt: No such album"
    assert driver.run("document.querySelector('ajax-upload').checkValidity()") is False
    driver.run("document.querySelector('[aria-label=\"Try x.txt again\"]').click()")
    driver.until(f"{STATES} === 'done'")


def test_a_drop_and_a_thumbnail(driver: Driver, server: Server) -> None:
    shown(driver, server)
    driver.run(
        """(() => {
          const canvas = Object.assign(document.createElement('canvas'), { width: 50, height: 50 });
          canvas.toBlob((blob) => {
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([blob], 'drawn.png', { type: 'image/png' }));
            document.querySelector('ajax-upload').dispatchEvent(new DragEvent('drop', { dataTransfer }));
          });
        })()"""
    )
    driver.until(f"{STATES} === 'done'")
    driver.until("document.querySelector('.au-thumb canvas')")


def test_the_look_is_whole(driver: Driver, server: Server) -> None:
    """Colours by light-dark() and color-mix(), the hidden input, the icon: what an older engine would not know."""
    shown(driver, server)
    look = "getComputedStyle(document.querySelector('%s')).%s"
    assert driver.run(look % (".au-button", "backgroundColor")) == "rgb(11, 87, 208)"
    assert driver.run(look % ("ajax-upload", "borderStyle")) == "dashed"
    assert driver.run(look % (".au-input", "opacity")) == "0"
    assert driver.run("document.querySelector('.au-icon svg').getBoundingClientRect().height") == 40


def test_axe_finds_nothing_here_either(driver: Driver, server: Server, make: MAKE, axe: Path) -> None:
    shown(driver, server)
    driver.choose("#file", make("a.txt"))
    driver.until(f"{STATES} === 'done'")
    driver.run(f"(() => {{ {axe.read_text()}; globalThis.axe = axe; }})()")
    driver.run("(axe.run(document).then((result) => { window.result = result; }), 1)")
    driver.until("window.result")
    assert driver.run("result.violations.map((one) => one.id)") == []


def test_an_old_page_works(driver: Driver, server: Server, make: MAKE) -> None:
    show(driver, server, BODY % "", defer=False)
    driver.choose("input[type=file]", make("a.txt"))
    driver.until("calls.some(([name]) => name === 'all')")
    assert driver.run("document.querySelectorAll('.qq-upload-success').length") == 1
    assert driver.run("calls.find(([name]) => name === 'complete')[3].success") is True
