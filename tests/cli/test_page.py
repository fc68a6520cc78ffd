"""The demo page as a WSGI application: what it lists, and what a form's sender sees."""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path

import pytest
from webtest import TestApp, Upload

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.demo import shelf as shelf_module
from ajaxupload.demo.page import Shown, View, render
from ajaxupload.demo.shelf import Item, Listing, Shelf
from ajaxupload.demo.site import Site
from ajaxupload.naming import display_name
from tests.support.pages import config, names_on, store

PAGE = {"Accept": "text/html"}


# ---- the page --------------------------------------------------------------------------------------------------------


def test_an_empty_folder_has_a_page(site: TestApp) -> None:
    page = site.get("/")
    assert "Nothing here yet" in page.text
    assert "Up to 100 MiB each, 20 at once." in page.text
    assert 'action="/upload"' in page.text


def test_the_newest_files_come_first_with_size_and_time(site: TestApp, folder: Path) -> None:
    store(folder, "old.bin", b"x" * 2048, age=3 * 86400)
    store(folder, "2026/11/new.bin", b"x", age=7300)
    store(folder, "newest.bin", b"x" * 70)
    page = site.get("/").text
    assert names_on(page) == ["newest.bin", "2026/11/new.bin", "old.bin"]
    assert "3 files, 2.1 KiB" in page
    assert ">just now</time>" in page
    assert ">2 h ago</time>" in page
    assert re.search(r">\d{4}-\d\d-\d\d</time>", page)


def test_the_list_is_capped_and_says_how_many_there_are(site: TestApp, folder: Path) -> None:
    for number in range(101):
        store(folder, f"{number:03}.bin", age=number)
    page = site.get("/").text
    assert names_on(page) == [f"{number:03}.bin" for number in range(100)]
    assert "the newest 100 of 101 files, 101 bytes in all" in page


def test_a_look_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch, site: TestApp) -> None:
    monkeypatch.setattr(shelf_module, "_MOST_FILES", 5)
    for number in range(6):
        store(folder, f"{number}.bin")
    assert "5 of more than 5 files" in site.get("/").text


@pytest.mark.parametrize("name", ["<img src=x onerror=alert(1)>.png", "a\"b'c&amp;.txt", "ünïcode ✓.txt", "%41%2f.txt"])
def test_names_are_escaped_and_their_links_lead_to_them(site: TestApp, folder: Path, name: str) -> None:
    store(folder, name, name.encode())
    page = site.get("/")
    assert names_on(page.text) == [display_name(name)]
    link = re.findall(r'href="(/files/[^"]*)"', page.text)[0]
    assert site.get(unescape(link)).body == name.encode()


def test_what_is_not_ours_is_not_listed(site: TestApp, folder: Path, tmp_path: Path) -> None:
    outside = store(tmp_path, "outside.txt")
    store(folder, ".hidden")
    store(folder, ".git/config")
    (folder / "link.txt").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "fifo")
    Path(os.fsdecode(os.fsencode(folder) + b"/not\xff-utf8")).touch()
    page = site.get("/").text
    assert names_on(page) == []
    assert ".ajaxupload" not in page


def test_a_file_from_the_far_future_does_not_cost_the_page(site: TestApp, folder: Path) -> None:
    path = store(folder, "odd.bin")
    for moment in (0, 8_000_000_000):
        os.utime(path, (moment, moment))
        assert names_on(site.get("/").text) == ["odd.bin"]


def test_times_beyond_the_calendar_are_clamped() -> None:
    items = tuple(Item(f"{when}.bin", 1, when) for when in (-1e12, 1e15))
    assert "9999-" in render(View([], [Shown("in", "/files/", Listing(items, 2, 2, partial=False))], "http://h"))


