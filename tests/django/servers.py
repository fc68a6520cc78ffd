"""Real servers for the tests in this folder, in processes of their own, and a browser that keeps cookies.

What lives here: starting, stopping, asking. Each server chooses its port and says which.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # seconds; a busy machine is no finding
_PORT = re.compile(r"(?:server at|Listening at:|running on) http://127\.0\.0\.1:([1-9]\d*)")


@dataclass
class Server:
    """A running server: its port, the folder it works in, and the file with all it said."""

    port: int
    root: Path
    log: Path

    @property
    def said(self) -> str:
        """Everything it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        """The body read as JSON."""
        return json.loads(self.body)

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


@dataclass
class Browser:
    """Asks one server, a connection for each request, and keeps its cookies."""

    port: int
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """One request; a body that is an iterator goes chunked."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {**({"Cookie": cookie} if cookie else {}), **(headers or {})}
        chunked = body is not None and not isinstance(body, bytes) and "Content-Length" not in sent
        if chunked:
            sent["Transfer-Encoding"] = "chunked"
        try:
            connection.request(method, path, body, sent, encode_chunked=chunked)
            response = connection.getresponse()
            reply = Reply(response.status, response.headers, response.read())
        finally:
            connection.close()
        for line in reply.headers.get_all("Set-Cookie", []):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return reply

    def token(self, page: str) -> str:
        """The CSRF token in the form on this page."""
        reply = self.ask("GET", page)
        found = re.search(r"""csrfmiddlewaretoken"\s+value="(\w+)"|csrf_token': '(\w+)'""", reply.text)
        assert found, f"{page} ({reply.status}) has no token:\n{reply.text}"
        return str(found[1] or found[2])


def gunicorn(application: str) -> list[str]:
    """The server that the documentation recommends, with two workers."""
    options = ["-k", "gthread", "--threads", "4", "-w", "2", "--no-control-socket", "--graceful-timeout", "5"]
    return [sys.executable, "-m", "gunicorn", *options, "-b", "127.0.0.1:0", application]


def uvicorn(application: str) -> list[str]:
    """An ASGI server."""
    return [sys.executable, "-m", "uvicorn", "--port", "0", "--lifespan", "off", application]


def runserver(manage: Path) -> list[str]:
    """Django's own, on a port that it chooses."""
    return [sys.executable, str(manage), "runserver", "--noreload", "127.0.0.1:0"]


@contextmanager
def running(command: list[str], root: Path, *, cwd: Path = ROOT, **env: str) -> Iterator[Server]:
    """Start it and end it at the end of the block, asking first."""
    log = root / "server.log"
    (root / "systmp").mkdir(exist_ok=True)
    environ = {**os.environ, "PYTHONUNBUFFERED": "1", "TMPDIR": str(root / "systmp"), **env}
    with log.open("wb") as said:
        process = subprocess.Popen(command, cwd=cwd, env=environ, stdout=said, stderr=subprocess.STDOUT)
    try:
        yield Server(_port(log, process), root, log)
    finally:
        process.terminate()
        try:
            process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _port(log: Path, process: subprocess.Popen[bytes]) -> int:
    deadline = time.monotonic() + PATIENCE
    while not (found := _PORT.search(said := log.read_text(encoding="utf-8", errors="replace"))):
        if process.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"it did not start:\n{said}")
        time.sleep(0.05)
    return int(found[1])


def noise(size: int) -> Iterator[bytes]:
    """`size` bytes that no compression or sparse file would hide, in blocks."""
    block = hashlib.shake_128(b"noise").digest(1 << 20)
    for at in range(0, size, len(block)):
        yield block[: size - at]


def digest(blocks: Iterable[bytes]) -> str:
    """SHA-256 of them."""
    whole = hashlib.sha256()
    for block in blocks:
        whole.update(block)
    return whole.hexdigest()


def digest_of(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return digest(iter(lambda: file.read(1 << 20), b""))
