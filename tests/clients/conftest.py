"""Fixtures of the client tests: the system's Chromium, a server for each door, and pages that must not complain.

What lives here: starting and ending things. No browser is ever downloaded; the widgets come from npm, and where they
are missing the tests are skipped with the command that brings them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.rig import Site, Visit
from tests.clients.widgets import WIDGETS
from tests.support.chromium import launched

if TYPE_CHECKING:  # where Playwright is missing the tests are skipped, which needs this file to load
    from playwright.sync_api import Browser, Page

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
NPM = "npm install --prefix tests/clients --no-package-lock --ignore-scripts"
OPEN = Callable[[str], Visit]
MAKE = Callable[[str, int], Path]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with launched() as browser:
        yield browser


def every(*names: str, doors: Iterable[str] = ("wsgi",)) -> pytest.MarkDecorator:
    """These widgets at each of these doors."""
    return pytest.mark.parametrize(("site", "name"), list(product(doors, names)), indirect=["site"])


def able(mode: str) -> list[str]:
    """The widgets that have the mode."""
    return [name for name, widget in WIDGETS.items() if mode in widget.modes]


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of Uppy's bundle: its packages are modules, which no page loads as they are."""
    if not MODULES.is_dir():
        pytest.skip(f"no npm packages: {NPM}")
    folder = tmp_path_factory.mktemp("built")
    bundle = [MODULES / ".bin" / "esbuild", "pages/uppy.js", "--bundle", "--global-name=Uppy"]
    # Node is one of the development tools, beside this Python.
    env = {**os.environ, "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}
    command = [*map(str, bundle), f"--outfile={folder / 'uppy.js'}", "--log-level=warning"]
    subprocess.run(command, cwd=HERE, env=env, check=True)
    return folder


@pytest.fixture(scope="session")
def open_site(tmp_path_factory: pytest.TempPathFactory, built: Path) -> Iterator[Callable[[str], Site]]:
    """Opens a door by its name the first time it is asked for; all are closed at the end."""
    with ExitStack() as stack:
        found: dict[str, Site] = {}

        def find(door: str) -> Site:
            if door not in found:
                found[door] = stack.enter_context(Site(door, tmp_path_factory.mktemp(door), built))
            return found[door]

        yield find


@pytest.fixture
def site(request: pytest.FixtureRequest, open_site: Callable[[str], Site]) -> Iterator[Site]:
    """The pages and the endpoints behind one door, served by two processes."""
    found = open_site(request.param)
    yield found
    assert not found.complaints()


@pytest.fixture(scope="module")
def page(chromium: Browser) -> Iterator[Page]:
    """One page for all tests of a module: starting a browser's process takes longer than most tests."""
    context = chromium.new_context(viewport={"width": 900, "height": 700})
    context.set_default_timeout(20_000)
    yield context.new_page()
    context.close()


@pytest.fixture
def visit(page: Page, site: Site) -> Iterator[OPEN]:
    """visit("dropzone") -> that widget in a browser that has never been here; its page must not have thrown at the
    end."""
    visits: list[Visit] = []

    def make(name: str) -> Visit:
        visits.append(Visit(site, page, WIDGETS[name], uuid.uuid4().hex[:12]))
        return visits[-1]

    yield make
    for each in visits:
        each.leave()
    complaints = [visit.complaints for visit in visits]
    assert not any(complaints), complaints


@pytest.fixture
def make(tmp_path: Path) -> MAKE:
    """make("film.bin", 3 << 20) -> a file of that many bytes, none like another."""

    def write(name: str, size: int) -> Path:
        path = tmp_path / name
        path.write_bytes(os.urandom(size))
        return path

    return write
