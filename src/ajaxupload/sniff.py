"""What a file's first bytes look like.

What lives here: `sniff` and its signatures: bytes in, a MIME type out. Nothing of names, and no verdict: which content
fits which name is `filetypes.py`, what is refused is `validators.py`. Nothing is opened, decoded or unpacked.

Our own table comes first and puremagic after it, for three reasons measured with puremagic 1.30: it calls every ZIP
archive a .docx, an MP3 nothing that can be relied on (two bytes), and HTML only if written exactly like one of its
samples; its two- and three-byte signatures match honest text files; and its 0.2 ms are spent on every file where the
table needs a hundredth of that. What only puremagic knows is reported (`sure` is False), but refuses no file.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

__all__ = ["HEAD_BYTES", "Sniffed", "sniff"]

HEAD_BYTES = 4096  # enough for a ZIP's first entries and an SVG's prologue; more is not looked at


class Sniffed(NamedTuple):
    """A MIME type, and whether our own signatures say so (then a name that says otherwise is wrong)."""

    type: str
    sure: bool = True


_PREFIXES: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"II+\0", "image/tiff"),  # BigTIFF
    (b"MM\0+", "image/tiff"),
    (b"8BPS\0", "image/vnd.adobe.photoshop"),
    (b"\0\0\0\x0cjP  \r\n\x87\n", "image/jp2"),
    (b"\xff\x4f\xff\x51", "image/jp2"),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "image/jxl"),
    (b"\xff\x0a", "image/jxl"),
    (b"%PDF-", "application/pdf"),
    (b"%!PS", "application/postscript"),
    (b"{\\rtf", "application/rtf"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),  # Office before 2007, and encrypted since
    (b"PK\x05\x06", "application/zip"),  # an empty one
    (b"PK\x07\x08", "application/zip"),  # one of several volumes
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"\xfd7zXZ\0", "application/x-xz"),
    (b"\x28\xb5\x2f\xfd", "application/zstd"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"fLaC", "audio/flac"),
    (b"ID3\x02", "audio/mpeg"),
    (b"ID3\x03", "audio/mpeg"),
    (b"ID3\x04", "audio/mpeg"),
    (b"MThd\0\0\0\x06", "audio/midi"),
    (b"#!AMR\n", "audio/amr"),
    (b"FLV\x01", "video/x-flv"),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "video/x-ms-asf"),
    (b"\0\0\x01\xba", "video/mpeg"),
    (b"\0\0\x01\xb3", "video/mpeg"),
    (b"\x7fELF", "application/x-executable"),
    (b"SQLite format 3\0", "application/vnd.sqlite3"),
)
_ANY_PREFIX = tuple(prefix for prefix, _ in _PREFIXES)

_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
# ISO/IEC 14496-12 brands. Anything else in an "ftyp" box is taken for MP4.
_BRANDS = {
    b"qt  ": "video/quicktime",
    b"avif": "image/avif",
    b"avis": "image/avif",
    b"M4A ": "audio/mp4",
    b"M4B ": "audio/mp4",
    b"M4P ": "audio/mp4",
    b"crx ": "image/x-canon-cr3",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "image/heic"),
    **dict.fromkeys((b"3gp4", b"3gp5", b"3gp6", b"3gp7", b"3g2a", b"3g2b"), "video/3gpp"),
}
# Boxes that stand first in QuickTime files and in fragments, which need no "ftyp".
_FIRST_BOXES = frozenset((b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot", b"styp", b"moof", b"sidx", b"uuid"))
_BMP_HEADERS = frozenset((12, 16, 40, 52, 56, 64, 108, 124))  # sizes of the header that follows the 14 bytes

_OOXML = "application/vnd.openxmlformats-officedocument."
_ZIP_MEMBERS = (
    (b"word/", _OOXML + "wordprocessingml.document"),
    (b"xl/", _OOXML + "spreadsheetml.sheet"),
    (b"ppt/", _OOXML + "presentationml.presentation"),
    (b"AndroidManifest.xml", "application/vnd.android.package-archive"),
    (b"META-INF/MANIFEST.MF", "application/java-archive"),
)

# WHATWG MIME Sniffing, 3: "binary data bytes". A file without any is text, in whatever character set.
_BINARY = bytes([*range(0x09), 0x0B, *range(0x0E, 0x1B), *range(0x1C, 0x20)])
# The same standard, 7.1: tags that make HTML of a text that begins with them.
_HTML = re.compile(
    r"\s*<(?:(?:!doctype html|html|head|script|iframe|h1|div|font|table|a|style|title|b|body|br|p|meta|link|img)[\s/>]"
    r"|!--)",  # a comment that does not end within the head
    re.IGNORECASE,
)
# What may stand before an XML root: declaration, comments, a document type (with the entities that drawing programs
# put there). HTML's document type is not skipped, it decides.
_PROLOGUE = re.compile(
    r"\s*<(?:\?.*?\?|!--.*?--|!doctype\s(?!\s*html)[^>\[]*(?:\[.*?\]\s*)?)>", re.IGNORECASE | re.DOTALL
)
_SVG = re.compile(r"\s*<(?:[\w-]+:)?svg[\s/>]", re.IGNORECASE)
# What a text can begin with that is markup: "<", white space beyond ASCII's own in UTF-8, a byte order mark, nothing.
_MARKUP_BEGINS = frozenset(
    (b"<", b"\x0b", b"\x1c", b"\x1d", b"\x1e", b"\x1f", b"\xc2", b"\xe1", b"\xe2", b"\xe3", b"\xef", b"")
)
_CONTROLS = re.compile(r"[\0-\x08\x0b\x0e-\x1a\x1c-\x1f\ufffd]")
_UTF16 = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}

#: Bytes of a signature that is no coincidence.
_LONG = 4


def sniff(head: bytes) -> Sniffed | None:
    """What a file looks like that begins with `head`; only its first 4 KiB count. None: like nothing known."""
    head = head[:HEAD_BYTES]
    if not head:
        return None
    if found := _binary(head) or _text(head) or _embedded_pdf(head):
        return Sniffed(found)
    if head.translate(None, _BINARY) == head:
        return Sniffed("text/plain")
    return _by_puremagic(head)


def _binary(head: bytes) -> str | None:
    if head.startswith(_ANY_PREFIX):
        return next(mime for prefix, mime in _PREFIXES if head.startswith(prefix))
    return _container(head) or _by_fields(head)


def _container(head: bytes) -> str | None:
    """Formats that are boxes for others: RIFF, ISO media, Matroska, Ogg, AIFF, ZIP."""
    if head[:4] in (b"RIFF", b"RF64"):
        return _RIFF.get(head[8:12])
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return "audio/aiff"
    if head[4:8] == b"ftyp":
        return _iso_media(head)
    if head[4:8] in _FIRST_BOXES and head[:4].translate(None, _BINARY) != head[:4]:  # "get free" is no box
        return "video/quicktime"
    if head.startswith(b"\x1a\x45\xdf\xa3"):
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    if head.startswith(b"OggS\0"):
        return "video/ogg" if b"theora" in head[:128] else "audio/ogg"
    return _zip(head) if head.startswith(b"PK\x03\x04") else None


def _iso_media(head: bytes) -> str:
    size = int.from_bytes(head[:4], "big")
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, min(size, 128), 4))]
    mime = _BRANDS.get(brands[0], "video/mp4")
    # "mif1" and "msf1" say only "images in HEIF"; what the images are coded in stands further on.
    return "image/avif" if mime == "image/heic" and {b"avif", b"avis"} & set(brands[1:]) else mime


def _zip(head: bytes) -> str:
    """ODF (1.3 part 2, 3.3) and EPUB (OCF 4.2.3) begin with an uncompressed entry that names their type. Its word is
    taken for those two only: an archive could call itself anything."""
    if head[30:38] == b"mimetype":
        start = 38 + int.from_bytes(head[28:30], "little")
        declared = head[start : start + int.from_bytes(head[18:22], "little")].decode("ascii", "replace").strip()
        if declared.startswith("application/vnd.oasis.opendocument.") or declared == "application/epub+zip":
            return declared
    return next((mime for member, mime in _ZIP_MEMBERS if member in head), "application/zip")


def _by_fields(head: bytes) -> str | None:
    """Formats whose first bytes alone are too common: a second look at a field that must make sense."""
    if head[:2] == b"BM" and int.from_bytes(head[14:18], "little") in _BMP_HEADERS:
        return "image/bmp"
    if head[:4] in (b"\0\0\1\0", b"\0\0\2\0") and 0 < int.from_bytes(head[4:6], "little") < 256 and head[9:10] == b"\0":
        return "image/vnd.microsoft.icon"
    if head[:2] == b"MZ" and b"\0" in head[:64]:
        return "application/vnd.microsoft.portable-executable"
    if head[:3] == b"BZh" and head[4:10] == b"1AY&SY":
        return "application/x-bzip2"
    if head[257:262] == b"ustar":
        return "application/x-tar"
    return _mpeg_audio(head)


def _mpeg_audio(head: bytes) -> str | None:
    """An audio frame's header (ISO/IEC 11172-3, 2.4.2.3): 11 bits set, then no forbidden version, layer or rate."""
    if len(head) < 3 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    if head[1] & 0xF6 == 0xF0:
        return "audio/aac"  # ADTS: the same beginning with layer 0
    version, layer, rates = head[1] >> 3 & 3, head[1] >> 1 & 3, head[2]
    # Layer 1 is nowhere in use, and "\xff\xfe" would be the byte order mark of UTF-16.
    return "audio/mpeg" if version != 1 and layer in (1, 2) and rates >> 4 != 15 and rates >> 2 & 3 != 3 else None


