"""Uploads by obstore: large ones in bounded memory, their ends, and what is told of stores that fail."""

from __future__ import annotations

import os
import threading
import time
import urllib.request
from typing import Any

import pytest

from ajaxupload import ConfigError
from ajaxupload.backends._pool import POOL
from ajaxupload.backends.object_store import ObjectStoreUploadBackend
from ajaxupload.cli import main
from ajaxupload.config import load
from ajaxupload.errors import BadGateway, NameTaken, StorageFull, StorageUnavailable, UploadError
from ajaxupload.testing.driving import begin, cut, elsewhere, finish, noise, send
from tests.object_store.azurite import Container
from tests.object_store.conftest import Place, S3Bucket, through
from tests.s3.faults import answer, lost, reset, stall
from tests.s3.proxy import Fault, Proxy
from tests.s3.tools import MIB, NEEDS_CEPH, eventually

pytestmark = pytest.mark.stores


@pytest.fixture(params=[pytest.param("ceph", marks=NEEDS_CEPH), "azurite"])
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def upload(content: bytes, name: str = "a.bin", *, declared: bool = False, **options: Any) -> dict[str, Any]:
    """A whole upload, as the engine does it."""
    backend = ObjectStoreUploadBackend(**options)
    key = begin(backend, name, len(content) if declared else None)
    try:
        send(backend, cut(content, [100_000]))
        return finish(backend, key)
    except BaseException:
        backend.upload_aborted(key)
        raise


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "unknown length"])
@pytest.mark.parametrize("size", [0, 1, 300_000, 5 * MIB, 5 * MIB + 1, 17 * MIB], ids=str)
def test_every_byte_arrives(bucket: Place, size: int, declared: bool) -> None:
    content = noise(size)
    reply = upload(content, declared=declared, **bucket.options(PART_SIZE=5 * MIB))
    assert bucket.read(reply["key"]) == content
    assert reply["etag"]
    assert not bucket.unfinished()


def test_an_object_is_told_what_it_is(bucket: Place) -> None:
    for size in (10, 6 * MIB):
        options = bucket.options(PART_SIZE=5 * MIB, METADATA={"album": "ö\r\nx: y"}, CACHE_CONTROL="max-age=60")
        backend = ObjectStoreUploadBackend(**options)
        key = begin(backend, "ünï 100%.txt")
        backend.upload.type, backend.upload.sniffed = "text/html", "image/png"
        send(backend, cut(noise(size), [100_000]))
        finish(backend, key)
        with urllib.request.urlopen(backend.url(key) or "", timeout=20) as response:
            headers = response.headers
            assert response.read() == noise(size)
        assert headers["Content-Type"] == "image/png"
        assert headers["Cache-Control"] == "max-age=60"
        assert headers["Content-Disposition"] == "attachment; filename*=UTF-8''%C3%BCn%C3%AF%20100%25.txt"
        # Ceph makes hyphens of underscores
        told = {name.lower().rpartition("meta-")[2].replace("-", "_"): value for name, value in headers.items()}
        assert told["album"] == "%C3%B6%0D%0Ax%3A%20y"
        assert told["ajaxupload_name"] == "%C3%BCn%C3%AF%20100%25.txt"
        assert told["ajaxupload_id"] == backend.upload.id


@pytest.mark.parametrize("name", ["a b.txt", "日本語.txt", "100%.txt", "a#b?c&d+e=f;g.txt", "(x) [y] {z}'.txt"])
def test_the_url_opens_whatever_the_name(bucket: Place, name: str) -> None:
    backend = ObjectStoreUploadBackend(**bucket.options())
    key = begin(backend, name)
    send(backend, [b"content"])
    finish(backend, key)
    with urllib.request.urlopen(backend.url(key) or "", timeout=20) as response:
        assert response.read() == b"content"


def test_abort_in_the_middle_leaves_nothing(bucket: Place) -> None:
    """obstore's writer would complete what it has: it is told of an error."""
    for size in (10, 4 * MIB, 17 * MIB):
        backend = ObjectStoreUploadBackend(**bucket.options(PART_SIZE=5 * MIB))
        key = begin(backend, "a.bin")
        send(backend, cut(noise(size), [100_000]))
        for _ in range(2):
            backend.upload_aborted(key)
        assert not bucket.objects()
        assert not bucket.unfinished()


@pytest.mark.parametrize("size", [10, 6 * MIB], ids=["one put", "parts"])
def test_a_kept_key_that_is_taken_is_refused_and_stays_what_it_was(bucket: Place, size: int) -> None:
    options = bucket.options(KEY="{filename}", PART_SIZE=5 * MIB)
    upload(b"first", "kept.bin", **options)
    with pytest.raises(NameTaken):
        upload(noise(size), "kept.bin", **options)
    assert bucket.read("kept.bin") == b"first"
    assert not bucket.unfinished()


# ---- stores that fail

FAULTS: dict[str, tuple[Fault, type[UploadError]]] = {
    "500": (answer(500, "InternalError"), StorageUnavailable),
    "503 SlowDown": (answer(503, "SlowDown"), StorageUnavailable),
    "400 ExpiredToken": (answer(400, "ExpiredToken"), StorageUnavailable),
    "403 AccessDenied": (answer(403, "AccessDenied"), BadGateway),
    "403 QuotaExceeded": (answer(403, "QuotaExceeded"), StorageFull),
    "507": (answer(507, "InsufficientStorage"), StorageFull),
    "reset": (reset(100_000), StorageUnavailable),
    "stall": (stall(5), StorageUnavailable),
}


