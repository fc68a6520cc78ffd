"""212 requests of 20 real widgets: whole files are taken by the right protocol and answered as their client takes it,
so are those of clients that go on with what they began; everything else is refused and leaves nothing; nothing is ever
a 5xx but 501."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.wire import store
from tests.wire.captured import Captured, all_captured, scenarios
from tests.wire.client import Answer
from tests.wire.doors import DOORS, Door
from tests.wire.store import without_suffix

CAPTURED = all_captured()
TAKEN = [each for each in CAPTURED if each.verdict() in ("valums", "form", "raw")]
RESUMABLE = scenarios([each for each in CAPTURED if each.verdict() in ("tus", "ietf")])
REFUSED = [each for each in CAPTURED if each.verdict() == "refused"]
#: Pieces that cannot be told from whole files: Dropzone 6's `binaryBody` sends them naked, without name, id or offset.
NAKED = {"dz6_binary 0": 10, "dz6_binary 1": 10, "dz6_binary 2": 5}


def rows(captured: list[Captured]) -> list[Any]:
    return [
        pytest.param(door, each, id=f"{door}-{each.fact}", marks=[] if door == "webtest" else pytest.mark.servers)
        for door in DOORS
        for each in captured
    ]


@pytest.mark.parametrize(("door", "sent"), rows(TAKEN), indirect=["door"])
def test_a_whole_file_is_stored_and_answered_as_its_client_takes_it(door: Door, sent: Captured) -> None:
    answer = door.send(sent.case())
    stored = store.take(door.root)
    if door.name == "wsgiref" and "transfer-encoding" in sent.headers:
        assert (answer.status, stored) == (411, {})
        return
    assert answer.status == (201 if sent.method == "PUT" else 200), answer
    check_dialect(sent, answer)
    assert sorted(stored.values()) == sorted(content for _, content in sent.files())
    names = [name.replace("%22", "_") for name, _ in sent.files() if name]  # a quote, as browsers write it in forms
    assert {without_suffix(name) for name in stored} >= set(names[:1])


def check_dialect(sent: Captured, answer: Answer) -> None:
    """The shape that this client reads."""
    kind = answer.headers["content-type"].partition(";")[0]
    if "hx-request" in sent.headers or sent.headers.get("sec-fetch-dest") == "document":
        assert kind == "text/html"
        assert b'<ul class="ajaxupload-stored"><li>' in answer.body
        return
    assert kind == ("text/html" if sent.headers.get("sec-fetch-dest") == "iframe" else "application/json")
    reply = answer.json
    assert reply["success"] is True
    assert reply["uuid"] == reply["id"]
    assert reply["protocol"] == sent.verdict()
    assert [each["size"] for each in reply["files"]] == [len(content) for _, content in sent.files()]


def resumable_rows() -> list[Any]:
    return [
        pytest.param(door, name, id=f"{door}-{name}", marks=[] if door == "webtest" else pytest.mark.servers)
        for door in DOORS
        for name in RESUMABLE
    ]


@pytest.mark.parametrize(("door", "name"), resumable_rows(), indirect=["door"])
def test_a_resuming_client_goes_on_with_what_it_began(door: Door, name: str) -> None:
    made: list[str] = []
    for sent in RESUMABLE[name]:
        url, others = sent.row["url"], {}
        if url.startswith("/upload/"):  # the server that was captured called its uploads abc, or 1 and 2
            url = made[int(url[8:]) - 1 if url[8:].isdigit() else 0]
        if sent.headers.get("upload-concat", "").startswith("final;"):
            others["upload-concat"] = "final;" + " ".join(f"http://{door.host}{each}" for each in made)
        answer = door.send(sent.case(url, **others))
        check_step(sent, answer)
        made += [answer.headers["location"]] if "location" in answer.headers else []
    stored = store.take(door.root)
    assert list(stored.values()) == ([] if name == "ut_err" else [b"A" * 25])  # that client's server was out of order
    assert set(stored) <= {"héllo wörld & 'q'.txt", "f.txt"}


def check_step(sent: Captured, answer: Answer) -> None:
    """What tus-js-client looks at."""
    headers, asked = answer.headers, sent.headers
    method = asked.get("x-http-method-override", sent.method)
    if sent.verdict() == "ietf":
        assert (answer.status, headers["upload-complete"]) == (201, asked["upload-complete"]), answer
    else:
        assert answer.status == {"POST": 201, "PATCH": 204, "HEAD": 200}[method], answer
        assert headers["tus-resumable"] == "1.0.0"
    assert headers.get("location", "").startswith("/upload/") == (method == "POST")
    if sent.body():
        assert int(headers["upload-offset"]) == int(asked.get("upload-offset", 0)) + len(sent.body())
    if method == "HEAD":
        assert (headers["upload-offset"], headers["upload-length"]) == ("10", "25")


@pytest.mark.parametrize(("door", "sent"), rows(REFUSED), indirect=["door"])
def test_everything_else_is_refused_and_nothing_of_it_stored(door: Door, sent: Captured) -> None:
    answer = door.send(sent.case())
    # None of these widgets wants its refusals with 200; Resumable.js and Flow.js take it for "I have that piece".
    assert 400 <= answer.status < 500 or answer.status == 501, answer
    assert store.take(door.root) == {}


def test_all_that_was_captured_is_judged() -> None:
    counts = Counter(each.verdict() for each in CAPTURED)
    assert counts == {
        "valums": 5,
        "fineuploader": 42,
        "filepond": 30,
        "form": 24,
        "dropzone": 12,
        "raw": 16,
        "resumablejs": 16,
        "flow": 8,
        "plupload": 9,
        "blueimp": 13,
        "tus": 17,
        "ietf": 4,
        "refused": 16,
    }
    assert len(RESUMABLE) == 6


def test_no_piece_is_taken_for_a_file_where_it_can_be_told() -> None:
    dropped = {
        each.fact: len(content) for each in TAKEN if each.row["case"].startswith("dz") for _, content in each.files()
    }
    assert {fact: size for fact, size in dropped.items() if size < 25} == NAKED
