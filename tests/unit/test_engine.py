"""The engine: what is checked when, in which order hooks are called, and that every way of failing leaves nothing."""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from ajaxupload import events
from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.config import load, short_form
from ajaxupload.engine import Batch, Engine
from ajaxupload.errors import (
    BodyIncomplete,
    ClientGone,
    Forbidden,
    InternalError,
    StorageFull,
    StorageUnavailable,
    TooLarge,
    TooMany,
    TooSmall,
    Unprocessable,
    UnsupportedType,
)
from ajaxupload.request import UploadRequest
from ajaxupload.upload import Upload

Call = tuple[Any, ...]


class Recorder(AbstractUploadBackend):
    """Remembers every hook's call; fails at the hook that FAIL_AT names with FAILURE."""

    calls: list[Call] = []  # noqa: RUF012 - shared by all instances on purpose: one per upload, read by the test
    failure: tuple[str, BaseException] | None = None

    def note(self, *call: Any) -> None:
        self.calls.append(call)
        if self.failure and self.failure[0] == call[0]:
            raise self.failure[1]

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str | None:
        self.note("update_filename", filename, *kwargs.items())
        return None

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        self.note("setup", filename)

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        self.note("upload_chunk", chunk)

    def upload_waits(self, filename: str, *args: Any, **kwargs: Any) -> None:
        self.note("upload_waits", filename)

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        self.note("upload_complete", filename)
        return {"path": f"/media/{filename}"}

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        self.note("upload_aborted", filename)


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Recorder.calls.clear()
    Recorder.failure = None
    yield
    Recorder.failure = None


def request(**environ: Any) -> UploadRequest:
    return UploadRequest.blank("/upload", method="POST", environ=environ)


def engine(**options: Any) -> Engine:
    settings = load(short_form("/upload", Recorder, options)).endpoints["/upload"]
    return Engine(settings)


def batch(admit: Any = lambda upload: None, asked: UploadRequest | None = None, **options: Any) -> Batch:
    return engine(**options).batch(asked or request(), "test", admit)


def hooks() -> list[str]:
    return [call[0] for call in Recorder.calls]


def test_hooks_are_called_in_the_seeds_order_and_the_reply_has_what_upload_complete_returned() -> None:
    with batch() as files:
        files.receive("a.txt", [b"one", b"two"], size=6)
        uploads = files.publish()
    assert hooks() == ["update_filename", "setup", "upload_chunk", "upload_complete"]
    upload = uploads[0]
    assert (upload.state, upload.size, upload.offset, upload.result) == ("complete", 6, 6, {"path": "/media/a.txt"})
    assert upload.completed is not None


def test_an_empty_file_is_a_file() -> None:
    with batch() as files:
        files.receive("empty.txt", [], size=0)
        files.publish()
    assert hooks() == ["update_filename", "setup", "upload_complete"]


def test_update_filename_decides_what_the_other_hooks_hear(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Recorder, "update_filename", lambda self, request, filename: f"sub/{filename}")
    with batch() as files:
        upload = files.receive("a.txt", [b"x"])
        files.publish()
    assert Recorder.calls[0] == ("setup", "sub/a.txt")
    assert upload.filename == "sub/a.txt"


def test_the_paths_names_reach_hooks_that_take_keywords_and_the_name_template() -> None:
    asked = request(**{"ajaxupload.path_names": {"slug": "summer"}})
    settings = load({"endpoints": {"/album/{slug}": {"backend": Recorder, "name": "{slug}/{name}"}}})
    with Engine(settings.endpoints["/album/{slug}"]).batch(asked, "test", lambda upload: None) as files:
        files.receive("a.txt", [b"x"])
        files.publish()
    assert Recorder.calls[0] == ("update_filename", "summer/a.txt", ("slug", "summer"))


def test_files_of_one_request_become_visible_after_the_last_one_came() -> None:
    with batch() as files:
        files.receive("a.txt", [b"x"])
        files.receive("b.txt", [b"y"])
        files.publish()
    assert hooks()[-3:] == ["upload_chunk", "upload_complete", "upload_complete"]
    assert ("upload_waits", "a.txt") in Recorder.calls


def test_one_refused_file_aborts_all_of_its_request() -> None:
    with pytest.raises(TooLarge), batch(max_size=4) as files:
        files.receive("a.txt", [b"x"])
        files.receive("b.txt", [b"12345"])
    assert "upload_complete" not in hooks()
    assert [call for call in Recorder.calls if call[0] == "upload_aborted"] == [
        ("upload_aborted", "b.txt"),
        ("upload_aborted", "a.txt"),
    ]


def test_a_file_that_cannot_be_published_takes_back_those_that_were(monkeypatch: pytest.MonkeyPatch) -> None:
    def complete(self: Recorder, request: Any, filename: str) -> None:
        self.note("upload_complete", filename)
        if filename == "b.txt":
            raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(Recorder, "upload_complete", complete)
    with pytest.raises(StorageFull), batch() as files:
        files.receive("a.txt", [b"x"])
        files.receive("b.txt", [b"y"])
        files.publish()
    assert hooks()[-2:] == ["upload_aborted", "upload_aborted"]


HOOKS = ("update_filename", "setup", "upload_chunk", "upload_complete")


