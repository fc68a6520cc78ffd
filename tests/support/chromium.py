"""The system's Chromium, as every browser test starts it. None is ever downloaded.

What lives here: one browser's life. What must not: any page.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tests.conftest import find_chromium, flag

if TYPE_CHECKING:  # where Playwright is missing the tests are skipped, which needs their files to load
    from playwright.sync_api import Browser

__all__ = ["launched"]

# As root in a container: no sandbox, no GPU, and no traffic of its own.
_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
_FLAGS += ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"]


@contextmanager
def launched() -> Iterator[Browser]:
    """A browser, to be seen with AJAXUPLOAD_HEADED set. For fixtures of a module: an open Playwright keeps an event
    loop running, under which no other module of the process could start its own."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=find_chromium(), headless=not flag("AJAXUPLOAD_HEADED"), args=_FLAGS
        )
        yield browser
        browser.close()
