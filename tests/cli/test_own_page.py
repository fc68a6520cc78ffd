"""`ajaxupload serve --page FILE`: somebody's own page in place of the demo page, beside the same endpoint."""

from __future__ import annotations

from pathlib import Path

import pytest
from webtest import TestApp

from ajaxupload.demo.site import Site
from tests.support.command import served
from tests.support.pages import config

BROWSER = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Dest": "document"}


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.html"
    path.write_text("<!doctype html><title>Mine, überall</title>", encoding="utf-8")
    return path


@pytest.fixture
def site(folder: Path, page: Path) -> TestApp:
    return TestApp(Site(config(folder), own_page=page))


def test_it_is_shown_as_it_is_now_and_may_load_what_it_wants(site: TestApp, page: Path) -> None:
    answer = site.get("/")
    assert answer.text == "<!doctype html><title>Mine, überall</title>"
    assert (answer.content_type, answer.headers["Cache-Control"]) == ("text/html", "no-store")
    assert "Content-Security-Policy" not in answer.headers
    page.write_text("edited")
    assert site.get("/").text == "edited"
    assert site.head("/").headers["Content-Length"] == "6"


def test_a_page_that_is_gone_is_told_and_comes_back(
    site: TestApp, page: Path, caplog: pytest.LogCaptureFixture
) -> None:
    page.rename(page.with_suffix(".away"))
    assert "cannot be read" in site.get("/", status=503)
    assert "page.html': No such file or directory" in caplog.text
    page.with_suffix(".away").rename(page)
    assert "Mine" in site.get("/")


def test_uploads_and_downloads_are_what_they_were(site: TestApp, folder: Path) -> None:
    answer = site.post("/upload", upload_files=[("file", "a.bin", b"x")], headers={"Accept": "application/json"})
    assert answer.json["url"] == "/files/a.bin"
    assert site.get("/files/a.bin").body == b"x"
    site.get("/nothing", status=404)
    site.post("/", "x", status=405)


def test_a_plain_forms_sender_is_told_what_was_stored(page: Path, tmp_path: Path) -> None:
    """The page cannot show a note of ours, so the sender gets the endpoint's own answer."""
    words = (str(page), "--option", "deny=.exe")
    with served(tmp_path, "--page", *words, "--workers", "1") as server:
        assert "Mine" in server.page()
        body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n\r\nhello\r\n--x--\r\n'
        headers = {**BROWSER, "Content-Type": "multipart/form-data; boundary=x"}
        answer, text = server.ask("POST", "/upload", body % b"a.txt", headers)
        assert (answer.status, b"a.txt" in text, server.names()) == (200, True, ["a.txt"])
        answer, text = server.ask("POST", "/upload", body % b"a.exe", headers)
        assert (answer.status, b".exe" in text, server.names()) == (415, True, ["a.txt"])


def test_a_relative_page_is_the_working_directorys_also_beside_a_configuration(page: Path, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "site.toml").write_text('[endpoints."/in"]\nbackend = "memory"\n')
    with served(tmp_path, "--page", "page.html", "--config", "there/site.toml", "--workers", "1") as server:
        assert "Mine" in server.page()