@pytest.mark.parametrize("hook", HOOKS)
@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (OSError(errno.ENOSPC, "full"), StorageFull),
        (OSError(errno.EDQUOT, "quota"), StorageFull),
        (OSError(errno.EIO, "disk"), StorageUnavailable),
        (ValueError("a bug"), InternalError),
        (Unprocessable("my own words"), Unprocessable),
        (SystemExit(1), SystemExit),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_failing_hook_is_aborted_and_told_in_words_that_fit(
    hook: str, failure: BaseException, told: type[BaseException]
) -> None:
    Recorder.failure = (hook, failure)
    with pytest.raises(told), batch() as files:
        files.receive("a.txt", [b"x"])
        files.publish()
    assert ("upload_aborted" in hooks()) == ("setup" in hooks())  # before setup there is nothing to clean up


def test_a_failing_upload_aborted_does_not_hide_the_first_failure(caplog: pytest.LogCaptureFixture) -> None:
    Recorder.failure = ("upload_aborted", RuntimeError("cannot clean"))
    with pytest.raises(TooLarge), batch(max_size=1) as files:
        files.receive("a.txt", [b"12"])
    assert "could not clean up" in caplog.text


@pytest.mark.parametrize(
    ("options", "name", "chunks", "size", "error"),
    [
        ({"max_size": 4}, "a.txt", [b"12345"], 5, TooLarge),
        ({"max_size": 4}, "a.txt", [b"12", b"345"], None, TooLarge),
        ({"min_size": 4}, "a.txt", [b"123"], None, TooSmall),
        ({"allow": [".png"]}, "a.txt", [b"x"], None, UnsupportedType),
        ({"sniff": True}, "a.png", [b"<html><script>alert(1)</script>"], None, Unprocessable),
        ({}, "a.txt", [b"12"], 3, BodyIncomplete),
    ],
)
def test_limits_refuse(options: dict[str, Any], name: str, chunks: list[bytes], size: int | None, error: type) -> None:
    with pytest.raises(error), batch(**options) as files:
        files.receive(name, chunks, size=size)
        files.publish()
    assert "upload_complete" not in hooks()
    assert ("setup" in hooks()) == ("upload_aborted" in hooks())


def test_what_is_declared_too_large_is_refused_before_a_byte_is_read() -> None:
    def bytes_that_must_not_be_read() -> Iterator[bytes]:
        yield pytest.fail("was read")

    with pytest.raises(TooLarge), batch(max_size="1 MiB") as files:
        files.receive("a.txt", bytes_that_must_not_be_read(), size=2 << 20)
    with pytest.raises(UnsupportedType), batch(deny=[".exe"]) as files:
        files.receive("a.exe", bytes_that_must_not_be_read())
    assert Recorder.calls == []


def test_authorisation_is_asked_before_a_byte_is_read_and_its_principal_is_on_the_upload() -> None:
    def refuse(upload: Upload) -> str:
        raise Forbidden

    with pytest.raises(Forbidden), batch(admit=refuse) as files:
        files.receive("a.txt", iter([b"x"]))
    with batch(admit=lambda upload: f"user-of-{upload.name}") as files:
        assert files.receive("a.txt", [b"x"]).principal == "user-of-a.txt"
        files.publish()


def test_more_files_than_max_files_are_too_many() -> None:
    with pytest.raises(TooMany), batch(max_files=2) as files:
        for name in "abc":
            files.receive(name, [b"x"])
    assert hooks().count("upload_aborted") == 2


def test_a_body_that_breaks_off_aborts() -> None:
    def cut() -> Iterator[bytes]:
        yield b"x" * 5000
        raise ClientGone

    seen: list[str] = []

    def listener(sender: str, **details: Any) -> None:
        seen.append(f"{sender} {details['upload'].state} {type(details['error']).__name__}")

    with events.aborted.connected_to(listener), pytest.raises(ClientGone), batch() as files:
        files.receive("a.txt", cut(), size=10_000)
    assert hooks()[-1] == "upload_aborted"
    assert seen == ["/upload aborted ClientGone"]


def test_validators_run_when_all_bytes_came_and_nothing_is_visible() -> None:
    seen: list[tuple[int | None, str | None, list[str]]] = []

    def validate(upload: Upload) -> None:
        seen.append((upload.size, upload.digest, hooks()))
        raise Unprocessable("not this one")

    with pytest.raises(Unprocessable, match="not this one"), batch(validators=[validate], digest="sha256") as files:
        files.receive("a.txt", [b"abc"])
        files.publish()
    assert seen == [(3, "sha256:" + hashlib.sha256(b"abc").hexdigest(), ["update_filename", "setup", "upload_chunk"])]
    assert hooks()[-1] == "upload_aborted"


def test_events_tell_created_progressed_completed_and_a_failing_listener_changes_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[str] = []

    def listen(name: str) -> Any:
        def listener(sender: str, **details: Any) -> None:
            seen.append(f"{name} {details['upload'].offset}")
            raise RuntimeError("listeners cannot veto")

        return listener

    created, progressed, completed = listen("created"), listen("progressed"), listen("completed")
    with (
        events.created.connected_to(created),
        events.progressed.connected_to(progressed),
        events.completed.connected_to(completed),
        batch() as files,
    ):
        files.receive("a.bin", [b"x" * (1 << 19)] * 5)
        files.publish()
    assert seen == ["created 0", f"progressed {1 << 20}", f"progressed {2 << 20}", f"completed {5 << 19}"]
    assert caplog.text.count("a listener of") == 4
