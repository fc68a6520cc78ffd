"""Requests, names and contents that brought other uploaders down, sent to an endpoint over a folder.

What lives here: one attack in each test, its row of docs/reference/guarantees-regressions.md in the name. What must
not: forms (test_form_attacks.py), pictures (tests/thumbnail), races and planted links (tests/backends).
"""

from __future__ import annotations

import ast
import base64
import io
import os
import stat
import threading
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from webob import Request, Response

import ajaxupload
from ajaxupload import upload_endpoint
from ajaxupload.upload import new_id

PACKAGE = Path(ajaxupload.__file__).parent
PIECE = "application/offset+octet-stream"


class Site:
    """One endpoint into `root`/in."""

    def __init__(self, root: Path, **settings: Any) -> None:
        self.root = root
        self.endpoint = upload_endpoint("local", upload_dir=str(root / "in"), **settings)

    def ask(self, method: str, url: str, body: bytes = b"", **headers: str) -> Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        asked: Any = Request.blank(url, method=method, body=body, headers=named)
        answer: Response = asked.get_response(self.endpoint)
        assert answer.body is not None, "read to its end, which closes the file behind it"
        return answer

    def create(self, size: int, /, **metadata: bytes) -> Response:
        told = ",".join(f"{name} {base64.b64encode(value).decode()}" for name, value in metadata.items())
        return self.ask("POST", "/", Tus_Resumable="1.0.0", Upload_Length=str(size), Upload_Metadata=told)

    def patch(self, url: str, content: bytes) -> Response:
        more = {"Upload_Offset": "0", "Content_Type": PIECE, "Prefer": "return=representation"}
        return self.ask("PATCH", url, content, Tus_Resumable="1.0.0", **more)

    def stored(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.root / "in").iterdir()}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path, serve=True)


# ---- names and what they may do --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "stored"),
    [(".htaccess", "htaccess"), (".user.ini", "user.ini"), ("web.config", "_web.config"), ("a.php.png", "a_php.png"),
     ("x.php", "x.php")],
)  # fmt: skip
def test_c01_no_name_configures_a_server_and_none_may_be_executed(site: Site, name: str, stored: str) -> None:
    assert site.ask("PUT", f"/{name}", b"<?php phpinfo(); ?>").json["filename"] == stored
    (path,) = (site.root / "in").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_c01_with_a_list_of_types_programs_are_refused(tmp_path: Path) -> None:
    site = Site(tmp_path, allow=["image/*", ".txt"])
    for name in ("x.php", "x.PHP", "x.png.php", ".htaccess", "x.phtml", "x.html"):
        assert site.ask("PUT", f"/{name}", b"<?php phpinfo(); ?>").status_code == 415
    assert site.ask("PUT", "/x.php.png", b"<?php phpinfo(); ?>").status_code == 422
    assert site.stored() == {}


def test_n03_an_answer_with_a_name_is_no_page(site: Site) -> None:
    name = "%3Cscript%3Ealert(1)%3C%2Fscript%3E.txt"
    for headers in ({}, {"Sec_Fetch_Dest": "iframe"}, {"Accept": "text/html"}):
        answer = site.ask("POST", f"/?qqfile={name}", b"x", **headers)
        assert b"<script" not in answer.body.lower()
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    ("name", "header"),
    [
        (b'a"; filename="b.exe', 'filename="a_; filename=_b.exe"'),
        (b"a\r\nX-Injected: 1.txt", 'filename="aX-Injected: 1.txt"'),
        ("\u202egnp.bat".encode(), 'filename="gnp.bat"'),
    ],
)
def test_n21_n22_a_name_is_one_word_of_the_downloads_header(site: Site, name: bytes, header: str) -> None:
    url = site.create(5, filename=name).headers["Location"]
    site.patch(url, b"hello")
    head, answer = site.ask("HEAD", url, Tus_Resumable="1.0.0"), site.ask("GET", url)
    assert answer.headers["Content-Disposition"].startswith(f"attachment; {header}; filename*=UTF-8''")
    assert not [name for found in (head, answer) for name in found.headers if name.lower() == "x-injected"]


def test_n18_modes_are_what_they_must_be_while_another_thread_changes_the_umask(tmp_path: Path) -> None:
    site, done, before = Site(tmp_path, name="{uuid}/{uuid}", durable=False), threading.Event(), os.umask(0o022)

    def flip() -> None:
        while not done.is_set():
            os.umask(0o000)
            os.umask(0o077)

    thread = threading.Thread(target=flip)
    thread.start()
    try:
        assert {site.ask("PUT", "/a.txt", b"x").status_code for _ in range(100)} == {201}
    finally:
        done.set()
        thread.join()
        os.umask(before)
    found = Counter((path.is_dir(), stat.S_IMODE(path.stat().st_mode)) for path in (tmp_path / "in").rglob("*"))
    assert found == {(True, 0o700): 100, (False, 0o600): 100}


@pytest.mark.parametrize("url", ["/[a-z]*", "/*", "/%00", "/..%2f..%2fetc%2fpasswd", "/.", "/AAAAAAAAAAAAAAAAAAAAA?"])
def test_n07_no_id_is_a_pattern_or_a_path(site: Site, url: str) -> None:
    site.patch(site.create(5, filename=b"a.txt").headers["Location"], b"hello")
    for method in ("HEAD", "PATCH", "DELETE", "GET"):
        answer = site.ask(method, url, Tus_Resumable="1.0.0", Upload_Offset="0", Content_Type=PIECE)
        assert answer.status_code in (400, 404, 405)
    assert site.stored() == {"a.txt": b"hello"}


