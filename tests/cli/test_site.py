"""The demo page as a WSGI application: what it lists, hands out and refuses, and what a form's sender sees."""

from __future__ import annotations

import os
import re
from html import unescape
from pathlib import Path
from urllib.parse import quote, unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webtest import TestApp, Upload

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.config import BackendSpec
from ajaxupload.demo import shelf as shelf_module
from ajaxupload.demo.download import content_disposition
from ajaxupload.demo.page import Shown, View, render
from ajaxupload.demo.shelf import Item, Listing, Shelf, shelf_of
from ajaxupload.demo.site import Site
from ajaxupload.naming import display_name

PAGE = {"Accept": "text/html"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "in"


@pytest.fixture
def site(folder: Path) -> TestApp:
    """The page over one local endpoint. TestApp lints both sides (PEP 3333)."""
    return TestApp(Site(config(folder)))


def config(folder: Path, **endpoint: object) -> dict[str, object]:
    return {
        "backends": {"default": {"class": "local", "upload_dir": str(folder), "media_url": "/files/"}},
        "endpoints": {"/upload": {"redirect": "/", **endpoint}},
    }


def names_on(page: str) -> list[str]:
    """The names that the page lists, in its order."""
    return [unescape(name) for name in re.findall(r"<tr><td><a [^>]*>([^<]*)</a>", page)]


def store(folder: Path, name: str, content: bytes = b"x", age: float = 0) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    moment = path.stat().st_mtime - age
    os.utime(path, (moment, moment))
    return path


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
    assert "<strong>Stored:</strong> a.bin, &lt;b&gt;.bin and c.bin</p>" in page.text
    assert sorted(names_on(page.text)) == sorted(os.listdir(folder))
    assert len(os.listdir(folder)) == 3
    assert "<strong>Stored:" not in site.get("/").text, "said once"


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


# ---- downloads -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["page.html", "image.svg", "paper.pdf", "a.js"])
def test_a_file_leaves_as_an_attachment_of_no_type(site: TestApp, folder: Path, name: str) -> None:
    store(folder, name, b"<script>alert(1)</script>")
    answer = site.get(f"/files/{name}")
    assert answer.body == b"<script>alert(1)</script>"
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"] == f"attachment; filename=\"{name}\"; filename*=UTF-8''{name}"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


@pytest.mark.parametrize(
    ("wanted", "status", "body", "told"),
    [
        ("bytes=0-0", 206, b"0", "bytes 0-0/10"),
        ("bytes=2-4", 206, b"234", "bytes 2-4/10"),
        ("bytes=7-", 206, b"789", "bytes 7-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=5-99", 206, b"56789", "bytes 5-9/10"),
        ("bytes=0-0,2-2", 200, b"0123456789", None),
        ("bytes=" + "0-0," * 5000 + "1-1", 200, b"0123456789", None),
        ("bytes=4-2", 200, b"0123456789", None),
        ("lines=1-2", 200, b"0123456789", None),
        ("bytes=10-", 416, None, "bytes */10"),
    ],
)
def test_at_most_one_range(
    site: TestApp, folder: Path, wanted: str, status: int, body: bytes | None, told: str | None
) -> None:
    store(folder, "a.bin", b"0123456789")
    answer = site.get("/files/a.bin", headers={"Range": wanted}, status=status)
    assert answer.headers.get("Content-Range") == told
    assert body is None or answer.body == body
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_changed_file_is_sent_whole_and_an_unchanged_one_not_at_all(site: TestApp, folder: Path) -> None:
    store(folder, "a.bin", b"0123456789")
    etag = site.get("/files/a.bin").headers["ETag"]
    site.get("/files/a.bin", headers={"If-None-Match": etag}, status=304)
    wanted = {"Range": "bytes=1-1", "If-Range": etag}
    assert site.get("/files/a.bin", headers=wanted, status=206).body == b"1"
    store(folder, "a.bin", b"abcdefghijk")
    assert site.get("/files/a.bin", headers=wanted, status=200).body == b"abcdefghijk"


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "..",
         "../outside.txt", "%2e%2e/outside.txt", "..%2foutside.txt", "a/../../outside.txt", "./a.bin", "a//b",
        "a.bin/", "a.bin/x", "a.bin%00", ".hidden", ".git/config", "d/.hidden", "link.txt", "loop/a.bin", "fifo", "d",
        "%ff", "x" * 300, "/etc/hostname", "%2Fetc%2Fhostname", "..%5coutside.txt",
    ],
)  # fmt: skip
def test_nothing_else_is_handed_out(site: TestApp, folder: Path, tmp_path: Path, path: str) -> None:
    outside = store(tmp_path, "outside.txt", b"secret")
    for name in ("a.bin", ".hidden", ".git/config", "d/.hidden"):
        store(folder, name, b"secret")
    (folder / "link.txt").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    os.mkfifo(folder / "fifo")
    assert b"secret" not in site.get("/files/" + path, status=404).body


