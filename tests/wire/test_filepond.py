"""FilePond at every door: ids as plain text, pieces that count whole or not at all, and reasons in the phrase."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire import store
from tests.wire.client import Answer, form
from tests.wire.doors import DOORS, Door
from tests.wire.visiting import Visit, pond_begin, pond_patch

WHOLE = b"0123456789abcdefghijABCDE"


def doors(*more: Any) -> list[Any]:
    return [pytest.param(door, id=door, marks=[] if door == "webtest" else pytest.mark.servers) for door in DOORS]


everywhere = pytest.mark.parametrize("door", doors(), indirect=True)
here = pytest.mark.parametrize("door", ["webtest"], indirect=True)


def process(visit: Visit, name: str = "a.txt", content: bytes = WHOLE, url: str = "/upload") -> Answer:
    return visit.post(url, {"photo": "{}"}, ("photo", name, content), Accept="*/*")


def begun(visit: Visit, size: int = 25, url: str = "/upload") -> str:
    answer = pond_begin(visit, size, url)
    assert answer.status == 200, answer
    assert answer.headers["content-type"].startswith("text/plain")
    return answer.body.decode("ascii")


def offset(visit: Visit, upload_id: str, url: str = "/upload") -> int:
    answer = visit.send("HEAD", f"{url}?patch={upload_id}")
    assert (answer.status, answer.body) == (200, b"")
    return int(answer.headers["upload-offset"])


def revert(visit: Visit, text: str, url: str = "/upload") -> Answer:
    return visit.send("DELETE", url, text.encode(), Content_Type="text/plain;charset=UTF-8")


@everywhere
def test_a_whole_file_is_answered_with_its_id_alone(door: Door) -> None:
    answer = process(Visit(door), "héllo wörld & 'q'.txt")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert len(answer.body) == 22
    assert answer.body.decode().replace("-", "").replace("_", "").isalnum()
    assert store.take(door.root) == {"héllo wörld & 'q'.txt": WHOLE}


@here
def test_its_image_variants_are_stored_with_an_id_each(door: Door) -> None:
    body = form(("photo", None, b'{"a": 1}'), ("photo", "large_a.txt", b"large"), ("photo", "small_a.txt", b"small"))
    answer = Visit(door).send("POST", "/upload", body, Content_Type="multipart/form-data; boundary=XbX")
    assert len(answer.body.split(b",")) == 2
    assert store.take(door.root) == {"large_a.txt": b"large", "small_a.txt": b"small"}


@here
@pytest.mark.parametrize(
    ("fields", "field", "accept"),
    [({"photo": "x"}, "photo", "*/*"), ({"a": "{}"}, "photo", "*/*"), ({"photo": "{}"}, "photo", "application/json")],
)
def test_other_forms_are_not_its_own(door: Door, fields: dict[str, object], field: str, accept: str) -> None:
    answer = Visit(door).post("/upload", fields, (field, "a.txt", WHOLE), Accept=accept)
    assert answer.json["protocol"] == "form"
    store.take(door.root)


@everywhere
def test_pieces_are_the_file_and_its_name_comes_with_them(door: Door) -> None:
    visit = Visit(door)
    upload_id = begun(visit)
    for at in (0, 10, 20):
        assert offset(visit, upload_id) == at
        assert pond_patch(visit, upload_id, at, 25, WHOLE[at : at + 10], name="héllo wörld & 'q'.txt").status == 204
    assert offset(visit, upload_id) == 25
    assert store.take(door.root) == {"héllo wörld & 'q'.txt": WHOLE}


@everywhere
def test_the_empty_piece_behind_the_last_succeeds(door: Door) -> None:
    visit = Visit(door)
    upload_id = begun(visit, 20)
    for at in (0, 10, 20, 20):
        assert pond_patch(visit, upload_id, at, 20, WHOLE[at:20][:10], name="exact.txt").status == 204
    assert store.take(door.root) == {"exact.txt": WHOLE[:20]}


@everywhere
def test_an_empty_file_is_its_one_empty_piece(door: Door) -> None:
    visit = Visit(door)
    upload_id = begun(visit, 0)
    assert pond_patch(visit, upload_id, 0, 0, b"", name="empty.txt").status == 204
    assert store.take(door.root) == {"empty.txt": b""}


@everywhere
def test_repeats_are_harmless_before_and_after_the_end(door: Door) -> None:
    visit = Visit(door)
    upload_id = begun(visit)
    for at in (0, 0, 10, 0, 20, 20, 0):
        assert pond_patch(visit, upload_id, at, 25, WHOLE[at : at + 10]).status == 204
    assert store.take(door.root) == {"a.txt": WHOLE}


@everywhere
def test_after_the_end_a_repeat_is_read_whole_and_compared(door: Door) -> None:
    visit, whole = Visit(door), bytes(range(256)) * 4000
    upload_id = begun(visit, len(whole))
    for at in (0, 600_000):
        assert pond_patch(visit, upload_id, at, len(whole), whole[at : at + 600_000], "large.bin").status == 204
    again = pond_patch(visit, upload_id, 0, len(whole), whole[:600_000])
    assert (again.status, again.headers["upload-offset"]) == (204, str(len(whole)))
    assert pond_patch(visit, upload_id, 0, len(whole), whole[1:600_001]).status == 409
    assert pond_patch(visit, upload_id, 600_000, len(whole), whole[:600_000]).status == 413
    assert store.take(door.root) == {"large.bin": whole}


@here
def test_what_does_not_fit_is_refused_and_the_upload_goes_on(door: Door) -> None:
    visit = Visit(door)
    upload_id = begun(visit)
    assert pond_patch(visit, upload_id, 10, 25, WHOLE[10:20]).status == 409
    pond_patch(visit, upload_id, 0, 25, WHOLE[:10])
    assert pond_patch(visit, upload_id, 0, 25, b"x" * 10).status == 409
    assert pond_patch(visit, upload_id, 10, 24, WHOLE[10:20]).status == 400
    assert pond_patch(visit, upload_id, 20, 25, WHOLE[:10]).status == 409
    assert pond_patch(visit, upload_id, 10, 25, WHOLE[10:] + b"!").status == 413
    assert pond_patch(visit, upload_id, 10, 25, WHOLE[10:]).status == 204
    assert store.take(door.root) == {"a.txt": WHOLE}


@everywhere
def test_reverting_leaves_nothing_of_what_is_unfinished(door: Door) -> None:
    visit = Visit(door)
    upload_id = begun(visit)
    pond_patch(visit, upload_id, 0, 25, WHOLE[:10])
    assert revert(visit, upload_id).status == 204
    assert revert(visit, upload_id).status == 404
    assert pond_patch(visit, upload_id, 10, 25, WHOLE[10:]).status == 404
    assert pond_patch(visit, upload_id, 0, 25, WHOLE).status == 404
    assert store.take(door.root) == {}


@everywhere
def test_what_was_stored_is_not_reverted_unless_that_is_allowed(door: Door) -> None:
    visit = Visit(door)
    upload_id = begun(visit, 10)
    pond_patch(visit, upload_id, 0, 10, WHOLE[:10])
    answer = revert(visit, upload_id)
    assert (answer.status, answer.reason) == (403, "What was stored cannot be deleted here (allow_delete).")
    assert store.take(door.root) == {"a.txt": WHOLE[:10]}


@everywhere
def test_what_was_stored_is_reverted_by_who_stored_it_where_that_is_allowed(door: Door) -> None:
    visit = Visit(door)
    upload_id = process(visit, url="/kept").body.decode()
    assert revert(Visit(door, agent="Opera"), upload_id, "/kept").status == 404
    assert revert(visit, upload_id, "/kept").status == 204
    assert store.take(door.root) == {}


@everywhere
def test_others_cannot_touch_an_upload(door: Door) -> None:
    ann, eve = Visit(door, "ann"), Visit(door, "eve")
    upload_id = begun(ann, url="/guarded")
    assert pond_patch(eve, upload_id, 0, 25, WHOLE, url="/guarded").status == 404
    assert revert(eve, upload_id, url="/guarded").status == 404
    assert eve.send("HEAD", f"/guarded?patch={upload_id}").status == 404
    assert pond_patch(ann, upload_id, 0, 25, WHOLE, url="/guarded").status == 204
    assert store.take(door.root) == {"a.txt": WHOLE}


@everywhere
def test_restore_and_load_hand_out_what_was_stored_where_the_endpoint_serves(door: Door) -> None:
    visit = Visit(door)
    upload_id = process(visit, "ä.txt", url="/served").body.decode()
    for word in ("restore", "load"):
        answer = visit.send("GET", f"/served?{word}={upload_id}")
        assert (answer.status, answer.body) == (200, WHOLE)
        assert answer.headers["content-disposition"].endswith("filename*=UTF-8''%C3%A4.txt")
        assert answer.headers["content-length"] == "25"
    assert visit.send("GET", "/served?load=nothing-of-that-name").status == 404
    assert visit.send("GET", f"/upload?load={upload_id}").status == 403
    store.take(door.root)


@everywhere
def test_it_fetches_nothing_from_elsewhere(door: Door) -> None:
    answer = Visit(door).send("GET", "/served?fetch=http%3A%2F%2F127.0.0.1%2Fsecret")
    assert (answer.status, answer.body.decode()) == (403, answer.reason)
    assert "does not fetch" in answer.reason


@everywhere
def test_the_reason_is_the_phrase(door: Door) -> None:
    visit = Visit(door)
    wrong = process(visit, "é\u0001.exe", url="/photos")
    assert wrong.status == 415
    assert "cannot be uploaded here: only" in wrong.reason
    large = pond_begin(visit, 2 << 20)
    assert (large.status, large.reason) == (413, "The file is larger than the 1 MiB allowed here (max_size).")
    upload_id = begun(visit, 25, "/photos")
    assert pond_patch(visit, upload_id, 0, 25, WHOLE, name="a.exe", url="/photos").status == 415
    assert visit.send("HEAD", f"/photos?patch={upload_id}").status == 404
    assert store.take(door.root) == {}
