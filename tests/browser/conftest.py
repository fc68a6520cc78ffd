"""Fixtures of the browser tests: the system's Chromium, the scripted server, and tabs that must not complain.

What lives here: starting and ending things. The browser is Debian's (`apt-get install chromium`); none is ever
downloaded. What a machine lacks is said by the markers `browser` and `needs`, which tests/conftest.py knows; what
comes from npm is asked for here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser.rig import Tab, document, form
from tests.browser.scripted import Server, running
from tests.browser.sending import MB, TUS
from tests.conftest import ROOT
from tests.support.chromium import launched

if TYPE_CHECKING:  # where Playwright is missing the tests are skipped, which needs this file to load
    from playwright.sync_api import Browser, BrowserContext

MODULES = ROOT / "tests" / "js" / "node_modules"
NPM = "npm install --prefix tests/js --no-package-lock"
OPEN = Callable[..., Tab]


def npm(file: str) -> Path:
    """A file of an npm package; where it is missing, the test is skipped with the command that brings it."""
    path = MODULES / file
    if not path.exists():
        pytest.skip(f"no npm packages: {NPM}")
    return path


@pytest.fixture(scope="session")
def axe() -> Path:
    """axe-core's script."""
    return npm("axe-core/axe.min.js")


@pytest.fixture(scope="session")
def _server() -> Iterator[Server]:
    with running() as server:
        yield server


@pytest.fixture
def server(_server: Server) -> Server:
    """The scripted server, with nothing stored and nothing planned."""
    _server.renew()
    return _server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a module; each test gets contexts of its own."""
    with launched() as browser:
        yield browser


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A fixture's end wants to know how the test went."""
    report = yield
    if report.when == "call":
        item.stash[PASSED] = report.passed
    return report


PASSED = pytest.StashKey[bool]()


@pytest.fixture
def new_tab(chromium: Browser, server: Server, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[OPEN]:
    """new_tab(**options of a context) -> Tab. If the test failed a picture is kept; else no tab may have complained."""
    contexts: list[BrowserContext] = []
    tabs: list[Tab] = []

    def make(context: BrowserContext | None = None, **options: Any) -> Tab:
        if context is None:
            viewport = options.pop("viewport", {"width": 900, "height": 800})
            context = chromium.new_context(base_url=server.url, viewport=viewport, **options)
            context.set_default_timeout(30_000)
            contexts.append(context)
        tabs.append(Tab(context.new_page()))
        return tabs[-1]

    yield make
    passed = request.node.stash.get(PASSED, False)
    for number, tab in enumerate(tabs):
        if not passed and not tab.page.is_closed():
            folder = ROOT / "build" / "browser"
            folder.mkdir(parents=True, exist_ok=True)
            tab.page.screenshot(path=folder / f"{request.node.name}-{number}.png", full_page=True)
    for context in contexts:
        context.close()
    if passed:
        assert [tab.errors for tab in tabs] == [[] for _ in tabs]


@pytest.fixture
def visit(new_tab: OPEN, server: Server) -> OPEN:
    """visit("max-size=1MB") -> a Tab that shows a form with one element of these attributes, ready."""

    def go(attributes: str = "", *, body: str = "", context: BrowserContext | None = None, **options: Any) -> Tab:
        parts = {key: options.pop(key) for key in ("lang", "dir", "style", "head", "script", "defer") if key in options}
        shape = {key: options.pop(key) for key in ("inner", "action") if key in options}
        tab = new_tab(context, **options)
        server.state.pages["/page.html"] = document(body or form(attributes, **shape), **parts)
        tab.page.goto("/page.html")
        if "<ajax-upload" in server.state.pages["/page.html"] and options.get("java_script_enabled", True):
            tab.ready()
        return tab

    return go


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Path]:
    """make("film.bin", 3 << 20) -> a file of random bytes; make("a.txt", "text") -> a file of text."""

    def write(name: str, content: int | str | bytes = "hello") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = os.urandom(content) if isinstance(content, int) else content
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return write


@pytest.fixture
def film(make: Callable[..., Path]) -> Path:
    """3 MiB, so 12 pieces of 256 KiB."""
    return make("film.bin", 3 * MB)


@pytest.fixture
def tus(visit: OPEN, server: Server) -> Tab:
    """A page whose server offers tus, with small pieces."""
    server.state.limits = dict(TUS)
    return visit("chunk-size=256KiB")
