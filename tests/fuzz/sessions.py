"""A few requests to one endpoint, in whatever protocol they may be: each has an answer, and none is a fault of ours.

What lives here: requests of any method, headers and body, the later ones to what the earlier ones made. What must not:
what each answer says (tests/wire).
"""

from __future__ import annotations

import os
import tempfile
from typing import Any, ClassVar
from urllib.parse import quote

from webob import Request

from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.config import load
from ajaxupload.endpoint import Endpoint
from tests.fuzz.feed import Feed
from tests.fuzz.forms import SEEDS as FORMS

METHODS = ("POST", "PATCH", "HEAD", "PUT", "DELETE", "GET", "OPTIONS", "BREW")
NAMES = (
    "Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata", "Upload-Checksum", "Upload-Concat",
    "Upload-Defer-Length", "Upload-Complete", "Upload-Incomplete", "Upload-Draft-Interop-Version", "Content-Digest",
    "Repr-Digest", "Want-Repr-Digest", "Content-Range", "Range", "Content-Disposition", "X-File-Name",
    "Idempotency-Key", "X-HTTP-Method-Override", "Origin", "Sec-Fetch-Site", "Accept", "X-Requested-With", "Cookie",
    "Upload-Name",
)  # fmt: skip
TEXTS = (
    "1.0.0", "0", "1", "5", "10", "?1", "?0", "6", "8", "-1", "99999999999999999999", "filename YS50eHQ=", "partial",
    "final;/", "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk=", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:",
    "sha-256=1", "bytes 0-4/10", "bytes=0-1", "attachment; filename=a.txt", "key", "PATCH", "http://else.example",
    "cross-site",
    "text/html", "application/json", "XMLHttpRequest", "null", "a" * 300, "\xe4",
)  # fmt: skip
TYPES = (
    "application/offset+octet-stream", "multipart/form-data; boundary=XbX", "application/partial-upload", "",
    "application/x-www-form-urlencoded", "text/plain", "image/png", "application/json", "multipart/mixed; boundary=XbX",
)  # fmt: skip
QUERIES = (
    "", "qqfile=a.bin", "filename=a.bin", "upload=x", "patch=x", "restore=x", "load=x", "file=a", "done", "files[]=a",
    "resumableIdentifier=i&resumableChunkNumber=1&resumableTotalChunks=2&resumableChunkSize=5&resumableTotalSize=9",
    "flowIdentifier=i&flowChunkNumber=1&flowTotalChunks=1&flowChunkSize=5&flowTotalSize=5&flowFilename=a",
    "qquuid=6c0fbbf2-6a2f-4a2a-bd6a-05a7a0a3a0f0&qqpartindex=0&qqtotalparts=2&qqfilename=a&qqtotalfilesize=10",
    "name=a&chunk=0&chunks=2", "_method=DELETE&file=a", "%ff=%00&a[b]=c",
)  # fmt: skip
BODIES = (
    b"",
    b"hello",
    b"hello",
    b"0123456789",
    *(form.lstrip(b"\0\1\2\3\7\x2f") for form in FORMS),
    b'{"a": [1]}',
    b"a=b",
)
SEEDS = (
    b"\x01\x00\x00\x00\x03\x00\x00\x01\x03\x03\x0b\x00\x00\x01\x01\x01\x00\x02\x00\x00\x02\x01\x00\x01",
    b"\x00\x00\x00\x00\x02\x07\x05\x09\x07\x03\x01\x02\x01\x01\x00\x01\x02\x01\x02\x07\x05\x02\x01",
    b"\x00\x00\x00\x01\x00\x01\x04",
    b"\x01\x00\x00\x0a\x00\x01\x05\x00\x00\x0a\x00\x01\x05",
)
WORDS = tuple(bytes((number,)) for number in range(32))
#: What only our own faults have. 501 is for what is not offered, 507 for what does not fit.
# Some widgets try again after a 503 only, and get it for what came cut short.
_FAULTS = (500, 502, 503, 504)


class Store(MemoryUploadBackend):
    """A store of this target's own."""

    files: ClassVar[dict[str, bytes]] = {}


def request(feed: Feed, made: list[str]) -> Request:
    """One request, perhaps to what an earlier one made."""
    method, where = feed.choice(METHODS), feed.byte()
    path = made[-1] if made and where & 1 else "/up/" + quote(feed.text(), errors="replace") if where & 2 else "/up"
    headers = {feed.choice(NAMES): value(feed) for _ in range(feed.byte() % 6)} if where < 240 else {}
    kind, body = feed.choice(TYPES), feed.choice(BODIES)
    asked = Request.blank(path, method=method, body=body, headers={**headers, "Content-Type": kind})
    if not asked.query_string:
        asked.query_string = feed.choice(QUERIES)
    if feed.byte() % 16 == 15:
        asked.environ["CONTENT_LENGTH"] = feed.choice(("", "-1", "0", "3", "999", "x"))
    return asked


def value(feed: Feed) -> str:
    """A header's, without what no server lets through."""
    text = feed.choice(TEXTS) if feed.byte() < 224 else feed.text().encode("utf-8", "replace").decode("latin-1")
    return "".join(char for char in text if char not in "\r\n\0")


def endpoint(folder: str) -> Endpoint:
    """One that offers all that there is, and lets no exception pass for an answer."""
    options: dict[str, Any] = {"partials_dir": folder, "serve": True, "allow_delete": True, "allow_list": True}
    config = {"backends": {"default": {"class": Store}}, "endpoints": {"/up": {**options, "max_size": 1000}}}
    return Endpoint(load(config).endpoints["/up"], propagate=True)


def check(data: bytes) -> None:
    """Up to four requests. Whatever they were, what is stored came whole."""
    feed, made = Feed(data), list[str]()
    Store.files.clear()
    # What is synced there costs nothing.
    memory = "/dev/shm" if os.path.isdir("/dev/shm") else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        ours = endpoint(folder)
        for _ in range(feed.byte() % 4 + 1):
            asked = request(feed, made)
            asked.script_name, asked.path_info = "/up", asked.path_info.removeprefix("/up")
            answer = asked.get_response(ours)
            assert answer.status_code not in _FAULTS or b'"incomplete"' in answer.body, answer.body
            made.extend([answer.headers["Location"]] if answer.headers.get("Location", "").startswith("/up/") else ())
    assert all(len(content) <= 1000 for content in Store.files.values())
