"""The limits: sizes and counts, names and contents by type."""

from __future__ import annotations

import mimetypes

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload.errors import TooLarge, TooMany, TooSmall, UnsupportedType
from ajaxupload.filetypes import extension_of, fits, is_natural, type_of
from ajaxupload.typelists import TypeList, describe
from ajaxupload.validators import (
    TypeRules,
    check_count,
    check_declared_size,
    check_min_size,
    check_size,
    human_size,
)

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

# ---- sizes and counts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (1000, "1000 bytes"),
        (1023, "1023 bytes"),
        (1024, "1 KiB"),
        (1536, "1.5 KiB"),
        (100 << 20, "100 MiB"),
        ((100 << 20) + 1, "100 MiB"),
        (2_000_000_000, "2 GB"),
        (25_000_000, "25 MB"),
        (1_024_000, "1000 KiB"),
        (123_456_789, "117.7 MiB"),
        ((1 << 20) - 1, "1 MiB"),
        ((1 << 30) - 1, "1 GiB"),
        (5 << 40, "5 TiB"),
        (1 << 60, "1024 PiB"),
    ],
)
def test_human_size(size: int, text: str) -> None:
    assert human_size(size) == text


@given(st.integers(0, 1 << 60))
def test_human_sizes_are_short(size: int) -> None:
    assert len(human_size(size)) <= 10


def test_r01_more_than_max_size_is_refused_declared_or_counted() -> None:
    for check in (check_declared_size, check_size):
        check(100, 100)
        check(1 << 60, None)
        with pytest.raises(TooLarge) as refused:
            check((100 << 20) + 1, 100 << 20)
        assert refused.value.message == "The file is larger than the 100 MiB allowed here (max_size)."
        assert refused.value.status == 413


def test_r01_an_undeclared_size_is_left_to_the_count() -> None:
    check_declared_size(None, 1)


def test_too_little_is_refused_with_the_limit() -> None:
    check_min_size(0, 0)
    check_min_size(10, 10)
    with pytest.raises(TooSmall, match=r"has only 3 bytes: at least 1 KiB are expected here \(min_size\)"):
        check_min_size(3, 1024)
    with pytest.raises(TooSmall, match="The file is empty: at least 1 byte are expected"):
        check_min_size(0, 1)


def test_r05_too_many_files_are_refused_with_the_limit() -> None:
    check_count(20, 20)
    check_count(10**6, None)
    with pytest.raises(TooMany, match=r"At most 20 files can be sent at once \(max_files\)"):
        check_count(21, 20)
    with pytest.raises(TooMany, match="At most 1 file can"):
        check_count(2, 1)


# ---- lists of types --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (["image/*"], "images"),
        (["image/png", "IMAGE/JPG", ".TXT", "jpg"], "PNG images, JPEG images and files ending in .txt or .jpg"),
        (["*.tar.gz"], "files ending in .tar.gz"),
        (["*"], "all files"),
        (["application/msword", DOCX], "Word documents"),
        (["application/x-foo; charset=utf-8"], "files of type application/x-foo"),
        ("image/*", "images"),
        ([], ""),
    ],
)
def test_a_list_in_words(entries: list[str] | str, words: str) -> None:
    assert str(TypeList(entries)) == words
    assert bool(TypeList(entries)) == bool(words)


