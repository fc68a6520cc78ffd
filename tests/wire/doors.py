"""One way of sending a transcript's request, whatever is behind: a real server, or WebTest with its lint.

What lives here: the doors. What must not: tables, verdicts.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote_to_bytes
from wsgiref.validate import validator

import pytest
import webtest

from ajaxupload import AjaxUpload
from tests.wire import store
from tests.wire.apps import wiring
from tests.wire.client import Answer, ask
from tests.wire.servers import Server, commands, faults, running
from tests.wire.transcript import Case

#: Django asks each request for its token, as any page's script gives it: the cookie's secret, in a header.
TOKEN = "tokentokentokentokentokentoken32"
DRESS = {"django": {"Cookie": f"csrftoken={TOKEN}", "X_CSRFToken": TOKEN}}

SERVERS = ("wsgiref", "cheroot", "gunicorn")
FRAMEWORKS = ("django", "flask", "pyramid")
DOORS = ("webtest", *SERVERS, *FRAMEWORKS)


class Door(Protocol):
    """What a test of a table needs."""

    name: str

    @property
    def root(self) -> Path:
        """Below which it stores."""

    @property
    def host(self) -> str:
        """As its Host header says."""

    def send(self, case: Case) -> Answer:
        """One request and its answer."""

    def complaints(self) -> list[str]:
        """What went wrong behind the door since the last call, tracebacks for example."""


@dataclass
class ServerDoor:
    """A server in a process of its own."""

    name: str
    server: Server
    heard: int = 0

    @property
    def root(self) -> Path:
        return self.server.root

    @property
    def host(self) -> str:
        return self.server.host

    def send(self, case: Case) -> Answer:
        more = DRESS.get(self.name, {})
        return ask(self.server.port, case.request(self.server.host, Connection="close", **more))

    def complaints(self) -> list[str]:
        said = self.server.said
        news, self.heard = said[self.heard :], len(said)
        gone = [f"process {self.server.process.pid} has ended"] if self.server.process.poll() is not None else []
        spooled = [f"Django spooled {path}" for path in self.root.glob("temp/*")]
        return [*faults(news), *gone, *spooled, *store.left_behind(self.server.pids(), self.root)]


class WebTestDoor:
    """WebTest with its lint, and wsgiref's validator on both sides of the middleware."""

    name = "webtest"
    host = "127.0.0.1"

    def __init__(self, root: Path) -> None:
        self.root = root
        self.app = webtest.TestApp(validator(AjaxUpload(validator(wiring.site), wiring.config())), lint=True)

    def send(self, case: Case) -> Answer:
        self.app.reset()  # cookies are whose they are: the case says them
        request = webtest.TestRequest(environ_of(case.request(self.host)))
        response = self.app.do_request(request, status="*", expect_errors=True)
        lines = list(response.headerlist)
        headers = {name.lower(): value for name, value in lines}
        return Answer(response.status_int, lines, response.body, headers, response.status.partition(" ")[2])

    def complaints(self) -> list[str]:
        return store.unfinished(self.root)


def environ_of(request: bytes) -> dict[str, Any]:
    """The bytes of a request as a server hands them on (PEP 3333); one that decodes chunked bodies."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, protocol = first.split(" ")
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": protocol,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    for line in lines:
        name, _, value = line.partition(":")
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"] = value.strip()
    chunked = environ.get("HTTP_TRANSFER_ENCODING") == "chunked"
    environ["wsgi.input"] = io.BytesIO(b"".join(_chunks(body)) if chunked else body)
    return environ | ({"wsgi.input_terminated": True} if chunked else {})


def _chunks(body: bytes) -> Iterator[bytes]:
    while size := int(body.partition(b"\r\n")[0], 16):
        start = body.index(b"\r\n") + 2
        yield body[start : start + size]
        body = body[start + size + 2 :]


@contextmanager
def opened(name: str, root: Path) -> Iterator[Door]:
    """A door by its name, storing below `root`."""
    if name == "webtest":
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("AJAXUPLOAD_WIRE_ROOT", str(root))
            yield WebTestDoor(root)
    else:
        with running(name, commands()[name], root) as server:
            yield ServerDoor(name, server)
            assert not faults(server.said)
