"""What was captured of FilePond, Resumable.js, Flow.js, Plupload and blueimp, played request after request: each is
answered as its widget takes it, and what it sent is the file."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire import store
from tests.wire.captured import PLAYED, Captured, all_captured
from tests.wire.client import Answer
from tests.wire.doors import DOORS, Door

WIDGETS = [each for each in all_captured() if each.verdict() in PLAYED.values()]
PLAYS = {
    str(name): [each for each in WIDGETS if each.row["case"] == name]
    for name in {each.row["case"]: 0 for each in WIDGETS}
}
#: Cases whose client gave up: in the capture, its server was out of order.
GAVE_UP = {"rs_force", "rs_413", "rs_415", "fl_404", "fl_err", "fp_load"}


def rows() -> list[Any]:
    return [
        pytest.param(door, name, id=f"{door}-{name}", marks=[] if door == "webtest" else pytest.mark.servers)
        for door in DOORS
        for name in PLAYS
    ]


@pytest.mark.parametrize(("door", "name"), rows(), indirect=["door"])
def test_a_widget_is_answered_as_it_takes_it(door: Door, name: str) -> None:
    made, file = "", bytearray()
    for sent in PLAYS[name]:
        url = sent.row["url"].replace("patch=CH-9", f"patch={made}")
        case = sent.case(url)
        if sent.method == "DELETE":  # the server that was captured called its uploads ID-1
            case = type(case)(case.fact, case.head, made.encode(), 0)
        answer = door.send(case)
        check(sent, answer, file)
        made = answer.body.decode() if sent.method == "POST" and "filepond" in sent.verdict() else made
        place(sent, file)
    assert [len(each) for each in store.take(door.root).values()] == ([] if name in GAVE_UP else [len(file)])


def check(sent: Captured, answer: Answer, file: bytearray) -> None:
    """What this client looks at."""
    if sent.verdict() == "filepond":
        check_filepond(sent, answer, file)
    elif sent.method == "GET":
        assert (answer.status, answer.body) == (204, b""), answer  # Flow.js gives a file up at 404
    else:
        iframe = sent.headers.get("sec-fetch-dest") == "iframe"
        kind = answer.headers["content-type"].partition(";")[0]
        assert (answer.status, kind) == (200, "text/html" if iframe else "application/json"), answer
        reply = answer.json
        assert (reply["success"], reply["uuid"]) == (True, reply["id"])
        assert reply["files"][0]["id"] == reply["id"]
        assert reply["name"] in ("héllo wörld & 'q'.txt", "o_1k810knk01l1615gu15rnuvq1ro98.txt")
        if "content-range" in sent.headers:
            last = int(sent.headers["content-range"].partition("-")[2].partition("/")[0])
            assert answer.headers["range"] == f"0-{last}"
        if reply.get("complete", True):
            assert reply["protocol"] == sent.verdict()


def check_filepond(sent: Captured, answer: Answer, file: bytearray) -> None:
    """FilePond takes any 2xx, a text for the id, and an offset."""
    if sent.method == "GET":
        assert (answer.status, answer.reason) == (403, answer.body.decode()), answer
    elif sent.method == "DELETE":
        assert (answer.status, answer.reason) in ((403, answer.body.decode()), (404, answer.body.decode())), answer
    elif sent.method == "HEAD":
        assert (answer.status, answer.headers["upload-offset"]) == (200, str(len(file)))
    elif sent.method == "POST":
        assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8"), answer
        assert len(answer.body) == 22
    else:
        assert answer.status == 204, answer


def place(sent: Captured, file: bytearray) -> None:
    """Put what was sent where it belongs in its file."""
    found = sent.files() if sent.method in ("POST", "PATCH") else []
    if not found or (sent.parts and not any("filename" in part for part in sent.parts)):
        return
    said = sent.headers | sent.query | {part["name"]: str(part.get("value", "")) for part in sent.parts}
    at = int(said.get("upload-offset") or said.get("offset") or 0)
    if "content-range" in said:
        at = int(said["content-range"].removeprefix("bytes ").partition("-")[0])
    for name, first in (("chunk", 0), ("resumableChunkNumber", 1), ("flowChunkNumber", 1)):
        at = 10 * (int(said[name]) - first) if name in said else at
    file[at : at + len(found[0][1])] = found[0][1]


def test_all_of_it_is_played() -> None:
    assert {name: sum(each.verdict() == name for each in all_captured()) for name in PLAYED.values()} == {
        "filepond": 30,
        "resumablejs": 16,
        "flow": 8,
        "plupload": 9,
        "blueimp": 13,
    }
