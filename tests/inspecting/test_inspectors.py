"""What inspectors may see and say; and that no failure of theirs lets a file in, unless the endpoint says so."""

from __future__ import annotations

import io
import logging
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from ajaxupload import events
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.errors import NotInspected, TooManyRequests, Unprocessable
from ajaxupload.upload import Upload
from tests.inspecting.inspectors import CONTENT, Blind, Early, Memory, Seedling, Watching, put, site

STORES = [Memory, Blind, Early, Seedling]


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Memory.files.clear()
    yield
    Memory.files.clear()


class Counted(io.BytesIO):
    """A body that knows how much was read of it."""

    given = 0

    def read(self, size: int | None = -1, /) -> bytes:
        block = super().read(size)
        self.given += len(block)
        return block


# ---- what it sees --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", STORES)
def test_both_kinds_see_the_whole_file_whatever_the_store_can_do(backend: type) -> None:
    read: list[Any] = []

    def reading(request: Any, upload: Upload, file: BinaryIO) -> None:
        assert not Memory.files, "nothing is visible yet"
        assert upload.size == upload.offset == len(CONTENT)
        read.append((request.method, upload.name, file.read(10), file.read()))

    watching = Watching()
    assert put(site([reading, watching, reading], backend)).status_code == 201
    assert read == [("PUT", "a.bin", CONTENT[:10], CONTENT[10:])] * 2
    assert (watching.seen, watching.closed) == ([CONTENT], 1)
    assert list(Memory.files.values()) == [CONTENT]


@pytest.mark.parametrize("backend", STORES)
def test_progress_is_told_while_the_file_comes_whatever_the_store_can_do(backend: type) -> None:
    source, told = Counted(bytes(5 << 20)), list[tuple[int, int]]()

    def hear(_sender: Any, upload: Upload, **_details: Any) -> None:
        told.append((upload.offset, source.given))

    with events.progressed.connected_to(hear):
        assert put(site(Watching(), backend), bytes(5 << 20), source).status_code == 201
    assert [offset >> 20 for offset, _ in told] == [1, 2, 3, 4, 5][: len(told)]
    assert len(told) >= 4
    assert all(given < offset + (2 << 20) for offset, given in told), "it is told when it comes"


def test_the_local_store_is_read_back_without_a_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "nowhere"))
    seen = []
    for unnamed in (True, False):
        monkeypatch.setattr(LocalUploadBackend, "_unnamed", unnamed)
        endpoint = site(
            lambda _request, _upload, file: seen.append(file.read()),
            LocalUploadBackend,
            upload_dir=str(tmp_path / "in"),
        )
        assert put(endpoint).status_code == 201
    assert seen == [CONTENT, CONTENT]


def test_an_empty_file_is_inspected_too() -> None:
    watching, seen = Watching(verdict=False), []
    assert put(site(lambda _request, _upload, file: seen.append(file.read())), b"").status_code == 201
    assert seen == [b""]
    assert put(site(watching), b"").status_code == 422


# ---- what it may say -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", STORES)
@pytest.mark.parametrize("at", ["begin", "feed", "end"])
def test_a_refusal_leaves_nothing_whenever_it_comes(backend: type, at: str) -> None:
    watching, told = Watching(at, Unprocessable("There is a worm in it.", code="worm")), []
    with events.refused.connected_to(lambda _sender, **details: told.append(details["upload"].state)):
        answer = put(site(watching, backend))
    assert (answer.status_code, answer.json["code"], Memory.files, told) == (422, "worm", {}, ["refused"])
    assert watching.closed == (at != "begin")


@pytest.mark.parametrize(("verdict", "status"), [(False, 422), (None, 201), (True, 201), (0, 201)])
def test_it_refuses_by_saying_false(verdict: Any, status: int) -> None:
    assert put(site(Watching(verdict=verdict))).status_code == status
    assert put(site(lambda *_: verdict)).status_code == status