def _text(head: bytes) -> str | None:
    """HTML, SVG or XML, also in UTF-16 if it has a byte order mark; plain text in UTF-16. No other text."""
    encoding = _UTF16.get(head[:2])
    if not encoding and head.lstrip(b" \t\r\n\f")[:1] not in _MARKUP_BEGINS:
        return None
    text = head.decode(encoding or "utf-8", "replace").lstrip("\ufeff \t\r\n\f")
    is_xml = text.startswith("<?xml")
    at = 0
    while prologue := _PROLOGUE.match(text, at):
        at = prologue.end()
    if _SVG.match(text, at):
        return "image/svg+xml"
    if _HTML.match(text, at):
        return "text/html"
    if is_xml:
        return "application/xml"
    return "text/plain" if encoding and not _CONTROLS.search(text[:-1]) else None  # the last may be half a character


def _embedded_pdf(head: bytes) -> str | None:
    """Readers accept junk before a PDF (ISO 32000-1, Annex H.3: within the first 1,024 bytes)."""
    if b"%PDF-" not in head:
        return None
    return "application/pdf" if re.search(rb"[\r\n\0]%PDF-[12]\.", head[:1024]) else None


def _by_puremagic(head: bytes) -> Sniffed | None:
    """The best long signature of puremagic's at the beginning. It is given bytes, never a path."""
    import puremagic  # 10 ms and a table of 160 KB, for the few files that come this far

    if not _may_be_known(head):
        return None
    try:
        matches = puremagic.magic_string(head)
        found = (match.mime_type for match in matches if len(match.byte_match) >= _LONG and match.offset >= 0)
        return next((Sniffed(mime, sure=False) for mime in found if mime), None)
    except (LookupError, ValueError, TypeError, AttributeError):  # PureError, "unknown", is a LookupError
        return None


