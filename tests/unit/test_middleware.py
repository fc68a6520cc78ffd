"""Paths: whole segments are ours, everything else goes through as if nobody stood before the application."""

from __future__ import annotations

import io
import sys
import timeit
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload import AjaxUpload
from ajaxupload.errors import ConfigError

Environ = dict[str, Any]


class Site:
    """A wrapped application that remembers what reached it, and an iterable that remembers being closed."""

    def __init__(self) -> None:
        self.environ: Environ | None = None
        self.answer = Answer()

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        self.environ = environ
        start_response("200 OK", [("Content-Type", "text/plain")])
        return self.answer


class Answer:
    closed = False

    def __iter__(self) -> Iterator[bytes]:
        return iter([b"site"])

    def close(self) -> None:
        self.closed = True


def environ(
    path: str, method: str = "POST", body: bytes = b"hello", query: str = "qqfile=a.txt", **more: Any
) -> Environ:
    made: Environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": path,
        "SCRIPT_NAME": "",
        "QUERY_STRING": query,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr,
        **more,
    }
    setup_testing_defaults(made)
    return made


def ask(application: Any, asked: Environ) -> tuple[str, bytes]:
    """The status and the body, the answer closed as a server closes it."""
    statuses: list[str] = []
    answer = application(asked, lambda status, headers, exc_info=None: statuses.append(status))
    try:
        return statuses[0], b"".join(answer)
    finally:
        if hasattr(answer, "close"):
            answer.close()


def wrapped(tmp_path: Path, *paths: str, **options: Any) -> tuple[Site, AjaxUpload]:
    site = Site()
    tables = {path: {"backend": "store", **options} for path in paths}
    store = {"class": "local", "media_root": str(tmp_path / "media"), "upload_dir": "."}
    return site, AjaxUpload(site, {"backends": {"store": store}, "endpoints": tables})


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "",
        "/up",
        "/uploads",
        "/upload.php",
        "/upload%2F",
        "/my/upload",
        "//upload",
        "/Upload",
        "/ upload",
        "upload",
    ],
)
def test_what_is_not_ours_goes_through_untouched(tmp_path: Path, path: str) -> None:
    site, application = wrapped(tmp_path, "/upload")
    asked = environ(path)
    before, body = dict(asked), asked["wsgi.input"]
    answer = application(asked, lambda *_: None)
    assert answer is site.answer, "the same iterable"
    assert site.environ is asked, "the same environ"
    assert asked == before, "as it was"
    assert body.tell() == 0, "unread"
    assert not site.answer.closed, "closed by the server, not by us"
    site.answer.close()


def test_an_environ_without_a_path_goes_through(tmp_path: Path) -> None:
    site, application = wrapped(tmp_path, "/upload")
    asked = environ("/")
    del asked["PATH_INFO"]
    assert application(asked, lambda *_: None) is site.answer


def test_start_response_is_handed_on_as_it_is() -> None:
    seen: list[Any] = []

    def site(asked: Environ, start: Callable[..., Any]) -> list[bytes]:
        seen.append(start)
        return []

    def start_response(*_: Any) -> None: ...

    AjaxUpload(site, {"endpoints": {"/upload": {"backend": "memory"}}})(environ("/"), start_response)
    assert seen == [start_response]


@pytest.mark.parametrize("path", ["/upload", "/upload/", "/upload/a.txt", "/upload//", "/upload/sub/a.txt"])
def test_whole_segments_are_ours(tmp_path: Path, path: str) -> None:
    site, application = wrapped(tmp_path, "/upload")
    status, body = ask(application, environ(path))
    assert status == "200 OK"
    assert b'"success": true' in body
    assert site.environ is None


