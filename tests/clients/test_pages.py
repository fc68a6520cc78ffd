"""The pages of docs/how-to/widgets, as a reader copies them: on `ajaxupload serve --page`, in Chromium.

What lives here: each page's upload, refusal, going on, deleting. What must not: a change of the pages; what they load
from a CDN comes from node_modules, in the very version that they name, and from nowhere else.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clients.conftest import MAKE, MODULES, NPM
from tests.conftest import ROOT
from tests.support.command import Served, served

if TYPE_CHECKING:  # where Playwright is missing the tests are skipped, which needs this file to load
    from playwright.sync_api import Browser, Locator, Page, Request, Route

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]

DOCUMENTS = {path.stem: path for path in sorted((ROOT / "docs" / "how-to" / "widgets").glob("*.md"))}
#: Bytes: two pieces of FilePond's, the largest there are.
SIZE = 6_500_000
#: What the pages' commands set, and a reason to refuse.
OPTIONS = ("allow_delete=true", "allow_list=true", "deny=.exe")
SENDING = ("POST", "PATCH")
CDN = re.compile(r"https://unpkg\.com/((?:@[^/]+/)?[^@/]+)@(\d+\.\d+\.\d+)/([^?#]+)")


@dataclass(frozen=True)
class Widget:
    """Where a page has its file input, where it says "stored", where it says why not. `pieces` is how many requests at
    least bring the file; `go` is pressed to send it, `delete` to remove it; `listed` has the names of those there."""

    picker: str
    stored: str
    refused: str
    pieces: int = 1
    go: str = ""
    delete: str = ""
    listed: str = ""


_ROW = "#list li"
_UPPY = (".uppy-Dashboard-input", ".uppy-Dashboard-Item.is-complete", ".uppy-Informer")
WIDGETS = {
    "fineuploader": Widget(
        "#uploader input[type=file]", ".qq-upload-success", ".qq-upload-status-text",
        pieces=5, delete=".qq-upload-delete", listed=".qq-upload-file",
    ),
    "dropzone": Widget(".dz-hidden-input", ".dz-success", "[data-dz-errormessage]", pieces=4),
    "filepond": Widget(
        ".filepond--browser", "[data-filepond-item-state=processing-complete]", ".filepond--file-status-main",
        pieces=3, delete=".filepond--action-revert-item-processing",
    ),
    "resumablejs": Widget("#files", _ROW, _ROW, pieces=6),
    "flow": Widget("#files", _ROW, _ROW, pieces=6),
    "plupload": Widget(".moxie-shim input[type=file]", _ROW, _ROW, pieces=4),
    "blueimp": Widget("#uploader", f"{_ROW} a", _ROW, pieces=4, delete=f"{_ROW} button", listed=_ROW),
    "uppy": Widget(*_UPPY, pieces=2),
    "uppy-xhr": Widget(*_UPPY),
    "htmx": Widget("[type=file]", "#answer li", "#answer [role=alert]", go="button"),
    "htmx4": Widget("[type=file]", "#answer li", "#answer [role=alert]", go="button"),
    "form": Widget("[type=file]", "body li", "body", go="button"),
}  # fmt: skip
#: How many requests each sends once the first ones are answered.
RESUMING = {"fineuploader": 2, "resumablejs": 3, "flow": 3, "blueimp": 1, "uppy": 1}
every = pytest.mark.parametrize("name", WIDGETS)


def block(name: str, language: str) -> str:
    """The document's one block in that language."""
    if name == "htmx4":
        return block("htmx", language).replace("htmx.org@2.0.11", "htmx.org@4.0.1")
    (found,) = re.findall(rf"^```{language}\n(.*?)^```$", DOCUMENTS[name].read_text("utf-8"), re.DOTALL | re.MULTILINE)
    return str(found)


