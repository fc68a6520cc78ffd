"""blueimp's ranges and whole files, at every door: what it reads of each answer, and what it shows of a refusal."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import quote

import pytest

from tests.wire import store
from tests.wire.client import Answer, connected, form, read_answer
from tests.wire.doors import DOORS, Door, ServerDoor
from tests.wire.visiting import Visit, blueimp

WHOLE = b"0123456789abcdefghijABCDE"
JQUERY = {"Accept": "application/json, text/javascript, */*; q=0.01", "X_Requested_With": "XMLHttpRequest"}
IFRAME = {"Accept": "text/html,*/*;q=0.8", "Sec_Fetch_Dest": "iframe", "Sec_Fetch_Site": "same-origin"}


def doors(*more: Any) -> list[Any]:
    return [pytest.param(door, id=door, marks=[] if door == "webtest" else pytest.mark.servers) for door in DOORS]


everywhere = pytest.mark.parametrize("door", doors(), indirect=True)
here = pytest.mark.parametrize("door", ["webtest"], indirect=True)


def piece(visit: Visit, start: int, end: int, **more: Any) -> Answer:
    return blueimp(visit, start, 25, WHOLE[start:end], **more)


@everywhere
@pytest.mark.parametrize("raw", [False, True])
def test_ranges_in_turn_are_the_file_and_range_tells_how_far(door: Door, raw: bool) -> None:
    visit = Visit(door)
    answers = [piece(visit, at, min(at + 10, 25), raw=raw, name="héllo wörld & 'q'.txt") for at in (0, 10, 20)]
    assert [(answer.status, answer.headers["range"]) for answer in answers] == [
        (200, "0-9"),
        (200, "0-19"),
        (200, "0-24"),
    ]
    assert [answer.json["complete"] for answer in answers] == [False, False, True]
    assert len({answer.json["files"][0]["id"] for answer in answers}) == 1
    assert answers[2].json["files"][0]["size"] == 25
    assert store.take(door.root) == {"héllo wörld & 'q'.txt": WHOLE}


@everywhere
def test_repeats_are_compared_and_overlaps_taken(door: Door) -> None:
    visit = Visit(door)
    for start, end in ((0, 10), (0, 10), (5, 15), (15, 25), (15, 25)):
        assert piece(visit, start, end).status == 200
    assert store.take(door.root) == {"a.txt": WHOLE}


@everywhere
def test_a_client_that_is_ahead_is_told_where_to_go_on(door: Door) -> None:
    visit = Visit(door)
    piece(visit, 0, 10)
    ahead = piece(visit, 20, 25)
    assert (ahead.status, ahead.headers["range"], ahead.json["complete"]) == (200, "0-9", False)
    assert piece(visit, 10, 20).headers["range"] == "0-19"
    assert piece(visit, 20, 25).json["complete"]
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
def test_a_client_whose_file_gave_way_to_another_is_refused(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    """Told where to go on it would fill the other file up with what follows in its own."""
    visit, other = Visit(door), WHOLE[::-1]
    piece(visit, 0, 10)
    piece(visit, 10, 20)
    monkeypatch.setattr("ajaxupload.protocols.serial._QUIET", -1.0)
    assert blueimp(visit, 0, 25, other[:10]).headers["range"] == "0-9"
    back = piece(visit, 20, 25)
    assert (back.status, back.json["preventRetry"], back.headers.get("range")) == (409, False, None)
    assert [blueimp(visit, at, 25, other[at : at + 10]).json["complete"] for at in (10, 20)] == [False, True]
    assert store.take(door.root) == {"a.txt": other}


@everywhere
def test_a_file_whose_start_is_not_here_is_refused_at_once(door: Door) -> None:
    answer = piece(Visit(door), 10, 20)
    assert (answer.status, answer.json["preventRetry"]) == (409, False)
    assert "from its start" in answer.reason
    assert "range" not in answer.headers
    assert store.take(door.root) == {}


@here
def test_a_piece_that_differs_is_refused(door: Door) -> None:
    visit = Visit(door)
    piece(visit, 0, 10)
    piece(visit, 10, 20)
    for start in (0, 5, 10):
        assert blueimp(visit, start, 25, b"x" * 10).status == 409
    assert piece(visit, 20, 25).json["complete"]
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
def test_files_of_one_name_are_told_apart_by_their_size_and_by_being_complete(door: Door) -> None:
    visit = Visit(door)
    blueimp(visit, 0, 20, b"longer 1 name")
    first = [piece(visit, at, min(at + 10, 25)) for at in (0, 10, 20)]
    assert blueimp(visit, 13, 20, b" twenty").json["complete"]
    second = [blueimp(visit, at, 25, WHOLE[at : at + 10].upper()) for at in (0, 10, 20)]
    assert first[2].json["complete"]
    assert second[2].json["complete"]
    assert sorted(store.take(door.root).values()) == sorted([WHOLE, WHOLE.upper(), b"longer 1 name twenty"])


@everywhere
def test_how_far_a_file_has_come_is_told_before_it_is_resumed(door: Door) -> None:
    visit = Visit(door)
    asked = f"/upload?file={quote('ä.txt')}"
    assert visit.send("GET", asked).json == {"file": None}
    piece(visit, 0, 10, name="ä.txt")
    assert visit.send("GET", asked).json == {"file": {"name": "ä.txt", "size": 10}}
    assert visit.send("GET", f"{asked}&size=25").json["file"]["size"] == 10
    assert visit.send("GET", f"{asked}&size=24").json == {"file": None}
    assert Visit(door, agent="Opera").send("GET", asked).json == {"file": None}
    piece(visit, 10, 25, name="ä.txt")
    assert visit.send("GET", asked).json == {"file": None}
    assert store.take(door.root) == {"ä.txt": WHOLE}


@pytest.mark.servers
@pytest.mark.parametrize("door", ["gunicorn"], indirect=True)
def test_asking_how_far_a_file_has_come_does_not_end_a_piece_that_is_on_its_way(door: ServerDoor) -> None:
    """The page asks before each upload, in a second tab as well."""
    visit = Visit(door)
    assert piece(visit, 0, 10).status == 200
    says = {"Content_Range": "bytes 10-19/25", "Content_Disposition": 'attachment; filename="a.txt"'}
    request = visit.case("POST", "/upload", WHOLE[10:20], **says).request(door.host, Connection="close")
    with connected(door.server.port) as connection:
        connection.sendall(request[:-5])
        deadline = time.monotonic() + 20
        while not any(
            path.read_bytes()[1536:1560].strip(b"\0") for path in door.root.glob("private/partials/??/*.log")
        ):
            assert time.monotonic() < deadline, "the piece has not begun"
            time.sleep(0.01)
        assert visit.send("GET", "/upload?file=a.txt&size=25").json["file"]["size"] == 10
        connection.sendall(request[-5:])
        answer = read_answer(connection)
    assert (answer.status, answer.headers["range"]) == (200, "0-19"), answer
    assert piece(visit, 20, 25).json["complete"]
    assert store.take(door.root) == {"a.txt": WHOLE}


@everywhere
def test_two_people_with_the_same_name_never_meet(door: Door) -> None:
    people = [(Visit(door, "ann"), "/guarded"), (Visit(door, "eve"), "/guarded")]
    people += [(Visit(door, agent=name), "/upload") for name in ("Mozilla/5.0", "Opera")]
    for at in (0, 10, 20):
        for number, (visit, url) in enumerate(people):
            content = bytes([65 + number]) * min(10, 25 - at)
            assert blueimp(visit, at, 25, content, url=url).status == 200
    assert sorted(store.take(door.root).values()) == [bytes([65 + number]) * 25 for number in range(4)]


# ---- whole files ----------------------------------------------------------------------------------------------------


@everywhere
def test_whole_files_are_refused_with_200_and_the_reason_where_its_page_looks(door: Door) -> None:
    answer = Visit(door).post("/photos", {}, ("files[]", "é.exe", b"MZ.."), **JQUERY)
    assert answer.status == 200
    assert answer.json["files"][0]["name"] == "é.exe"
    assert "cannot be uploaded here" in answer.json["files"][0]["error"]
    raw = Visit(door).send(
        "POST", "/photos", b"MZ..", Content_Disposition='attachment; filename="a.exe"', Content_Type="x/y", **JQUERY
    )
    assert (raw.status, raw.json["success"], raw.json["files"][0]["name"]) == (200, False, "a.exe")
    assert store.take(door.root) == {}


@here
def test_who_may_not_upload_reads_why(door: Door) -> None:
    answer = Visit(door, "bob").post("/guarded", {}, ("files[]", "a.txt", b"hello"), **JQUERY)
    assert (answer.status, answer.json["files"][0]["error"]) == (200, answer.json["error"])
    part = piece(Visit(door, "bob"), 0, 10, url="/guarded")
    assert (part.status, part.reason) == (403, part.json["error"])


@here
def test_a_refusal_in_the_middle_of_a_file_ends_it(door: Door) -> None:
    large = blueimp(Visit(door), 0, 2 << 20, b"0123456789")
    assert (large.status, large.json["code"]) == (413, "too_large")
    assert large.reason == large.json["error"]


@here
@pytest.mark.parametrize(
    "said", ["bytes 0-9/*", "bytes 9-0/25", "bytes 20-29/25", "0-9/25", "bytes 0-9/25, 10-19/25", "bytes 0-8/25"]
)
def test_a_range_that_cannot_be_is_refused(door: Door, said: str) -> None:
    answer = Visit(door).send("PUT", "/upload/a.txt", b"0123456789", Content_Range=said)
    assert answer.status == 400
    assert store.take(door.root) == {}


@everywhere
def test_curl_goes_on_with_a_range(door: Door) -> None:
    curl = Visit(door, agent="curl/8")
    assert curl.send("PUT", "/upload/a.txt", WHOLE[:10], Content_Range="bytes 0-9/25").status == 200
    assert curl.send("PUT", "/upload/a.txt", WHOLE[10:], Content_Range="bytes 10-24/25").json["complete"]
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("http://127.0.0.1/result.html?%s", 302),
        ("/result.html?%s", 302),
        ("//elsewhere.example/?%s", 200),
        ("/\\elsewhere.example/?%s", 200),
        ("https://elsewhere.example/?%s", 200),
        ("http://127.0.0.1.elsewhere.example/?%s", 200),
        ("javascript:alert(1)", 200),
        ("result.html", 200),
    ],
)
def test_an_iframe_is_sent_on_within_this_site_only(door: Door, target: str, status: int) -> None:
    body = form(("redirect", None, target.encode()), ("files[]", "a.txt", b"hello"))
    answer = Visit(door).send("POST", "/upload", body, Content_Type="multipart/form-data; boundary=XbX", **IFRAME)
    assert answer.status == status
    if status == 302:
        assert answer.headers["location"].startswith(target.replace("%s", "%7B%22files%22%3A"))
        assert store.take(door.root) == {"a.txt": b"hello"}
    else:
        assert answer.headers["content-type"].startswith("text/html")
        assert answer.json["code"] == "bad_redirect"
        assert store.take(door.root) == {}


@everywhere
def test_what_a_browser_has_stored_is_listed_and_deleted_once_it_has_asked(door: Door) -> None:
    visit = Visit(door)
    assert visit.send("GET", "/kept", b"", **JQUERY).json == {"files": []}
    answers = [piece(visit, at, min(at + 10, 25), url="/kept") for at in (0, 10, 20)]
    (listed,) = visit.send("GET", "/kept", b"", **JQUERY).json["files"]
    assert (listed["name"], listed["size"], listed["deleteType"]) == ("a.txt", 25, "DELETE")
    assert listed["deleteUrl"] == answers[2].json["files"][0]["deleteUrl"]
    assert Visit(door, agent="Opera").send("DELETE", listed["deleteUrl"], b"", **JQUERY).status == 404
    assert visit.send("DELETE", listed["deleteUrl"], b"", **JQUERY).json["success"]
    assert visit.send("GET", "/kept", b"", **JQUERY).json == {"files": []}
    assert store.take(door.root) == {}
