"""Fine Uploader: all that was captured from it, whole files, its word that all is sent, renamed parameters."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.wire import store
from tests.wire.captured import Captured, all_captured
from tests.wire.client import Answer
from tests.wire.doors import DOORS, Door
from tests.wire.uploaders import UUID, WHOLE, fine, fine_done, fine_fields, fine_raw, fine_whole
from tests.wire.visiting import Visit

CAPTURED = [each for each in all_captured() if each.verdict() == "fineuploader"]
SCENARIOS: dict[str, list[Captured]] = {}
for _each in CAPTURED:
    SCENARIOS.setdefault(str(_each.row["case"]), []).append(_each)
FORM = "application/x-www-form-urlencoded"


def rows(*names: str) -> list[Any]:
    marks = {name: [] if name == "webtest" else [pytest.mark.servers] for name in names}
    return [pytest.param(name, marks=marks[name]) for name in names]


everywhere = pytest.mark.parametrize("door", rows(*DOORS), indirect=True)
here = pytest.mark.parametrize("door", rows("webtest"), indirect=True)


def keys_of(sent: list[Captured]) -> set[str]:
    """The uploads of a scenario."""
    named = [str(part["value"]) for each in sent for part in each.parts if part["name"] == "qquuid"]
    return {*named, *(each.query["qquuid"] for each in sent if "qquuid" in each.query)}


def check(sent: Captured, answer: Answer) -> None:
    """As Fine Uploader takes it: success is 200 and `success`, everything else at an endpoint that allows neither
    deleting nor listing is none."""
    asks = sent.method in ("DELETE", "GET") or "_method=DELETE" in sent.body().decode("latin-1")
    if asks:
        assert answer.status in (404, 501), answer
        return
    iframe = sent.headers.get("sec-fetch-dest") == "iframe"
    assert (answer.status, answer.json["success"]) == (200, True), answer
    assert answer.headers["content-type"].startswith("text/html" if iframe else "application/json")
    assert "newUuid" not in answer.json


@pytest.mark.parametrize("name", list(SCENARIOS))
@everywhere
def test_what_was_captured_is_stored_and_answered_as_the_widget_takes_it(door: Door, name: str) -> None:
    visit = Visit(door)
    for sent in SCENARIOS[name]:
        cookies = "; ".join(f"{key}={value}" for key, value in visit.cookies.items())
        check(sent, door.send(sent.case(**({"cookie": cookies} if cookies else {}))))
    stored = store.take(door.root)
    assert len(stored) == len(keys_of(SCENARIOS[name]))
    assert {len(content) for content in stored.values()} <= {25}


def test_all_that_was_captured_is_played() -> None:
    assert (len(CAPTURED), len(SCENARIOS)) == (42, 15)


@everywhere
def test_the_word_that_all_is_sent_is_answered_with_the_file_however_often(door: Door) -> None:
    visit = Visit(door)
    for k in (1, 0):
        assert fine(visit, k).status == 200
    early = fine_done(visit)  # 200 would be success, whatever the body says
    assert (early.status, early.json["reset"], early.json["preventRetry"]) == (409, True, False)
    assert early.json["error"]
    last = fine(visit, 2).json
    for _ in range(3):
        done = fine_done(visit)
        assert (done.status, done.json["success"], done.json["id"]) == (200, True, last["id"])
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
def test_that_word_may_be_json_and_come_to_the_endpoint_itself(door: Door) -> None:
    visit = Visit(door)
    for k in (0, 1, 2):
        fine_raw(visit, k)
    words = json.dumps({"qquuid": UUID, "qqtotalparts": 3, "params": {"a": [1]}}).encode()
    for url in ("/upload", "/upload/done"):
        answer = visit.send("POST", url, words, Content_Type="application/json; charset=utf-8")
        assert (answer.status, answer.json["complete"]) == (200, True), answer
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
@pytest.mark.parametrize(
    ("url", "kind", "body"),
    [
        ("/upload/a.json", "application/json", b'{"qquuid": "mine"}'),
        ("/upload/a.json", "application/json", b"[1, 2]"),
        ("/upload/a.json", "application/json", b"{not json"),
        ("/upload?filename=a.json", "application/json", b'{"qquuid": "x", "qqtotalparts": 3}'),
        ("/upload?filename=a.json", FORM, b"qquuid=x&qqtotalparts=3"),
        ("/upload/a.json", "application/json", b"[" * 70_000),
    ],
)
def test_a_file_that_only_looks_like_words_is_a_file(door: Door, url: str, kind: str, body: bytes) -> None:
    answer = Visit(door).send("POST", url, body, Content_Type=kind)
    assert answer.status == 200, answer
    assert store.take(door.root) == {"a.json": body}


@here
def test_nobody_else_learns_whether_an_upload_is_done(door: Door) -> None:
    for k in (0, 1, 2):
        assert fine(Visit(door, "ann"), k, url="/guarded").status == 200
    assert fine_done(Visit(door, "cid"), url="/guarded/done").status == 409
    assert fine_done(Visit(door, "ann"), url="/guarded/done").status == 200
    assert fine_done(Visit(door, "bob"), url="/guarded/done").status == 403


@here
def test_a_resumed_upload_goes_on_with_what_is_missing(door: Door) -> None:
    fine(Visit(door), 0)
    visit = Visit(door)  # the page was loaded anew
    fields = {**fine_fields(1, WHOLE, 10, UUID, "a.txt"), "qqresume": "true"}
    assert visit.post("/upload", fields, ("qqfile", "blob", WHOLE[10:20])).status == 200
    assert fine(visit, 2).json["complete"] is True
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
def test_fields_of_the_page_reach_the_hooks_and_the_widgets_own_do_not(door: Door) -> None:
    visit = Visit(door)
    for k in (0, 1, 2):
        fields = {"title": "T", **fine_fields(k, WHOLE, 10, UUID, "é\"'.txt")}
        reply = visit.post("/upload", fields, ("qqfile", "blob", WHOLE[k * 10 : k * 10 + 10])).json
        assert reply["name"] == "é\"'.txt"
        assert reply.get("fields") == ({"title": "T"} if k == 2 else None)  # the hooks are asked at the end
    store.take(door.root)


@here
def test_an_iframe_is_refused_in_html(door: Door) -> None:
    visit = Visit(door)
    answer = visit.post(
        "/listed", {"qquuid": UUID, "qqfilename": "a.exe"}, ("qqfile", "a.exe", b"x"), Sec_Fetch_Dest="iframe"
    )
    assert (answer.status, answer.headers["content-type"][:9]) == (415, "text/html")
    assert json.loads(answer.body)["error"]


@everywhere
def test_renamed_parameters_are_read_where_the_endpoint_says_so(door: Door) -> None:
    visit, names = Visit(door), {"qquuid": "upload", "qqpartindex": "part", "qqtotalparts": "parts"}
    for k in (2, 0, 1):
        fields = {names.get(name, name): value for name, value in fine_fields(k, WHOLE, 10, UUID, "a.txt").items()}
        answer = visit.post("/renamed", fields, ("qqfile", "blob", WHOLE[k * 10 : k * 10 + 10]))
        assert answer.status == 200, answer
    body = urlencode({"upload": UUID, "parts": 3}).encode()
    done = visit.send("POST", "/renamed/done", body, Content_Type=FORM)
    assert (done.status, done.json["complete"]) == (200, True)
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
@pytest.mark.parametrize(("prefix", "sent"), [("r_resumable", "resumable"), ("f", "flow")])
def test_so_are_those_of_resumablejs_and_flow(door: Door, prefix: str, sent: str) -> None:
    visit = Visit(door)
    for k in (2, 1):
        words = {
            "ChunkNumber": k, "ChunkSize": 10, "CurrentChunkSize": 10, "TotalSize": 20,
            "Identifier": "20-a", "Filename": f"{sent}.txt",
            "RelativePath": "a", "TotalChunks": 2,
        }  # fmt: skip
        fields = {f"{prefix}{name}": value for name, value in words.items()}
        asked = visit.send("GET", f"/renamed?{urlencode(fields)}")
        assert asked.status == 204, asked
        answer = visit.post("/renamed", fields, ("file", "a.txt", WHOLE[k * 10 - 10 : k * 10]))
        assert answer.status == 200, answer
    assert store.take(door.root) == {f"{sent}.txt": WHOLE[:20]}


@everywhere
def test_a_whole_file_that_comes_again_is_remembered_as_one(door: Door) -> None:
    """Browsers repeat requests by themselves; where uploads are remembered, the widget's id tells that it is one."""
    visit = Visit(door)
    ids = {fine_whole(visit, b"whole", url="/kept").json["id"] for _ in range(2)}
    assert len(ids) == 1
    assert store.take(door.root) == {"a.txt": b"whole"}
