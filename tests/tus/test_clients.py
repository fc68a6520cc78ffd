"""tus' own clients upload whole, in chunks, broken off and gone on with, of unknown length, in parallel, nothing and
much: what is stored is what was sent, to the bit."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.tus.conftest import HERE, headers, npm, stored
from tests.tus.content import content, digest_of
from tests.wire.doors import TOKEN
from tests.wire.servers import Server

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = [pytest.mark.servers, pytest.mark.slow]

MB = 1 << 20
NAME = "słońce & 'Mond'.bin"
LARGE, LARGEST = 256 << 20, 5 << 30
#: How an upload may be made, in the words of run.mjs.
WAYS: dict[str, dict[str, Any]] = {
    "whole": {"size": 3 * MB + 7},
    "chunked": {"size": 3 * MB + 7, "chunk": 500_000},
    "resumed": {"size": 6 * MB + 7, "chunk": 500_000, "stop": 2 * MB},
    "resumed whole": {"size": 24 * MB + 7, "stop": 1 * MB},
    "deferred": {"size": 3 * MB + 7, "chunk": 500_000, "deferred": True},
    "parallel": {"size": 3 * MB + 7, "parallel": 3},
    "parallel chunked": {"size": 3 * MB + 7, "parallel": 3, "chunk": 300_000},
    "empty": {"size": 0},
    "with its creation": {"size": 3 * MB + 7, "first": True, "chunk": MB},
    "by POST alone": {"size": 3 * MB + 7, "override": True, "chunk": MB},
}
each_way = pytest.mark.parametrize("way", WAYS)


def job_of(server: Server, way: dict[str, Any]) -> dict[str, Any]:
    """What run.mjs is told."""
    return {"url": f"http://{server.host}/upload", "name": NAME, "headers": headers(server), **way}


def in_node(server: Server, job: dict[str, Any], patience: float = 120) -> dict[str, Any]:
    """One upload with tus-js-client in Node.js."""
    node = shutil.which("node")
    assert node, "make puts Node.js into the virtualenv"
    npm("tus-js-client/package.json")
    if server.kind == "django":
        job["headers"]["Cookie"] = f"csrftoken={TOKEN}"
    command = [node, str(HERE / "node.mjs"), json.dumps(job)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, start_new_session=True) as process:
        try:
            out, errors = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # pip's `node` is a script with the true one as its child
            raise
    assert process.returncode == 0, errors
    said: dict[str, Any] = json.loads(out)
    return said


def file_of(folder: Path, size: int) -> Path:
    """A file of these bytes."""
    path = folder / "source.bin"
    path.write_bytes(content(size))
    return path


def went_well(said: dict[str, Any]) -> bool:
    """No request was refused; but one may come late: on a busy machine the server takes what was aborted after the
    client has asked how far it is, and the client asks again (409)."""
    statuses = [status for _, status in said["requests"]]
    return all(status < 300 for status in statuses if status != 409) and statuses.count(409) <= said["resumed"]


@each_way
def test_tus_js_client_in_node(server: Server, tmp_path: Path, way: str) -> None:
    job = {**job_of(server, WAYS[way]), "file": str(file_of(tmp_path, WAYS[way]["size"]))}
    said = in_node(server, job)
    assert stored(server) == {NAME: digest_of(WAYS[way]["size"])}
    assert said["resumed"] == way.startswith("resumed")
    assert went_well(said), said


@pytest.mark.browser
@pytest.mark.parametrize("server", ["uwsgi", "django"], indirect=True)  # tests/clients has the other doors
@each_way
def test_tus_js_client_in_chromium(server: Server, page: Page, way: str) -> None:
    if way == "deferred":
        source = "(await fetch('/data/' + job.size)).body.getReader()"
    else:
        source = "await (await fetch('/data/' + job.size)).blob()"
    said = page.evaluate(f"async (job) => await tusRun(job, {source})", job_of(server, WAYS[way]))
    assert stored(server) == {NAME: digest_of(WAYS[way]["size"])}
    assert said["resumed"] == way.startswith("resumed")
    assert went_well(said), said


@pytest.mark.browser
@pytest.mark.parametrize("server", ["uwsgi"], indirect=True)
@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("deferred", "with its creation", "by POST alone")])
def test_uppy_in_chromium(server: Server, page: Page, way: str) -> None:
    blob = "await (await fetch('/data/' + job.size)).blob()"
    said = page.evaluate(f"async (job) => await uppy(job, {blob})", job_of(server, WAYS[way]))
    assert (said["successful"], said["failed"]) == (1, [])
    assert stored(server) == {NAME: digest_of(WAYS[way]["size"])}
    assert said["resumed"] == way.startswith("resumed")


@pytest.mark.parametrize("way", ["whole", "chunked", "resumed", "verified"])
def test_tuspy(server: Server, tmp_path: Path, way: str) -> None:
    """(Of an empty file it makes no upload that its server could finish: it sends a creation and stops there.)"""
    from tusclient.client import TusClient

    size = 3 * MB + 7
    path = str(file_of(tmp_path, size))
    more = {"Cookie": f"csrftoken={TOKEN}"} if server.kind == "django" else {}
    client = TusClient(f"http://{server.host}/upload", headers={**headers(server), **more})
    chunk: dict[str, Any] = {} if way == "whole" else {"chunk_size": 500_000}
    with open(path, "rb") as file:
        about: dict[str, Any] = {"file_stream": file, "metadata": {"filename": NAME}, **chunk}
        uploader = client.uploader(upload_checksum=way == "verified", **about)
        if way == "resumed":
            uploader.upload(stop_at=500_000)
            uploader = client.uploader(url=uploader.url, **about)
            assert uploader.offset == 500_000
        uploader.upload()
    assert stored(server) == {NAME: digest_of(size)}


def test_tuspy_sends_an_empty_header_for_no_metadata(server: Server, tmp_path: Path) -> None:
    from tusclient.client import TusClient

    more = {"Cookie": f"csrftoken={TOKEN}"} if server.kind == "django" else {}
    client = TusClient(f"http://{server.host}/upload", headers={**headers(server), **more})
    with file_of(tmp_path, 1000).open("rb") as file:
        client.uploader(file_stream=file).upload()
    assert stored(server) == {"file": digest_of(1000)}


def write_large(path: Path, size: int) -> str:
    """A file of pseudo-random bytes, a block at a time; its SHA-256."""
    found, block = hashlib.sha256(), random.Random(size).randbytes(16 * MB)
    with path.open("wb") as file:
        for number in range(size // len(block)):
            this = number.to_bytes(8, "big") + block[8:]
            file.write(this)
            found.update(this)
    return found.hexdigest()


def check_large(server: Server, folder: Path, size: int, **way: Any) -> None:
    """One upload with tus-js-client in Node.js."""
    path = folder / "large.bin"
    try:
        expected = write_large(path, size)
        in_node(server, {**job_of(server, way), "file": str(path)}, patience=1800)
        assert stored(server) == {NAME: expected}
    finally:
        path.unlink(missing_ok=True)


@pytest.mark.parametrize("way", [{"chunk": 64 * MB, "stop": 100 * MB}, {"parallel": 4}], ids=["resumed", "parallel"])
def test_256_mib(server: Server, tmp_path: Path, way: dict[str, Any]) -> None:
    check_large(server, tmp_path, LARGE, **way)


@pytest.mark.full
@pytest.mark.parametrize("way", [{"chunk": 64 * MB, "stop": 100 * MB}, {}], ids=["resumed", "whole"])
def test_5_gib(server: Server, tmp_path: Path, way: dict[str, Any]) -> None:
    check_large(server, tmp_path, LARGEST, **way)
