"""tus-js-client in the protocols ietf-draft-03 (interop version 5) and ietf-draft-05 (6), in Node, against gunicorn
with threads and two workers: what it uploads is stored with the SHA-256 that was sent."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire.servers import Server, faults, gunicorn, running

HERE = Path(__file__).parent
PROGRAM = HERE / "upload.js"
SIZE = 1_000_003  # below the endpoint's max_size, no multiple of any block
CHUNK = 300_000

pytestmark = [
    pytest.mark.servers,
    pytest.mark.needs("node"),
    pytest.mark.skipif(not (HERE / "node_modules").exists(), reason="needs Node packages: make test installs them"),
    pytest.mark.parametrize("protocol", ["ietf-draft-03", "ietf-draft-05"]),
]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers: hardly any request finds the one that had the upload's last."""
    with running("gunicorn", gunicorn("bare"), tmp_path_factory.mktemp("gunicorn")) as found:
        yield found
        assert not faults(found.said)


def upload(server: Server, protocol: str, content: bytes, chunk: int = CHUNK, stop_at: int = 0) -> dict[str, Any]:
    """Have it uploaded; what the client was told, and what is stored now has been compared."""
    path = server.root / "to-send"
    path.write_bytes(content)
    url = f"http://{server.host}/upload"
    command = ["node", str(PROGRAM), url, protocol, str(path), str(chunk), str(stop_at)]
    run = subprocess.run(command, cwd=HERE, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr
    found: dict[str, Any] = json.loads(run.stdout)
    (stored,) = (server.root / "media").iterdir()
    assert stored.name == "von Node.bin"
    assert hashlib.sha256(stored.read_bytes()).digest() == hashlib.sha256(content).digest()
    stored.unlink()
    return found


def test_in_chunks(server: Server, protocol: str) -> None:
    content = random.Random(1).randbytes(SIZE)
    told = upload(server, protocol, content)
    assert told["offsets"] == [300_000, 600_000, 900_000, SIZE]
    assert told["statuses"] == [["POST", 201], *[["PATCH", 201]] * 4]
    facts = json.loads(told["answer"])
    assert (facts["size"], facts["sha256"]) == (SIZE, hashlib.sha256(content).hexdigest())


def test_aborted_and_resumed_by_its_url(server: Server, protocol: str) -> None:
    told = upload(server, protocol, random.Random(2).randbytes(SIZE), stop_at=600_000)
    assert ["HEAD", 204] in told["statuses"]
    assert told["offsets"][-1] == SIZE


def test_in_one_piece(server: Server, protocol: str) -> None:
    told = upload(server, protocol, random.Random(3).randbytes(SIZE), chunk=SIZE)
    assert told["statuses"] == [["POST", 201], ["PATCH", 201]]


def test_an_empty_file(server: Server, protocol: str) -> None:
    assert upload(server, protocol, b"")["statuses"] == [["POST", 201]]
