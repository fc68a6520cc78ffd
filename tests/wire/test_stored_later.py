"""Reading, deleting and listing what was stored: only for who stored it, only where the endpoint allows it, and never
another's file, whatever has become of the first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tests.wire import store
from tests.wire.client import Answer
from tests.wire.doors import DOORS, Door
from tests.wire.uploaders import UUID, WHOLE, dropzone, fine, fine_whole
from tests.wire.visiting import Visit


def rows(*names: str) -> list[Any]:
    return [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in names]


everywhere = pytest.mark.parametrize("door", rows(*DOORS), indirect=True)
here = pytest.mark.parametrize("door", rows("webtest"), indirect=True)


def listed(visit: Visit, url: str = "/kept") -> list[str]:
    """The names in the asker's list."""
    answer = visit.send("GET", f"{url}?qqtimestamp=1795330405340&p=1", Accept="application/json")
    assert answer.status == 200, answer
    return [item["name"] for item in answer.json]


def by_form(visit: Visit, name: str = "a.txt", content: bytes = WHOLE, url: str = "/kept") -> dict[str, Any]:
    answer = visit.post(url, {}, ("f", name, content), Accept="application/json")
    assert answer.status == 200, answer
    found: dict[str, Any] = answer.json
    return found


def by_raw(visit: Visit, name: str = "a.txt", content: bytes = WHOLE, url: str = "/kept") -> dict[str, Any]:
    found: dict[str, Any] = visit.send("PUT", f"{url}/{name}", content).json
    return found


def by_valums(visit: Visit, name: str = "a.txt", content: bytes = WHOLE, url: str = "/kept") -> dict[str, Any]:
    found: dict[str, Any] = visit.send("POST", f"{url}?qqfile={name}", content).json
    return found


def by_pieces(visit: Visit, name: str = "a.txt", content: bytes = WHOLE, url: str = "/kept") -> dict[str, Any]:
    answers = [fine(visit, k, content, name=name, url=url) for k in range(3)]
    found: dict[str, Any] = answers[-1].json
    return found


def by_dropzone(visit: Visit, name: str = "a.txt", content: bytes = WHOLE, url: str = "/kept") -> dict[str, Any]:
    answers = [dropzone(visit, k, content, name=name, url=url) for k in (2, 0, 1)]
    found: dict[str, Any] = answers[-1].json
    return found


WAYS = [by_form, by_raw, by_valums, by_pieces, by_dropzone]


@everywhere
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("user", [None, "ann"])
def test_who_stored_it_reads_lists_and_deletes_it(door: Door, way: Any, user: str | None) -> None:
    url = "/kept" if user is None else "/kept-guarded"
    visit = Visit(door, user)
    reply = way(visit, "mine.txt", url=url)
    assert (reply["deleteUrl"], reply["deleteType"]) == (f"{url}/{reply['id']}", "DELETE")
    assert reply["files"][0]["deleteUrl"] == reply["deleteUrl"]
    assert visit.send("GET", reply["url"]).body == WHOLE
    assert listed(visit, url) == ["mine.txt"]
    gone = visit.send("DELETE", reply["deleteUrl"])
    assert (gone.status, gone.json["success"]) == (200, True), gone
    assert listed(visit, url) == []
    assert store.take(door.root) == {}
    assert visit.send("GET", reply["url"]).status == 404
    assert visit.send("DELETE", reply["deleteUrl"]).status in (404, 412)


@everywhere
def test_nobody_else_lists_or_deletes_it(door: Door) -> None:
    ann, cid = Visit(door, "ann"), Visit(door, "cid")
    hers = by_form(ann, "hers.txt", url="/kept-guarded")
    his = by_pieces(cid, "his.txt", url="/kept-guarded")
    assert (listed(ann, "/kept-guarded"), listed(cid, "/kept-guarded")) == (["hers.txt"], ["his.txt"])
    assert cid.send("DELETE", hers["deleteUrl"]).status == 404
    assert cid.send("GET", hers["url"]).status == 404
    assert Visit(door, "bob").send("DELETE", hers["deleteUrl"]).status == 403
    assert Visit(door).send("DELETE", his["deleteUrl"]).status == 401
    assert Visit(door, "bob").send("GET", "/kept-guarded?qqtimestamp=1").status == 403
    assert sorted(store.take(door.root)) == ["hers.txt", "his.txt"]