def test_folders_that_vanish_or_go_too_deep_are_passed_over(site: TestApp, folder: Path) -> None:
    store(folder, "/".join(["d"] * 12) + "/deep.bin")
    store(folder, "there.bin")
    assert names_on(site.get("/").text) == ["there.bin"]
    assert Shelf(str(folder / "gone"), LocalUploadBackend()).newest(5) == Listing((), 0, 0, partial=False)


def test_the_page_keeps_scripts_and_frames_of_others_out(site: TestApp) -> None:
    headers = site.get("/").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


def test_every_file_that_the_page_names_is_served(site: TestApp) -> None:
    page = site.get("/").text
    paths = re.findall(r'(?:src|href)="(/[^"]*)"', page)
    assert len(set(paths)) >= 5
    for path in paths:
        answer = site.get(unescape(path))
        assert answer.body
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_its_own_files_are_asked_again_and_not_sent_again(site: TestApp) -> None:
    etag = site.get("/page.css").headers["ETag"]
    assert site.get("/page.css", headers={"If-None-Match": etag}, status=304).body == b""


@pytest.mark.parametrize("path", ["/nothing", "/files", "/page.css/x", "//"])
def test_other_paths_are_404(site: TestApp, path: str) -> None:
    assert site.get(path, status=404).headers["X-Content-Type-Options"] == "nosniff"


def test_the_page_takes_no_uploads_itself(site: TestApp, folder: Path) -> None:
    answer = site.post("/", upload_files=[("file", "a.bin", b"x")], status=405)
    assert answer.headers["Allow"] == "GET, HEAD"
    assert list(folder.iterdir()) == []


def test_head_has_no_body(site: TestApp, folder: Path) -> None:
    store(folder, "a.bin", b"12345")
    for path in ("/", "/page.css", "/files/a.bin"):
        answer = site.head(path)
        assert answer.body == b""
        assert int(answer.headers["Content-Length"]) > 0


# ---- a form without JavaScript ---------------------------------------------------------------------------------------


def test_a_form_of_three_files_comes_back_to_the_page_that_names_them(site: TestApp, folder: Path) -> None:
    form = site.get("/", headers=PAGE).forms[0]
    form["file"] = [Upload("a.bin", b"1"), Upload("<b>.bin", b"2"), Upload("c.bin", b"3")]
    back = form.submit(headers={**PAGE, "Sec-Fetch-Site": "same-origin"})
    assert (back.status_int, back.headers["Location"]) == (303, "/")
    page = back.follow()
    assert "<strong>Stored:</strong> a.bin, &lt;b&gt;.bin (as _b_.bin) and c.bin</p>" in page.text
    assert sorted(names_on(page.text)) == sorted(os.listdir(folder))
    assert len(os.listdir(folder)) == 3
    assert "<strong>Stored:" not in site.get("/").text, "said once"


def test_a_note_says_under_which_name_a_file_was_stored(site: TestApp, folder: Path) -> None:
    store(folder, "a.bin")
    files = [("file", "a.bin", b"1"), ("file", "b.bin", b"2")]
    page = site.post("/upload", upload_files=files, headers=PAGE, status=303).follow()
    (stored,) = set(os.listdir(folder)) - {"a.bin", "b.bin"}
    assert f"<strong>Stored:</strong> a.bin (as {stored}) and b.bin</p>" in page.text


def test_a_note_names_five_files_and_counts_the_rest(site: TestApp) -> None:
    files = [("file", f"{number}.bin", b"x") for number in range(8)]
    page = site.post("/upload", upload_files=files, headers=PAGE, status=303).follow()
    assert "0.bin, 1.bin, 2.bin, 3.bin, 4.bin and 3 more</p>" in page.text


def test_a_note_of_the_longest_names_fits_a_cookie(site: TestApp) -> None:
    files = [("file", "\N{GRINNING FACE}" * 250 + str(number), b"x") for number in range(8)]
    back = site.post("/upload", upload_files=files, headers=PAGE, status=303)
    assert len(back.headers["Set-Cookie"]) < 4096
    assert "and 3 more</p>" in back.follow().text


