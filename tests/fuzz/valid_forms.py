"""Forms as browsers write them, with any content: five other parsers find the same in them.

What lives here: making such a form of random bytes, and the other parsers. What must not: broken forms (forms.py), for
about those parsers differ.
"""

from __future__ import annotations

import email.message
import email.parser
import email.policy
import io
from collections.abc import Callable
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http.multipartparser import MultiPartParser as DjangoParser
from webob import Request
from werkzeug.formparser import MultiPartParser as WerkzeugParser

from tests.fuzz.feed import Feed, blocks
from tests.fuzz.forms import Part, Source, by_multipart, outcome

NAMES = ("a", "b.txt", "\xe4 \u20ac.jpg", "x y", "semi;colon", "per%cent", "'quote'", "equal=s", "com,ma", "(b)")
SEEDS = (
    b"\x02\x01\x00\x00\x05file\r\n\x00\x02\x06field\x00",
    b"\x03\x02\x01\x02\x0c\r\n--Xb\r\n--X\r\x01\x01\x00\x02\x00\x03\r\r\n",
)
WORDS = (b"\r", b"\n", b"\r\n", b"\r\n--Xb", b"\r\n--", b"--XbX", b"\r\r\n--XbX", b"\0", b"\xff", b"\x01", b"\x02")


def made(feed: Feed) -> list[Part]:
    """The parts that the bytes stand for."""
    parts: list[Part] = []
    for _ in range(feed.byte() % 6):
        field, filename = feed.choice(NAMES), feed.choice((None, *NAMES))
        content = feed.take(feed.byte()).replace(b"XbX", b"XcX")
        # Text is what each of them decodes in a way of its own: bytes that need none are the same to all.
        parts.append((field, filename, content if filename else bytes(byte & 0x5F | 0x40 for byte in content)))
    return parts


def written(parts: list[Part]) -> bytes:
    """As a browser does: quotes in names would be percent-encoded, and are not among ours."""
    body = b""
    for field, filename, content in parts:
        more = f'; filename="{filename}"\r\nContent-Type: application/octet-stream' if filename else ""
        body += f'--XbX\r\nContent-Disposition: form-data; name="{field}"{more}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--XbX--\r\n"


def by_werkzeug(body: bytes) -> list[Part]:
    """Werkzeug's: fields first, then files."""
    parser = WerkzeugParser(stream_factory=lambda *_, **__: io.BytesIO())
    fields, files = parser.parse(io.BytesIO(body), b"XbX", len(body))
    found: list[Part] = [(name, None, value.encode()) for name, value in fields.items(multi=True)]
    return found + [(name, file.filename, file.read()) for name, file in files.items(multi=True)]


def by_django(body: bytes) -> list[Part]:
    """Django's: of a name all values; its names are cleaned, so only those that need it not are compared."""
    if not settings.configured:  # to what Django's own tests want to find, should they run in this process later on
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DJANGO_SETTINGS_MODULE", "tests.django.settings")
            assert settings.DEFAULT_CHARSET == "utf-8"
    meta: dict[str, Any] = {"CONTENT_TYPE": "multipart/form-data; boundary=XbX", "CONTENT_LENGTH": len(body)}
    handler = MemoryFileUploadHandler()
    handler.chunk_size = 64 << 10
    handler.handle_raw_input(io.BytesIO(), meta, len(body), "XbX")
    fields, files = DjangoParser(meta, io.BytesIO(body), [handler]).parse()
    found: list[Part] = [(name, None, value.encode()) for name, values in fields.lists() for value in values]
    return found + [(name, file.name, file.read()) for name, each in files.lists() for file in each]


def by_webob(body: bytes) -> list[Part]:
    """WebOb's, which is the standard library's cgi."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "CONTENT_TYPE": "multipart/form-data; boundary=XbX",
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }
    found: list[Part] = []
    for name, value in Request(environ).POST.items():
        if isinstance(value, str):
            found.append((name, None, value.encode()))
        else:
            content: Any = value.value
            found.append((name, value.filename, content))
    return found


def by_email(body: bytes) -> list[Part]:
    """The standard library's parser of mail: of line ends it knows more than one, so contents have none then."""
    head = b"Content-Type: multipart/form-data; boundary=XbX\r\n\r\n"
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    found: list[Part] = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        found.append((str(part.get_param("name", header="content-disposition")), part.get_filename(), content))
    return found


def _sorted(parts: list[Part]) -> list[Part]:
    return sorted(parts, key=repr)


def check(data: bytes) -> None:
    """Ours is what was written, and so is theirs."""
    feed = Feed(data)
    parts = made(feed)
    body = written(parts)
    last = {name: content.decode() for name, file, content in parts if file is None}
    files = [part for part in parts if part[1] is not None]
    assert outcome(Source(blocks(body, feed.rest))) == (files, last)
    assert by_multipart(body) == (files, last)
    plain = [part for part in parts if (part[0] + (part[1] or "")).isascii()]
    others: list[tuple[Callable[[bytes], list[Part]], list[Part]]] = [(by_werkzeug, parts), (by_django, parts)]
    others.append((by_webob, parts))
    if not any(b"\r" in content or b"\n" in content or not content.isascii() for _, _, content in parts):
        others.append((by_email, plain))
    for theirs, wanted in others:
        shown = written(plain) if theirs is by_email else body
        assert _sorted(theirs(shown)) == _sorted(wanted), theirs.__name__