@everywhere
def test_anonymous_browsers_are_told_apart_by_their_cookies(door: Door) -> None:
    one, two, nobody = Visit(door), Visit(door), Visit(door)
    first, second = by_form(one, "one.txt"), by_form(two, "two.txt")
    assert (listed(one), listed(two)) == (["one.txt"], ["two.txt"])
    for visit in (two, nobody):
        assert visit.send("DELETE", first["deleteUrl"]).status == 404
    forged = Visit(door)
    forged.cookies["ajaxupload"] = one.cookies["ajaxupload"][:-3] + "AAA"
    assert forged.send("DELETE", first["deleteUrl"]).status == 404
    assert listed(forged) == []
    assert two.send("DELETE", second["deleteUrl"]).status == 200
    assert list(store.take(door.root)) == ["one.txt"]


@everywhere
def test_the_cookie_is_set_when_the_page_looks_at_the_endpoint(door: Door) -> None:
    """Before the first upload, so that several at once are one visitor's."""
    visit = Visit(door)
    answer = visit.send("GET", "/kept", Accept="application/json")
    cookie = next(value for name, value in answer.lines if name.lower() == "set-cookie")
    assert {"HttpOnly", "SameSite=Lax", "Path=/kept"} <= {each.strip() for each in cookie.split(";")}
    known = visit.cookies["ajaxupload"]
    for name in ("a.txt", "b.txt", "c.txt"):
        by_form(visit, name)
    assert visit.cookies["ajaxupload"] == known
    assert listed(visit) == ["a.txt", "b.txt", "c.txt"]
    for url, told_apart in (("/upload", True), ("/guarded", False)):  # where `authorize` says who it is
        answer = Visit(door).send("GET", url, Accept="application/json")
        assert any("ajaxupload=" in value for name, value in answer.lines if name == "Set-Cookie") is told_apart
    store.take(door.root)


@here
def test_whoever_says_the_same_of_an_upload_does_not_own_it(door: Door) -> None:
    """A guessable key without a cookie: another browser behind the same address could be taken for this one, and may
    therefore neither list nor delete; nor may this one, unless the page had asked the endpoint first."""
    one, two = Visit(door), Visit(door)
    reply = fine_whole(one, WHOLE, key="25-atxt", url="/kept").json
    assert fine_whole(two, WHOLE, key="25-atxt", url="/kept").json["id"] == reply["id"]
    for visit in (one, two):
        assert listed(visit) == []
        assert visit.send("DELETE", f"/kept/{reply['id']}").status == 404
    assert "deleteUrl" not in reply
    three = Visit(door)
    three.send("GET", "/kept")
    fine_whole(three, WHOLE, key="25-atxt", name="three.txt", url="/kept")
    assert listed(three) == ["three.txt"]
    assert sorted(store.take(door.root)) == ["a.txt", "three.txt"]


@everywhere
def test_fine_uploader_deletes_by_its_own_id_or_by_the_lists(door: Door) -> None:
    visit, form = Visit(door), "application/x-www-form-urlencoded"

    def posted(key: str) -> Answer:
        return visit.send("POST", "/kept", urlencode({"qquuid": key, "_method": "DELETE"}).encode(), Content_Type=form)

    assert fine_whole(visit, WHOLE, url="/kept").json["success"]
    assert visit.send("DELETE", f"/kept/{UUID}?k=1").status == 200
    by_pieces(visit)
    assert visit.send("DELETE", f"/kept/{UUID}").status == 200
    by_pieces(visit)
    assert (posted(UUID).status, posted(UUID).status) == (200, 404)
    named = by_form(visit)
    assert posted(named["id"]).status == 200
    fine_whole(visit, WHOLE, key="not a uuid", url="/kept")
    assert Visit(door).send("DELETE", "/kept/not%20a%20uuid").status in (404, 405)
    assert visit.send("DELETE", "/kept/not%20a%20uuid").status == 200
    assert store.take(door.root) == {}


@here
def test_an_iframe_deletes_by_a_post(door: Door) -> None:
    visit = Visit(door)
    reply = by_form(visit)
    assert visit.send("POST", f"{reply['deleteUrl']}?_method=DELETE").status == 200
    assert store.take(door.root) == {}


@everywhere
def test_endpoints_that_do_not_allow_it_offer_nothing_and_do_nothing(door: Door) -> None:
    visit = Visit(door)
    reply = by_form(visit, url="/upload")
    assert "deleteUrl" not in reply
    assert visit.send("DELETE", f"/upload/{reply['id']}").status in (404, 412)
    assert visit.send("GET", "/upload?qqtimestamp=1").status == 501
    assert visit.send("GET", f"/upload/{reply['id']}").status == 404
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
def test_what_was_stored_is_no_business_of_another_endpoint(door: Door) -> None:
    visit = Visit(door, "ann")
    reply = by_form(visit, url="/kept-guarded")
    assert visit.send("DELETE", f"/kept/{reply['id']}").status in (404, 412)
    assert store.take(door.root) == {"a.txt": WHOLE}


