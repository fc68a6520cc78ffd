"""Lists of types as users write them into `allow` and `deny`, and as people read them in a refusal.

What lives here: reading an entry, matching it, and the words for a MIME type. What a file is, is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["TypeList", "describe"]

_OOXML = "application/vnd.openxmlformats-officedocument."
_ODF = "application/vnd.oasis.opendocument."
_OLE = "application/x-ole-storage"

# MIME type -> what a person calls one. The plural is made by `_plural`.
_WORDS = {
    "image/png": "a PNG image",
    "image/jpeg": "a JPEG image",
    "image/gif": "a GIF image",
    "image/webp": "a WebP image",
    "image/avif": "an AVIF image",
    "image/heic": "a HEIC image",
    "image/tiff": "a TIFF image",
    "image/bmp": "a BMP image",
    "image/svg+xml": "an SVG image",
    "image/jp2": "a JPEG 2000 image",
    "image/jxl": "a JPEG XL image",
    "image/vnd.microsoft.icon": "an icon",
    "image/vnd.adobe.photoshop": "a Photoshop image",
    "application/pdf": "a PDF document",
    "application/postscript": "a PostScript file",
    "application/rtf": "an RTF document",
    "application/msword": "a Word document",
    "application/vnd.ms-excel": "an Excel sheet",
    "application/vnd.ms-powerpoint": "a PowerPoint presentation",
    _OLE: "an old Office document",
    _OOXML + "wordprocessingml.document": "a Word document",
    _OOXML + "spreadsheetml.sheet": "an Excel sheet",
    _OOXML + "presentationml.presentation": "a PowerPoint presentation",
    _ODF + "text": "an OpenDocument text",
    _ODF + "spreadsheet": "an OpenDocument spreadsheet",
    _ODF + "presentation": "an OpenDocument presentation",
    "application/epub+zip": "an EPUB book",
    "application/java-archive": "a Java archive",
    "application/vnd.android.package-archive": "an Android package",
    "application/zip": "a ZIP archive",
    "application/gzip": "a gzip archive",
    "application/x-bzip2": "a bzip2 archive",
    "application/x-xz": "an xz archive",
    "application/zstd": "a Zstandard archive",
    "application/x-7z-compressed": "a 7z archive",
    "application/vnd.rar": "a RAR archive",
    "application/x-tar": "a tar archive",
    "application/vnd.sqlite3": "an SQLite database",
    "application/x-executable": "a program",
    "application/vnd.microsoft.portable-executable": "a Windows program",
    "application/json": "a JSON file",
    "application/xml": "an XML file",
    "text/html": "an HTML page",
    "text/csv": "a CSV file",
    "text/markdown": "a Markdown file",
    "text/plain": "a plain text file",
    "audio/mpeg": "an MP3 recording",
    "audio/wav": "a WAV recording",
    "audio/flac": "a FLAC recording",
    "audio/ogg": "an Ogg recording",
    "audio/mp4": "an MPEG-4 recording",
    "audio/aac": "an AAC recording",
    "video/mp4": "an MP4 video",
    "video/quicktime": "a QuickTime video",
    "video/webm": "a WebM video",
    "video/x-matroska": "a Matroska video",
    "video/ogg": "an Ogg video",
    "video/x-msvideo": "an AVI video",
    "image/*": "images",
    "audio/*": "sound files",
    "video/*": "videos",
    "text/*": "text files",
    "font/*": "fonts",
}
_ALIASES = {
    "image/jpg": "image/jpeg",
    "image/pjpeg": "image/jpeg",
    "image/x-png": "image/png",
    "image/heif": "image/heic",
    "image/x-icon": "image/vnd.microsoft.icon",
    "application/x-gzip": "application/gzip",
    "application/x-zip-compressed": "application/zip",
    "application/x-rar-compressed": "application/vnd.rar",
    "application/x-pdf": "application/pdf",
    "text/xml": "application/xml",
    "text/rtf": "application/rtf",
    "audio/mp3": "audio/mpeg",
    "audio/x-wav": "audio/wav",
    "audio/x-m4a": "audio/mp4",
    "audio/x-flac": "audio/flac",
    "video/avi": "video/x-msvideo",
}


_MIME = re.compile(r"(?:\*|[a-z0-9][\w!#$&^.+-]*)/(?:\*|[a-z0-9][\w!#$&^.+-]*)\Z", re.ASCII)  # RFC 6838, 4.2
_EXTENSION = re.compile(r"\*?(\.?[\w+~-]+(?:\.[\w+~-]+)*)\Z")
_MAIN_TYPES = ("application", "audio", "font", "image", "model", "text", "video")
_RARE_TYPES = ("chemical", "example", "haptics", "message", "multipart")  # the rest of IANA's, and chemistry's own


class TypeList:
    """A list of types: MIME types ("image/png"), patterns ("image/*"), extensions (".jpg", "jpg"), in any case.

    An extension speaks of a name's end, a MIME type of what an extension stands for and of what content looks like.
    Raises ValueError for an entry that is neither, saying how to write it. An empty list is false.
    """

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self.extensions: tuple[str, ...] = ()
        self.types: tuple[str, ...] = ()
        for entry in (entries,) if isinstance(entries, str) else entries:
            self._add(entry, entry.partition(";")[0].strip().lower())

    def _add(self, entry: str, plain: str) -> None:
        if plain == "*" or _MIME.match(plain):
            main = plain.partition("/")[0]
            if main not in (*_MAIN_TYPES, *_RARE_TYPES, "*") and not main.startswith("x-"):
                close = get_close_matches(main, _MAIN_TYPES, n=1)
                raise ValueError(f"{entry!r} is no type" + (f"; did you mean '{close[0]}/...'?" if close else ""))
            self.types += (_ALIASES.get(plain, plain) if plain != "*" else "*/*",)
        elif plain in _MAIN_TYPES:
            raise ValueError(
                f'{entry!r} is half a type: write "{plain}/*" for all of them, ".{plain}" for an extension'
            )
        elif match := _EXTENSION.match(plain):
            self.extensions += ("." + match[1].lstrip("."),)
        else:
            raise ValueError(f'{entry!r} is no type: write "image/*", "image/png" or ".png"')

    @property
    def entries(self) -> tuple[str, ...]:
        """The list as the `accept` attribute of HTML takes it: types and ".ext", lower-case."""
        return self.types + self.extensions

    def __bool__(self) -> bool:
        return bool(self.extensions or self.types)

    def has_extension(self, name: str) -> bool:
        """Whether a safe name ends in one of the extensions."""
        return name.lower().endswith(self.extensions)

    def has_type(self, mime: str | None) -> bool:
        """Whether the MIME type is on the list; an unknown one (None) is only where everything is."""
        if mime is None or "*/*" in self.types:
            return "*/*" in self.types
        mime = _ALIASES.get(mime, mime)
        return mime in self.types or mime.partition("/")[0] + "/*" in self.types

    def __str__(self) -> str:
        """In words: "images, PDF documents and files ending in .txt"."""
        words = [_plural(mime) for mime in self.types]
        if self.extensions:
            words.append("files ending in " + _joined(list(self.extensions), "or"))
        return _joined(list(dict.fromkeys(words)), "and")


def describe(mime: str) -> str:
    """What a person calls one file of this type: "a PNG image"."""
    return _WORDS.get(mime, f"a file of type {mime}")


def _plural(mime: str) -> str:
    if mime == "*/*":
        return "all files"
    words = _WORDS.get(mime)
    if words is None:
        return f"files of type {mime}"
    return words if mime.endswith("*") else words.partition(" ")[2] + "s"


def _joined(words: list[str], last: str) -> str:
    return f" {last} ".join(part for part in (", ".join(words[:-1]), *words[-1:]) if part)
