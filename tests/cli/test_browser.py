"""The page of `ajaxupload serve` in a real browser: as a person without JavaScript sees it, and with the widget."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page

from tests.support.chromium import launched
from tests.support.command import Served, served

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "served").mkdir()
    with served(tmp_path / "served", "--option", "max_size=4 MiB", "--option", "deny=.exe") as running:
        yield running


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Three files; one has a name that a page must not take for its own words."""
    found = [tmp_path / name for name in ("first.bin", "<b>second & third.bin", "ünïcode.bin")]
    for number, path in enumerate(found):
        path.write_bytes(hashlib.shake_256(bytes([number])).digest(300_000 + number))
    return found


def opened(browser: Browser, url: str, *, javascript: bool) -> tuple[Page, list[str]]:
    """The page, and what it complains about: a policy that is violated is among it."""
    page = browser.new_context(java_script_enabled=javascript).new_page()
    complaints: list[str] = []

    def complain(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", complain)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(url)
    return page, complaints


def test_without_javascript_three_files_are_stored_and_named(
    browser: Browser, server: Served, files: list[Path]
) -> None:
    page, complaints = opened(browser, server.url, javascript=False)
    page.get_by_label("Choose files").set_input_files(files)
    page.get_by_role("button", name="Upload").click()
    note = page.get_by_role("status")
    assert note.inner_text() == "Stored: first.bin, <b>second & third.bin (as _b_second & third.bin) and ünïcode.bin"
    assert page.url == server.url
    stored = sorted(hashlib.sha256(path.read_bytes()).digest() for path in server.folder.iterdir())
    assert stored == sorted(hashlib.sha256(path.read_bytes()).digest() for path in files)
    assert sorted(page.locator("#stored a").all_inner_texts()) == server.names()
    page.reload()
    assert page.get_by_role("status").count() == 0
    assert complaints == []


def test_a_stored_file_comes_back_as_a_download(browser: Browser, server: Served, files: list[Path]) -> None:
    page, _ = opened(browser, server.url, javascript=False)
    page.get_by_label("Choose files").set_input_files(files[2])
    page.get_by_role("button", name="Upload").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="ünïcode.bin").click()
    assert download.value.suggested_filename == "ünïcode.bin"
    assert Path(download.value.path()).read_bytes() == files[2].read_bytes()


@pytest.mark.parametrize(
    ("name", "size", "reason"),
    [
        ("program.exe", 10, "program.exe cannot be uploaded here"),
        ("large.bin", (4 << 20) + 1, "larger than the 4 MiB allowed"),
        ("huge.bin", 64 << 20, "larger than the 4 MiB allowed"),  # refused while the browser is still sending
    ],
)
def test_without_javascript_a_refusal_is_shown_on_the_page(
    browser: Browser, server: Served, tmp_path: Path, name: str, size: int, reason: str
) -> None:
    with (tmp_path / name).open("wb") as file:
        file.truncate(size)
    page, _ = opened(browser, server.url, javascript=False)
    page.get_by_label("Choose files").set_input_files(tmp_path / name)
    page.get_by_role("button", name="Upload").click()
    alert = page.get_by_role("alert").inner_text()
    assert alert.startswith("Not stored.")
    assert reason in alert
    assert page.get_by_role("button", name="Upload").is_visible()
    assert server.names() == []


def test_with_javascript_the_widget_sends_and_the_list_follows(
    browser: Browser, server: Served, files: list[Path]
) -> None:
    page, complaints = opened(browser, server.url, javascript=True)
    page.locator("ajax-upload[ready]").wait_for()
    assert page.get_by_role("button", name="Upload", exact=True).count() == 0
    page.locator("input[type=file]").set_input_files(files)
    page.locator("#stored tbody tr").nth(2).wait_for()
    assert sorted(page.locator("#stored a").all_inner_texts()) == server.names()
    stored = sorted(hashlib.sha256(path.read_bytes()).digest() for path in server.folder.iterdir())
    assert stored == sorted(hashlib.sha256(path.read_bytes()).digest() for path in files)
    assert page.url == server.url
    assert complaints == []


def test_the_limits_are_stated_once(browser: Browser, tmp_path: Path) -> None:
    """By the widget, which asks the endpoint; by the form, where there is no widget."""
    (tmp_path / "served").mkdir()
    options = ("--option", "max_size=4 MiB", "--option", "max_files=7", "--option", "allow=image/*,.pdf")
    with served(tmp_path / "served", *options) as server:
        plain, _ = opened(browser, server.url, javascript=False)
        assert plain.locator("form .hint").all_inner_texts() == [
            "Up to 4 MiB each, 7 at once. Accepted: image/*, .pdf."
        ]
        page, complaints = opened(browser, server.url, javascript=True)
        page.locator(".au-hint", has_text="Allowed:").wait_for()
        page.evaluate("document.querySelector('ajax-upload').ready")
        assert page.locator("form p").all_inner_texts() == [
            "or drop here, or paste. Up to 4 MiB each. No more than 7 files. Allowed: image/*, .pdf."
        ]
        assert complaints == []