def test_a_file_that_the_system_will_not_open_is_503(
    site: TestApp, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no(*_arguments: object) -> None:
        raise PermissionError(13, "Permission denied", str(folder))

    store(folder, "a.bin")
    monkeypatch.setattr(LocalUploadBackend, "open", no)
    assert str(folder) not in site.get("/files/a.bin", status=503).text


def test_an_answer_that_nobody_reads_closes_its_file(site: TestApp, folder: Path) -> None:
    store(folder, "a.bin", b"x" * 1000)
    before = len(os.listdir("/proc/self/fd"))
    answers = [site.app({**site.extra_environ, **_get("/files/a.bin")}, _started) for _ in range(5)]
    assert len(os.listdir("/proc/self/fd")) == before + 5
    for answer in answers:
        answer.close()
    assert len(os.listdir("/proc/self/fd")) == before


def _get(path: str) -> dict[str, str]:
    environ = {"REQUEST_METHOD": "GET", "PATH_INFO": path, "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    return {**environ, "wsgi.url_scheme": "http", "SERVER_PROTOCOL": "HTTP/1.1"}


def _started(status: str, _headers: object) -> None:
    assert status == "200 OK"


@given(st.text(max_size=300))
def test_no_name_breaks_the_content_disposition(name: str) -> None:
    header = content_disposition(name)
    found = re.fullmatch(
        r"attachment; filename=\"([ !#-\[\]-~]*)\"; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]+)", header
    )
    assert found is not None
    assert unquote(found[2], errors="strict") == display_name(name)


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("a.txt", "attachment; filename=\"a.txt\"; filename*=UTF-8''a.txt"),
        ('a"; filename="b.exe', "attachment; filename=\"a__; filename=_b.exe\"; filename*=UTF-8''"),
        ("ü.txt", "attachment; filename=\"_.txt\"; filename*=UTF-8''%C3%BC.txt"),
        ("a\r\nX-Injected: 1.txt", 'attachment; filename="aX-Injected: 1.txt"'),
        ("a%41.txt", "attachment; filename=\"a_41.txt\"; filename*=UTF-8''a%2541.txt"),
    ],
)
def test_content_disposition(name: str, header: str) -> None:
    found = content_disposition(name)
    assert found.startswith(header.replace("a__;", "a_;"))
    assert "\r" not in found
    assert "\n" not in found


# ---- who may call it what --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200), ("localhost", 200), ("LOCALHOST:80", 200), ("app.localhost:1", 200),
        ("[::1]:8000", 200),
        ("192.168.1.5", 200), ("me.example:8000", 200), ("me.example.", 200), ("", 200), ("evil.example", 421),
        ("evil.example:8000", 421), ("127.0.0.1.evil.example", 421), ("localhost.evil.example", 421), ("[::1", 421),
        ("notlocalhost", 421), ("me.example@evil.example", 421),
    ],
)  # fmt: skip
def test_a_server_for_this_machine_answers_to_its_own_names_only(folder: Path, host: str, status: int) -> None:
    site = TestApp(Site(config(folder), hosts={"me.example"}), lint=False)
    for path in ("/", "/upload"):
        assert site.get(path, extra_environ={"HTTP_HOST": host}, status=status).status_int == status
    open_to_all = TestApp(Site(config(folder)))
    assert open_to_all.get("/", headers={"Host": "evil.example"}).status_int == 200


def test_the_command_line_that_the_page_shows_is_this_servers(site: TestApp) -> None:
    page = site.get("/", headers={"Host": "me.example:81"}).text
    assert "curl -F file=@photo.jpg http://me.example:81/upload\n" in page


def test_only_local_backends_have_a_shelf(tmp_path: Path) -> None:
    class Mine(LocalUploadBackend):
        UPLOAD_DIR = str(tmp_path)

    shelf = shelf_of(BackendSpec("mine", Mine, {}))
    assert shelf is not None
    assert shelf.root == str(tmp_path)
    assert quote(shelf.root)
