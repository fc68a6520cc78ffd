"""What a real store does when it goes down, falls silent or is full: Ceph's gateway, killed, paused and under a quota.

A file of its own: what happens here happens to the whole store.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.errors import StorageFull, StorageUnavailable
from ajaxupload.testing.driving import begin, cut, finish, noise, send
from tests.s3.ceph import OTHER, Ceph
from tests.s3.conftest import made
from tests.s3.serving import put, serving, states
from tests.s3.stores import Bucket
from tests.s3.tools import MIB, NEEDS_CEPH, TinyParts, aborting, begun, eventually, upload
from tests.wire.client import connected

pytestmark = [pytest.mark.stores, NEEDS_CEPH]

HASTY: dict[str, Any] = {"ATTEMPTS": 2, "CONNECT_TIMEOUT": 1.0, "READ_TIMEOUT": 1.0}


@pytest.fixture
def bucket(request: pytest.FixtureRequest) -> Bucket:
    return made(request, "ceph")


@pytest.fixture
def gateway(cluster: Ceph) -> Iterator[Ceph]:
    """It runs again afterwards."""
    yield cluster
    cluster.pause_gateway(pause=False)


def test_an_upload_survives_a_gateway_that_crashes_and_comes_back(bucket: Bucket, gateway: Ceph) -> None:
    """The parts that were sent stay; those that were not are sent again."""
    content = noise(9_000)
    # A busy machine takes minutes for the start; and botocore allows 100 retries to all parts that fly together.
    backend = TinyParts(**bucket.options(ATTEMPTS=40, MAX_CONCURRENCY=2))
    key = begin(backend, "a.bin")
    send(backend, cut(content[:4000], [1000]))
    gateway.kill_gateway()
    threading.Timer(1.0, gateway.start_gateway).start()
    with aborting(backend, key):
        send(backend, cut(content[4000:], [1000]))
        finish(backend, key)
    assert bucket.read(key) == content
    assert not bucket.unfinished()


def test_a_gateway_that_stays_down_is_told_and_what_it_kept_is_cleaned(bucket: Bucket, gateway: Ceph) -> None:
    backend, key = begun(noise(4_000), cls=TinyParts, **bucket.options(**HASTY))
    backend.upload_waits(key)
    gateway.kill_gateway()
    try:
        with pytest.raises(StorageUnavailable), aborting(backend, key):
            finish(backend, key)
    finally:
        gateway.start_gateway()
    assert bucket.unfinished() == [key]
    assert S3UploadBackend(**bucket.options(LEFTOVER_AGE=0.0)).clean() == 1
    assert not bucket.unfinished()


def test_a_gateway_that_falls_silent_is_told(bucket: Bucket, gateway: Ceph, caplog: pytest.LogCaptureFixture) -> None:
    """What it had been sent it may do all the same when it wakes up: the object is whole, and the log names it."""
    gateway.pause_gateway(pause=True)
    content = noise(10)
    with pytest.raises(StorageUnavailable):
        upload(content, **bucket.options(**HASTY))
    assert eventually(lambda: "may remain at the S3 store" in caplog.text)
    gateway.pause_gateway(pause=False)
    reply = upload(content, **bucket.options(**HASTY))
    for key in bucket.objects():
        assert key == reply["key"] or key in caplog.text
        assert bucket.read(key) == content


@pytest.mark.parametrize("size", [3 * MIB, 9 * MIB], ids=["one put", "multipart"])
def test_a_quota_that_is_used_up_is_507_and_leaves_nothing(cluster: Ceph, size: int) -> None:
    cluster.admin("quota", "set", "--quota-scope=user", "--uid=other", f"--max-size={2 * MIB}")
    cluster.admin("quota", "enable", "--quota-scope=user", "--uid=other")
    bucket = Bucket(cluster.http, f"quota-{size}", *OTHER).make()
    try:
        with pytest.raises(StorageFull):
            upload(noise(size), **bucket.options(PART_SIZE=5 * MIB))
        assert not bucket.objects()
        assert not bucket.unfinished()
    finally:
        cluster.admin("quota", "disable", "--quota-scope=user", "--uid=other")


def test_what_a_killed_worker_left_another_clears(bucket: Bucket, tmp_path: Path) -> None:
    """The upload of a worker that dies stays at the store until it is old; the other worker serves on."""
    with serving(tmp_path, bucket.options(PART_SIZE=5 * MIB)) as server:
        with connected(server.port) as connection:
            head = f"PUT /upload/gone.bin HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: {40 * MIB}\r\n\r\n"
            connection.sendall(head.encode() + noise(12 * MIB))
            assert eventually(bucket.unfinished)
            (busy,) = [state["pid"] for state in states(server) if state["pool"]]
            os.kill(busy, signal.SIGKILL)
        assert put(server, "next.bin", b"content").status == 201
        assert len(bucket.unfinished()) == 1
        assert S3UploadBackend(**bucket.options()).clean() == 0, "it might be living"
        cleaner = S3UploadBackend(**bucket.options(LEFTOVER_AGE=0.0))
        assert eventually(cleaner.clean), "its last part may have been landing still"
    assert len(bucket.objects()) == 1
    assert not bucket.unfinished()


def test_a_worker_that_is_told_to_end_finishes_what_it_serves(bucket: Bucket, tmp_path: Path) -> None:
    with serving(tmp_path, bucket.options(PART_SIZE=5 * MIB)) as server:
        content = noise(12 * MIB)
        with connected(server.port) as connection:
            head = f"PUT /upload/a.bin HTTP/1.1\r\nHost: {server.host}\r\nContent-Length: {len(content)}\r\n"
            connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + content[: 11 * MIB])
            assert eventually(bucket.unfinished)
            server.process.send_signal(signal.SIGTERM)
            connection.sendall(content[11 * MIB :])
            assert connection.recv(100).startswith(b"HTTP/1.1 201")
    (key,) = bucket.objects()
    assert bucket.read(key) == content
    assert not bucket.unfinished()
