"""A browser tab with the widget in it, and what a test does to it.

What lives here: opening pages, choosing and dropping files, the network's moods, waiting. No test, and nothing about
how a server answers.

Traps that are handled here, once. `page.wait_for_function` evaluates a string in the page and dies under a strict
policy: `until` asks from outside. Two CDP sessions' network conditions do not mix: a tab has one. `expect_file_chooser`
loses choosers that a key press opened: a tab listens from the start. axe goes in by `evaluate`, which needs no policy.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # so that this loads where Playwright is missing, and the tests are skipped
    from playwright.sync_api import CDPSession, Dialog, FileChooser, Locator, Page

# What pages are given. AJAXUPLOAD_SCRIPT=ajax-upload.js runs the tests on the readable source.
SCRIPT = os.environ.get("AJAXUPLOAD_SCRIPT", "ajax-upload.min.js")
PAGE = """<!doctype html>
<html lang="{lang}" dir="{dir}">
<head>
<meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Send your documents</title>
<link rel="stylesheet" href="/static/ajax-upload.css">
<style nonce="test">
  :root {{ color-scheme: light dark; font-family: system-ui, "DejaVu Sans", sans-serif; line-height: 1.4; }}
  body {{ margin: 2rem auto; max-inline-size: 42rem; padding-inline: 1rem; }}
  body {{ background: light-dark(#f4f5f7, #111318); color: light-dark(#16181d, #eceef2); }}
  {style}
</style>
<script src="/static/{script}" {defer}></script>
{head}
</head>
<body><main>
{body}
</main></body></html>
"""
FORM = """<h1>Send your documents</h1>
<form method="post" action="{action}" enctype="multipart/form-data">
  <ajax-upload {attributes}>{inner}</ajax-upload>
  <p><button id="send">Send</button> <button type="reset">Reset</button></p>
</form>"""
INNER = '<label for="file">Choose files</label> <input id="file" type="file" name="docs" multiple>'


def document(body: str, *, script: str = SCRIPT, defer: bool = True, **parts: str) -> str:
    """A page that loads the widget. Inline scripts and styles in `head` and `body` need nonce="test"."""
    values = {"lang": "en", "dir": "ltr", "style": "", "head": ""} | parts
    return PAGE.format(body=body, script=script, defer="defer" if defer else "", **values)


def form(attributes: str = "", *, inner: str = INNER, action: str = "/form") -> str:
    """A form with one element in it; `endpoint` is /upload unless the attributes name another."""
    endpoint = "" if "endpoint" in attributes else 'endpoint="/upload" '
    return FORM.format(attributes=endpoint + attributes, inner=inner, action=action)


def sha256(path: Path) -> str:
    """Of a file's content, as the servers record it."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Tab:
    """One page and what it complained about: console errors, exceptions and policy violations land in `errors`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.errors: list[str] = []
        self.choosers: list[FileChooser] = []
        self.dialogs: list[str] = []
        page.on("pageerror", lambda error: self.errors.append(f"exception: {error}"))
        page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)
        page.on("filechooser", lambda chooser: self.choosers.append(chooser))  # noqa: PLW0108 -- a builtin cannot be a handler
        page.on("dialog", self._accept)
        self._network: CDPSession | None = None

    def _accept(self, dialog: Dialog) -> None:
        """Say yes, and remember what was asked: an alert's text, or just "beforeunload"."""
        self.dialogs.append(dialog.message or dialog.type)
        dialog.accept()

    # ---- looking -----------------------------------------------------------------------------------------------------

    @property
    def widget(self) -> Locator:
        """The element."""
        return self.page.locator("ajax-upload")

    def row(self, state: str = "", number: int = 0) -> Locator:
        """A row of the list, by state."""
        return self.page.locator(f".au-item[data-state={state}]" if state else ".au-item").nth(number)

    def wait(self, state: str, count: int = 1) -> Locator:
        """Until so many rows are in that state; the last of them."""
        row = self.row(state, count - 1)
        row.wait_for()
        return row

    def ready(self) -> None:
        """Until every element is drawn and knows its server's limits."""
        self.page.locator("ajax-upload[ready]").first.wait_for()
        self.page.evaluate("Promise.all([...document.querySelectorAll('ajax-upload')].map(({ ready }) => ready))")

    def said(self) -> str:
        """What the polite live region holds."""
        return self.page.locator("ajax-upload [role=status]").inner_text()

    def alert(self) -> str:
        """What the alert holds."""
        return self.page.locator("ajax-upload [role=alert]").inner_text()

    def focused(self) -> str:
        """The accessible name, or id, of what has the focus."""
        script = "document.activeElement.getAttribute('aria-label') || document.activeElement.id || 'nothing'"
        return str(self.page.evaluate(script))

    def until(self, what: str | Callable[[], Any], timeout: float = 30) -> Any:
        """Wait until a JavaScript expression, or a function here, gives something true; it is returned."""
        end = time.monotonic() + timeout
        while True:
            value = what() if callable(what) else self.page.evaluate(what)
            if value:
                return value
            assert time.monotonic() < end, f"never true: {what}"
            self.page.wait_for_timeout(20)

    # ---- doing -------------------------------------------------------------------------------------------------------

    def choose(self, *files: Path) -> None:
        """As a person does in the chooser."""
        self.page.set_input_files("input[type=file]", list(files))

    def make_files(self, *files: tuple[str, str, str]) -> Any:
        """A DataTransfer in the page with files of (name, content, type)."""
        script = """files => {
          const transfer = new DataTransfer();
          for (const [name, content, type] of files) transfer.items.add(new File([content], name, {type}));
          return transfer;
        }"""
        return self.page.evaluate_handle(script, [list(file) for file in files])

    def drop(self, *paths: Path, selector: str = "ajax-upload") -> None:
        """Drag real files and folders onto it: trusted events with real paths, as a file manager makes them."""
        box = self.page.locator(selector).bounding_box()
        assert box
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": box["x"] + 20, "y": box["y"] + 20, "data": data}
            self.network().send("Input.dispatchDragEvent", event)

    def network(self) -> CDPSession:
        """The tab's one CDP session."""
        if not self._network:
            self._network = self.page.context.new_cdp_session(self.page)
            self._network.send("Network.enable")
        return self._network

    def speed(self, upload: int = -1, *, offline: bool = False) -> None:
        """Bytes per second upwards; -1 is unlimited."""
        conditions = {"latency": 0, "downloadThroughput": -1, "uploadThroughput": upload, "offline": offline}
        self.network().send("Network.emulateNetworkConditions", conditions)

    def record(self, *events: str) -> None:
        """Keep the events' names and the files' names and amounts in window.seen."""
        self.page.evaluate(
            """events => {
              window.seen = [];
              for (const type of events) document.addEventListener(type, ({ detail }) =>
                window.seen.push([type, (detail.item ?? detail.file ?? detail).name ?? detail.length, detail.loaded]));
            }""",
            [f"upload-{event}" for event in events],
        )

    def seen(self) -> list[list[Any]]:
        """What `record` kept."""
        return list(self.page.evaluate("window.seen"))

    # ---- judging -----------------------------------------------------------------------------------------------------

    def axe(self, script: Path) -> list[str]:
        """Violations of WCAG 2.2 A and AA and of axe's best practices, one line each."""
        self.page.evaluate(script.read_text() + "; 0")
        tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
        result = self.page.evaluate(f"axe.run(document, {{runOnly: {json.dumps(tags)}}})")
        assert len(result["passes"]) > 15, "axe looked at too little to mean anything"
        return [f"{one['id']}: {[node['html'][:120] for node in one['nodes']]}" for one in result["violations"]]

    def forget(self, *fragments: str) -> None:
        """These complaints were expected; each fragment must have occurred."""
        for fragment in fragments:
            assert any(fragment in error for error in self.errors), f"no error with {fragment!r}: {self.errors}"
        self.errors[:] = [error for error in self.errors if not contains(error, fragments)]


def contains(text: str, fragments: Iterable[str]) -> bool:
    """Does any of the fragments occur?"""
    return any(fragment in text for fragment in fragments)