@pytest.mark.parametrize(
    ("entry", "complaint"),
    [
        ("image", r'"image/\*" for all of them'),
        ("", "is no type"),
        ("image/", "is no type"),
        ("a b", "is no type"),
        ("../x", "is no type"),
        (".jpg,.png", "is no type"),
    ],
)
def test_an_entry_that_is_no_type_is_refused_with_the_way_to_write_it(entry: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        TypeRules(allow=[entry])


def test_words_for_a_type() -> None:
    assert describe("image/png") == "a PNG image"
    assert describe("application/x-foo") == "a file of type application/x-foo"


# ---- types by extension ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "mime"),
    [
        ("a.JPG", "image/jpeg"),
        ("a.webp", "image/webp"),
        ("a.heic", "image/heic"),
        ("a.md", "text/markdown"),
        ("a.tar.gz", "application/gzip"),
        ("a.woff2", "font/woff2"),
        ("a.midi", "audio/midi"),
        ("a.unheard", None),
        ("noext", None),
    ],
)
def test_type_of(name: str, mime: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    mimetypes.init()  # as any use of it does; the table of before is Python's own
    monkeypatch.setitem(mimetypes.types_map, ".unheard", "application/x-this-machine")
    assert type_of(name) == mime


def test_an_extension_here_is_whatever_follows_the_last_dot() -> None:
    assert [extension_of(name) for name in ("a.JPG", "v1.2 final", "noext")] == ["jpg", "2 final", ""]


def test_unknown_extensions_fit_any_content_and_have_none_of_their_own() -> None:
    assert fits("xyz", "text/html")
    assert fits("xyz", None)
    assert is_natural("a.xyz", "application/zip")
    assert not is_natural("a.xyz", "image/png")
    assert is_natural("a.woff2", "font/ttf")


def accepts(rules: TypeRules, name: str | bytes) -> bool:
    """Whether the rules let the name pass."""
    try:
        rules.check_name(name)
    except UnsupportedType:
        return False
    return True


# ---- by name ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allow", "deny", "name", "accepted"),
    [
        ([], [], "anything.exe", True),
        (["image/*"], [], "a.PNG", True),
        (["image/*"], [], "a.pdf", False),
        (["image/*"], [], "a.xyz", False),
        (["image/*"], [], "blob", True),  # the content decides
        ([".jpg"], [], "blob", False),
        ([".jpg"], [], "jpg", False),
        ([".jpg"], [], ".jpg", False),
        (["JPG"], [], "a.jpg", True),
        ([".jpg"], [], "a.jpeg", False),
        ([".jpg", "application/pdf"], [], "a.pdf", True),
        (["*"], [], "a.xyz", True),
        (["tar.gz"], [], "a.tar.gz", True),
        (["tar.gz"], [], "a.gz", False),
        (["jpg"], [], "x.php.jpg", True),  # stored as x_php.jpg
        (["jpg"], [], "x.jpg.php", False),
        (["jpg"], [], "x.jpg.", True),
        (["jpg"], [], "x.jpg::$DATA", False),
        (["jpg"], [], "x.php\0.jpg", True),
        (["jpg"], [], "x.jpg\0.php", False),
        (["jpg"], [], "x.php;.jpg", True),
        (["jpg"], [], "a.jpg/", False),
        (["jpg"], [], b"\xff.jpg", True),
        (["text/plain"], [], ".htaccess", True),  # stored as "htaccess", which is nothing
        (["txt"], [], ".htaccess", False),
        (["text/*"], [], "web.config", False),
        ([], ["exe"], "a.EXE. .", False),
        ([], ["exe"], "a.exe.txt", True),
        ([], ["exe"], "a.txt", True),
        (["image/*"], ["image/svg+xml"], "a.svg", False),
        (["image/*"], [".gif"], "a.gif", False),
        ([], ["*"], "a.xyz", False),
    ],
)
def test_r09_names(allow: list[str], deny: list[str], name: str | bytes, accepted: bool) -> None:
    assert accepts(TypeRules(allow, deny), name) == accepted


def test_r09_a_refusal_says_what_is_accepted() -> None:
    with pytest.raises(UnsupportedType) as refused:
        TypeRules(["image/*", ".pdf"]).check_name("C:\\x\\a.exe")
    expected = "a.exe cannot be uploaded here: only images and files ending in .pdf are accepted."
    assert (refused.value.message, refused.value.status) == (expected, 415)
    with pytest.raises(UnsupportedType, match=r"files ending in \.exe are not accepted"):
        TypeRules(deny=["exe"]).check_name("a" * 300 + ".exe")


def test_r11_the_clients_type_decides_nothing() -> None:
    rules = TypeRules(["image/*"])
    rules.check_name("a.png", "text/html")
    with pytest.raises(UnsupportedType):
        rules.check_name("a.html", "image/png")
