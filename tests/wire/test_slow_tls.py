"""A client over TLS that is given up for its slowness: what counts of its upload is what it sent, not how it travelled.

What lives here: gunicorn with a certificate of its own, whose connections are ours to shut. What must not: rates.
"""

from __future__ import annotations

import hashlib
import json
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.support.serving import serving
from tests.wire.client import PATIENCE, Answer, read_answer
from tests.wire.servers import gunicorn

pytestmark = [pytest.mark.servers, pytest.mark.needs("openssl")]

CONTENT = hashlib.shake_256(b"secret").digest(60_001)
COMMON = "Host: x\r\nTus-Resumable: 1.0.0\r\nConnection: close\r\n"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=127.0.0.1 -keyout tls.key -out tls.crt"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    keys = ("--certfile", str(tmp_path / "tls.crt"), "--keyfile", str(tmp_path / "tls.key"))
    options = json.dumps({"min_rate": 5000, "min_rate_window": "0.5 s"})
    env = {"AJAXUPLOAD_WIRE_ROOT": str(tmp_path), "AJAXUPLOAD_OPTIONS": options}
    with serving(gunicorn("once", *keys), cwd=ROOT, log=tmp_path / "log", **env) as found:
        yield found


@contextmanager
def connected(port: int) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), PATIENCE) as plain, context.wrap_socket(plain) as connection:
        yield connection


def ask(port: int, head: str, body: bytes = b"") -> Answer:
    with connected(port) as connection:
        connection.sendall(f"{head}\r\n{COMMON}\r\n".encode() + body)
        return read_answer(connection, head.partition(" ")[0])


def patch(url: str, at: int) -> str:
    kind = "Content-Type: application/offset+octet-stream\r\n"
    return f"PATCH {url} HTTP/1.1\r\n{kind}Upload-Offset: {at}\r\nContent-Length: {len(CONTENT) - at}"


def drip(port: int, url: str) -> None:
    """Several records at a time: the server holds some of them when it has waited for long enough."""
    with connected(port) as connection, suppress(OSError):
        connection.sendall(f"{patch(url, 0)}\r\n{COMMON}\r\n".encode())
        deadline = time.monotonic() + 5
        for at in range(0, len(CONTENT), 20):
            assert time.monotonic() < deadline, "it was not given up"
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 1)
            for each in range(at, at + 20):
                connection.sendall(CONTENT[each : each + 1])
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_CORK, 0)
            time.sleep(0.02)


def test_what_came_of_a_slow_upload_over_tls_counts_as_it_was_sent(port: int, tmp_path: Path) -> None:
    url = ask(port, f"POST / HTTP/1.1\r\nUpload-Length: {len(CONTENT)}").headers["location"]
    drip(port, url)
    offset = int(ask(port, f"HEAD {url} HTTP/1.1").headers["upload-offset"])
    assert ask(port, patch(url, offset), CONTENT[offset:]).status == 204
    assert [path.read_bytes() for path in (tmp_path / "in").iterdir()] == [CONTENT]
