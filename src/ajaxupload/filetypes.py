"""What an extension stands for: its MIME type, and the contents that fit it.

What lives here: one table and the questions to it. Nothing is refused here (`validators.py`), no byte is looked at
(`sniff.py`), and what users write into `allow` and `deny` is read elsewhere (`typelists.py`).
"""

from __future__ import annotations

import functools
import mimetypes
from typing import NamedTuple

__all__ = ["extension_for", "extension_of", "fits", "is_natural", "type_of"]

_OOXML = "application/vnd.openxmlformats-officedocument."
_DOCX = _OOXML + "wordprocessingml.document"
_XLSX = _OOXML + "spreadsheetml.sheet"
_PPTX = _OOXML + "presentationml.presentation"
_ODF = "application/vnd.oasis.opendocument."
_OLE = "application/x-ole-storage"

_ISO_MEDIA = ("video/mp4", "video/quicktime", "audio/mp4", "video/3gpp")
_MATROSKA = ("video/webm", "video/x-matroska")
_OGG = ("audio/ogg", "video/ogg")
_ZIPS = (
    "application/zip",
    _DOCX,
    _XLSX,
    _PPTX,
    _ODF + "text",
    _ODF + "spreadsheet",
    _ODF + "presentation",
    _ODF + "graphics",
    "application/epub+zip",
    "application/java-archive",
    "application/vnd.android.package-archive",
)
_TEXTS = ("text/plain", "text/html", "application/xml", "image/svg+xml", "application/rtf", "application/postscript")
_OLD_OFFICE = (_OLE, *_ZIPS, *_TEXTS)  # programs export web pages, CSV and RTF under these names, and people rename


class _Kind(NamedTuple):
    """What an extension stands for: a MIME type, the contents (as `sniff` calls them) that fit it, and whether the
    content must be recognised (`strict`) or only must not be recognised as something else."""

    type: str
    contents: frozenset[str]
    strict: bool


_STRICT = (
    # extensions, type, further contents that fit
    ("jpg jpeg jpe jfif", "image/jpeg"),
    ("png", "image/png"),
    ("gif", "image/gif"),
    ("webp", "image/webp"),
    ("bmp dib", "image/bmp"),
    ("tif tiff", "image/tiff"),
    ("heic heif hif", "image/heic", "image/avif"),
    ("avif", "image/avif", "image/heic"),
    ("ico cur", "image/vnd.microsoft.icon"),
    ("jp2 j2k jpx", "image/jp2"),
    ("jxl", "image/jxl"),
    ("psd", "image/vnd.adobe.photoshop"),
    ("svg", "image/svg+xml", "application/xml", "text/plain"),  # a long prologue hides the root element
    ("svgz", "image/svg+xml", "application/gzip"),
    ("pdf", "application/pdf"),
    ("rtf", "application/rtf"),
    ("zip", "application/zip", *_ZIPS),
    ("docx docm dotx", _DOCX, *_ZIPS, _OLE),  # encrypted ones are OLE
    ("xlsx xlsm xltx xlsb", _XLSX, *_ZIPS, _OLE),
    ("pptx pptm potx ppsx", _PPTX, *_ZIPS, _OLE),
    ("odt ott", _ODF + "text", *_ZIPS),
    ("ods ots", _ODF + "spreadsheet", *_ZIPS),
    ("odp otp", _ODF + "presentation", *_ZIPS),
    ("epub", "application/epub+zip", *_ZIPS),
    ("jar", "application/java-archive", *_ZIPS),
    ("apk", "application/vnd.android.package-archive", *_ZIPS),
    ("gz tgz", "application/gzip"),
    ("bz2 tbz2", "application/x-bzip2"),
    ("xz txz", "application/x-xz"),
    ("zst", "application/zstd"),
    ("7z", "application/x-7z-compressed"),
    ("rar", "application/vnd.rar"),
    ("mp4 m4v", "video/mp4", *_ISO_MEDIA),
    ("mov qt", "video/quicktime", *_ISO_MEDIA),
    ("m4a m4b", "audio/mp4", *_ISO_MEDIA),
    ("3gp 3g2", "video/3gpp", *_ISO_MEDIA),
    ("webm", "video/webm", *_MATROSKA),
    ("weba", "audio/webm", *_MATROSKA),
    ("mkv", "video/x-matroska", *_MATROSKA),
    ("avi", "video/x-msvideo"),
    ("wav", "audio/wav"),
    ("flac", "audio/flac", "audio/mpeg"),  # an ID3 tag may stand before it
    ("ogg oga opus spx", "audio/ogg", *_OGG),
    ("ogv", "video/ogg", *_OGG),
    ("aif aiff aifc", "audio/aiff"),
)
_LENIENT = (
    ("mp3", "audio/mpeg", "audio/aac", "audio/wav"),  # zeros before the first frame are common
    ("aac", "audio/aac", *_ISO_MEDIA, "audio/mpeg"),
    ("mpg mpeg", "video/mpeg", *_ISO_MEDIA),
    ("tar", "application/x-tar"),  # tapes before POSIX.1-1988 have no magic
    ("doc dot", "application/msword", *_OLD_OFFICE),
    ("xls xlt", "application/vnd.ms-excel", *_OLD_OFFICE),
    ("ppt pps", "application/vnd.ms-powerpoint", *_OLD_OFFICE),
    ("ps eps ai", "application/postscript", "application/pdf", *_TEXTS),
    ("txt text log ini cfg conf rst", "text/plain", *_TEXTS),
    ("csv", "text/csv", *_TEXTS),
    ("tsv", "text/tab-separated-values", *_TEXTS),
    ("md markdown", "text/markdown", *_TEXTS),
    ("json jsonl geojson", "application/json", *_TEXTS),
    ("yaml yml", "application/yaml", *_TEXTS),
    ("toml", "application/toml", *_TEXTS),
    ("xml xsl", "application/xml", *_TEXTS),
    ("css", "text/css", *_TEXTS),
    ("js mjs", "text/javascript", *_TEXTS),
    ("html htm", "text/html", *_TEXTS),
    ("xhtml", "application/xhtml+xml", *_TEXTS),
    ("py", "text/x-python", *_TEXTS),
    ("sh", "application/x-sh", *_TEXTS),
    ("sql", "application/sql", *_TEXTS),
    ("tex", "application/x-tex", *_TEXTS),
    ("srt", "application/x-subrip", *_TEXTS),
    ("vtt", "text/vtt", *_TEXTS),
    ("ics", "text/calendar", *_TEXTS),
    ("vcf", "text/vcard", *_TEXTS),
    ("eml", "message/rfc822", *_TEXTS),
)
# Types that Python's own table lacks, or has only in some versions: any content passes for them.
_TYPES_ONLY = {
    **dict.fromkeys(("woff", "woff2", "ttf", "otf"), "font/"),
    **dict.fromkeys(("mpo", "xcf", "tga", "dng", "cr2", "cr3", "nef", "arw", "orf", "raf", "rw2"), "image/x-"),
    **dict.fromkeys(("mid", "midi"), "audio/midi"),
    **dict.fromkeys(("wma", "amr"), "audio/x-"),
    **dict.fromkeys(("wmv", "flv", "mts"), "video/x-"),
    "apng": "image/apng",
    "stl": "model/stl",
    "glb": "model/gltf-binary",
    "wasm": "application/wasm",
}
# What runs when a browser shows it. Under these extensions it is no surprise: Markdown's first line is often a <div>.
_MARKUP = ("text/html", "image/svg+xml")
_MARKUP_EXTENSIONS = frozenset(("html", "htm", "xhtml", "svg", "xml", "xsl", "md", "markdown", "eml"))
# Formats within formats: what looks like one of these may be any format that is built on it.
_CONTAINERS = frozenset((*_ZIPS, _OLE, "application/gzip", "application/xml", "text/plain", *_OGG, *_MATROSKA))