@here
def test_a_page_of_another_site_deletes_nothing(door: Door) -> None:
    visit = Visit(door)
    reply = by_form(visit)
    answer = visit.send("DELETE", reply["deleteUrl"], Origin="https://evil.example", Sec_Fetch_Site="cross-site")
    assert answer.status == 403
    assert store.take(door.root) == {"a.txt": WHOLE}


@everywhere
def test_a_name_that_somebody_else_has_taken_since_is_theirs(door: Door) -> None:
    """The file was deleted behind our back, and another visitor's upload got its name."""
    one, two = Visit(door), Visit(door)
    first = by_form(one, "same.txt")
    (door.root / "media" / "same.txt").unlink()
    second = by_form(two, "same.txt", WHOLE[::-1])
    assert second["filename"] == "same.txt"
    assert listed(one) == []
    assert one.send("GET", first["url"]).status == 404
    assert one.send("DELETE", first["deleteUrl"]).status == 404
    assert two.send("GET", second["url"]).body == WHOLE[::-1]
    assert store.take(door.root) == {"same.txt": WHOLE[::-1]}


@pytest.mark.parametrize("door", rows("gunicorn"), indirect=True)
def test_many_deletes_at_once_delete_one_file_and_not_its_successor(door: Door) -> None:
    """With two workers: who takes the name meanwhile keeps it."""
    one, two = Visit(door), Visit(door)
    by_form(two, "two.txt")  # so that it is known
    for run in range(8):
        first = by_form(one, "same.txt")
        with ThreadPoolExecutor(7) as pool:
            asked = [pool.submit(one.send, "DELETE", first["deleteUrl"]) for _ in range(6)]
            taken = pool.submit(by_form, two, "same.txt", b"%d" % run).result()
        assert {each.result().status for each in asked} <= {200, 404, 412}
        assert 200 in {each.result().status for each in asked}
        assert two.send("GET", taken["url"]).body == b"%d" % run
        assert two.send("DELETE", taken["deleteUrl"]).status == 200
    assert list(store.take(door.root)) == ["two.txt"]


@here
def test_deleting_a_file_that_is_gone_deletes_the_word_of_it(door: Door) -> None:
    visit = Visit(door)
    reply = by_form(visit)
    store.take(door.root)
    assert visit.send("GET", reply["url"]).status == 404
    assert visit.send("DELETE", reply["deleteUrl"]).status == 200
    assert listed(visit) == []


@here
def test_a_file_whose_record_cannot_be_written_is_stored_all_the_same(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    visit = Visit(door)
    visit.send("GET", "/kept")
    shelf = door.root / "private" / "partials" / "stored"
    shelf.parent.mkdir(parents=True, exist_ok=True)
    if shelf.exists():
        shelf.rename(f"{shelf}.aside")
    shelf.write_bytes(b"")
    try:
        reply = by_form(visit)
    finally:
        shelf.unlink()
        if Path(f"{shelf}.aside").exists():
            Path(f"{shelf}.aside").rename(shelf)
    assert reply["success"]
    assert "cannot be listed or deleted later" in caplog.text
    assert listed(visit) == []
    assert store.take(door.root) == {"a.txt": WHOLE}


def records(door: Door) -> list[dict[str, Any]]:
    """The facts of every record that is kept."""
    kept = (door.root / "private" / "partials").glob("??/*.json")
    return [store.record_in(path) for path in kept]


@here
@pytest.mark.parametrize("way", WAYS)
def test_it_is_remembered_for_as_long_as_the_endpoint_says(door: Door, way: Any) -> None:
    way(Visit(door))
    way(Visit(door), url="/upload")
    found = {record["endpoint"]: record for record in records(door) if record["state"] == "complete"}
    assert (found["/kept"]["ttl"], found["/kept"]["owner"] is None) == (365 * 86400, False)
    if "/upload" in found:  # pieces only: a whole file leaves no record where nobody asks for one
        assert (found["/upload"]["ttl"], found["/upload"]["owner"]) == (86400, None)
    store.take(door.root)


@here
@pytest.mark.parametrize("headers", [{"HX-Request": "true"}, {"Accept": "text/html"}], ids=["fragment", "page"])
def test_a_person_gets_the_link_that_a_program_gets(door: Door, headers: dict[str, str]) -> None:
    visit = Visit(door)
    answer = visit.post("/kept", {}, ("f", "a.txt", WHOLE), **headers)
    url = answer.body.decode().partition('<a href="')[2].partition('"')[0]
    assert visit.send("GET", url).body == WHOLE
    store.take(door.root)
