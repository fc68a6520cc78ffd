"""What ends an upload by obstore in the moment it becomes visible, and whose object is there afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import obstore
import pytest

from ajaxupload.backends.object_store import ObjectStoreUploadBackend
from ajaxupload.errors import BadGateway, NameTaken, StorageUnavailable
from ajaxupload.testing.driving import begin, cut, finish, noise, send
from tests.object_store.conftest import Place, through
from tests.s3.faults import lost
from tests.s3.proxy import Proxy
from tests.s3.tools import MIB, NEEDS_CEPH

pytestmark = pytest.mark.stores

SIZES = pytest.mark.parametrize("size", [1000, 6 * MIB], ids=["one put", "parts"])
KEPT = {"KEY": "{filename}", "PART_SIZE": 5 * MIB}


@pytest.fixture(params=[pytest.param("ceph", marks=NEEDS_CEPH), "azurite"])
def store(request: pytest.FixtureRequest) -> str:
    return str(request.param)


class Stop(BaseException):
    """What a server raises into a thread to end it: a SystemExit, a greenlet's end."""


def stopped(monkeypatch: pytest.MonkeyPatch, backend: ObjectStoreUploadBackend, instead: Callable[[Any], None]) -> None:
    """Whatever of obstore makes this upload's object visible does `instead` with it, and is interrupted."""

    def put(*args: Any, **details: Any) -> None:
        monkeypatch.undo()
        instead(lambda: original(*args, **details))
        raise Stop

    class Writer:
        """obstore's own, which takes no other attributes."""

        def __init__(self, writer: Any) -> None:
            self._writer = writer

        def __getattr__(self, name: str) -> Any:
            return getattr(self._writer, name)

        def __exit__(self, *error: object) -> None:
            self._writer.__exit__(*error)

        def close(self) -> None:
            instead(self._writer.close)
            raise Stop

    original = obstore.put
    if backend._writer is None:
        monkeypatch.setattr("ajaxupload.backends.object_store.backend.obstore.put", put)
    else:
        backend._writer = Writer(backend._writer)


def begun(content: bytes, **options: Any) -> tuple[ObjectStoreUploadBackend, str]:
    backend = ObjectStoreUploadBackend(**options)
    key = begin(backend, "kept.bin")
    send(backend, cut(content, [100_000]))
    return backend, key


@SIZES
@pytest.mark.parametrize("kept", [True, False], ids=["kept key", "key of its own"])
def test_what_was_interrupted_when_it_was_done_is_taken_back(
    bucket: Place, monkeypatch: pytest.MonkeyPatch, size: int, kept: bool
) -> None:
    backend, key = begun(noise(size), **bucket.options(**KEPT if kept else {"PART_SIZE": 5 * MIB}))
    stopped(monkeypatch, backend, lambda step: step())
    with pytest.raises(Stop):
        finish(backend, key)
    backend.upload_aborted(key)
    assert not bucket.objects()
    assert not bucket.unfinished()


@SIZES
def test_what_was_interrupted_leaves_the_object_of_another_that_came_first(
    bucket: Place, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """It has the same key and the same size: only the mark tells them apart."""
    backend, key = begun(noise(size), **bucket.options(**KEPT))
    theirs = noise(size, 1)

    def another(step: Any) -> None:
        other, _ = begun(theirs, **bucket.options(**KEPT))
        finish(other, key)

    stopped(monkeypatch, backend, another)
    with pytest.raises(Stop):
        finish(backend, key)
    backend.upload_aborted(key)
    assert bucket.objects() == ["kept.bin"]
    assert bucket.read("kept.bin") == theirs


@SIZES
def test_abort_of_one_that_was_refused_leaves_the_other_alone(bucket: Place, size: int) -> None:
    first, key = begun(noise(size, 1), **bucket.options(**KEPT))
    finish(first, key)
    backend, key = begun(noise(size), **bucket.options(**KEPT))
    with pytest.raises(NameTaken):
        finish(backend, key)
    backend.upload_aborted(key)
    assert bucket.read("kept.bin") == noise(size, 1)


@NEEDS_CEPH
@SIZES
@pytest.mark.parametrize("store", ["ceph"])
def test_an_answer_that_got_lost_is_told_from_a_taken_key(bucket: Place, proxy: Proxy, size: int) -> None:
    """Who asks again is told that the key is taken, or nothing: the object bears our mark."""
    for operation in ("PutObject", "CompleteMultipartUpload"):
        proxy.fail(operation, lost)
    backend, key = begun(noise(size), **through(bucket, proxy, **KEPT))
    finish(backend, key)
    assert bucket.read("kept.bin") == noise(size)
    proxy.heal()
    backend.upload_aborted(key)
    assert not bucket.objects()


@NEEDS_CEPH
@SIZES
@pytest.mark.parametrize("store", ["ceph"])
def test_what_nobody_can_see_is_nobodys(bucket: Place, proxy: Proxy, size: int) -> None:
    """All answers are lost, and the store tells nothing: the object may be another's, and stays."""
    backend, key = begun(noise(size), **through(bucket, proxy, **KEPT))
    for operation in ("PutObject", "CompleteMultipartUpload", "HeadObject"):
        proxy.fail(operation, lost)
    with pytest.raises((StorageUnavailable, BadGateway, NameTaken)):
        finish(backend, key)
    backend.upload_aborted(key)
    assert "DeleteObject" not in proxy.calls