def test_n19_ids_share_no_beginnings() -> None:
    """100,000 ids: six characters are 2 to the 36, so about 0.07 pairs are expected to share them."""
    ids = [new_id() for _ in range(100_000)]
    assert all(len(each) == 22 for each in ids)
    assert len({each[:6] for each in ids}) >= 100_000 - 4
    counts = Counter(each[3] for each in ids)
    assert len(counts) == 64
    assert min(counts.values()) > 1_200, "1,562 expected of each letter, standard deviation 39"


# ---- contents --------------------------------------------------------------------------------------------------------


def archive() -> bytes:
    """An archive of a path that climbs, a symbolic link, and a megabyte of zeros that takes a kilobyte."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("../../evil.txt", b"evil")
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        made.writestr(link, "/etc/passwd")
        made.writestr("zeros", bytes(1 << 20))
    return file.getvalue()


def test_n24_an_archive_stays_one_file(tmp_path: Path) -> None:
    site, content = Site(tmp_path, allow=[".zip"]), archive()
    assert site.ask("PUT", "/a.zip", content).status_code == 201
    assert site.stored() == {"a.zip": content}
    assert not list(tmp_path.rglob("evil.txt"))


@pytest.mark.slow
def test_n24_nothing_here_unpacks_anything() -> None:
    assert not importers("zipfile", "tarfile", "shutil.unpack_archive", "lzma", "bz2")


@pytest.mark.parametrize("name", ["page.html", "x.svg", "paper.pdf", "a.png"])
def test_c09_whatever_it_is_it_leaves_as_an_attachment(site: Site, name: str) -> None:
    content = b"\x89PNG\r\n\x1a\n<svg onload=alert(1)><script>alert(1)</script>"
    url = site.create(len(content), filename=name.encode(), filetype=b"text/html").headers["Location"]
    site.patch(url, content)
    check_harmless(site.ask("GET", url))


def check_harmless(answer: Response) -> None:
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith("attachment; ")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"


def test_c04_c12_a_clients_words_replace_none_of_ours(tmp_path: Path) -> None:
    site = Site(tmp_path, serve=True, digest="sha256", authorize=lambda *_: "ann")
    words = {"content_type": b"text/html", "filetype": b"text/html", "size": b"1", "sha256": b"0", "owner": b"root",
             "principal": b"root", "id": b"chosen", "url": b"http://evil.example/", "state": b"refused"}  # fmt: skip
    url = site.create(5, filename=b"a.bin", **words).headers["Location"]
    told = site.patch(url, b"\x7fELF\0").json
    assert (told["size"], told["id"], told["filename"]) == (5, url[1:], "a.bin")
    assert "evil" not in str(told)
    assert len(told["sha256"]) == 64
    assert told["type"] != "text/html"
    check_harmless(site.ask("GET", url))


@pytest.mark.parametrize("ranges", ["0-0," * 10_000 + "1-1", "0-0,1-1", "0-,0-,0-", "1-2 ,", "-1,-1"])
def test_c11_a_list_of_ranges_gets_the_whole_file_once(site: Site, ranges: str) -> None:
    url = site.create(5, filename=b"a.bin").headers["Location"]
    site.patch(url, b"hello")
    answer = site.ask("GET", url, Range=f"bytes={ranges}")
    assert (answer.status_code, answer.body) == (200, b"hello")
    assert answer.headers["Content-Type"] == "application/octet-stream", "not multipart/byteranges"
    assert "Content-Range" not in answer.headers
    one = site.ask("GET", url, Range="bytes=1-2")
    assert (one.status_code, one.body, one.headers["Content-Range"]) == (206, b"el", "bytes 1-2/5")


# ---- requests --------------------------------------------------------------------------------------------------------


def test_p03_what_a_proxy_would_have_said_is_not_believed(site: Site) -> None:
    more = {"X_Forwarded_Host": "evil.example", "X_Forwarded_Proto": "https", "Forwarded": "host=evil.example"}
    assert site.ask("PUT", "/a.txt", b"x", **more).json["url"].startswith("/")
    made = site.ask("POST", "/", b"", Tus_Resumable="1.0.0", Upload_Length="5", **more)
    assert made.headers["Location"].startswith("/")
    assert site.ask("PUT", "/b.txt", b"x", Origin="https://evil.example", **more).status_code == 403


@pytest.mark.slow
def test_p06_r35_nothing_here_fetches_a_url() -> None:
    assert not importers("urllib.request", "http.client", "requests", "httpx", "aiohttp", "urllib3", "ftplib")


def importers(*modules: str) -> list[str]:
    """Who in the package imports one of these."""
    found = []
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module), *(f"{node.module}.{name}" for name in names)]
            found += [f"{path.name}: {name}" for name in names if name in modules]
    return found


def test_p07_unfinished_uploads_without_a_byte_take_no_room(tmp_path: Path) -> None:
    site = Site(tmp_path, max_unfinished=20)
    statuses = Counter(site.create(50 << 20, filename=b"a.bin").status_code for _ in range(30))
    assert statuses == {201: 20, 429: 10}
    files = [path.stat() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) <= 20 * 4 + 5
    assert sum(each.st_blocks for each in files) * 512 <= 20 * (16 << 10), "nothing is reserved on the disk"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_p12_a_form_that_comes_with_a_question_is_not_read(site: Site, method: str) -> None:
    form = b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nx\r\n--B--\r\n'
    answer = site.ask(method, "/", form, Content_Type="multipart/form-data; boundary=B")
    assert answer.status_code == 200
    assert site.stored() == {}
