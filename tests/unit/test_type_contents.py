"""Contents against names and lists."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload.errors import Unprocessable, UnsupportedType, UploadError
from ajaxupload.filetypes import extension_for, type_of
from ajaxupload.validators import TypeRules

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
JPEG = b"\xff\xd8\xff\xe0\0\x10JFIF\0"
PDF = b"%PDF-1.7\n"
ZIP = b"PK\x03\x04" + bytes(40)
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8)
HTML = b"<!DOCTYPE html><script>alert(1)</script>"
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
TEXT = b"hello"
MP4 = b"\0\0\0\x18ftypisom\0\0\0\0isommp42"
EXE = b"MZ\x90\0\3\0\0\0" + bytes(60)
UNKNOWN = bytes(100)


def refusal(rules: TypeRules, name: str, head: bytes) -> UploadError | None:
    """The error that the rules raise for the file, if any."""
    try:
        rules.check_name(name)
        rules.check_head(name, head)
    except UploadError as error:
        return error
    return None


@pytest.mark.parametrize(
    ("name", "head", "looks"),
    [
        ("a.png", PNG, "image/png"),
        ("a.png", PNG + HTML, "image/png"),
        ("a.PNG", PNG, "image/png"),
        ("a.jpeg", JPEG, "image/jpeg"),
        ("a.docx", ZIP, "application/zip"),
        ("a.docx", OLE, "application/x-ole-storage"),  # encrypted
        ("a.xls", HTML, "text/html"),  # what many a program calls an export
        ("a.m4a", MP4, "video/mp4"),
        ("a.mov", MP4, "video/mp4"),
        ("a.mp3", UNKNOWN, None),
        ("a.tar", UNKNOWN, None),
        ("a.txt", TEXT, "text/plain"),
        ("a.txt", UNKNOWN, None),
        ("a.txt", HTML, "text/html"),
        ("a.csv", b"a;b\n\xe4;\xf6\n", "text/plain"),
        ("a.svg", SVG, "image/svg+xml"),
        ("a.xyz", HTML, "text/html"),
        ("a.exe", EXE, "application/vnd.microsoft.portable-executable"),
        ("noext", PDF, "application/pdf"),
        ("a.png", b"", None),
        ("a.jpg.", JPEG, "image/jpeg"),
    ],
)
def test_r10_what_fits_its_name_passes(name: str, head: bytes, looks: str | None) -> None:
    rules = TypeRules()
    rules.check_name(name)
    assert rules.check_head(name, head) == looks


@pytest.mark.parametrize(
    ("name", "head", "message"),
    [
        ("cat.png", HTML, "cat.png is not a PNG image: its content looks like an HTML page."),
        ("cat.png", JPEG, "cat.png is not a PNG image: its content looks like a JPEG image."),
        ("cat.jpg", UNKNOWN, "cat.jpg is not a JPEG image: its content is of no known kind."),
        ("cat.gif", TEXT, "cat.gif is not a GIF image: its content looks like a plain text file."),
        ("a.pdf", EXE, "a.pdf is not a PDF document: its content looks like a Windows program."),
        ("a.docx", PDF, "a.docx is not a Word document: its content looks like a PDF document."),
        ("a.doc", PNG, "a.doc is not a Word document: its content looks like a PNG image."),
        ("a.mp4", HTML, "a.mp4 is not an MP4 video: its content looks like an HTML page."),
        ("a.mp3", TEXT, "a.mp3 is not an MP3 recording: its content looks like a plain text file."),
        ("a.svg", HTML, "a.svg is not an SVG image: its content looks like an HTML page."),
        ("a.txt", PNG, "a.txt is not a plain text file: its content looks like a PNG image."),
        ("a.csv", ZIP, "a.csv is not a CSV file: its content looks like a ZIP archive."),
        ("x.php.jpg", TEXT, "x.php.jpg is not a JPEG image: its content looks like a plain text file."),
        ("x.png. ", HTML, "x.png. is not a PNG image: its content looks like an HTML page."),
    ],
)
def test_r10_what_does_not_is_refused_and_both_are_named(name: str, head: bytes, message: str) -> None:
    with pytest.raises(Unprocessable) as refused:
        TypeRules().check_head(name, head)
    assert (refused.value.message, refused.value.status) == (message, 422)


@pytest.mark.parametrize(
    ("allow", "deny", "name", "head", "accepted"),
    [
        (["image/*"], [], "blob", PNG, True),
        (["image/*"], [], "blob", HTML, False),
        (["image/*"], [], "blob", UNKNOWN, False),
        (["image/*"], [], "blob", b"", False),
        (["*"], [], "blob", UNKNOWN, True),
        (["image/*"], [], "a.png", PNG, True),
        (["image/*"], [], "a.svg", SVG, True),
        (["image/*"], [], "a.xcf", HTML, False),  # an image type without a signature of ours
        (["image/*"], [], "a.xcf", UNKNOWN, True),
        (["audio/*"], [], "a.m4a", MP4, True),  # the container is a video's, the name says what is in it
        (["text/csv"], [], "a.csv", TEXT, True),
        (["text/plain"], [], "a.txt", HTML, False),
        (["text/plain"], [], "a.txt", SVG, False),
        (["text/*"], [], "a.txt", HTML, True),
        (["text/markdown"], [], "README.md", b"<h1 align=center>", True),
        ([".txt"], [], "a.txt", HTML, True),
        (["image/*", ".bin"], [], "a.bin", HTML, True),
        (["application/vnd.openxmlformats-officedocument.wordprocessingml.document"], [], "a.docx", ZIP, True),
        ([], ["text/html"], "a.txt", HTML, False),
        ([], ["text/html"], "a.txt", TEXT, True),
        (["text/*"], ["text/html"], "a.txt", HTML, False),
        ([], ["application/vnd.microsoft.portable-executable"], "a.dat", EXE, False),
    ],
)
def test_r10_lists_speak_of_contents_too(
    allow: list[str], deny: list[str], name: str, head: bytes, accepted: bool
) -> None:
    rules = TypeRules(allow, deny)
    rules.check_name(name)
    refused = refusal(rules, name, head)
    assert refused is None if accepted else isinstance(refused, UnsupportedType)


def test_r10_a_refused_content_is_named_with_the_list() -> None:
    with pytest.raises(UnsupportedType) as refused:
        TypeRules(["image/*"]).check_head("blob", HTML)
    assert refused.value.message == (
        "blob cannot be uploaded here: its content looks like an HTML page, and only images are accepted."
    )
    with pytest.raises(UnsupportedType, match="looks like an HTML page, and HTML pages are not accepted"):
        TypeRules(deny=["text/html"]).check_head("a.txt", HTML)


def test_without_sniffing_contents_refuse_nothing_and_names_must_do() -> None:
    rules = TypeRules(["image/*"], sniff=False)
    assert rules.check_head("a.png", HTML) == "text/html"
    with pytest.raises(UnsupportedType):
        rules.check_name("blob")


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_a_head_may_be_any_block_and_stays_untouched(kind: type[bytes | bytearray | memoryview]) -> None:
    block = bytearray(PNG + bytes(10_000))
    assert TypeRules().check_head("a.png", kind(block)) == "image/png"
    assert block == PNG + bytes(10_000)


@given(st.text(max_size=50), st.binary(max_size=200), st.sampled_from(([], ["image/*"], ["txt"], ["*", "text/html"])))
def test_any_name_with_any_content_passes_or_is_refused_in_words(name: str, head: bytes, types: list[str]) -> None:
    for rules in (TypeRules(types), TypeRules((), types)):
        if refused := refusal(rules, name, head):
            assert refused.status in (415, 422)
            assert refused.message.endswith(".")


@pytest.mark.parametrize(
    ("mime", "extension"),
    [
        ("image/jpeg", ".jpg"),
        ("image/webp", ".webp"),  # which Python's own table has since 3.13 only
        ("image/svg+xml", ".svg"),
        ("application/xml", ".xml"),  # .xsl, were it for that table
        ("text/javascript", ".js"),
        ("application/octet-stream", ".bin"),
        ("video/x-sgi-movie", ".movie"),
        ("made/up", ""),
        ("", ""),
    ],
)
def test_a_types_usual_extension_is_the_same_in_every_python(mime: str, extension: str) -> None:
    assert extension_for(mime) == extension
    assert not extension or type_of("file" + extension) == mime
