"""examples/django, started as its README says and uploaded to."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest

from .example import EXAMPLE, PASSWORD, PNG, manage
from .servers import Browser, Server, digest, digest_of, gunicorn, noise, running, runserver, uvicorn
from .wire import FORM, encoded

pytestmark = pytest.mark.servers

COMMANDS = {
    "runserver": runserver(EXAMPLE / "manage.py"),
    "gunicorn": gunicorn("mysite.wsgi"),
    "uvicorn": uvicorn("mysite.asgi:application"),
}


@pytest.fixture(scope="module", params=COMMANDS)
def server(request: pytest.FixtureRequest, data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp(request.param)
    with running(COMMANDS[request.param], root, cwd=EXAMPLE, EXAMPLE_DATA=str(data)) as server:
        yield server
    assert "Traceback" not in server.said, server.said
    assert "ResourceWarning" not in server.said, server.said


def logged_in(server: Server, name: str = "ada") -> Browser:
    browser = Browser(server.port)
    fields = {"csrfmiddlewaretoken": browser.token("/login/"), "username": name, "password": PASSWORD}
    reply = browser.ask(
        "POST", "/login/", urlencode(fields).encode(), {"Content-Type": "application/x-www-form-urlencoded"}
    )
    assert (reply.status, reply.headers["Location"]) == (302, "/"), reply.text
    return browser


def test_the_page_has_the_widget_and_its_files_are_served(server: Server) -> None:
    page = logged_in(server).ask("GET", "/").text
    assert '<ajax-upload endpoint="/upload/">' in page
    for kind in ("js", "css"):
        address = f"/static/ajaxupload/ajax-upload.{kind}"
        assert address in page
        assert Browser(server.port).ask("GET", address).body == _asset(kind)


def _asset(kind: str) -> bytes:
    import ajaxupload

    return (Path(str(ajaxupload.__file__)).parent / "static" / "ajaxupload" / f"ajax-upload.{kind}").read_bytes()


def test_the_pages_form_stores_without_javascript(server: Server, data: Path) -> None:
    browser = logged_in(server)
    parts = (("csrfmiddlewaretoken", browser.token("/")), ("file", f"{server.port}.png", PNG))
    headers = {"Content-Type": FORM, "Accept": "text/html", "Referer": f"http://127.0.0.1:{server.port}/"}
    reply = browser.ask("POST", "/upload/", encoded(*parts), headers)
    assert reply.status == 200, reply.text
    assert f'<a href="/files/uploads/user-1/{server.port}.png">' in reply.text
    assert (data / "media" / "uploads" / "user-1" / f"{server.port}.png").read_bytes() == PNG
    assert f">{server.port}.png</a>" in browser.ask("GET", "/").text


def test_the_old_page_stores_5_mib(server: Server, data: Path) -> None:
    browser = logged_in(server)
    headers = {"X-CSRFToken": browser.token("/old/"), "Content-Type": "application/octet-stream"}
    length = {"Content-Length": str(5 << 20), "X-Requested-With": "XMLHttpRequest"}
    reply = browser.ask("POST", f"/upload/?qqfile={server.port}.zip", _zip(5 << 20), headers | length)
    assert reply.json["success"] is True, reply.text
    assert digest_of(data / "media" / "uploads" / reply.json["filename"]) == digest(_zip(5 << 20))


def _zip(size: int) -> Iterator[bytes]:
    yield b"PK\3\4"
    yield from noise(size - 4)


def test_who_is_not_logged_in_is_told(server: Server) -> None:
    browser = Browser(server.port)
    assert browser.ask("GET", "/").headers["Location"] == "/login/?next=/"
    headers = {"X-CSRFToken": browser.token("/login/"), "Content-Type": "image/png"}
    reply = browser.ask("POST", "/upload/?filename=a.png", PNG, headers)
    assert (reply.status, reply.json["code"]) == (401, "not_authenticated")


@pytest.mark.parametrize("name", ["page.html", "run.php", "drawing.svg", "photo.png.exe"])
def test_what_is_not_on_the_list_is_refused(server: Server, name: str) -> None:
    browser = logged_in(server)
    headers = {"X-CSRFToken": browser.token("/"), "Content-Type": "image/png"}
    reply = browser.ask("POST", f"/upload/?filename={name}", PNG, headers)
    assert (reply.status, reply.json["code"]) == (415, "unsupported_type")


def test_a_web_page_that_calls_itself_an_image_is_refused(server: Server) -> None:
    browser = logged_in(server)
    headers = {"X-CSRFToken": browser.token("/"), "Content-Type": "image/png"}
    reply = browser.ask("POST", "/upload/?filename=a.png", b"<!doctype html><script>1</script>", headers)
    assert (reply.status, reply.json["code"]) == (422, "unprocessable")


def test_a_request_without_the_token_is_refused(server: Server) -> None:
    browser = logged_in(server)
    reply = browser.ask("POST", "/upload/?filename=a.png", PNG, {"Content-Type": "image/png"})
    assert (reply.status, reply.json["code"]) == (403, "csrf")


def test_nobody_gets_another_ones_file(server: Server) -> None:
    ada, bob = logged_in(server, "ada"), logged_in(server, "bob")
    headers = {"X-CSRFToken": ada.token("/"), "Content-Type": "image/png"}
    url = ada.ask("POST", "/upload/?filename=mine.png", PNG, headers).json["url"]
    mine = ada.ask("GET", url)
    assert mine.body == PNG
    assert mine.headers["Content-Disposition"].startswith("attachment;")
    assert bob.ask("GET", url).status == 404
    assert ada.ask("GET", "/files/uploads/user-1/../../../db.sqlite3").status == 404


def test_the_checks_have_nothing_to_say_about_uploads(data: Path) -> None:
    said = manage(data, "check", "--deploy", "--tag", "ajaxupload", DEBUG="0", SECRET_KEY="x" * 60)
    assert "no issues" in said


def test_it_does_not_run_for_the_public_with_the_secret_key_of_the_example(data: Path) -> None:
    environ = {**os.environ, "EXAMPLE_DATA": str(data), "DEBUG": "0"}
    run = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=EXAMPLE, env=environ, capture_output=True, text=True, check=False
    )
    assert run.returncode != 0
    assert "Set SECRET_KEY" in run.stderr


def test_the_readme_says_how_each_server_is_started() -> None:
    text = (EXAMPLE / "README.md").read_text(encoding="utf-8")
    for command in (
        "manage.py migrate",
        "manage.py runserver",
        "gunicorn -k gthread",
        "uvicorn mysite.asgi:application",
    ):
        assert command in text
