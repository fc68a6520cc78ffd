"""One upload on its way: parts in flight, as many as a store takes, and the memory of the whole process."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ajaxupload.backends._pool import POOL
from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.backends.s3.plan import Limits, part_sizes
from ajaxupload.errors import StorageUnavailable, TooLarge
from ajaxupload.testing.driving import begin, cut, finish, noise, send
from tests.s3.faults import slow, throttled
from tests.s3.proxy import Call, Proxy
from tests.s3.stores import Bucket
from tests.s3.tools import MIB, TinyParts, begun, eventually, upload

pytestmark = pytest.mark.stores


@pytest.fixture
def store() -> str:
    """Where not said otherwise, the quick one."""
    return "moto"


class Gate:
    """Requests wait here until it opens."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def __call__(self, call: Call) -> bytes:
        for_real = call.forward()
        self.opened.wait(30)
        return b"".join(for_real)


# ---- in flight


@pytest.mark.parametrize("concurrency", [1, 2, 4, 9])
def test_so_many_parts_are_in_flight_while_the_next_is_read(
    bucket: Bucket, proxy: Proxy, via: dict[str, Any], concurrency: int
) -> None:
    gate = Gate()
    proxy.fail("UploadPart", gate)
    backend = TinyParts(**{**via, "READ_TIMEOUT": 30.0, "MAX_CONCURRENCY": concurrency})
    key = begin(backend, "a.bin")
    content, accepted = noise((concurrency + 5) * 1000), 0

    def feed() -> None:
        nonlocal accepted
        for piece in cut(content, [100]):
            send(backend, [piece])
            accepted += len(piece)

    feeder = threading.Thread(target=feed)
    feeder.start()
    assert eventually(lambda: accepted == (concurrency + 1) * 1000)
    time.sleep(0.1)
    assert accepted == (concurrency + 1) * 1000, "more was read than there is room for"
    assert proxy.most["UploadPart"] == concurrency
    gate.opened.set()
    feeder.join()
    assert bucket.read(finish(backend, key)["key"]) == content
    assert proxy.most["UploadPart"] == concurrency


