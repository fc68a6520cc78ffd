"""The examples' pages in a real browser: the tags that the template functions write are a widget that uploads, and a
form where there is no JavaScript."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.chromium import launched
from tests.support.examples import FLASK, PYRAMID, Site

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.browser]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture(scope="module", params=[FLASK["gunicorn"], PYRAMID["pserve"]], ids=["flask", "pyramid"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with request.param(tmp_path_factory.mktemp("example")) as running:
        yield running


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    found = [tmp_path / "a.txt", tmp_path / "grün & <b>.txt"]
    for path in found:
        path.write_text(path.name * 10_000, encoding="utf-8")
    return found


def logged_in(browser: Browser, site: Site, user: str, *, javascript: bool) -> Page:
    page = browser.new_context(java_script_enabled=javascript).new_page()
    page.goto(f"http://127.0.0.1:{site[0]}/")
    page.get_by_label("Your name").fill(user)
    page.get_by_role("button", name="Log in").click()
    return page


def test_the_widget_uploads_what_is_chosen(browser: Browser, site: Site, files: list[Path]) -> None:
    page = logged_in(browser, site, "ann", javascript=True)
    page.locator("ajax-upload[ready]").wait_for()
    assert page.get_by_role("button", name="Upload", exact=True).count() == 0
    page.get_by_label("Choose files").set_input_files(files)
    expect(page.locator("ajax-upload li").filter(has_text="Uploaded")).to_have_count(2)
    assert {path.stat().st_size for path in (site[1] / "ann").iterdir()} == {path.stat().st_size for path in files}
    expect(page.locator("#files a")).to_have_text(sorted(path.name for path in (site[1] / "ann").iterdir()))
    page.context.close()


def test_the_form_uploads_without_javascript_and_leads_back(browser: Browser, site: Site, files: list[Path]) -> None:
    page = logged_in(browser, site, "bob", javascript=False)
    page.get_by_label("Choose files").set_input_files(files)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_role("link", name="a.txt")).to_be_visible()
    assert page.url == f"http://127.0.0.1:{site[0]}/"
    assert len(list((site[1] / "bob").iterdir())) == 2
    page.context.close()