def test_our_path_moves_from_path_info_to_script_name_in_a_copy(tmp_path: Path) -> None:
    seen: list[Any] = []
    _, application = wrapped(tmp_path, "/a/upload", authorize=lambda request, *_: seen.append(request.environ))
    asked = environ("/a/upload/b/c.txt", "PUT", query="", SCRIPT_NAME="/site")
    before = {**asked}
    ask(application, asked)
    assert (seen[0]["SCRIPT_NAME"], seen[0]["PATH_INFO"]) == ("/site/a/upload", "/b/c.txt")
    assert asked == before


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/album/summer/upload", {"slug": "summer"}),
        ("/album/summer 2026/upload/x.txt", {"slug": "summer 2026"}),
        ("/album/\u00c3\u00a9t\u00c3\u00a9/upload", {"slug": "été"}),  # UTF-8 as Latin-1 (PEP 3333)
        ("/album/\u00ff/upload", {"slug": "\ufffd"}),
        ("/album/upload/upload", {"slug": "upload"}),
        ("/album/fixed/upload", {}),  # the more particular endpoint
        ("/album//upload", None),
        ("/album/a/b/upload", None),
        ("/album/summer", None),
    ],
)
def test_names_in_a_path_stand_for_one_segment_each(tmp_path: Path, path: str, names: dict[str, str] | None) -> None:
    seen: list[Any] = []

    def remember(request: Any, *_: Any) -> None:
        seen.append(dict(request.path_names))

    paths = ("/album/{slug}/upload", "/album/fixed/upload", "/album")
    site, application = wrapped(tmp_path, *paths[:2], authorize=remember)
    ask(application, environ(path))
    assert seen == ([] if names is None else [names])
    assert (site.environ is None) is (names is not None)


@pytest.mark.parametrize(
    ("path", "wins"),
    [
        ("/a", "/a"),
        ("/a/z", "/a"),
        ("/a/b", "/a/b"),
        ("/a/b/z", "/a/b"),
        ("/a/x/c", "/a/{x}/c"),
        ("/a/b/c", "/a/b/c"),
        ("/a/b/c/d", "/a/b/c"),
    ],
)
def test_the_most_particular_path_wins(path: str, wins: str) -> None:
    asked: list[str] = []
    tables = {
        each: {"backend": "memory", "authorize": lambda *_, each=each: asked.append(each)}
        for each in ("/a", "/a/{x}/c", "/a/b/c", "/a/b")
    }
    ask(AjaxUpload(Site(), {"endpoints": tables}), environ(path))
    assert asked == [wins]


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=12))
def test_a_path_is_ours_if_and_only_if_its_first_segment_is(text: str) -> None:
    site = Site()
    application = AjaxUpload(site, {"endpoints": {"/up": {"backend": "memory"}}})
    path = "/" + text
    application(environ(path, "OPTIONS"), lambda *_: None)
    assert (site.environ is None) is (path.split("/")[1] == "up")


def test_special_characters_in_a_path_are_themselves(tmp_path: Path) -> None:
    site, application = wrapped(tmp_path, "/a.b/+é")
    assert ask(application, environ("/a.b/+\u00c3\u00a9"))[0] == "200 OK"
    ask(application, environ("/aXb/+\u00c3\u00a9"))
    assert site.environ is not None


def test_both_sides_keep_to_pep_3333(tmp_path: Path) -> None:
    def inner(asked: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"site"]

    _, application = wrapped(tmp_path, "/upload")
    application.app = validator(inner)
    checked = validator(application)
    for method in ("GET", "HEAD", "OPTIONS", "POST", "PUT", "DELETE"):
        for path in ("/upload", "/elsewhere"):
            status, body = ask(checked, environ(path, method))
            assert status[:3] in ("200", "201", "204", "405")
            assert body == b"" or method != "HEAD" or path != "/upload"


def test_the_short_form_is_one_endpoint(tmp_path: Path) -> None:
    application = AjaxUpload(
        Site(), path="/in", backend="local", media_root=str(tmp_path), upload_dir="x", max_size="1 KB"
    )
    assert {path: each.settings.max_size for path, each in application.endpoints.items()} == {"/in": 1000}


def test_a_dict_and_options_beside_it_are_one_too_many() -> None:
    with pytest.raises(ConfigError, match="max_size"):
        AjaxUpload(Site(), {"endpoints": {"/upload": {"backend": "memory"}}}, max_size=1)


def test_a_place_that_cannot_be_stored_to_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="media_root or upload_dir"):
        AjaxUpload(Site(), path="/upload", backend="local", media_root=str(tmp_path / "file"), upload_dir="x")


def test_what_goes_through_pays_next_to_nothing(tmp_path: Path) -> None:
    def empty(asked: Environ, start_response: Callable[..., Any]) -> list[bytes]:
        return []

    paths = {f"/some/where/{number}/{{name}}": {"backend": "memory"} for number in range(20)}
    application, asked = AjaxUpload(empty, {"endpoints": paths}), environ("/some/where/else/entirely")
    each = min(timeit.repeat(lambda: application(asked, print), number=2000, repeat=7)) / 2000
    assert each < 20e-6, "seconds: an empty request costs a server a hundred times that"
