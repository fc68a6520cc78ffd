"""What contents look like: files made by the real writers where the standard library has one,
headers as the formats' specifications give them where it has not."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import re
import sqlite3
import tarfile
import time
import wave
import zipfile
from pathlib import Path

import puremagic
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload.sniff import HEAD_BYTES, Sniffed, _by_puremagic, sniff
from ajaxupload.validators import TypeRules

OOXML = "application/vnd.openxmlformats-officedocument."


def zipped(*members: tuple[str, bytes]) -> bytes:
    """A ZIP archive with these members, as zipfile writes it."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members:
            archive.writestr(name, content)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"), io.BytesIO())
    return out.getvalue()


def waved() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(100))
    return out.getvalue()


def database() -> bytes:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("create table t (x)")
        return connection.serialize() if hasattr(connection, "serialize") else b"SQLite format 3\0" + bytes(84)
    finally:
        connection.close()


def box(brand: bytes, *compatible: bytes) -> bytes:
    """An ISO media file's first box."""
    body = b"ftyp" + brand + bytes(4) + b"".join(compatible)
    return (len(body) + 4).to_bytes(4, "big") + body + b"\0\0\0\x08free"


@pytest.mark.parametrize(
    ("head", "mime"),
    [
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "image/png"),
        (b"\xff\xd8\xff\xe0\0\x10JFIF\0", "image/jpeg"),
        (b"GIF89a\1\0\1\0", "image/gif"),
        (b"RIFF\x24\0\0\0WEBPVP8 ", "image/webp"),
        (b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(36), "image/bmp"),
        (b"MM\0*\0\0\0\x08", "image/tiff"),
        (b"\0\0\1\0\1\0\x10\x10\0\0\1\0\x20\0" + bytes(8), "image/vnd.microsoft.icon"),
        (box(b"heic", b"mif1"), "image/heic"),
        (box(b"mif1", b"mif1", b"avif"), "image/avif"),
        (box(b"avif", b"mif1"), "image/avif"),
        (box(b"isom", b"mp42"), "video/mp4"),
        (box(b"qt  "), "video/quicktime"),
        (box(b"M4A ", b"isom"), "audio/mp4"),
        (b"\0\0\x10\0mdat", "video/quicktime"),
        (b"\x1aE\xdf\xa3\x9fB\x86\x81\1B\xf7\x81\1B\x82\x84webm", "video/webm"),
        (b"\x1aE\xdf\xa3\xa3B\x86\x81\1B\xf7\x81\1B\x82\x88matroska", "video/x-matroska"),
        (b"OggS\0\2" + bytes(22) + b"\x13OpusHead", "audio/ogg"),
        (b"OggS\0\2" + bytes(22) + b"\x2a\x80theora", "video/ogg"),
        (b"ID3\4\0\0\0\0\0\0", "audio/mpeg"),
        (b"\xff\xfb\x90\x64\0\0", "audio/mpeg"),
        (b"\xff\xf1\x50\x80\0\0", "audio/aac"),
        (b"fLaC\0\0\0\x22", "audio/flac"),
        (waved(), "audio/wav"),
        (b"FORM\0\0\0\x2eAIFFCOMM", "audio/aiff"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3", "application/pdf"),
        (b"scanner junk\r\n%PDF-1.4\n", "application/pdf"),
        (b"{\\rtf1\\ansi", "application/rtf"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(8), "application/x-ole-storage"),
        (zipped(("a.txt", b"x")), "application/zip"),
        (zipped(), "application/zip"),
        (zipped(("[Content_Types].xml", b""), ("word/document.xml", b"")), OOXML + "wordprocessingml.document"),
        (zipped(("[Content_Types].xml", b""), ("xl/workbook.xml", b"")), OOXML + "spreadsheetml.sheet"),
        (zipped(("mimetype", b"application/epub+zip"), ("a", b"")), "application/epub+zip"),
        (
            zipped(("mimetype", b"application/vnd.oasis.opendocument.text"), ("a", b"")),
            "application/vnd.oasis.opendocument.text",
        ),
        (zipped(("mimetype", b"image/png"), ("a", b"")), "application/zip"),  # an archive can say anything
        (gzip.compress(b"x"), "application/gzip"),
        (bz2.compress(b"x"), "application/x-bzip2"),
        (lzma.compress(b"x"), "application/x-xz"),
        (tarred(), "application/x-tar"),
        (database(), "application/vnd.sqlite3"),
        (b"MZ\x90\0\3\0\0\0" + bytes(60), "application/vnd.microsoft.portable-executable"),
        (b"\x7fELF\2\1\1\0", "application/x-executable"),
        (b"<!DOCTYPE html><html>", "text/html"),
        (b" \r\n<HTML\n>", "text/html"),
        (b"\xef\xbb\xbf<script>alert(1)</script>", "text/html"),
        ("\ufeff<html></html>".encode("utf-16-le"), "text/html"),
        (b"<!-- a --><body onload=x()>", "text/html"),
        (b"<!-- " + b"a" * 5000 + b" --><body>", "text/html"),
        (b'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml">', "text/html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "image/svg+xml"),
        (b'<?xml version="1.0"?>\n<!-- Inkscape -->\n<!DOCTYPE svg [<!ENTITY a "b">]>\n<svg:svg>', "image/svg+xml"),
        (b'<?xml version="1.0"?><feed/>', "application/xml"),
        (b"hello\nworld", "text/plain"),
        ("Grüße".encode("latin-1"), "text/plain"),
        ("Grüße\n".encode("utf-16"), "text/plain"),
        (b"<3 is a heart", "text/plain"),
        (b"BMW, MZ and II* are no magic in a text", "text/plain"),
        (b"MZ and BM: a text", "text/plain"),
        (b"Get free beer", "text/plain"),  # bytes 4 to 8 are the name of a QuickTime box
    ],
    ids=lambda value: None if isinstance(value, str) else ascii(value[:4]),  # further on archives hold the time of day
)
def test_looks_like(head: bytes, mime: str) -> None:
    assert sniff(head) == Sniffed(mime, sure=True)


def test_c09_a_png_with_a_page_behind_it_is_a_png() -> None:
    assert sniff(b"\x89PNG\r\n\x1a\n" + b"<html><script>alert(1)</script>") == Sniffed("image/png")


def without_a_first_look(head: bytes) -> Sniffed | None:
    try:
        matches = puremagic.magic_string(head)
    except (puremagic.PureError, ValueError):
        return None
    found = (match.mime_type for match in matches if len(match.byte_match) >= 4 and match.offset >= 0)
    return next((Sniffed(mime, sure=False) for mime in found if mime), None)


def test_what_puremagic_alone_knows_is_no_certainty() -> None:
    assert sniff(b"\x01\xda\x01\x01\x00\x03" + bytes(600)) == Sniffed("image/x-rgb", sure=False)


def test_puremagic_is_asked_wherever_it_has_an_answer() -> None:
    """Each of its signatures, at its place among bytes that are nobody's and among zeros."""
    rows = [*puremagic.magic_header_array, *puremagic.magic_footer_array]
    assert len(rows) > 1000
    for number, row in enumerate(rows):
        for filling in (b"\xb7" * 600, bytes(600))[: 2 if number % 10 == 0 else 1]:
            at = row.offset if row.offset >= 0 else 600 + row.offset
            head = filling[:at] + b"\0" * (at - 600) + row.byte_match + filling[at + len(row.byte_match) :]
            assert _by_puremagic(head) == without_a_first_look(head)


@given(st.binary(min_size=1, max_size=40))
def test_nor_is_anything_lost_where_it_has_none(head: bytes) -> None:
    assert _by_puremagic(head) == without_a_first_look(head)


@pytest.mark.parametrize(
    "space", ["", " \t\r\n\f", "\x0b", "\x1c\x1d\x1e\x1f", "\x85", "\xa0", "\u1680", "\u2003\u2028\u205f", "\u3000"]
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_markup_is_found_behind_any_white_space(space: str, mark: str) -> None:
    for content, mime in (("<html>", "text/html"), ("<svg>", "image/svg+xml"), ("<!-- a --><b>", "text/html")):
        assert sniff(f"{mark}{space}{content}".encode()) == Sniffed(mime)


@pytest.mark.parametrize("head", [b"", b"\0", bytes(4096), b"\x01\x02\x03"])
def test_unknown_bytes_look_like_nothing(head: bytes) -> None:
    assert sniff(head) is None


@given(st.one_of(st.binary(max_size=600), st.binary(max_size=100).map(lambda tail: b"<!DOCTYPE " + tail)))
def test_any_bytes_have_an_answer(head: bytes) -> None:
    found = sniff(head)
    assert found is None or re.fullmatch(r"[a-z]+/[\w.+-]+", found.type)


def test_only_the_head_counts() -> None:
    assert sniff(b" " * HEAD_BYTES + b"<html>") == Sniffed("text/plain")


HEADS = {
    "png": b"\x89PNG\r\n\x1a\n" + os.urandom(4088),
    "text": b"hello world " * 400,
    "random": os.urandom(8192),
    "comments": b"<!---->" * 600,
    "doctype": b"<!DOCTYPE x [" + b"]  " * 1400,
    "declarations": b"<?a?>\n" * 700,
    "spaces": b"<!DOCTYPE" + b" " * 4096,
}


@pytest.mark.parametrize("head", HEADS.values(), ids=HEADS)
def test_no_head_takes_longer_than_50_ms(head: bytes) -> None:
    sniff(bytes(300))  # puremagic is loaded once

    def seconds() -> float:
        start = time.perf_counter()
        sniff(head)
        return time.perf_counter() - start

    # A tenth of a millisecond is usual; what would be found here is a search that is not linear.
    assert min(seconds() for _ in range(5)) < 0.05


@pytest.mark.corpora
def test_no_image_of_the_corpus_is_refused_under_its_own_name(corpora: Path) -> None:
    rules = TypeRules()
    for case in json.loads((corpora / "images" / "manifest.json").read_text(encoding="utf-8")):
        head = (corpora / case["file"]).read_bytes()[:HEAD_BYTES]
        rules.check_name(case["original_name"])
        rules.check_head(case["original_name"], head)
