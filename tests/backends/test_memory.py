"""The backend `memory`: what it does beyond the contract."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.config import load
from ajaxupload.errors import NameTaken
from ajaxupload.testing.driving import begin, finish, send


@pytest.fixture(autouse=True)
def _empty() -> Iterator[None]:
    MemoryUploadBackend.clear()
    yield
    MemoryUploadBackend.clear()


def begun(name: str, content: bytes, **options: str) -> MemoryUploadBackend:
    backend = MemoryUploadBackend(**options)
    begin(backend, name)
    send(backend, [content])
    return backend


def test_files_are_found_by_name_in_a_dict_that_all_share() -> None:
    assert finish(begun("a.txt", b"abc"), "a.txt") == {"filename": "a.txt"}
    assert MemoryUploadBackend.files == {"a.txt": b"abc"}
    MemoryUploadBackend.clear()
    assert MemoryUploadBackend.files == {}


def test_collision_error_refuses_the_second_and_keeps_the_first() -> None:
    finish(begun("a.txt", b"first"), "a.txt")
    second = begun("a.txt", b"second", collision="error")
    with pytest.raises(NameTaken):
        finish(second, "a.txt")
    second.upload_aborted("a.txt")
    assert MemoryUploadBackend.files == {"a.txt": b"first"}


def test_collision_replace_replaces_and_an_abort_gives_back() -> None:
    finish(begun("a.txt", b"first"), "a.txt")
    second = begun("a.txt", b"second", collision="replace")
    finish(second, "a.txt")
    assert MemoryUploadBackend.files == {"a.txt": b"second"}
    second.upload_aborted("a.txt")
    assert MemoryUploadBackend.files == {"a.txt": b"first"}


def test_an_abort_leaves_what_came_after_it() -> None:
    """Equal bytes of another upload under the same name are not this upload's."""
    first = begun("a.txt", b"same")
    finish(first, "a.txt")
    finish(begun("a.txt", b"same", collision="replace"), "a.txt")
    first.upload_aborted("a.txt")
    assert MemoryUploadBackend.files == {"a.txt": b"same"}


def test_hooks_out_of_order_say_so() -> None:
    backend = MemoryUploadBackend()
    with pytest.raises(RuntimeError, match="setup"):
        backend.upload_chunk(b"x")
    with pytest.raises(RuntimeError, match="setup"):
        backend.upload_complete(None, "a.txt")


def test_it_is_configured_by_its_short_name() -> None:
    settings = load({"endpoints": {"/upload": {"backend": {"class": "memory", "collision": "error"}}}})
    backend = settings.endpoints["/upload"].backend.create()
    assert isinstance(backend, MemoryUploadBackend)
    assert backend.COLLISION == "error"
