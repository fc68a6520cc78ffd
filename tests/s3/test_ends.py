"""All that may end an upload early, and that nothing is left of it: errors, BaseExceptions, wrong bytes, forks."""

from __future__ import annotations

import os
import threading
import time
from concurrent.futures import wait
from typing import Any

import pytest

from ajaxupload.backends._pool import POOL
from ajaxupload.backends.s3.transfer import Transfer
from ajaxupload.errors import BadGateway, NameTaken, StorageUnavailable
from ajaxupload.testing.driving import begin, elsewhere, finish, noise, send
from tests.s3.conftest import made
from tests.s3.faults import answer, flipped, lost, reset, throttled
from tests.s3.proxy import Call, Proxy, proxied
from tests.s3.stores import Bucket
from tests.s3.tools import MIB, NEEDS_CEPH, TinyParts, aborting, begun, eventually, pool_is_empty, upload

pytestmark = pytest.mark.stores


@pytest.fixture
def store() -> str:
    """Where not said otherwise, the quick one."""
    return "moto"


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
    monkeypatch.setattr("ajaxupload.backends.s3.aftermath._GRACE", 0.2)
    listening = threading.Event()

    def silent(call: Call) -> bytes:
        listening.wait(60)
        return b"".join(call.forward())

    proxy.fail("AbortMultipartUpload", silent)
    backend, key = begun(noise(5000), cls=TinyParts, **{**via, "READ_TIMEOUT": 50.0})
    start = time.monotonic()
    backend.upload_aborted(key)
    assert time.monotonic() - start < 40
    assert bucket.unfinished() == [key]
    listening.set()
    assert eventually(lambda: not bucket.unfinished(), 30)


def test_abort_breaks_off_what_is_being_sent(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    """A part that lands after the abort would stay, unseen and paid for: to send these would take half a minute. Nor
    is there an answer to wait for."""
    proxy.fail("UploadPart", throttled(MIB // 6))
    backend, key = begun(noise(16 * MIB), PART_SIZE=5 * MIB, **{**via, "READ_TIMEOUT": 50.0})
    start = time.monotonic()
    backend.upload_aborted(key)
    assert eventually(lambda: not bucket.unfinished() and pool_is_empty(), 25)
    assert time.monotonic() - start < 25
    assert "CompleteMultipartUpload" not in proxy.calls
    assert proxy.calls.count("UploadPart") <= 3, "a part that was given up was sent again"


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
