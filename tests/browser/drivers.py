"""Firefox and WebKitGTK, driven without any package: Marionette and WebDriver are both a few JSON messages.

What lives here: starting Debian's firefox-esr, WebKitWebDriver and Xvfb, and four verbs: open, run a script, choose a
file, wait. What must not: anything about uploads.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key under which WebDriver names an element
PATIENCE = 30.0
# Firefox asks for updates, studies and portals by itself; a test's browser talks to nobody but the test's server.
PREFERENCES = """
user_pref("marionette.port", 0);
user_pref("app.normandy.enabled", false);
user_pref("app.update.disabledForTesting", true);
user_pref("browser.region.network.url", "");
user_pref("browser.safebrowsing.provider.mozilla.updateURL", "");
user_pref("browser.safebrowsing.provider.google4.updateURL", "");
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("dom.disable_open_during_load", false);
user_pref("extensions.getAddons.cache.enabled", false);
user_pref("extensions.systemAddon.update.enabled", false);
user_pref("network.captive-portal-service.enabled", false);
user_pref("network.connectivity-service.enabled", false);
user_pref("services.settings.server", "http://127.0.0.1:9/");
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
"""


class Wire(Protocol):
    """How a command reaches the browser."""

    def command(self, name: str, path: str, values: dict[str, Any]) -> Any:
        """Marionette goes by the name, WebDriver by the path."""


class Driver:
    """One browser window."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire

    def open(self, url: str) -> None:
        """Load a page."""
        self.wire.command("Navigate", "url", {"url": url})

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression."""
        values = {"script": f"return ({script})", "args": []}
        return self.wire.command("ExecuteScript", "execute/sync", values)

    def choose(self, selector: str, file: Path) -> None:
        """Put a file into an input, as a person does with the chooser."""
        found = self.wire.command("FindElement", "element", {"using": "css selector", "value": selector})
        element = found[ELEMENT]
        self.wire.command("ElementSendKeys", f"element/{element}/value", {"id": element, "text": str(file)})

    def until(self, script: str) -> Any:
        """Wait until an expression is true."""
        end = time.monotonic() + PATIENCE
        while not (value := self.run(script)):
            assert time.monotonic() < end, f"never true: {script}"
            time.sleep(0.05)
        return value


class Marionette:
    """Firefox's own protocol: a length, a colon, and [0, number, command, values] (firefox-source-docs, Marionette)."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.number = 0
        self._read()
        self.command("NewSession", "", {"capabilities": {}})

    def _read(self) -> Any:
        length = b""
        while not length.endswith(b":"):
            length += self._some(1)
        return json.loads(self._some(int(length[:-1])))

    def _some(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            block = self.socket.recv(count - len(data))
            assert block, "Firefox went away"
            data += block
        return data

    def command(self, name: str, path: str, values: dict[str, Any]) -> Any:
        """Send one and read its answer."""
        self.number += 1
        message = json.dumps([0, self.number, f"WebDriver:{name}", values]).encode()
        self.socket.sendall(b"%d:%s" % (len(message), message))
        _, number, error, result = self._read()
        assert number == self.number
        assert error is None, error
        return result["value"] if isinstance(result, dict) and set(result) == {"value"} else result


class WebDriver:
    """W3C WebDriver over HTTP, for WebKitGTK's MiniBrowser."""

    def __init__(self, port: int, browser: str) -> None:
        self.base = f"http://127.0.0.1:{port}/session"
        options = {"webkitgtk:browserOptions": {"binary": browser, "args": ["--automation"]}}
        answer = self._ask("POST", "", {"capabilities": {"alwaysMatch": options}})
        self.base += "/" + answer["sessionId"]

    def _ask(self, method: str, path: str, values: dict[str, Any] | None = None) -> Any:
        body = json.dumps(values).encode() if values is not None else None
        request = urllib.request.Request(self.base + path, body, {"Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)["value"]

    def command(self, name: str, path: str, values: dict[str, Any]) -> Any:
        """One request."""
        return self._ask("POST", f"/{path}", values)

    def quit(self) -> None:
        """End the session, and with it the browser."""
        self._ask("DELETE", "")


@contextmanager
def process(*words: str, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A program and all that it starts, ended with the block."""
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    running: subprocess.Popen[bytes]
    with subprocess.Popen(words, **(quiet | options)) as running:
        try:
            yield running
        finally:
            os.killpg(running.pid, signal.SIGTERM)
            try:
                running.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)


def appeared(what: Path, running: subprocess.Popen[bytes]) -> str:
    """The text of a file, once there is any."""
    end = time.monotonic() + PATIENCE
    while not (what.exists() and (text := what.read_text())):
        assert running.poll() is None, "the program ended"
        assert time.monotonic() < end, f"{what.name} never appeared"
        time.sleep(0.05)
    return text


@contextmanager
def firefox(folder: Path) -> Iterator[Driver]:
    """Headless, with a fresh profile in `folder`."""
    (folder / "user.js").write_text(PREFERENCES)
    words = ["firefox-esr", "--headless", "--no-remote", "--profile", str(folder), "--marionette"]
    with process(*words, env=os.environ | {"HOME": str(folder)}) as running:
        marionette = Marionette(int(appeared(folder / "MarionetteActivePort", running)))
        with marionette.socket:
            yield Driver(marionette)


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def webkit(folder: Path) -> Iterator[Driver]:
    """MiniBrowser on a virtual display; WebKitGTK has no headless mode."""
    (browser,) = Path("/usr/lib").glob("*/webkit2gtk-4.1/MiniBrowser")
    display, port = folder / "display", free_port()
    with display.open("wb") as told, process("Xvfb", "-displayfd", "1", "-nolisten", "tcp", stdout=told) as xvfb:
        number = re.sub(r"\D", "", appeared(display, xvfb))
        env = os.environ | {"DISPLAY": f":{number}", "HOME": str(folder), "GDK_BACKEND": "x11"}
        with process("WebKitWebDriver", f"--port={port}", env=env) as driver:
            listening(port, driver)
            wire = WebDriver(port, str(browser))
            try:
                yield Driver(wire)
            finally:
                wire.quit()


def listening(port: int, running: subprocess.Popen[bytes]) -> None:
    """Wait until a program accepts connections."""
    end = time.monotonic() + PATIENCE
    while running.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("nothing listens")
