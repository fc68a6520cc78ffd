"""What the application's own functions may say, and what becomes of an upload when they fail or forget to answer."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from webob import Request, Response

from ajaxupload import AjaxUpload
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.config import load
from ajaxupload.engine import Engine
from ajaxupload.errors import ConfigError
from ajaxupload.request import UploadRequest
from ajaxupload.upload import Upload


class Memory(MemoryUploadBackend):
    """A store of this file's own."""

    files: ClassVar[dict[str, bytes]] = {}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Memory.files.clear()
    yield
    Memory.files.clear()


def put(backend: type = Memory, path: str = "/upload", **options: Any) -> Response:
    application = AjaxUpload(lambda *_: [], path=path, backend=backend, **options)
    asked: Any = Request.blank(path.format(filename="x", slug="winter") + "/a.txt", method="PUT", body=b"hello")
    return asked.get_response(application)  # type: ignore[no-any-return]  # the stubs leave it open


# ---- authorize ------------------------------------------------------------------------------------------------------


def test_an_authorize_hook_that_may_not_read_its_own_file_has_failed_and_shows_no_path() -> None:
    def authorize(*_: Any) -> str:
        raise PermissionError(13, os.strerror(13), "/etc/accounts.db")

    answer = put(authorize=authorize)
    assert (answer.status_code, Memory.files) == (500, {})
    assert "accounts" not in answer.text


def test_an_authorize_hook_that_answers_later_admits_nobody() -> None:
    async def later() -> bool:
        return True

    coroutine = later()
    answer = put(authorize=lambda *_: coroutine)
    coroutine.close()
    assert (answer.status_code, Memory.files) == (500, {})


# ---- validators -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("said", "status"), [(False, 422), (None, 201), (True, 201), (0, 201)])
def test_a_validator_refuses_by_saying_false(said: Any, status: int) -> None:
    answer = put(validators=[lambda upload: said])
    assert (answer.status_code, bool(Memory.files)) == (status, status == 201)
    assert answer.json["success"] is (status == 201)


# ---- async ----------------------------------------------------------------------------------------------------------


class CallableLater:
    async def __call__(self, *args: Any) -> bool:
        return True


class Later(Memory):
    async def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:  # type: ignore[override]  # wrong
        """Never awaited: it would store nothing."""


async def hook(*_: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"authorize": hook}, "authorize must be a plain function"),
        ({"authorize": CallableLater()}, "authorize must be a plain function"),
        ({"validators": [len, hook]}, "validators must be a plain function"),
        ({"authorize": f"{__name__}:hook"}, "authorize must be a plain function"),
        ({"backend": Later}, "upload_chunk of Later must be plain functions"),
    ],
)
def test_what_would_never_be_awaited_is_refused_at_start(table: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        load({"endpoints": {"/upload": {"backend": Memory, **table}}})


# ---- backends -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["filename", "request", "chunk", "self", "slug"])
def test_a_path_may_have_any_name_in_it(name: str) -> None:
    path = f"/album/{{{name}}}/upload"
    application = AjaxUpload(lambda *_: [], path=path, backend=Memory, name=f"{{{name}}}/{{name}}")
    asked: Any = Request.blank("/album/winter/upload/a.txt", method="PUT", body=b"hello")
    assert asked.get_response(application).status_code == 201
    assert Memory.files == {"winter/a.txt": b"hello"}


def saying(reply: Any) -> type[Memory]:
    class Saying(Memory):
        def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> Any:
            super().upload_complete(request, filename)
            return reply

    return Saying


class Odd:
    def __str__(self) -> str:
        return "odd"


RING: list[Any] = []
RING.append(RING)


@pytest.mark.parametrize("reply", [{(1, 2): 3}, {"n": float("nan")}, "text", {"me": RING}, 5])
def test_a_reply_that_cannot_be_told_takes_its_file_back(reply: Any) -> None:
    answer = put(saying(reply))
    assert (answer.status_code, Memory.files) == (500, {})


def test_what_json_does_not_know_is_told_as_text() -> None:
    assert put(saying({"odd": Odd()})).json["odd"] == "odd"


class Ending(Memory):
    """Ends the process while it cleans up."""

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        super().upload_aborted(filename)
        aborted.append(filename)
        raise SystemExit(1)


aborted: list[str] = []


def test_every_file_is_cleaned_up_though_the_process_is_being_ended() -> None:
    engine = Engine(load({"endpoints": {"/upload": {"backend": Ending}}}).endpoints["/upload"])
    request = UploadRequest(Request.blank("/upload", method="POST").environ)
    admit: Callable[[Upload], None] = lambda upload: None  # noqa: E731 - typed here
    with pytest.raises(SystemExit), engine.batch(request, "form", admit) as files:
        for name in ("a", "b", "c"):
            files.receive(name, [b"x"])
    assert aborted == ["c", "b", "a"]


def test_a_class_that_is_no_backend_is_told_at_start() -> None:
    with pytest.raises(ConfigError, match="dict is no backend: derive it from AbstractUploadBackend"):
        load({"endpoints": {"/upload": {"backend": dict}}})
