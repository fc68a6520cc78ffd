"""F20: gunicorn's `sync` workers, which are ended at `--timeout` in the middle of uploads that still move. Of one in
several requests, what was told stays and is gone on with, until the file is whole; one in one request leaves nothing.

What lives here: workers that are ended. What must not: clients that go away (tests/wire).
"""

from __future__ import annotations

import time
from contextlib import suppress
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.faults.rig import UNIT, Content, Lives, TusClient, sha256_of
from tests.support.tally import Tally
from tests.wire import store
from tests.wire.client import connected, post, read_answer

pytestmark = [pytest.mark.servers, pytest.mark.slow]

SYNC = ("-k", "sync", "--threads", "1", "--timeout", "2")
FULL = pytest.mark.faults
SIZE = 24 << 20


def dripped(port: int, content: Content) -> None:
    """One file in one request, slowly, until the server closes."""
    request = post("/upload/slow.bin", b"", method="PUT", length=content.size)
    with suppress(OSError, HTTPException), connected(port, timeout=60) as client:
        client.sendall(request)
        for block in content.blocks(step=1 << 14):
            client.sendall(block)
            time.sleep(0.05)
        assert read_answer(client, "PUT").status >= 400


def complaints_of(lives: Lives) -> list[str]:
    """What went wrong besides: gunicorn shows where its worker was when it was ended, which is in our reading."""
    return [each for each in lives.complaints if "in handle_abort" not in each]


@pytest.mark.parametrize("count", [1, pytest.param(20, marks=FULL)])
def test_an_upload_is_gone_on_with_after_each_worker_that_was_ended(tmp_path: Path, tally: Tally, count: int) -> None:
    def slowly(_at: int) -> None:
        if client.cuts < count:  # six seconds for each of the workers, if all of it were sent so
            time.sleep(6 * count * UNIT / SIZE)

    with Lives(tmp_path, SYNC) as lives:
        client = TusClient(lives.port, Content(20, SIZE), slowly)
        client.create()
        while not client.send(SIZE):
            before = client.told
            assert client.ask_where() > before, "what had come when the worker was ended is kept"
        stored = list((tmp_path / "media").iterdir())
        assert [sha256_of(path) for path in stored] == [client.content.sha256()]
        assert not store.left_behind(lives.server.pids(), tmp_path)
        said = lives.server.said
    assert client.cuts >= count
    assert said.count("WORKER TIMEOUT") >= count
    assert not complaints_of(lives)
    tally("F20", "tus uploads through workers that are ended", runs=1 + client.cuts, faults=client.cuts)


@pytest.mark.parametrize("count", [pytest.param(5, marks=FULL)])  # tests/wire/test_connections.py tries one
def test_a_file_in_one_request_leaves_nothing(tmp_path: Path, tally: Tally, count: int) -> None:
    with Lives(tmp_path, SYNC) as lives:
        for seed in range(count):
            dripped(lives.port, Content(seed, SIZE))
        assert list((tmp_path / "media").iterdir()) == []
        assert not store.left_behind(lives.server.pids(), tmp_path)
        assert lives.server.said.count("WORKER TIMEOUT") >= count
    assert not complaints_of(lives)
    tally("F20", "files in one request through workers that are ended", runs=count, faults=count)