@pytest.mark.parametrize("note", ["x", "W10.x.y", '"', "", "a" * 4000])
def test_a_note_that_is_not_ours_is_ignored(site: TestApp, note: str) -> None:
    page = site.get("/", headers={"Cookie": f"ajaxupload_note={note}"})
    assert 'role="status"' not in page.text


def test_a_refused_form_shows_the_page_with_the_reason_and_the_true_status(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    site = TestApp(Site(config(folder, max_size=10)))
    files = [("file", "a.bin", b"x"), ("file", "<b>.bin", b"x" * 11)]
    page = site.post("/upload", upload_files=files, headers=PAGE, status=413)
    assert 'role="alert"><strong>Not stored.</strong> The file is larger than the 10 bytes allowed here' in page.text
    assert 'action="/upload"' in page.text
    assert os.listdir(folder) == []


def test_a_form_without_a_file_is_told_so(site: TestApp) -> None:
    page = site.post("/upload", {"text": "only"}, content_type="multipart/form-data", headers=PAGE, status=400)
    assert 'role="alert"' in page.text


def test_a_form_of_another_site_is_refused_on_the_page(site: TestApp, folder: Path) -> None:
    headers = {**PAGE, "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Dest": "document"}
    page = site.post("/upload", upload_files=[("file", "a.bin", b"x")], headers=headers, status=403)
    assert "Uploads from another site are refused" in page.text
    assert os.listdir(folder) == []


def test_programs_get_json_as_everywhere(folder: Path) -> None:
    site = TestApp(Site(config(folder, deny=[".png"])))
    answer = site.post("/upload", upload_files=[("file", "a.bin", b"x")])
    assert answer.json["url"] == "/files/a.bin"
    assert site.get(answer.json["url"]).body == b"x"
    assert site.post("/upload", upload_files=[("file", "a.png", b"x")], status=415).json["success"] is False
    assert os.listdir(folder) == ["a.bin"]


def test_a_redirect_of_the_applications_own_is_kept(tmp_path: Path) -> None:
    site = TestApp(Site(config(tmp_path / "in", redirect="/thanks", max_size=2)))
    back = site.post("/upload", upload_files=[("file", "a.bin", b"x")], headers=PAGE, status=303)
    assert back.headers["Location"] == "/thanks"
    assert "Not stored" in site.post("/upload", upload_files=[("file", "a.bin", b"xxx")], headers=PAGE, status=413)


def test_several_endpoints_have_a_form_each_and_folders_a_list_each(tmp_path: Path) -> None:
    tables = {name: {"class": "local", "upload_dir": str(tmp_path / name)} for name in ("one", "two")}
    endpoints = {
        "/one": {"backend": "one", "max_files": 1, "allow": ["image/*", ".pdf"]},
        "/also": {"backend": "one"},
        "/two/ü": {"backend": "two"},
        "/album/{slug}": {"backend": "memory"},
    }
    site = TestApp(Site({"backends": tables, "endpoints": endpoints}))
    store(tmp_path / "one", "1.bin", b"1")
    store(tmp_path / "two", "2.bin", b"2")
    page = site.get("/").text
    assert re.findall(r'action="([^"]*)"', page) == ["/one", "/also", "/two/%C3%BC"]
    assert 'accept="image/*,.pdf"' in page
    assert "Up to 100 MiB each. Accepted: image/*, .pdf." in page
    assert page.count(" multiple") == 2
    assert "with a word in place of each brace" in page
    assert [site.get(path).text for path in re.findall(r'href="(/files/[^"]*)"', page)] == ["1", "2"]
    site.get("/files/2.bin", status=404)


def test_stores_that_are_no_folder_have_no_list() -> None:
    site = TestApp(Site({"endpoints": {"/album/{slug}": {"backend": "memory"}}}))
    page = site.get("/").text
    assert "Stored in" not in page
    assert "command line" not in page
    site.get("/files/a.bin", status=404)
