"""Fixtures of the tests with tus' own clients: servers, a browser's page, and what was stored.

What lives here: starting and ending things. What must not: what clients do.
"""

from __future__ import annotations

import hashlib
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.chromium import launched
from tests.wire import store
from tests.wire.doors import TOKEN
from tests.wire.servers import ROOT, Server, faults, running

if TYPE_CHECKING:  # where Playwright is missing the tests are skipped, which needs this file to load
    from playwright.sync_api import Page

HERE = Path(__file__).resolve().parent
MODULES = HERE / "node_modules"


def npm(file: str) -> Path:
    """A file of an npm package; where it is missing, the test is skipped with the command that brings it."""
    path = MODULES / file
    if not path.exists():
        pytest.skip("no npm packages: npm install --prefix tests/tus --no-package-lock")
    return path


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def gunicorn(module: str) -> list[str]:
    """Threads and two workers."""
    options = ["-k", "gthread", "--threads", "4", "-w", "2", "--no-control-socket", "--graceful-timeout", "5"]
    return [sys.executable, "-m", "gunicorn", *options, "-b", "127.0.0.1:0", f"tests.tus.{module}:application"]


def uwsgi(port: int) -> list[str]:
    """Two processes with threads; its own parser takes chunked bodies. It closes each connection, and is told to say
    so: Node.js would send the next request over it."""
    script = "import pyuwsgi; pyuwsgi.run()"
    options = ["--processes", "2", "--threads", "4", "--master", "--die-on-term", "--need-app", "--disable-logging"]
    where = ["--http-socket", f"127.0.0.1:{port}", "--pythonpath", str(ROOT), "--module", "tests.tus.app:application"]
    return [sys.executable, "-c", script, *options, *where, "--add-header", "Connection: close"]


@pytest.fixture(scope="session")
def open_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Starts a server by its name the first time it is asked for; all are ended at the end."""
    with ExitStack() as stack:
        found: dict[str, Server] = {}

        def find(name: str) -> Server:
            if name not in found:
                port = free_port()
                command = {
                    "gunicorn": gunicorn("app"),
                    "django": gunicorn("django_app"),
                    "wsgiref": [sys.executable, "-m", "tests.wire.apps.serve", "wsgiref", "tests.tus.app"],
                    "cheroot": [sys.executable, "-m", "tests.wire.apps.serve", "cheroot", "tests.tus.app"],
                    "uwsgi": uwsgi(port),
                }[name]
                env = {"AJAXUPLOAD_TUS_PORT": str(port)} if name == "uwsgi" else {}
                root = tmp_path_factory.mktemp(name)
                found[name] = stack.enter_context(running(name, command, root, env=env))
                stack.callback(check, found[name])
            return found[name]

        yield find


def check(server: Server) -> None:
    """Nothing went wrong behind it."""
    assert not faults(server.said)


@pytest.fixture(params=["gunicorn", "cheroot", "uwsgi", "django"])
def server(request: pytest.FixtureRequest, open_server: Callable[[str], Server]) -> Iterator[Server]:
    """Each server, nothing stored; at the end nothing is left behind."""
    found = open_server(request.param)
    store.forget(found.root)
    for path in (found.root / "media").rglob("*"):
        path.unlink()
    yield found
    for path in (found.root / "media").rglob("*"):
        path.unlink()
    assert not store.left_behind(found.pids(), found.root)


def headers(server: Server) -> dict[str, str]:
    """Django asks each request for its token."""
    return {"X-CSRFToken": TOKEN} if server.kind == "django" else {}


def digest(path: Path) -> str:
    """SHA-256 of a file that may be large."""
    with path.open("rb") as file:
        found = hashlib.sha256()
        while block := file.read(1 << 20):
            found.update(block)
    return found.hexdigest()


def stored(server: Server) -> dict[str, str]:
    """Name -> SHA-256 of every stored file."""
    return {path.name: digest(path) for path in (server.root / "media").rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def _tab() -> Iterator[Page]:
    with launched() as browser:
        yield browser.new_page()


@pytest.fixture
def page(_tab: Page, server: Server) -> Iterator[Page]:
    """The page with both browser clients, in a browser that remembers no upload, and Django's cookie."""
    built = server.root / "built" / "uppy.js"
    if not built.exists():
        esbuild = [
            str(npm(".bin/esbuild")),
            str(HERE / "uppy.mjs"),
            "--bundle",
            f"--outfile={built}",
            "--log-level=error",
        ]
        subprocess.run(esbuild, check=True)
    _tab.context.add_cookies([{"name": "csrftoken", "value": TOKEN, "url": f"http://{server.host}"}])
    _tab.goto(f"http://{server.host}/page.html")
    _tab.evaluate("localStorage.clear()")
    _tab.wait_for_function("window.ready && Boolean(window.uppy)")
    yield _tab
    _tab.goto("about:blank")
