"""An endpoint whose unfinished uploads can be kept nowhere: whole files are stored and told so, pieces are refused."""

from __future__ import annotations

from typing import Any

import pytest
import webtest

from ajaxupload import upload_endpoint
from ajaxupload.backends.memory import MemoryUploadBackend

COOKIE = {"Cookie": "ajaxupload=1.abc.def"}
PIECE = (
    "resumableIdentifier=3-a&resumableTotalChunks=2&resumableChunkNumber=1&resumableChunkSize=2&resumableFilename=a"
    "&resumableCurrentChunkSize=2&resumableTotalSize=3&resumableRelativePath=a&resumableType="
)


class Store(MemoryUploadBackend):
    """One of the test's own."""


@pytest.fixture(params=["nothing", "serve", "allow_delete", "allow_list"])
def app(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> webtest.TestApp:
    monkeypatch.setattr("ajaxupload.engine.place.scratch_parent", lambda: "/proc/sys")
    Store.files = {}
    kept = {} if request.param == "nothing" else {request.param: True}
    return webtest.TestApp(upload_endpoint(Store, redirect="/done", **kept))


@pytest.mark.parametrize("headers", [{}, COOKIE], ids=["new", "returning"])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_form_is_stored_and_told_so(app: Any, headers: dict[str, str], accept: str) -> None:
    answer = app.post("/", upload_files=[("f", "a.txt", b"x")], headers={"Accept": accept, **headers})
    assert answer.status_int == (303 if accept == "text/html" else 200)
    assert list(Store.files) == ["a.txt"]


@pytest.mark.parametrize("headers", [{}, COOKIE], ids=["new", "returning"])
def test_a_body_is_stored_and_told_so(app: Any, headers: dict[str, str]) -> None:
    answer = app.put("/a.txt", b"x", headers=headers)
    assert (answer.status_int, answer.json["success"], list(Store.files)) == (201, True, ["a.txt"])


@pytest.mark.parametrize("headers", [{}, COOKIE], ids=["new", "returning"])
def test_a_question_is_told_that_nothing_is_there(app: Any, headers: dict[str, str]) -> None:
    ajax = {"X-Requested-With": "XMLHttpRequest", **headers}
    assert app.get("/?file=a", headers=ajax).json == {"file": None}
    assert app.get(f"/?{PIECE}", headers=headers).status_int == 204
    assert "Set-Cookie" not in app.get("/?qqtimestamp=1", headers=headers, status="*").headers


def test_a_piece_is_refused_for_now(app: Any) -> None:
    answer = app.post(f"/?{PIECE}", b"xx", headers={"Content-Type": "application/octet-stream"}, status=503)
    assert not answer.json["success"]
    assert not Store.files