def _rows(table: tuple[tuple[str, ...], ...], strict: bool) -> dict[str, _Kind]:
    return {
        extension: _Kind(contents[0], frozenset(contents), strict)
        for extensions, *contents in table
        for extension in extensions.split()
    }


_KINDS = _rows(_STRICT, strict=True) | _rows(_LENIENT, strict=False)
#: MIME type -> the first extension of its first row.
_USUAL = {contents[0]: extensions.split()[0] for extensions, *contents in reversed((*_STRICT, *_LENIENT))}


def extension_of(name: str) -> str:
    """What follows the last dot of a safe name, lower-case and without the dot; "" where there is none. Here "v1.2" has
    one: a list that names what is allowed must not be passed by calling an extension none."""
    return name.rpartition(".")[2].lower() if "." in name else ""


def type_of(name: str) -> str | None:
    """The MIME type that the last extension of a safe name stands for, or None. The same on every operating system:
    neither /etc/mime.types nor the Windows registry is asked."""
    extension = extension_of(name)
    if kind := _KINDS.get(extension):
        return kind.type
    if mime := _TYPES_ONLY.get(extension):
        return mime + extension if mime.endswith(("/", "-")) else mime
    strict, common = _standard_library()
    return strict.get("." + extension) or common.get("." + extension)


def extension_for(mime: str) -> str:
    """The usual extension of a MIME type, with its dot; "" where there is none. The same in every Python."""
    if mime in _USUAL:
        return "." + _USUAL[mime]
    strict, _common = _standard_library()
    return next((extension for extension, each in strict.items() if each == mime), "")


@functools.cache
def _standard_library() -> tuple[dict[str, str], dict[str, str]]:
    """Python's own table. `mimetypes.guess_type` would mix in whatever files the machine has."""
    tables = mimetypes.MimeTypes(filenames=()).types_map
    return tables[True], tables[False]


def fits(extension: str, content: str | None, *, sure: bool = True) -> bool:
    """Whether `content` (a MIME type from `sniff`, None for unrecognised) may stand under `extension`. An extension
    that the table does not know takes any content."""
    kind = _KINDS.get(extension)
    if kind is None or content in kind.contents:
        return True
    return not kind.strict and (content is None or not sure)


def is_natural(name: str, content: str) -> bool:
    """Whether nobody who allows files of `name`'s type would wonder at this content, though it has another type: a
    .docx is a ZIP archive, a .csv plain text. HTML and SVG are natural only where they are at home."""
    extension = extension_of(name)
    if content in _MARKUP:
        return extension in _MARKUP_EXTENSIONS
    if kind := _KINDS.get(extension):
        return content in kind.contents
    main_type = (type_of(name) or "").partition("/")[0]
    return content in _CONTAINERS or content.partition("/")[0] == main_type
