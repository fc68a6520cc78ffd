"""The README's page and the example's pages in a real browser."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.chromium import launched

from .example import EXAMPLE, PASSWORD, PNG
from .servers import Server, gunicorn, running

pytestmark = [pytest.mark.browser, pytest.mark.servers]

#: `runserver` for a project with DEBUG off, which then serves static files only if told to.
SERVE = [sys.executable, "-m", "django", "runserver", "--noreload", "--insecure", "127.0.0.1:0"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with launched() as browser:
        yield browser


@pytest.fixture
def page(chromium: Any) -> Iterator[Any]:
    """A tab of its own, in which no script fails."""
    context = chromium.new_context()
    page = context.new_page()
    failed: list[object] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    yield page
    context.close()
    assert failed == []


@pytest.fixture(scope="module")
def readme(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("readme")
    (root / "tmp").mkdir()
    settings = "tests.django.settings"
    with running(SERVE, root, AJAXUPLOAD_TEST_ROOT=str(root), DJANGO_SETTINGS_MODULE=settings) as server:
        yield server


def test_the_old_page_says_success_and_all_complete(readme: Server, page: Any, tmp_path: Path) -> None:
    said: list[str] = []

    def alert(dialog: Any) -> None:
        said.append(dialog.message)
        dialog.accept()

    page.on("dialog", alert)
    page.goto(f"http://127.0.0.1:{readme.port}/start")
    files = [tmp_path / "one.txt", tmp_path / "two & more.txt"]
    for file in files:
        file.write_text(file.name)
    page.set_input_files("#file-uploader input[type=file]", files)
    page.wait_for_selector(".qq-upload-success >> nth=1")
    page.wait_for_timeout(200)
    assert said == ["success!", "success!", "All complete!"]
    for file in files:
        assert (readme.root / "media" / "uploads" / file.name).read_text() == file.name


@pytest.fixture(scope="module")
def example(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("example")
    with running(gunicorn("mysite.wsgi"), root, cwd=EXAMPLE, EXAMPLE_DATA=str(data)) as server:
        yield server


def log_in(page: Any, server: Server) -> None:
    page.goto(f"http://127.0.0.1:{server.port}/")
    page.fill("[name=username]", "ada")
    page.fill("[name=password]", PASSWORD)
    page.click("text=Log in >> nth=-1")


def test_the_examples_widget_stores_and_shows_the_servers_reason(example: Server, page: Any, data: Path) -> None:
    log_in(page, example)
    page.wait_for_selector("ajax-upload[ready]")
    page.set_input_files(
        "ajax-upload input[type=file]",
        [
            {"name": "widget.png", "mimeType": "image/png", "buffer": PNG},
            {"name": "lie.png", "mimeType": "image/png", "buffer": b"<!doctype html><script>1</script>"},
        ],
    )
    ended = "files.length == 2 && files.every(file => ['done', 'failed'].includes(file.state))"
    page.wait_for_function(f"() => {{ const {{files}} = document.querySelector('ajax-upload'); return {ended}; }}")
    states = page.evaluate("document.querySelector('ajax-upload').files.map(f => [f.name, f.state])")
    assert states == [["widget.png", "done"], ["lie.png", "failed"]]
    assert "lie.png is not" in page.inner_text("ajax-upload")
    assert (data / "media" / "uploads" / "user-1" / "widget.png").read_bytes() == PNG
    page.wait_for_selector("#files >> text=widget.png")


def test_the_examples_old_page_stores(example: Server, page: Any, data: Path) -> None:
    log_in(page, example)
    page.click("text=The same with")
    files = [{"name": "photo.png", "mimeType": "image/png", "buffer": PNG}]
    page.set_input_files("#file-uploader input[type=file]", files)
    page.wait_for_selector("#told:has-text('stored as')")
    assert page.inner_text("#told") == "photo.png is stored as user-1/photo.png"
    assert (data / "media" / "uploads" / "user-1" / "photo.png").read_bytes() == PNG