@pytest.fixture(scope="module")
def packages() -> dict[tuple[str, str], Path]:
    """Name and version -> where npm has put it."""
    if not MODULES.is_dir():
        pytest.skip(f"no npm packages: {NPM}")
    found = (*MODULES.glob("*/package.json"), *MODULES.glob("@*/*/package.json"))
    told = ((json.loads(path.read_text("utf-8")), path.parent) for path in found)
    return {(package["name"], package["version"]): folder for package, folder in told}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One for all pages: it reads its page anew for each visitor."""
    place = tmp_path_factory.mktemp("pages")
    (place / "page.html").touch()
    words = [word for option in OPTIONS for word in ("--option", option)]
    with served(place, "--page", "page.html", *words) as running:
        yield running


@dataclass
class Tab:
    """One page, opened by a browser that has never been here."""

    page: Page
    widget: Widget
    server: Served
    packages: dict[tuple[str, str], Path]
    complaints: list[str] = field(default_factory=list)
    sent: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", self._count)
        self.page.context.route(lambda url: not url.startswith(self.server.url), self._load)

    def _count(self, request: Request) -> None:
        if request.method in SENDING:
            self.sent.append(request.method)

    def _load(self, route: Route) -> None:
        """An address of the CDN, from node_modules."""
        found = CDN.fullmatch(route.request.url)
        folder = self.packages.get((found[1], found[2])) if found else None
        if found is None or folder is None or not (folder / found[3]).is_file():
            self.complaints.append(f"not in node_modules: {route.request.url}")
            route.abort()
            return
        kind = mimetypes.guess_type(found[3])[0] or "text/javascript"
        body = (folder / found[3]).read_bytes()
        route.fulfill(body=body, content_type=kind, headers={"Access-Control-Allow-Origin": "*"})

    def open(self) -> None:
        self.page.goto(self.server.url)
        self.page.locator(self.widget.picker).first.wait_for(state="attached")

    def choose(self, file: Path) -> None:
        self.page.locator(self.widget.picker).first.set_input_files(file)
        if self.widget.go:
            self.page.locator(self.widget.go).click()

    def wait_stored(self, file: Path) -> None:
        """Until the page says so; then it is there, whole."""
        done = self.page.locator(self.widget.stored)
        done.filter(has_text=re.compile("stored|" + re.escape(file.stem))).first.wait_for(state="attached")
        self.until(lambda: file.name in self.server.names())
        assert sha(self.server.folder / file.name) == sha(file)

    def until(self, what: Callable[[], object]) -> None:
        for _ in range(2000):
            if what():
                return
            self.page.wait_for_timeout(10)
        pytest.fail(f"never true: {self.page.inner_text('body')!r} {self.sent} {self.server.err}")

    def texts(self, selector: str) -> str:
        """All that is said there, hidden or not."""
        found: Locator = self.page.locator(selector)
        return " ".join(found.all_text_contents())


def sha(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


VISIT = Callable[[str], Tab]


@pytest.fixture
def visit(chromium: Browser, server: Served, packages: dict[tuple[str, str], Path]) -> Iterator[VISIT]:
    """visit("dropzone") -> its page, open; at the end it must not have thrown, nor loaded what is not there."""
    tabs: list[Tab] = []
    context = chromium.new_context(viewport={"width": 900, "height": 700})

    def make(name: str) -> Tab:
        (server.place / "page.html").write_text(block(name, "html"), encoding="utf-8")
        tabs.append(Tab(context.new_page(), WIDGETS[name], server, packages))
        tabs[-1].open()
        return tabs[-1]

    yield make
    complaints = [tab.complaints for tab in tabs]
    context.close()
    assert not any(complaints), complaints


def test_every_page_is_tried() -> None:
    assert {*DOCUMENTS, "htmx4"} == set(WIDGETS)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_page_says_how_it_is_served(name: str) -> None:
    command = block(name, "sh").split()
    assert command[:4] == ["ajaxupload", "serve", "--page", f"{name}.html"]
    assert set(command[4:]) <= {"--option", *OPTIONS[:2]}
    assert f"`{name}.html`" in DOCUMENTS[name].read_text("utf-8")


@every
def test_the_page_stores_a_file_whole(visit: VISIT, make: MAKE, name: str) -> None:
    tab = visit(name)
    file = make(f"{name}.bin", SIZE)
    tab.choose(file)
    tab.wait_stored(file)
    assert len(tab.sent) >= tab.widget.pieces


@every
def test_the_page_shows_the_servers_reason(visit: VISIT, make: MAKE, name: str) -> None:
    tab = visit(name)
    tab.choose(make(f"{name}.exe", 1000))
    tab.until(lambda: "ending in .exe" in tab.texts(tab.widget.refused))
    assert f"{name}.exe" not in tab.server.names()


@pytest.mark.parametrize(("name", "under_way"), RESUMING.items())
def test_after_a_reload_the_page_goes_on(visit: VISIT, make: MAKE, name: str, under_way: int) -> None:
    tab = visit(name)
    file = make(f"{name}-again.bin", SIZE)
    passing = 1 if name == "uppy" else 2
    answered: list[Request] = []
    passed: list[Route] = []
    held: list[Route] = []

    def load(route: Route) -> None:
        """The first requests with a body pass, the others are stuck."""
        if route.request.method in SENDING and len(passed) == passing:
            held.append(route)
            return
        if route.request.method in SENDING:
            passed.append(route)
        route.continue_()

    tab.page.on("requestfinished", lambda request: answered.append(request) if request.method in SENDING else None)
    tab.page.route(f"{tab.server.url}upload**", load)
    tab.choose(file)
    tab.until(lambda: len(answered) == passing and len(held) == under_way)
    tab.page.unroute_all()
    tab.open()
    tab.sent.clear()
    tab.choose(file)
    tab.wait_stored(file)
    assert len(tab.sent) <= tab.widget.pieces - passing


@pytest.mark.parametrize("name", [name for name, widget in WIDGETS.items() if widget.delete])
def test_a_click_deletes_also_what_was_listed(visit: VISIT, make: MAKE, name: str) -> None:
    tab = visit(name)
    if tab.widget.listed:
        tab.until(tab.page.context.cookies)  # no person is quicker
    file = make(f"{name}-gone.bin", 1000)
    tab.choose(file)
    tab.wait_stored(file)
    if tab.widget.listed:
        tab.open()
        tab.page.locator(tab.widget.listed).filter(has_text=file.stem).wait_for()
    tab.page.locator(tab.widget.delete).click()
    tab.until(lambda: file.name not in tab.server.names())
