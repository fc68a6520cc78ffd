"""One upload on its way: parts in flight, memory, and all that may end it early."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from typing import Any

import pytest

from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.backends.s3.plan import POOL, Limits, part_sizes
from ajaxupload.backends.s3.transfer import Transfer
from ajaxupload.errors import BadGateway, NameTaken, StorageUnavailable, TooLarge
from ajaxupload.testing.driving import begin, cut, elsewhere, finish, noise, send
from tests.s3.conftest import made
from tests.s3.faults import answer, flipped, lost, reset, slow, stall, throttled
from tests.s3.proxy import Call, Proxy, proxied
from tests.s3.stores import Bucket
from tests.s3.tools import MIB, NEEDS_CEPH, TinyParts, aborting, begun, eventually, upload

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

    POOL.take(5000, 5000, 0)
    try:
        with pytest.raises(StorageUnavailable, match="Too many uploads"):
            upload(noise(5000), cls=Hasty, **bucket.options(MEMORY_LIMIT=5000))
    finally:
        POOL.give_back(5000)
    assert not bucket.unfinished()


def test_many_at_once_share_little_memory_and_all_arrive(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """No two of them wait for each other."""
    most, give_back = 0, POOL.give_back

    def watched(size: int) -> None:
        nonlocal most
        most = max(most, POOL.used)
        give_back(size)

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


# ---- ends


class Stop(BaseException):
    """What a server raises into a thread to end it."""


@pytest.mark.parametrize(
    ("place", "original"),
    [
        ("ajaxupload.backends.s3.transfer.wait", wait),
        ("ajaxupload.backends.s3.transfer.Transfer._create", Transfer._create),
        ("ajaxupload.backends.s3.transfer.Transfer._complete", Transfer._complete),
    ],
    ids=["while a part is waited for", "when the upload was begun", "when the object is complete"],
)
def test_whatever_is_raised_into_an_upload_it_aborts(
    bucket: Bucket, via: dict[str, Any], monkeypatch: pytest.MonkeyPatch, place: str, original: Any
) -> None:
    """A SystemExit, a greenlet's end, a timeout by signal: no Exception, and raised anywhere."""

    def stopped(*args: Any, **details: Any) -> None:
        monkeypatch.undo()
        original(*args, **details)
        raise Stop

    monkeypatch.setattr(place, stopped)
    with pytest.raises(Stop):
        upload(noise(20_000), cls=TinyParts, **via)
    assert not bucket.unfinished()
    assert not bucket.objects()


