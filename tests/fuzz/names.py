"""Names that clients give: whatever they are, what is stored, shown and logged is harmless.

What lives here: the invariants. What must not: tables of names and what becomes of each (tests/unit/test_cleaning.py).
"""

from __future__ import annotations

import re
import unicodedata
from datetime import datetime, timezone

from ajaxupload.cleaning import display_name, log_name, safe_name, split_name
from ajaxupload.naming import render, suffixed
from ajaxupload.protocols.download import content_disposition

SEEDS = (
    b"\xf0photo.jpg", b"\x01../../etc/passwd", b"\x02C:\\fakepath\\a.php.jpg", b"\x03con.txt",
    b"\x04a\xe2\x80\xaegpj.exe",
    b"\x05.htaccess", b"\x80web.config", b"\x07archive.tar.gz", b"\x08e\xcc\x81.txt", b"\x09\xed\xa0\x80",
)  # fmt: skip
WORDS = (
    b".", b"..", b"/", b"\\", b":", b"%2e", b" ", b"\0", b"\r\n", b".php", b".asp;", b".jpg", b"nul", b"aux.", b"com1",
    b"\xe2\x80\xae", b"\xcc\x81", b"\xef\xbc\x8f", b"\xe2\x80\x8b", b"\xed\xa0\x80", b"\xef\x80\xba", b"~", b"-", b'"',
    b"x" * 200, b"\xc3\xa4" * 120, b".tar.gz", b"web.config", b"\xf3\xa0\x81\x81", b"\xe1\x85\x9f",
)  # fmt: skip
_NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)
_TEMPLATES = ("{name}", "{year}/{month}/{stem}-{uuid}{ext}", "{principal}/{album}/{name}", "{stem}{ext}", "{id}{ext}")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])\s*(\.|\Z)", re.IGNORECASE)


def is_safe(name: str, most: int) -> bool:
    """The rules that hold on every system."""
    return (
        0 < len(name.encode()) <= most
        and not set('<>:"|?*/\\') & set(name)
        and not any(unicodedata.category(char) in ("Cc", "Cf", "Cs", "Zl", "Zp") for char in name)
        and unicodedata.normalize("NFC", name) == name
        and name[0] not in ".-~ "
        and name[-1] not in ". "
        and ".." not in name
        and not _DEVICE.match(name)
    )


def check(data: bytes) -> None:
    """As bytes, and as the text that WSGI makes of them."""
    most = 64 + (data[0] if data else 0) % 192
    for name in (data[1:], data[1:].decode("latin-1"), data[1:].decode("utf-8", "surrogateescape")):
        safe = safe_name(name, max_bytes=most)
        assert is_safe(safe, most), safe
        assert safe_name(safe, max_bytes=most) == safe
        assert "".join(split_name(safe)) == safe
        assert is_safe(suffixed(safe), 255)
        shown = display_name(name)
        assert 0 < len(shown) <= 255
        assert display_name(shown) == shown
        assert "/" not in shown
        assert log_name(name).isascii()
        assert log_name(name).isprintable()
        assert content_disposition(shown).isascii()
    text = data.decode("utf-8", "surrogateescape")
    for template in _TEMPLATES:
        stored = render(template, name=data, upload_id=text, now=_NOW, principal=text, path_names={"album": text})
        assert all(is_safe(part, 255) for part in stored.split("/")), stored
        assert stored.count("/") == template.count("/")
