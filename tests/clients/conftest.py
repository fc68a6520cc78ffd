"""Fixtures of the client tests: the system's Chromium, one server for each module, and pages that must not complain.

What lives here: starting and ending things. No browser is ever downloaded; the widgets come from npm, and where they
are missing the tests are skipped with the command that brings them.
"""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.rig import Site, Visit
from tests.clients.widgets import WIDGETS
from tests.conftest import find_chromium

if TYPE_CHECKING:  # where Playwright is missing the tests are skipped, which needs this file to load
    from playwright.sync_api import Browser

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"
NPM = "npm install --prefix tests/clients --no-package-lock --ignore-scripts"
# As root in a container: no sandbox, no GPU, and no traffic of its own.
FLAGS = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
FLAGS += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]
OPEN = Callable[[str], Visit]
MAKE = Callable[[str, int], Path]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser for all tests of a module (an open Playwright keeps other modules of this worker from starting
    theirs); each test gets a context of its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The pages and the endpoints, served by two processes."""
    if not MODULES.is_dir():
        pytest.skip(f"no npm packages: {NPM}")
    root = tmp_path_factory.mktemp("clients")
    built = f"--outfile={root / 'built' / 'uppy.js'}"
    bundle = [MODULES / ".bin" / "esbuild", "pages/uppy.js", "--bundle", "--global-name=Uppy", built]
    # Node is one of the development tools, beside this Python.
    env = {**os.environ, "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))}
    subprocess.run([*map(str, bundle), "--log-level=warning"], cwd=HERE, env=env, check=True)
    with Site(root) as running:
        yield running


@pytest.fixture
def visit(chromium: Browser, site: Site) -> Iterator[OPEN]:
    """visit("dropzone") -> a tab for that widget, whose page must not have thrown at the end."""
    context = chromium.new_context(viewport={"width": 900, "height": 700})
    context.set_default_timeout(20_000)
    visits: list[Visit] = []

    def make(name: str) -> Visit:
        visits.append(Visit(site, context.new_page(), WIDGETS[name], uuid.uuid4().hex[:12]))
        return visits[-1]

    yield make
    complaints = [visit.complaints for visit in visits]
    context.close()
    assert not any(complaints), complaints


@pytest.fixture
def make(tmp_path: Path) -> MAKE:
    """make("film.bin", 3 << 20) -> a file of that many bytes, none like another."""

    def write(name: str, size: int) -> Path:
        path = tmp_path / name
        path.write_bytes(os.urandom(size))
        return path

    return write