def _may_be_known(head: bytes) -> bool:
    """Does one of puremagic's signatures stand where it belongs? It tries all 1,450 of them, which takes longer than
    storing a small file; they are at few places, and most files have none of them."""
    size = len(head)
    for start, stop, by_prefix in _signatures():  # no generator: every small file of zeros comes here
        signatures = by_prefix.get(head[start:stop])
        if signatures and -size <= start < size and head.startswith(signatures, start):
            return True
    return False


@lru_cache(maxsize=1)
def _signatures() -> tuple[tuple[int, int | None, dict[bytes, tuple[bytes, ...]]], ...]:
    """Place (from, up to), and by their first bytes those that begin with them there: of those that can lead to an
    answer (see `_by_puremagic`), the long ones with a type and the first part of those that have two. A place below 0
    counts from the end."""
    from puremagic import magic_footer_array, magic_header_array, multi_part_dict

    found: dict[tuple[int, int], dict[bytes, tuple[bytes, ...]]] = {}
    for row in (*magic_header_array, *magic_footer_array):
        answers = row.mime_type and row.offset >= 0 and len(row.byte_match) >= _LONG
        if not answers and row.byte_match not in multi_part_dict:
            continue
        length = min(_LONG, len(row.byte_match))
        place, prefix = found.setdefault((row.offset, length), {}), row.byte_match[:length]
        place[prefix] = (*place.get(prefix, ()), row.byte_match)
    return tuple((start, start + length or None, by_prefix) for (start, length), by_prefix in found.items())
