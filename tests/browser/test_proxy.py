"""Behind a real nginx that takes less than the widget sends at once: its 413 comes while the browser is still sending.

What lives here: one proxy and what it does to uploads. The scripted server behind it does nothing unusual.
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.drivers import free_port, listening, process
from tests.browser.rig import document, form, sha256
from tests.browser.scripted import Server
from tests.conftest import find_program

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.needs("nginx")]
MAKE = Callable[..., Path]
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 64; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{
    listen 127.0.0.1:{port};
    client_max_body_size 1m;
    location / {{ proxy_pass {behind}; proxy_http_version 1.1; proxy_request_buffering off; }}
  }}
}}
"""


@pytest.fixture
def proxy(server: Server, tmp_path: Path) -> Iterator[str]:
    """nginx with its default limit of 1 MiB, in front of the scripted server; its address."""
    port = free_port()
    configuration = tmp_path / "nginx.conf"
    configuration.write_text(CONFIGURATION.format(folder=tmp_path, port=port, behind=server.url))
    nginx = str(find_program("nginx"))
    subprocess.run([nginx, "-t", "-c", configuration], check=True, capture_output=True)
    with process(nginx, "-c", str(configuration)) as running:
        listening(port, running)
        yield f"http://127.0.0.1:{port}"


@pytest.mark.parametrize("attributes", ["", "chunk-size=64MiB"])
def test_nginx_that_takes_1_mib_gets_pieces_of_that(
    new_tab: OPEN, server: Server, proxy: str, make: MAKE, attributes: str
) -> None:
    """Larger than a piece: tus from the start. Smaller: a POST first, and tus after the refusal."""
    server.state.limits = {"resumable": "/files/"}
    server.state.pages["/page.html"] = document(form(attributes))
    tab = new_tab()
    tab.page.goto(f"{proxy}/page.html")
    tab.page.locator("ajax-upload[ready]").wait_for()
    film = make("film.bin", 20 << 20)
    tab.choose(film)
    tab.wait("done")
    assert [(one.proto, one.sha256) for one in server.state.stored] == [("tus", sha256(film))]
    assert max(entry.received for entry in server.state.sent("PATCH")) <= 1 << 20
    tab.errors.clear()  # 413s, and resets where nginx closed before the browser read them


def test_nginx_in_front_of_a_server_without_tus_is_told_as_what_it_is(
    new_tab: OPEN, server: Server, proxy: str, make: MAKE
) -> None:
    server.state.limits = {"resumable": None}
    server.state.pages["/page.html"] = document(form())
    tab = new_tab()
    tab.page.goto(f"{proxy}/page.html")
    tab.page.locator("ajax-upload[ready]").wait_for()
    tab.choose(make("film.bin", 3 << 20))
    assert "The server does not take a file this large." in tab.wait("failed").inner_text()
    tab.errors.clear()
