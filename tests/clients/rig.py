"""The site of the widgets' pages as a test sees it: the server's life, its folder, failures ordered, a page open.

What lives here: what is the same for all widgets. What must not: any one widget's options (widgets.py) and any test.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import sys
import time
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tests.clients.widgets import Widget
from tests.wire.servers import START, Server, faults, running

if TYPE_CHECKING:  # so that this loads where Playwright is missing, and the tests are skipped
    from playwright.sync_api import CDPSession, Error, Page, Request

__all__ = ["DISK", "DOORS", "Site", "Visit", "digest"]

#: Door -> the module that opens it.
DOORS = {"wsgi": "bare", "django": "django_app", "flask": "flask_app"}
_COMMAND = [sys.executable, "-m", "gunicorn", "-k", "gthread", "--threads", "8", "-w", "2", "--no-control-socket"]
_MORE = ["--graceful-timeout", "2", "-c", "python:tests.clients.apps.steering"]
#: Bytes that a file may have before the disk is full.
DISK = 512 << 10


def digest(data: bytes) -> str:
    """SHA-256."""
    return hashlib.sha256(data).hexdigest()


class Site:
    """One gunicorn with two workers behind one door. Use as a context manager."""

    def __init__(self, door: str, root: Path, built: Path) -> None:
        self.door, self.root = door, root
        self._built = built
        self._stack = ExitStack()
        self._server: Server | None = None
        self._heard = 0
        (root / "orders").mkdir()

    def __enter__(self) -> Site:
        self._start(0)
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()
        assert not self.complaints()

    def complaints(self) -> list[str]:
        """What went wrong behind the door since the last call."""
        assert self._server is not None
        said = self._server.said
        news, self._heard = said[self._heard :], len(said)
        # A full disk is told to who runs the server; of other tracebacks there is none.
        told = [fault for fault in faults(news) if "File too large" not in fault]
        return [*told, *(f"Django spooled {path}" for path in self.root.glob("temp/*"))]

    @property
    def url(self) -> str:
        """Where its pages are."""
        assert self._server is not None
        return f"http://{self._server.host}"

    def _start(self, port: int) -> None:
        module = f"tests.clients.apps.{DOORS[self.door]}:application"
        command = [*_COMMAND, "-b", f"127.0.0.1:{port}", *_MORE, module]
        env = {"AJAXUPLOAD_CLIENTS_ROOT": str(self.root), "AJAXUPLOAD_CLIENTS_DISK": str(DISK)}
        env["AJAXUPLOAD_CLIENTS_BUILT"] = str(self._built)
        self._server = self._stack.enter_context(running(self.door, command, self.root, env=env))
        self._heard = 0

    def die(self) -> int:
        """All its processes, at once, as when the power fails. The port that it had."""
        server = self._server
        assert server is not None
        pids = server.pids()
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        server.process.wait()
        self._stack.close()
        for pid in pids:
            _gone(pid)
        return server.port

    def restart(self) -> None:
        """Die, and begin again at the same address."""
        complaints = self.complaints()
        self._start(self.die())
        assert not complaints

    def order(self, case: str, do: str, *, after: int, times: int = 1) -> None:
        """From the case's request number `after` on (0 is the first), `times` requests "fail", "stall", "lose",
        "reset" or "share" (apps/orders.py)."""
        order = {"do": do, "after": after, "times": times}
        self._order(case).write_text(json.dumps(order), encoding="utf-8")

    def forget(self, case: str) -> None:
        """Take the order back."""
        self._order(case).unlink()

    def counted(self, case: str) -> int:
        """Requests with a body that came since the order."""
        return sum(1 for _ in self._order(case).parent.glob(f"{case}.[0-9]*"))

    def processes(self, case: str) -> int:
        """How many served these requests."""
        return len({mark.read_text("ascii") for mark in self._order(case).parent.glob(f"{case}.[0-9]*")})

    def resets(self, case: str) -> int:
        """Connections that were reset in the middle of a body, as was ordered."""
        return sum(1 for _ in self._order(case).parent.glob(f"{case}.reset-*"))

    def _order(self, case: str) -> Path:
        return self.root / "orders" / f"{case}.json"

    def stored(self, case: str) -> dict[str, str]:
        """Name -> SHA-256 of all that the case has stored."""
        found = {}
        for path in sorted((self.root / "in" / case).glob("*")):
            with suppress(FileNotFoundError):  # it was deleted just now
                found[path.name] = digest(path.read_bytes())
        return found


def _gone(pid: int) -> None:
    """Wait until a process that was not ours to wait for has ended."""
    deadline = time.monotonic() + START
    while time.monotonic() < deadline:
        try:
            if "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text(encoding="ascii"):
                return
        except OSError:
            return
        time.sleep(0.01)
    raise AssertionError(f"process {pid} lives on")


@dataclass
class Visit:
    """One widget's page in one tab, which uploads to one case."""

    site: Site
    page: Page
    widget: Widget
    case: str
    requests: list[tuple[str, str]] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    network: CDPSession | None = None

    def __post_init__(self) -> None:
        self.page.on("pageerror", self._complain)
        self.page.on("request", self._count)

    def _complain(self, error: Error) -> None:
        self.complaints.append(str(error))

    def _count(self, request: Request) -> None:
        self.requests.append((request.method, request.url))

    def leave(self) -> None:
        """Forget all that the browser knows of the site, for the next one to come as if for the first time."""
        if self.network is not None:
            self.slow(-1)
            self.network.detach()
        if self.page.url.startswith(self.site.url):
            self.page.evaluate("localStorage.clear()")
        self.page.goto("about:blank")
        self.page.remove_listener("pageerror", self._complain)
        self.page.remove_listener("request", self._count)
        self.page.context.clear_cookies()

    def open(self, options: dict[str, Any], *, endpoint: str = "in", **settings: Any) -> None:
        """Load the page with the widget's options."""
        given = {"url": f"/{endpoint}/{self.case}", "widget": self.widget.name, "options": options, **settings}
        page = self.widget.page or self.widget.name
        self.page.goto("about:blank")  # from another visit's page it would be the same page still
        self.page.goto(f"{self.site.url}/pages/{page}.html#{quote(json.dumps(given))}")
        self.page.locator(self.widget.picker).first.wait_for(state="attached")
        self.page.evaluate("Promise.resolve(ready).then(() => null)")

    def begin(self, mode: str, **settings: Any) -> None:
        """Load the page with the widget's options for a mode."""
        self.open(dict(self.widget.modes[mode]), **settings)

    def choose(self, *files: Path) -> None:
        """As a person does in the chooser."""
        self.page.locator(self.widget.picker).first.set_input_files(list(files))

    def stall(self, file: Path, *, after: int) -> None:
        """Choose it, until so many requests were answered and the next one is not."""
        self.site.order(self.case, "stall", after=after, times=100)
        self.choose(file)
        self.until(lambda: self.site.counted(self.case) > after)

    def press(self, button: str) -> None:
        """The widget's button, or, where it draws none, what the page would do on its own."""
        selector = getattr(self.widget, button)
        if selector:
            self.page.locator(selector).click()
        else:
            self.page.evaluate(f"{button}()")

    def slow(self, upload: int) -> None:
        """Bytes per second upwards from now on; -1 is unlimited."""
        if self.network is None:
            self.network = self.page.context.new_cdp_session(self.page)
            self.network.send("Network.enable")
        conditions = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": upload}
        self.network.send("Network.emulateNetworkConditions", conditions)

    def done(self) -> dict[str, Any]:
        """Name -> the answer that the page was given, of files that the widget calls stored."""
        return dict(self.page.evaluate("seen.done"))

    def failed(self) -> list[tuple[str, str]]:
        """Name and reason of files that the widget gave up."""
        return [(name, why) for name, why in self.page.evaluate("seen.failed")]

    def wait_done(self, names: Iterable[str]) -> dict[str, Any]:
        """Until these, and no others, are stored as the widget sees it."""
        wanted = sorted(names)
        self.until(lambda: sorted(self.done()) == wanted)
        return self.done()

    def wait_stored(self, *files: Path) -> None:
        """Until the widget calls these stored; then they are there once and to the bit, and nothing else is."""
        wanted = {file.name: digest(file.read_bytes()) for file in files}
        self.wait_done(wanted)
        assert self.site.stored(self.case) == wanted

    def until(self, what: Any, timeout: float = 20) -> None:
        """Wait until a function here gives something true."""
        deadline = time.monotonic() + timeout
        while not what():
            assert time.monotonic() < deadline, f"never true: {self.story()}"
            self.page.wait_for_timeout(50)

    def sent(self) -> list[str]:
        """Methods of the requests to the upload address."""
        return [method for method, url in self.requests if f"/{self.case}" in url]

    def pieces(self) -> int:
        """How many requests with a body went there."""
        return sum(method in ("POST", "PATCH", "PUT") for method in self.sent())

    def story(self) -> str:
        """What a failing test wants to know."""
        text = self.page.inner_text("body")
        return f"{self.done()} {self.failed()} {self.requests} {self.complaints} shown: {text!r}"