@pytest.mark.parametrize("size", [200_000, 12 * MIB], ids=["one put", "parts"])
@pytest.mark.parametrize("name", FAULTS)
def test_a_store_that_fails_is_told_and_left_clean(bucket: Place, proxy: Proxy, name: str, size: int) -> None:
    fault, error = FAULTS[name]
    for operation in ("PutObject", "UploadPart"):  # to Azure all of these are PUT
        proxy.fail(operation, fault)
    with pytest.raises(error):
        upload(noise(size), **through(bucket, proxy))
    proxy.heal()
    assert eventually(lambda: not bucket.objects())
    assert eventually(lambda: not bucket.unfinished()) or isinstance(bucket, Container), "Azure forgets in a week"
    assert POOL.used == 0


@NEEDS_CEPH
@pytest.mark.parametrize("store", ["ceph"])
@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload"])
def test_an_answer_that_got_lost_is_found_to_be_a_success(bucket: S3Bucket, proxy: Proxy, operation: str) -> None:
    proxy.fail(operation, lost)
    for size in (10, 6 * MIB):
        content = noise(size)
        assert bucket.read(upload(content, **through(bucket, proxy))["key"]) == content


# ---- memory


def test_who_finds_no_memory_is_refused(bucket: Place) -> None:
    class Hasty(ObjectStoreUploadBackend):
        _patience = 0.1

    POOL.reserve(512 * MIB, 512 * MIB, 0)
    try:
        backend = Hasty(**bucket.options())
        key = begin(backend, "a.bin")
        send(backend, [noise(256 << 10)])
        with pytest.raises(StorageUnavailable):
            send(backend, [b"x"])
        backend.upload_aborted(key)
    finally:
        POOL.give_back(512 * MIB)


def test_a_slow_store_holds_the_sender_up(bucket: Place, proxy: Proxy) -> None:
    """Bounded memory: when all that may be in flight is, no more is taken."""
    opened = threading.Event()

    def gate(call: Any) -> bytes:
        found = call.forward()
        opened.wait(30)
        return b"".join(found)

    for operation in ("PutObject", "UploadPart"):
        proxy.fail(operation, gate)
    backend = ObjectStoreUploadBackend(**through(bucket, proxy, TIMEOUT=30.0, MAX_CONCURRENCY=2))
    key, sent = begin(backend, "a.bin"), 0

    def feed() -> None:
        nonlocal sent
        for piece in cut(noise(40 * MIB), [MIB]):
            send(backend, [piece])
            sent += len(piece)

    feeder = threading.Thread(target=feed)
    feeder.start()
    time.sleep(1.5)
    assert sent <= 4 * 5 * MIB
    opened.set()
    feeder.join(60)
    assert bucket.read(finish(backend, key)["key"]) == noise(40 * MIB)


# ---- processes and settings


def forked(options: dict[str, Any]) -> None:
    """In a process of its own: what a server does before it forks, then an upload in the child."""
    ObjectStoreUploadBackend(**options).startup()
    child = os.fork()
    if not child:
        os._exit(0 if upload(noise(6 * MIB), **options) else 1)
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def test_a_server_may_start_it_and_fork_afterwards(bucket: Place) -> None:
    assert elsewhere(forked, bucket.options(PART_SIZE=5 * MIB)) == 0
    assert len(bucket.objects()) == 1


def test_check_proves_the_place(bucket: Place, tmp_path: Any, capsys: pytest.CaptureFixture[str]) -> None:
    options = bucket.options()
    path = tmp_path / "upload.toml"
    words = ", ".join(f'{name} = "{value}"' for name, value in options["OPTIONS"].items())
    table = f'[backends.far]\nclass = "object_store"\nurl = "{options["URL"]}"\noptions = {{{words}}}\n'
    path.write_text(table + '[endpoints."/upload"]\nbackend = "far"\n')
    assert main(["check", "--config", str(path)]) == 0
    said = capsys.readouterr().out
    assert ("Advice" in said) is isinstance(bucket, S3Bucket)
    assert not any(str(value) in said for name, value in options["OPTIONS"].items() if "key" in name)
    assert not bucket.objects()
    path.write_text(table.replace("tests-", "nowhere-") + '[endpoints."/upload"]\nbackend = "far"\n')
    assert main(["check", "--config", str(path)]) == 1
    assert "cannot be written to" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, 'set "url"'),
        ({"url": "bucket"}, 'set "url"'),
        ({"url": "ftp://x/y"}, "ftp"),
        ({"url": "s3://b", "options": {"regoin": "x"}}, "regoin"),
        ({"url": "s3://b", "key": "x"}, "must contain"),
        ({"url": "s3://b", "metadata": {"a-b": "x"}}, "'a-b' cannot be a name"),
        ({"url": "s3://b", "attempts": 0}, "attempts must be more than 0"),
    ],
)
def test_startup_tells_what_can_never_work(options: dict[str, Any], told: str) -> None:
    spec = load({"endpoints": {"/upload": {"backend": {"class": "object_store", **options}}}})
    with pytest.raises(ConfigError, match=told):
        spec.endpoints["/upload"].backend.create().startup()
