"""Forms that brought other parsers down, sent whole to an endpoint: refused or stored as sent, and at once.

What lives here: one attack in each test, its row of docs/reference/guarantees-regressions.md in the name. What must
not: the limits themselves (test_form_limits.py), and what is the same for every form (test_forms.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import pytest
from webob import Request, Response

from ajaxupload import upload_endpoint
from ajaxupload.backends.memory import MemoryUploadBackend

KIB = 1 << 10
TYPE = "multipart/form-data; boundary=XbX"
FILE = b'form-data; name="f"; filename="a.txt"'
END = b"--XbX--\r\n"
WORDS = "application/x-www-form-urlencoded"


class Memory(MemoryUploadBackend):
    """A store of this file's own."""

    files: ClassVar[dict[str, bytes]] = {}


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    Memory.files.clear()
    yield
    Memory.files.clear()


ENDPOINT = upload_endpoint(Memory)


def post(body: bytes, content_type: str = TYPE, url: str = "/") -> Response:
    asked: Any = Request.blank(url, method="POST", body=body, headers={"Content-Type": content_type})
    return asked.get_response(ENDPOINT)  # type: ignore[no-any-return]  # WebOb is untyped here


def part(disposition: bytes, content: bytes = b"x", more: bytes = b"") -> bytes:
    return b"--XbX\r\nContent-Disposition: " + disposition + b"\r\n" + more + b"\r\n" + content + b"\r\n"


def refused(body: bytes, content_type: str = TYPE, url: str = "/") -> int:
    """The status of a refusal that stored nothing."""
    answer = post(body, content_type, url)
    assert answer.json["success"] is False
    assert Memory.files == {}
    return int(answer.status_code)


def seconds(act: Callable[[], object]) -> float:
    """The best of three: other tests run at the same time."""

    def once() -> float:
        began = time.thread_time()
        act()
        return time.thread_time() - began

    return min(once() for _ in range(3))


@pytest.mark.parametrize("disposition", [b'form-data; name="a"', FILE], ids=["200,000 fields", "20,000 files"])
def test_m01_a_form_of_very_many_parts_is_given_up_at_the_limit(disposition: bytes) -> None:
    body = part(disposition) * (20_000 if disposition == FILE else 200_000) + END
    assert refused(body) == 413
    assert seconds(lambda: post(body)) < 1


@pytest.mark.parametrize("lead", [b"\r", b"\n", b"\r\n", b"\r\n--Xb"])
def test_m02_a_file_that_begins_like_a_line_end_is_read_in_time_that_grows_with_it(lead: bytes) -> None:
    content = lead + bytes(16 << 20)
    assert post(part(FILE, content) + END).status_code == 200
    assert list(Memory.files.values()) == [content]
    assert seconds(lambda: post(part(FILE, content) + END)) < 1


def test_m02_a_file_of_line_ends_alone_is_read_as_quickly() -> None:
    content = b"\r" * (8 << 20)
    assert post(part(FILE, content) + END).status_code == 200
    assert list(Memory.files.values()) == [content]
    assert seconds(lambda: post(part(FILE, content) + END)) < 1


def test_m03_fields_that_are_small_each_are_counted_together() -> None:
    assert (
        refused(b"".join(part(b'form-data; name="a%d"' % number, b"y" * 60_000) for number in range(90)) + END) == 413
    )


@pytest.mark.parametrize("body", [b"a=1&" * 1_000_000, b"a;" * 2_000_000, b"a" * 4_000_000])
def test_m04_m21_an_urlencoded_body_without_a_name_is_not_parsed(body: bytes) -> None:
    assert refused(body, WORDS) == 415
    assert seconds(lambda: post(body, WORDS)) < 0.2


@pytest.mark.parametrize("url", ["/?qqfile=a.bin", "/?filename=a.bin"])
def test_m21_and_with_a_name_it_is_the_file(url: str) -> None:
    assert post(b"a;" * 200_000, WORDS, url).status_code == 200
    assert Memory.files == {"a.bin": b"a;" * 200_000}


CONTENT_TYPES = {
    "backslashes": 'multipart/form-data; boundary="' + "\\" * 8000,
    "backslashes before the boundary": 'multipart/form-data; x="' + "\\" * 8000 + '"; boundary=XbX',
    "40 backslashes": 'multipart/form-data; boundary="' + "\\" * 40,
    "semicolons": "multipart/form-data" + "; " * 4000,
    "equals": "multipart/form-data; boundary" + "=" * 8000,
    "escapes": 'multipart/form-data; boundary="' + '\\"' * 4000,
}


@pytest.mark.parametrize("content_type", CONTENT_TYPES.values(), ids=CONTENT_TYPES)
def test_m06_m07_m08_m09_no_content_type_takes_long(content_type: str) -> None:
    assert post(part(FILE) + END, content_type).status_code in (200, 400)
    assert seconds(lambda: post(part(FILE) + END, content_type)) <= 0.05


