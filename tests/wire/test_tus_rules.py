"""What an endpoint's own rules make of a tus upload: types, sizes, people, places, repeats, and what is told."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.wire.doors import DOORS, Door
from tests.wire.test_tus import refused
from tests.wire.tus import HELLO, Tus, metadata

pytestmark = pytest.mark.parametrize(
    "door",
    [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in DOORS],
    indirect=True,
)
PNG = b"\x89PNG\r\n\x1a\n" + bytes(1000)


@pytest.fixture
def tus(door: Door) -> Tus:
    return Tus(door)


def test_a_type_that_is_not_taken_is_refused_before_its_first_byte(tus: Tus) -> None:
    answer = tus.post(100, to="/photos", Upload_Metadata=metadata(filename="a.exe"))
    assert refused(answer, 415, "ERR_UPLOAD_REJECTED")
    assert tus.kept() == 0


def test_a_type_that_is_not_what_the_name_says_is_refused_as_soon_as_the_head_is_there(tus: Tus) -> None:
    url = tus.create(100_000, to="/photos", Upload_Metadata=metadata(filename="a.png"))
    assert tus.patch(url, 0, b"MZ" + bytes(2000)).status == 204  # too little to tell
    answer = tus.patch(url, 2002, bytes(50_000))
    assert answer.status in (415, 422), answer
    assert tus.head(url).status in (404, 415, 422)
    assert (tus.stored(), tus.kept()) == ({}, 0)


def test_a_small_file_that_is_not_what_it_says_is_refused_with_its_creation(tus: Tus) -> None:
    answer = tus.post(20, b"MZ" + bytes(18), to="/photos", Upload_Metadata=metadata(filename="a.png"))
    assert (answer.status, "location" in answer.headers) == (422, False)
    assert (tus.stored(), tus.kept()) == ({}, 0)


def test_a_file_that_is_too_small_is_refused_for_good(tus: Tus) -> None:
    url = tus.create(3, to="/photos", Upload_Metadata=metadata(filename="a.txt"))
    for answer in (tus.patch(url, 0, b"abc"), tus.patch(url, 3)):
        assert refused(answer, 422, "ERR_UPLOAD_REJECTED")
    assert tus.head(url).status == 422
    assert tus.stored() == {}


def test_a_good_picture_is_stored(tus: Tus) -> None:
    url = tus.create(len(PNG), PNG[:5], to="/photos", Upload_Metadata=metadata(filename="a.png"))
    tus.patch(url, 5, PNG[5:])
    assert tus.stored() == {"a.png": PNG}


def test_who_may_not_is_refused_and_nobody_finds_anothers(tus: Tus) -> None:
    assert refused(tus.post(11, to="/guarded", X_User="bob"), 403, "ERR_UPLOAD_REJECTED")
    assert refused(tus.post(11, to="/guarded"), 401, "ERR_UPLOAD_REJECTED")
    url = tus.create(11, to="/guarded", X_User="ann")
    assert tus.head(url, X_User="ann").status == 200
    assert tus.head(url, X_User="bob").status == 403
    for answer in (
        tus.head(url, X_User="eve"),
        tus.patch(url, 0, HELLO, X_User="eve"),
        tus.send("DELETE", url, X_User="eve"),
    ):
        assert answer.status == 404
    assert tus.patch(url, 0, HELLO, X_User="ann").status == 204
    assert tus.contents() == [HELLO]


def test_an_upload_belongs_to_its_endpoint_and_path(tus: Tus) -> None:
    url = tus.create(3, to="/album/one/upload", Upload_Metadata=metadata(filename="a.txt"))
    name = url.rpartition("/")[2]
    for elsewhere in ("/album/two/upload", "/upload", "/public"):
        assert tus.head(f"{elsewhere}/{name}").status == 404
        assert tus.patch(f"{elsewhere}/{name}", 0, b"abc").status == 404
    assert tus.patch(url, 0, b"abc").status == 204
    assert tus.stored() == {"one/a.txt": b"abc"}


def test_a_repeat_with_the_same_key_finds_the_first(tus: Tus) -> None:
    first = tus.post(11, HELLO[:5], Idempotency_Key="k1")
    again = tus.post(11, HELLO[:5], Idempotency_Key="k1")
    assert (again.status, again.headers["location"]) == (201, first.headers["location"])
    assert again.headers["upload-offset"] == "5"
    assert tus.post(11, Idempotency_Key="k2").headers["location"] != first.headers["location"]
    elsewhere = tus.post(11, to="/public", Idempotency_Key="k1").headers["location"]
    assert elsewhere.rpartition("/")[2] != first.headers["location"].rpartition("/")[2]
    assert tus.patch(first.headers["location"], 5, HELLO[5:]).status == 204
    assert tus.post(11, HELLO[:5], Idempotency_Key="k1").headers["upload-offset"] == "11"
    assert tus.contents() == [HELLO]


def test_the_last_answer_tells_what_was_stored_if_asked(tus: Tus) -> None:
    url = tus.create(11, Upload_Metadata=metadata(filename="a.txt"))
    more: dict[str, Any] = {"Prefer": "return=representation"}
    first = tus.patch(url, 0, HELLO[:5], **more)
    last = tus.patch(url, 5, HELLO[5:], **more)
    again = tus.patch(url, 11, **more)
    whole = tus.post(11, HELLO, Upload_Metadata=metadata(filename="b.txt"), **more)
    assert [each.status for each in (first, last, again, whole)] == [204, 200, 200, 201]
    assert (last.json["filename"], last.json["size"], last.json["files"][0]["name"]) == ("a.txt", 11, "a.txt")
    assert last.headers["preference-applied"] == "return=representation"
    assert (again.json["url"], whole.json["filename"]) == (last.json["url"], "b.txt")
    assert whole.headers["location"].startswith("/upload/")
    assert len(tus.contents()) == 2


def test_who_wants_json_reads_refusals_as_json(tus: Tus) -> None:
    told = json.loads(tus.post(2 << 20, Accept="application/json").body)
    assert (told["tus"], told["preventRetry"], told["success"]) == ("ERR_MAX_SIZE_EXCEEDED", True, False)
    url = tus.create(11)
    told = json.loads(tus.patch(url, 5, Accept="application/json").body)
    assert (told["tus"], told["preventRetry"]) == ("ERR_MISMATCHED_OFFSET", False)


@pytest.mark.parametrize("path", ["/served", "/upload"])
def test_what_was_stored_can_be_fetched_where_the_endpoint_serves(tus: Tus, path: str) -> None:
    url = tus.create(11, to=path, Upload_Metadata=metadata(filename='"słońce"\r\n.html'))
    open_yet = tus.send("GET", url, Tus_Resumable=None)
    tus.patch(url, 0, HELLO)
    answer = tus.send("GET", url, Tus_Resumable=None)
    assert (open_yet.status, answer.status) == (404, 200 if path == "/served" else 404)
    if path == "/served":
        assert (answer.body, answer.headers["content-type"]) == (HELLO, "application/octet-stream")
        assert answer.headers["content-disposition"].startswith("attachment; ")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert tus.send("GET", url).body == HELLO