def test_abort_does_not_wait_for_a_store_that_is_silent(
    bucket: Bucket, proxy: Proxy, via: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client hears of it within seconds; the store hears of it when it listens again."""
    monkeypatch.setattr("ajaxupload.backends.s3.aftermath._GRACE", 0.5)
    proxy.fail("AbortMultipartUpload", stall(3), times=1)
    backend, key = begun(noise(5000), cls=TinyParts, **{**via, "READ_TIMEOUT": 20.0})
    start = time.monotonic()
    backend.upload_aborted(key)
    assert 0.4 < time.monotonic() - start < 2.5
    assert eventually(lambda: not bucket.unfinished(), 20)


def test_abort_breaks_off_what_is_being_sent(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    """A part that lands after the abort would stay, unseen and paid for."""
    proxy.fail("UploadPart", throttled(MIB))
    backend, key = begun(noise(16 * MIB), PART_SIZE=5 * MIB, **{**via, "READ_TIMEOUT": 20.0})
    start = time.monotonic()
    backend.upload_aborted(key)
    assert time.monotonic() - start < 4, "it waited until they were sent"
    assert eventually(lambda: not bucket.unfinished())
    assert "CompleteMultipartUpload" not in proxy.calls


def test_a_second_abort_asks_for_nothing(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    backend, key = begun(noise(5000), cls=TinyParts, **via)
    backend.upload_aborted(key)
    asked = list(proxy.calls)
    backend.upload_aborted(key)
    assert proxy.calls == asked
    assert not bucket.unfinished()


def test_a_refused_object_is_not_deleted_it_never_was(proxy: Proxy, via: dict[str, Any]) -> None:
    """In a bucket with versions a deletion would leave a marker."""
    proxy.fail("PutObject", answer(403, "AccessDenied"))
    with pytest.raises(BadGateway):
        upload(b"x", **via)
    assert proxy.calls == ["PutObject"]


def test_what_was_completed_is_taken_back_with_its_version(bucket: Bucket) -> None:
    client = bucket.client()
    client.put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    for size in (10, 5000):
        backend, key = begun(noise(size), cls=TinyParts, **bucket.options())
        assert finish(backend, key)["version_id"]
        backend.upload_aborted(key)
    found = client.list_object_versions(Bucket=bucket.name)
    assert not found.get("Versions")
    assert not found.get("DeleteMarkers")


def test_uploads_begun_by_lost_answers_are_aborted(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    """Their ids nobody knows; but nobody else uploads to this key."""
    proxy.fail("CreateMultipartUpload", lost)
    with pytest.raises(StorageUnavailable):
        upload(noise(5000), cls=TinyParts, **via)
    assert proxy.calls.count("CreateMultipartUpload") == 2
    assert eventually(lambda: not bucket.unfinished())


def test_of_a_key_that_others_may_use_only_ones_own_upload_is_aborted(
    bucket: Bucket, proxy: Proxy, via: dict[str, Any]
) -> None:
    client = bucket.client()
    theirs = client.create_multipart_upload(Bucket=bucket.name, Key="kept.bin")["UploadId"]
    proxy.fail("CreateMultipartUpload", reset(), times=1)
    proxy.fail("CompleteMultipartUpload", answer(403, "AccessDenied"))
    with pytest.raises(BadGateway):
        upload(noise(5000), cls=TinyParts, name="kept.bin", **via, KEY="{filename}")
    left = client.list_multipart_uploads(Bucket=bucket.name)["Uploads"]
    assert [each["UploadId"] for each in left] == [theirs]


# ---- bytes


@pytest.mark.parametrize(
    ("where", "checksum"),
    [
        ("moto", "crc32"),
        pytest.param("ceph", "crc32", marks=NEEDS_CEPH),
        pytest.param("ceph", "sha256", marks=NEEDS_CEPH),
        pytest.param("ceph", "md5", marks=NEEDS_CEPH),
        ("ministack", "md5"),
    ],
)
@pytest.mark.parametrize("size", [5000, 11 * MIB], ids=["one put", "multipart"])
def test_other_bytes_than_were_sent_are_not_stored(
    request: pytest.FixtureRequest, where: str, checksum: str, size: int
) -> None:
    """None of these compares checksums as Amazon does, but they tell an MD5, or compare Content-MD5."""
    bucket = made(request, where)
    with proxied(bucket.endpoint) as proxy:
        for operation in ("PutObject", "UploadPart"):
            proxy.fail(operation, flipped)
        options = bucket.behind(proxy.port).options(CHECKSUM=checksum, PART_SIZE=5 * MIB, ATTEMPTS=1)
        with pytest.raises(BadGateway):
            upload(noise(size), **options)
    assert not bucket.unfinished()
    assert not bucket.objects()


# ---- credentials


def test_credentials_that_expire_during_an_upload_are_read_anew(
    bucket: Bucket, proxy: Proxy, via: dict[str, Any], tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a cron job or a sidecar writes them: the upload goes on where it was."""
    file = tmp_path / "credentials"
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))

    def keys(name: str) -> None:
        file.write_text(f"[app]\naws_access_key_id={name}\naws_secret_access_key=s\naws_session_token=t\n")

    def only_new(call: Call) -> bytes:
        return answer(400, "ExpiredToken")(call) or b"" if b"Credential=OLD" in call.head else b"".join(call.forward())

    keys("OLD")
    backend = TinyParts(**{**via, "PROFILE": "app", "ACCESS_KEY_ID": None, "SECRET_ACCESS_KEY": None})
    content = noise(9_000)
    key = begin(backend, "a.bin")
    send(backend, [content[:4500]])
    keys("NEW")
    proxy.fail("*", only_new)
    with aborting(backend, key):
        send(backend, [content[4500:]])
        reply = finish(backend, key)
    assert bucket.read(reply["key"]) == content


# ---- processes


def forked(options: dict[str, Any]) -> None:
    """In a process of its own: upload, fork, upload in both; leave with 0 if all went well."""
    import os

    upload(noise(5000), cls=TinyParts, **options)
    begun(noise(5000), cls=TinyParts, **options)  # holds memory, which is not the child's
    child = os.fork()
    if not child:
        os._exit(0 if POOL.used == 0 and upload(noise(5000, 1), cls=TinyParts, **options) else 1)
    upload(noise(5000, 2), cls=TinyParts, **options)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def test_a_fork_begins_anew(bucket: Bucket) -> None:
    assert elsewhere(forked, bucket.options()) == 0
    assert len(bucket.objects()) == 3


def test_a_key_is_looked_for_before_the_first_part_is_sent(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    """So that the client need not send two gigabytes first."""
    bucket.client().put_object(Bucket=bucket.name, Key="kept.bin", Body=b"first")
    with pytest.raises(NameTaken):
        upload(noise(5000), cls=TinyParts, name="kept.bin", **via, KEY="{filename}")
    assert proxy.calls == ["HeadObject"]