DISPOSITIONS = {
    "40 backslashes": b'form-data; name="f"; filename="' + b"\\" * 40,
    "backslashes": b'form-data; name="f"; filename="' + b"\\" * 8000,
    "semicolons": b'form-data; name="f"' + b"; " * 3900,
    "unclosed quote": b'form-data; name="f' + b"a" * 7900,
    "escapes": b'form-data; name="f"; x="' + b'\\"' * 3900 + b'"',
}


@pytest.mark.parametrize("disposition", DISPOSITIONS.values(), ids=DISPOSITIONS)
def test_m07_m09_m10_no_disposition_takes_long(disposition: bytes) -> None:
    body = part(disposition) + END
    assert post(body).status_code in (200, 400)
    assert seconds(lambda: post(body)) <= 0.05


def test_m10_nor_do_90_of_them() -> None:
    body = b"".join(part(b'form-data; name="%d"; x="' % number + b'\\"' * 3900 + b'"') for number in range(90)) + END
    assert seconds(lambda: post(body)) <= 0.5


def test_m19_a_folded_line_gets_no_line_end_into_a_name() -> None:
    answer = post(part(b'form-data; name="f"; filename="a\r\n X-Injected: 1.txt"') + END)
    assert answer.json["name"] == "a X-Injected: 1.txt"
    assert list(Memory.files) == ["a X-Injected_ 1.txt"]
    assert "X-Injected" not in answer.headers


@pytest.mark.parametrize(
    "extended",
    [
        b"filename*=UTF-8''evil.php",
        b"filename*=nonsense'en'%zz",
        b"filename*=b; filename*0*=UTF-8''a; filename*1=c",
        b'filename*0="a"; filename*1*=%2e%2e; filename*9999999999999="b"',
    ],
)
def test_m20_the_plain_name_counts_whatever_stands_beside_it(extended: bytes) -> None:
    assert post(part(FILE + b"; " + extended) + END).json["filename"] == "a.txt"
    assert post(part(b'form-data; name="f"; ' + extended + b'; filename="b.txt"') + END).json["filename"] == "b.txt"


@pytest.mark.parametrize("content", [b"YQ", b"=====", b"YQ==" + b" \r\n" * 100_000, b"\r\n " * 100_000])
def test_m22_m23_base64_is_stored_as_it_was_sent(content: bytes) -> None:
    body = part(FILE, content, b"Content-Transfer-Encoding: base64\r\n") + END
    assert post(body).status_code == 200
    assert list(Memory.files.values()) == [content]
    assert seconds(lambda: post(body)) < 0.5


NAMES = [b'name="' + b"a[" * 3900 + b'"', b'name="__proto__[x]"', b'name="constructor"']
NAMELESS = [b'name=""', b"", b"name=", b'Name=""; x="name=y"', b'names="f"', b'name="' + b"a[" * 10_000 + b'"']


@pytest.mark.parametrize("name", NAMES, ids=["nested", "__proto__", "constructor"])
def test_m25_m27_names_of_fields_are_nothing_but_text(name: bytes) -> None:
    assert refused(part(b"form-data; " + name) + END) == 400  # a field alone is no file
    assert post(part(b"form-data; " + name + b'; filename="a.txt"') + END).status_code == 200
    assert list(Memory.files.values()) == [b"x"]


@pytest.mark.parametrize("name", NAMELESS, ids=["empty", "none", "bare", "elsewhere", "another", "10k"])
@pytest.mark.parametrize("file", [b"", b'; filename="a.txt"'], ids=["field", "file"])
def test_m25_a_part_without_a_name_is_refused_and_so_is_what_came_before_it(name: bytes, file: bytes) -> None:
    """Whatever browsers write before and after it; and nothing of the form stays."""
    for more in (b"", b"Content-Type: text/plain\r\n"):
        assert refused(part(FILE) + part(b"form-data; " + name + file, b"x", more) + END) == 400


@pytest.mark.parametrize("header", [b": x\r\n", b"\r\n", b"", b"Content-Disposition\r\n", b" x: y\r\n", b"\0: x\r\n"])
def test_m26_a_part_without_a_proper_header_is_refused(header: bytes) -> None:
    assert refused(b"--XbX\r\n" + header + b"\r\nx\r\n" + END) == 400


def test_m32_a_form_within_a_form_is_bytes() -> None:
    inner = b'--YyY\r\nContent-Disposition: file; filename="i.txt"\r\n\r\nin\r\n--YyY--'
    nested = b"Content-Type: multipart/mixed; boundary=YyY\r\n"
    assert post(part(FILE, inner, nested) + END).json["size"] == len(inner)
    assert list(Memory.files.values()) == [inner]
    Memory.files.clear()
    assert refused(part(b'form-data; name="f"', inner, nested) + END) == 400


def test_m32_lines_that_end_in_lf_alone_are_no_form() -> None:
    assert refused((part(FILE) + END).replace(b"\r\n", b"\n")) == 400