@pytest.mark.parametrize("at", ["begin", "feed", "end"])
def test_a_store_that_was_not_set_up_is_not_told_to_clean_up(at: str) -> None:
    """What it would remove by name is a good file of that name."""
    ended: list[str] = []

    class Contract(Early):
        def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
            ended.append(filename)
            self.files.pop(filename, None)

    Memory.files["a.bin"] = b"good"
    with events.refused.connected_to(lambda _sender, **details: ended.append(details["upload"].state)):
        assert put(site(Watching(at, Unprocessable()), Contract)).status_code == 422
    assert (Memory.files, ended) == ({"a.bin": b"good"}, ["refused"])


@pytest.mark.parametrize("hook", ["setup", "upload_chunk", "upload_complete"])
def test_one_that_was_is_told_so_from_setup_on(hook: str) -> None:
    ended: list[str] = []

    class Failing(Early):
        def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
            ended.append(filename)
            self.files.pop(filename, None)

    def fail(*args: Any, **kwargs: Any) -> None:
        raise OSError

    setattr(Failing, hook, fail)
    assert put(site(Watching(), Failing)).status_code == 503
    assert (Memory.files, ended) == ({}, ["a.bin"])


def test_a_refusal_that_is_not_for_good_is_handed_on_as_it_is() -> None:
    assert put(site(Watching("end", TooManyRequests()))).status_code == 429


def test_validators_come_first() -> None:
    watching = Watching("end", RuntimeError())
    assert put(site(watching, validators=[lambda _upload: False])).status_code == 422
    assert watching.closed == 1


# ---- when it fails -------------------------------------------------------------------------------------------------

FAILURES = [OSError("no route"), RuntimeError("a slip"), NotInspected("It is closed today."), TimeoutError()]


def failing(at: str, error: Exception) -> Any:
    def reading(request: Any, upload: Upload, file: BinaryIO) -> None:
        raise error

    return reading if at == "read" else Watching(at, error)


@pytest.mark.parametrize("at", ["begin", "feed", "end", "read"])
@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_one_that_fails_lets_nothing_in(at: str, error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    answer = put(site(failing(at, error)))
    assert (answer.status_code, answer.json["code"], Memory.files) == (503, "not_inspected", {})
    assert answer.headers["Retry-After"] == "30"
    assert "slip" not in answer.text
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert "could not look at 'a.bin'" in caplog.text
    assert ("Traceback" in caplog.text) == (not isinstance(error, OSError))


@pytest.mark.parametrize("at", ["begin", "feed", "end", "read"])
@pytest.mark.parametrize("error", FAILURES, ids=repr)
def test_where_it_is_not_required_the_file_is_let_in_and_the_log_says_so(
    at: str, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    other = Watching()
    assert put(site([failing(at, error), other], inspect_required=False)).status_code == 201
    assert list(Memory.files.values()) == other.seen == [CONTENT], "the others have seen all of it"
    assert caplog.text.count("UNINSPECTED") == 1


def test_where_it_is_not_required_it_may_refuse_all_the_same() -> None:
    assert put(site(Watching(verdict=False), inspect_required=False)).status_code == 422


def test_one_that_is_away_is_told_before_the_file_is_read() -> None:
    source = Counted(bytes(50 << 20))
    answer = put(site(Watching("begin", OSError())), bytes(50 << 20), source)
    assert answer.status_code == 503
    assert source.given <= 1 << 20


def test_one_that_cannot_clean_up_changes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    class Messy(Watching):
        def close(self) -> None:
            raise RuntimeError("no")

    assert put(site(Messy())).status_code == 201
    assert "could not clean up" in caplog.text


def test_it_is_closed_though_the_process_is_being_ended() -> None:
    watching = Watching("feed", SystemExit(1))
    with pytest.raises(SystemExit):
        put(site(watching))
    assert (watching.closed, Memory.files) == (1, {})


def test_files_of_several_threads_do_not_meet() -> None:
    seen: list[bytes] = []
    endpoint = site(lambda _request, _upload, file: seen.append(file.read()), Blind)
    contents = [bytes([n]) * 100_000 for n in range(8)]
    threads = [threading.Thread(target=put, args=(endpoint, content)) for content in contents]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(seen) == sorted(Memory.files.values()) == contents
