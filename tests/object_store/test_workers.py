"""Two worker processes that store by obstore: what clients see of stores that fail, and of a worker that dies."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ajaxupload.testing.driving import noise
from tests.object_store.conftest import Place, made, through
from tests.s3.faults import answer, reset, stall
from tests.s3.proxy import Fault, Proxy, proxied
from tests.s3.serving import put, put_at_once, serving, states
from tests.s3.tools import MIB, NEEDS_CEPH, eventually
from tests.wire.client import connected
from tests.wire.servers import Server, faults

pytestmark = [pytest.mark.stores, pytest.mark.servers]

STORES = [pytest.param("ceph", marks=NEEDS_CEPH), "azurite"]
CONTENTS = [noise(MIB // 2, 1), noise(11 * MIB, 2), noise(11 * MIB, 3), noise(0), noise(300_000, 5)]


class Rig(NamedTuple):
    """A server that stores into a bucket through a proxy."""

    bucket: Place
    proxy: Proxy
    server: Server


@pytest.fixture(scope="module", params=STORES)
def rig(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    bucket = made(request, request.param)
    with proxied(bucket.endpoint) as proxy:
        options = {"class": "object_store", **through(bucket, proxy)}
        with serving(tmp_path_factory.mktemp("gunicorn"), options) as server:
            yield Rig(bucket, proxy, server)
            assert not faults(server.said)


FAULTS: dict[str, tuple[Fault, int]] = {
    "503 SlowDown": (answer(503, "SlowDown"), 503),
    "403 AccessDenied": (answer(403, "AccessDenied"), 502),
    "507": (answer(507, "InsufficientStorage"), 507),
    "reset in the middle": (reset(200_000), 503),
    "stall": (stall(5), 503),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_store_that_fails_is_told_and_left_as_it_was(rig: Rig, name: str) -> None:
    fault, status = FAULTS[name]
    before = sorted(rig.bucket.objects())
    for operation in ("PutObject", "UploadPart"):  # to Azure all of these are PUT
        rig.proxy.fail(operation, fault)
    try:
        answers = put_at_once(rig.server, CONTENTS[:3])
    finally:
        rig.proxy.heal()
    assert [each.status for each in answers] == [status] * 3, [each.body for each in answers]
    for each in answers:
        assert not any(word in each.body.decode() for word in ("tests-", "127.0.0.1", "AKIA", "Traceback"))
    assert eventually(lambda: sorted(rig.bucket.objects()) == before)
    assert eventually(lambda: not any(state["pool"] for state in states(rig.server)))


@pytest.mark.parametrize("store", STORES)
def test_both_workers_store_at_once_and_every_byte_arrives(bucket: Place, tmp_path: Path) -> None:
    contents = CONTENTS * 2
    with serving(tmp_path, {"class": "object_store", **bucket.options(PART_SIZE=5 * MIB)}) as server:
        assert len(states(server)) == 2
        answers = put_at_once(server, contents)
        assert eventually(lambda: not any(state["pool"] for state in states(server)))
        assert not faults(server.said)
    assert [each.status for each in answers] == [201] * len(answers), [each.body for each in answers]
    for each, content in zip(answers, contents, strict=True):
        assert bucket.read(each.json["key"]) == content
    assert sorted(bucket.objects()) == sorted(each.json["key"] for each in answers)


@pytest.mark.parametrize("store", STORES)
def test_a_worker_that_is_killed_shows_nothing_and_the_other_serves_on(bucket: Place, tmp_path: Path) -> None:
    options: dict[str, Any] = {"class": "object_store", **bucket.options(PART_SIZE=5 * MIB)}
    with serving(tmp_path, options) as server:
        with connected(server.port) as connection:
            head = f"PUT /upload/gone.bin HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: {40 * MIB}\r\n\r\n"
            connection.sendall(head.encode() + noise(12 * MIB))
            assert eventually(bucket.unfinished)
            (busy,) = [state["pid"] for state in states(server) if state["pool"]]
            os.kill(busy, signal.SIGKILL)
        reply = put(server, "next.bin", b"content")
        assert reply.status == 201
        assert bucket.objects() == [reply.json["key"]]