def test_parts_that_land_out_of_order_make_the_same_object(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    for skip, seconds in enumerate((0.3, 0.0, 0.2, 0.0, 0.1)):
        proxy.fail("UploadPart", slow(seconds), skip=skip and 1, times=1)
    content = noise(9_500)
    assert bucket.read(upload(content, cls=TinyParts, **via)["key"]) == content


def test_a_line_that_is_slow_but_moves_is_not_taken_for_dead(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    """A socket's timeout covers a whole sendall: a part must not be sent in one."""
    proxy.fail("PutObject", throttled(4 * MIB))
    content = noise(16 * MIB)
    options = {**via, "CONNECT_TIMEOUT": 2.0, "READ_TIMEOUT": 2.0, "ATTEMPTS": 1, "PART_SIZE": 20 * MIB}
    assert bucket.read(upload(content, **options)["key"]) == content
    assert proxy.calls == ["PutObject"]


# ---- as many parts as a store takes

LIMITS = Limits(most_parts=40, smallest_part=1000, largest_part=20_000)


class FewParts(S3UploadBackend):
    """A store's limits, scaled down."""

    def _sizes(self, largest: int) -> Iterator[int]:
        return part_sizes(1000, largest, LIMITS)


@pytest.mark.parametrize("most", [40_000, 60_000, 400_000, 800_000])
def test_parts_grow_until_the_largest_object_fits(bucket: Bucket, proxy: Proxy, via: dict[str, Any], most: int) -> None:
    content = noise(most)
    backend = FewParts(**via)
    begun_key = begin(backend, "a.bin")
    backend.upload.max_size = most
    backend.setup(begun_key)
    send(backend, cut(content, [7_777]))
    assert bucket.read(finish(backend, begun_key)["key"]) == content
    assert proxy.calls.count("UploadPart") <= 40


def test_what_is_larger_than_the_store_can_hold_is_refused_and_leaves_nothing(bucket: Bucket) -> None:
    with pytest.raises(TooLarge):
        upload(noise(800_001), cls=FewParts, **bucket.options())
    assert not bucket.unfinished()
    assert not bucket.objects()


@pytest.mark.parametrize("known", [True, False])
def test_the_end_names_checksums_only_to_stores_that_know_them(
    bucket: Bucket, proxy: Proxy, via: dict[str, Any], known: bool
) -> None:
    """Ceph reads 1 MiB when parts are put together, which ten thousand with checksums would exceed."""
    said: list[bytes] = []

    def telling(call: Call) -> bytes:
        head, body = call.forward()
        told = re.search(rb"(?i)\r\nx-amz-checksum-crc32:[^\r]*", call.head)
        assert told is not None
        return head.replace(b"\r\n", told[0] + b"\r\n", 1) + body if known else head + body

    def heard(block: bytes) -> bytes:
        said.append(bytes(block))
        return said[-1]

    proxy.fail("UploadPart", telling)
    proxy.fail("CompleteMultipartUpload", lambda call: b"".join(call.forward(heard)))
    content = noise(2_500)
    assert bucket.read(upload(content, cls=TinyParts, **via)["key"]) == content
    parts = re.findall(rb"<Part>.*?</Part>", b"".join(said))
    assert [b"<ChecksumCRC32>" in part for part in parts] == [known] * 3
    assert known or 10_000 * (len(parts[0]) + 4) < 1 << 20


# ---- memory of the whole process


def test_an_upload_waits_for_memory_that_others_hold(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    gate = Gate()
    proxy.fail("UploadPart", gate)
    options = {**via, "READ_TIMEOUT": 30.0, "MEMORY_LIMIT": 2000}
    first, first_key = begun(noise(3000), cls=TinyParts, **options)
    assert POOL.used == 2000, "the first 1,000 bytes of an upload are not worth counting"
    second = TinyParts(**options)
    key = begin(second, "b.bin")
    feeder = threading.Thread(target=send, args=(second, [noise(2500)]))
    feeder.start()
    time.sleep(0.2)
    assert feeder.is_alive(), "it did not wait"
    assert POOL.used == 2000
    gate.opened.set()
    finish(first, first_key)
    feeder.join(30)
    assert bucket.read(finish(second, key)["key"]) == noise(2500)


def test_who_waits_too_long_for_memory_is_refused(bucket: Bucket) -> None:
    class Hasty(TinyParts):
        _patience = 0.1

    POOL.reserve(5000, 5000, 0)
    try:
        with pytest.raises(StorageUnavailable, match="Too many uploads"):
            upload(noise(5000), cls=Hasty, **bucket.options(MEMORY_LIMIT=5000))
    finally:
        POOL.give_back(5000)
    assert not bucket.unfinished()


def test_many_at_once_share_little_memory_and_all_arrive(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """No two of them wait for each other."""
    most, give_back = 0, POOL.give_back

    def watched(back: int | memoryview) -> None:
        nonlocal most
        most = max(most, POOL.used + POOL.spare)
        give_back(back)

    monkeypatch.setattr(POOL, "give_back", watched)
    options = bucket.options(MEMORY_LIMIT=5000, MAX_CONCURRENCY=3)
    with ThreadPoolExecutor(16) as threads:
        sent = [threads.submit(upload, noise(8_500, n), cls=TinyParts, pieces=300, **options) for n in range(32)]
    for number, each in enumerate(sent):
        assert bucket.read(each.result()["key"]) == noise(8_500, number)
    assert 0 < most <= 5000


def test_the_memory_is_given_back_while_the_client_is_slow(bucket: Bucket) -> None:
    """Parts that landed are not held until their upload asks for the next one."""
    backend, key = begun(noise(4001), cls=TinyParts, **bucket.options())
    assert eventually(lambda: POOL.used <= 1000)
    finish(backend, key)


def test_stores_share_one_description_of_s3(bucket: Bucket) -> None:
    """botocore's takes 12 MB and a tenth of a second to read."""
    one, other = (S3UploadBackend(**bucket.options(CONNECT_TIMEOUT=seconds)).store.client() for seconds in (7.0, 8.0))
    assert one is not other
    assert one._loader is other._loader
