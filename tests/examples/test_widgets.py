"""examples/widgets as its README starts it: every widget of its page stores into the one URL, and says why not."""

from __future__ import annotations

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.conftest import ROOT
from tests.support.chromium import launched
from tests.support.examples import Site
from tests.support.serving import serving

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.browser]

EXAMPLE = ROOT / "examples" / "widgets"
#: Where the client tests have the same packages, some of them under other names.
MODULES = ROOT / "tests" / "clients" / "node_modules"
NPM = "npm install --prefix tests/clients --no-package-lock --ignore-scripts"
COMMAND = ["gunicorn", "-k", "gthread", "--threads", "8", "--no-control-socket", "-b", "127.0.0.1:0", "app:application"]
SECTIONS = re.findall(r'<section id="([\w-]+)">', (EXAMPLE / "page" / "index.html").read_text("utf-8"))
WIDGETS = [name for name in SECTIONS if name != "stored"]
#: Those that wait for their button.
FORMS = ("htmx", "form")


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that `npm install` would make: what package.json names, in those versions."""
    if not MODULES.is_dir():
        pytest.skip(f"no npm packages: {NPM}")
    found = {}
    for path in (*MODULES.glob("*/package.json"), *MODULES.glob("@*/*/package.json")):
        package = json.loads(path.read_text("utf-8"))
        found[package["name"], package["version"]] = path.parent
    folder = tmp_path_factory.mktemp("node_modules")
    for pinned in json.loads((EXAMPLE / "package.json").read_text("utf-8"))["dependencies"].items():
        assert pinned in found, "examples/widgets and tests/clients pin different versions"
        (folder / pinned[0]).parent.mkdir(exist_ok=True)
        (folder / pinned[0]).symlink_to(found[pinned])
    return folder


@pytest.fixture(scope="module")
def site(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    root = tmp_path_factory.mktemp("example")
    store = root / "in"
    places = {"UPLOADS": os.fspath(store), "NODE_MODULES": os.fspath(modules)}
    with serving([sys.executable, "-m", *COMMAND], cwd=EXAMPLE, log=root / "log", **places) as port:
        yield port, store


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture
def page(browser: Browser, site: Site) -> Iterator[Page]:
    """The example's page in a browser that has never been there; it must not throw, nor ask anybody else."""
    context = browser.new_context()
    complaints: list[str] = []
    page = context.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url) if f":{site[0]}/" not in request.url else None)
    page.on("response", lambda answer: complaints.append(answer.url) if answer.status == 404 else None)
    page.goto(f"http://127.0.0.1:{site[0]}/")
    page.locator("body[data-ready]").wait_for()
    yield page
    context.close()
    assert not [each for each in complaints if not each.startswith(("data:", "blob:"))]


@pytest.fixture
def choose(page: Page, tmp_path: Path) -> Callable[[str, str], Path]:
    """choose("flow", "bin") -> a file flow.bin that the widget was given."""

    def give(name: str, kind: str) -> Path:
        path = tmp_path / f"{name}.{kind}"
        path.write_bytes(os.urandom(3000))
        section = page.locator(f"#{name}")
        section.locator("input[type=file]").first.set_input_files(path)
        if name in FORMS:
            section.get_by_role("button", name="Upload", exact=True).click()
        return path

    return give


def test_the_page_has_all_widgets() -> None:
    assert len(WIDGETS) == 13
    assert "Thirteen" in (EXAMPLE / "README.md").read_text("utf-8")


def test_each_widget_stores_its_file_whole_and_all_are_one_visitors(
    page: Page, site: Site, choose: Callable[[str, str], Path]
) -> None:
    listed = page.locator("#stored li")
    files = []
    for name in WIDGETS:
        if name == "form":  # leaves the page: the others must have ended
            expect(listed).to_have_count(len(WIDGETS) - 1, timeout=20_000)
        files.append(choose(name, "bin"))
    expect(listed).to_have_count(len(WIDGETS), timeout=20_000)
    assert {path.name: sha(path) for path in site[1].iterdir()} == {path.name: sha(path) for path in files}
    listed.filter(has_text="flow.bin").get_by_role("button", name="Delete").click()
    expect(listed).to_have_count(len(WIDGETS) - 1)
    assert not (site[1] / "flow.bin").exists()


def test_each_widget_shows_why_a_file_is_refused(page: Page, choose: Callable[[str, str], Path]) -> None:
    for name in WIDGETS:
        if name != "form":
            choose(name, "exe")
    for name in WIDGETS:
        if name != "form":
            expect(page.locator(f"#{name}")).to_contain_text("ending in .exe", timeout=20_000)
    choose("form", "exe")
    expect(page.get_by_text("ending in .exe")).to_be_visible()


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
