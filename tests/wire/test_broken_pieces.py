"""Pieces that break off, come late, or come in any order that one may think of: the file is whole, or there is none."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wire import store
from tests.wire.client import Answer
from tests.wire.doors import FRAMEWORKS, SERVERS, Door, opened
from tests.wire.visiting import Visit, asks, blueimp, plupload, pond_begin, pond_patch, resumable, resumable_fields

pytestmark = pytest.mark.slow

WHOLE = b"0123456789abcdefghijABCDEFGHIJ!"
TEN = "application/octet-stream"
servers = pytest.mark.parametrize(
    "door", [pytest.param(door, marks=pytest.mark.servers) for door in (*SERVERS, *FRAMEWORKS)], indirect=True
)
here = pytest.mark.parametrize("door", ["webtest"], indirect=True)


def tear_all(visit: Visit, pond: str) -> None:
    """Half of the second piece, of each widget, before its connection is reset."""
    half, part = 5, WHOLE[10:20]
    query = urlencode({"name": "p.txt", "chunk": 1, "chunks": 4})
    visit.tear("POST", f"/upload?{query}", part, half, Content_Type=TEN)
    said = {"Content_Range": "bytes 10-19/31", "Content_Disposition": 'attachment; filename="b.txt"'}
    visit.tear("POST", "/upload", part, half, Content_Type="text/plain", **said)
    query = urlencode(resumable_fields(2, 10, WHOLE, "r.txt"))
    visit.tear("POST", f"/upload?{query}", part, half, Content_Type=TEN)
    said = {"Upload_Offset": "10", "Upload_Length": "31", "Upload_Name": "f.txt"}
    visit.tear("PATCH", f"/upload?patch={pond}", part, half, Content_Type="application/offset+octet-stream", **said)


@servers
def test_half_a_piece_does_not_count_and_the_piece_may_come_again(door: Door) -> None:
    visit = Visit(door)
    pond = pond_begin(visit, 31).body.decode()

    def send(at: int) -> list[Answer]:
        part = WHOLE[at : at + 10]
        return [
            plupload(visit, at // 10, 4, part, "p.txt"),
            blueimp(visit, at, 31, part, "b.txt"),
            pond_patch(visit, pond, at, 31, part, "f.txt"),
        ]

    for answer in (*send(0), resumable(visit, 1, 10, WHOLE, "r.txt")):
        assert answer.status in (200, 204), answer
    tear_all(visit, pond)
    assert visit.send("HEAD", f"/upload?patch={pond}").headers["upload-offset"] == "10"
    assert visit.send("GET", "/upload?file=b.txt").json["file"]["size"] == 10
    assert asks(visit, 2, 10, WHOLE, "r.txt").status == 204
    for answer in (*send(10), *send(20), *send(30), *(resumable(visit, k, 10, WHOLE, "r.txt") for k in (2, 3))):
        assert answer.status in (200, 204), answer
    assert store.take(door.root) == dict.fromkeys(("p.txt", "b.txt", "r.txt", "f.txt"), WHOLE)


@here
def test_what_comes_after_its_upload_has_expired_is_refused_and_the_file_may_be_sent_anew(door: Door) -> None:
    visit, url = Visit(door), "/short"
    pond = pond_begin(visit, 31, url).body.decode()
    plupload(visit, 0, 4, WHOLE[:10], url=url)
    blueimp(visit, 0, 31, WHOLE[:10], "b.txt", url)
    resumable(visit, 1, 10, WHOLE, "r.txt", url=url)
    pond_patch(visit, pond, 0, 31, WHOLE[:10], url=url)
    time.sleep(2.2)
    assert plupload(visit, 1, 4, WHOLE[10:20], url=url).status == 409
    assert blueimp(visit, 10, 31, WHOLE[10:20], "b.txt", url).status == 409
    assert pond_patch(visit, pond, 10, 31, WHOLE[10:20], url=url).status == 404
    assert asks(visit, 1, 10, WHOLE, "r.txt", url=url).status == 204
    for k in range(4):
        plupload(visit, k, 4, WHOLE[10 * k : 10 * k + 10], url=url)
        blueimp(visit, 10 * k, 31, WHOLE[10 * k : 10 * k + 10], "b.txt", url)
    for k in (1, 2, 3):
        resumable(visit, k, 10, WHOLE, "r.txt", url=url)
    assert store.take(door.root) == dict.fromkeys(("a.txt", "b.txt", "r.txt"), WHOLE)


# ---- any order ------------------------------------------------------------------------------------------------------

Sender = Callable[[Visit, int, str], Answer]
SENDERS: dict[str, Sender] = {
    "plupload": lambda visit, k, name: plupload(visit, k, 4, WHOLE[10 * k : 10 * k + 10], name),
    "blueimp": lambda visit, k, name: blueimp(visit, 10 * k, 31, WHOLE[10 * k : 10 * k + 10], name),
    "blueimp, overlapping": lambda visit, k, name: blueimp(visit, 10 * k, 31, WHOLE[10 * k : 10 * k + 14], name),
    "resumablejs": lambda visit, k, name: resumable(visit, min(k + 1, 3), 10, WHOLE, name),
    "flow": lambda visit, k, name: resumable(visit, min(k + 1, 3), 10, WHOLE, name, "flow"),
}


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with opened("webtest", tmp_path_factory.mktemp("order")) as door:
        yield door


@pytest.mark.parametrize("widget", SENDERS)
@settings(max_examples=25)
@given(order=st.lists(st.integers(0, 3), max_size=8), number=st.integers(0, 10**12))
def test_whatever_comes_first_again_or_too_early_the_file_is_whole_once(
    lasting: Door, widget: str, order: list[int], number: int
) -> None:
    """A client that goes on until each piece was taken ends up with one file, and no answer was a failure of ours."""
    visit, name, send = Visit(lasting), f"{number}.txt", SENDERS[widget]
    done = False
    for k in order:
        answer = send(visit, k, name)
        assert answer.status in (200, 409), answer
        done = done or (answer.status == 200 and answer.json["complete"])
        if done:
            break
    if not done:
        assert [send(visit, k, name).status for k in range(4)] == [200] * 4
    assert store.take(lasting.root) == {name: WHOLE}
    store.forget(lasting.root)
