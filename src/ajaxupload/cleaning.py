"""What a client calls its file, made safe: for storing, for showing, for a log line.

What lives here: pure functions from a name to a name, and the tables they need. No I/O, no settings, no templates
(`naming.py`), no verdict on types (`validators.py`).

The rules hold on every operating system, whatever the server runs on, because stored files travel: to a Windows share,
into a ZIP archive, behind another web server. A name of ours that must not meet a client's (the folder of unfinished
uploads, say) begins with a dot, and no safe name does.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

__all__ = ["FALLBACK", "cut", "display_name", "fit", "log_name", "safe_name", "split_name"]

FALLBACK = "file"  # what a name is that has nothing left

_LONGEST_EXTENSION = 24  # bytes; the longest in use (".postman_collection") has 19
_LONGEST_INPUT = 1024  # characters looked at: four times the longest result, so that what is stripped leaves enough

# Invisible though they count as letters or marks: fillers of Hangul and Khmer, the empty Braille cell, the grapheme
# joiner. A name that consists of them looks like no name at all.
_INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_UNWANTED_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp"})

_UNSAFE = dict.fromkeys(map(ord, '<>:"|?*/\\\ufffd'), "_")  # Windows refuses these; ":" names an NTFS stream
# Samba and WSL write the characters that Windows forbids as these private ones: "\uf03a" comes out as ":" there.
_UNSAFE.update(dict.fromkeys(range(0xF000, 0xF100), "_"))

_DOT_RUN = re.compile(r"\.{2,}")
# An extension has a letter ("report v1.2" has none) and neither space nor punctuation ("Dr. Smith", "1.000,00").
_EXTENSION = re.compile(r"\.(?=[\w+~-]*[^\W\d_])[\w+~-]+\Z")
_COMPOUND = re.compile(r"\.tar\.(?:gz|bz2|xz|zst|lz|lz4|lzma|br|z)\Z", re.IGNORECASE)

# Microsoft, "Naming Files, Paths, and Namespaces": reserved with any extension, the superscript digits too; spaces
# before the dot do not count. CLOCK$, CONIN$ and CONOUT$ are the consoles' and DOS's.
_DEVICE = re.compile(r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³]) *(?:\.|\Z)", re.IGNORECASE)
# Read by a server, an interpreter or a desktop merely because they lie in a folder. (".htaccess", ".user.ini" and
# ".git" are harmless already: they lost their dot.)
_SERVER_FILES = ("web.config", "php.ini", "uwsgi.ini", "desktop.ini", "autorun.inf")
_PYTHON_FILES = ("__init__.py", "__main__.py", "conftest.py", "sitecustomize.py", "usercustomize.py")
_ACTS_BY_NAME = frozenset((*_SERVER_FILES, *_PYTHON_FILES))

# What a web server hands to an interpreter, or a browser runs. Apache's mod_mime looks at EVERY extension of a name
# ("a.php.jpg" is PHP under a plain AddHandler, "a.html.xyz" is served as HTML) and IIS 6 stops at ";" ("a.asp;.jpg"),
# so one of these inside a name loses its dot. Only these do: "2026.11.22 notes.txt" and "report v1.2 final.pdf" are
# names, not tricks. "com" is missing on purpose ("www.example.com.pdf"), and so are "inc" and "do".
_ACTIVE = (
    "php|phtml?|pht|phar|phps|phpt|pgif|hphp|ctp|aspx?|aspq|asax?|ascx|ashx|asmx|axd|cer|cdx|cshtml?|vbhtml?|svc|soap"
    "|xamlx|config|idc|stm|shtml?|ssi|htr|jspx?|jspf|jsw|jsv|jhtml|wss|cfml?|cfc|dbm|f?cgi|fpl|pl|pm|pyc?|pyo|wsgi|rb"
    "|rhtml|erb|lua|tcl|sh|bash|ksh|csh|zsh|exe|dll|bat|cmd|ps|vbs|vbe|wsf|wsh|hta|msi|scr|jar|war|html?|xht|xhtml"
    "|mhtml?|mht|svgz?|xml|xslt?|m?js|swf|htaccess|htpasswd"
)
# With digits after it ("php5", "ps1"), at an end that a server could see: the next dot, a ";", any punctuation. A
# space and more words is none ("Node.js intro.pdf"). At the very end of the name it is the extension, and stays.
_ACTIVE_INSIDE = re.compile(rf"\.(?=(?:{_ACTIVE})[0-9]*(?: *[.;]|[^A-Za-z0-9 ]))", re.IGNORECASE)


def safe_name(client_name: str | bytes, *, max_bytes: int = 200) -> str:
    """The name a file may be stored under, made from what the client called it. Never empty, never a path.

    `max_bytes` (64 to 255, else ValueError) bounds the UTF-8 length; the extension is kept. No client name makes it
    raise, `safe_name(safe_name(x)) == safe_name(x)`, and its time does not grow with the length of the name beyond
    one look for the last slash. The result is NFC and never NFKC, which could make a slash or a dot of something else.
    """
    if not 64 <= max_bytes <= 255:
        raise ValueError(f"max_bytes is {max_bytes}: 64 to 255 are possible (file systems end at 255)")
    return _safe(client_name, max_bytes)


@lru_cache(maxsize=64)  # each check asks for it once more
def _safe(client_name: str | bytes, max_bytes: int) -> str:
    name = _visible(client_name).translate(_UNSAFE)
    name = _DOT_RUN.sub(".", name).lstrip(" .-~").rstrip(" .")
    name = fit(name, max_bytes)
    if _DEVICE.match(name) or name.lower() in _ACTS_BY_NAME:
        name = fit("_" + name, max_bytes)
    # Last, for a cut can lay bare what stood inside ("x.phpabc" -> "x.php"). A dot becomes one other byte: the length
    # stays, and no name that is reserved has an underscore in that place.
    return _ACTIVE_INSIDE.sub("_", name) or FALLBACK


def display_name(client_name: str | bytes, *, max_length: int = 255) -> str:
    """What the client called the file, fit to be shown: the last path segment in NFC, no control, bidi or format
    character, at most `max_length` characters, the extension kept.

    Quotes, `<` and `&` stay: escaping is the business of whoever writes the page or the JSON.
    """
    name = _visible(client_name).strip()
    if len(name) > max_length:
        stem, extension = split_name(name)
        name = stem[: max_length - len(extension)].rstrip() + extension
    return name if name.strip(". ") else FALLBACK


def log_name(client_name: object) -> str:
    """A client's word for a log line: printable ASCII in quotes, at most 200 characters (CWE-117: a name with a line
    feed or an escape sequence in it must not be able to forge an entry)."""
    raw = client_name if isinstance(client_name, (str, bytes)) else str(client_name)
    return ascii(raw[:200])[:200]


def split_name(name: str) -> tuple[str, str]:
    """("archive", ".tar.gz"), ("Dr. Smith", ""), ("photo", ".JPG"): stem and extension, which together are the name.

    An extension is short, has a letter and no space; a leading dot begins none (".profile").
    """
    match = _COMPOUND.search(name) or _EXTENSION.search(name)
    if not match or not match.start() or len(match[0].encode("utf-8", "replace")) > _LONGEST_EXTENSION + 1:
        return name, ""
    return name[: match.start()], match[0]


def cut(text: str, max_bytes: int) -> str:
    """The longest beginning of `text` with at most `max_bytes` bytes of UTF-8: no code point is torn apart, and no
    space or dot left dangling where it was cut."""
    raw = text.encode("utf-8", "replace")
    return text if len(raw) <= max_bytes else raw[:max_bytes].decode("utf-8", "ignore").rstrip(" .")


def fit(name: str, max_bytes: int) -> str:
    """`name` within `max_bytes` bytes of UTF-8, its extension kept."""
    if len(name.encode("utf-8", "replace")) <= max_bytes:
        return name
    stem, extension = split_name(name)
    if extension:
        return cut(stem, max_bytes - len(extension.encode())) + extension
    name = cut(name, max_bytes)
    # A cut must not make an extension of what was none ("x.phpabcdefghijklmnopqrstuvwxyz" -> "x.php").
    tail = _LONGEST_EXTENSION + 1
    return name[:-tail] + name[-tail:].replace(".", "_")


def _visible(client_name: str | bytes) -> str:
    """The last path segment, decoded, bounded, in NFC and without anything that cannot be seen."""
    name = client_name.decode("utf-8", "replace") if isinstance(client_name, bytes) else client_name
    # Both slashes, on every system: Internet Explorer sent C:\fakepath\x.jpg, and a stored name may move to Windows.
    name = name[max(name.rfind("/"), name.rfind("\\")) + 1 :].strip()
    if len(name) > _LONGEST_INPUT:
        # Before any look at single characters: normalising is not linear in runs of combining marks
        # (CVE-2025-64458 is of that kind). The end stays, for it has the extension.
        name = name[: _LONGEST_INPUT - 256] + name[-256:]
    if name.isascii() and name.isprintable():
        return name
    # UTF-16 and back joins the halves of surrogate pairs and turns lone ones into U+FFFD.
    name = name.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    # Dropped before normalising, for what stood on both sides may compose then; nothing that is dropped can come out
    # of NFC. The spaces of the world become plain ones: U+202F stands in every screenshot's name on macOS.
    name = unicodedata.normalize("NFC", "".join(c for c in name if not _is_unwanted(c)))
    return "".join(" " if unicodedata.category(c) == "Zs" else c for c in name)


def _is_unwanted(char: str) -> bool:
    category = unicodedata.category(char)
    return (
        category in _UNWANTED_CATEGORIES
        or char in _INVISIBLE
        # An emoji newer than this Python's Unicode tables is "unassigned" too, and is a name all the same; so only
        # those code points go that are, or are to become, nothing to see.
        or (category == "Cn" and _is_noncharacter_or_ignorable(ord(char)))
    )


def _is_noncharacter_or_ignorable(code: int) -> bool:
    """Noncharacters and the unassigned Default_Ignorable_Code_Points (Unicode 23.7, DerivedCoreProperties)."""
    return (
        code & 0xFFFE == 0xFFFE
        or 0xFDD0 <= code <= 0xFDEF
        or 0xE0000 <= code <= 0xE0FFF
        or 0xFFF0 <= code <= 0xFFF8
        or code == 0x2065
    )
