"""Ranges: what a client asks of a stored file, on which conditions, and where a piece says that it belongs.

What lives here: the answers' arithmetic. What must not: how pieces are put together (tests/partials).
"""

from __future__ import annotations

import re
import tempfile

from webob import Request

from ajaxupload.endpoint import upload_endpoint
from ajaxupload.protocols.download import attachment
from tests.fuzz.feed import Feed

CONTENT = bytes(range(256)) * 4
SEEDS = (
    b"\x00bytes=0-99", b"\x01bytes=-10", b"\x02bytes=1000-", b"\x03bytes=0-0,5-9", b"\x04bytes=1023-2000",
    b"\x00bytes=1-2\nSun, 06 Nov 1994 08:49:37 GMT", b"\x02\nSun, 06 Nov 1994 08:49:37 GMT", b'\x00bytes=1-2\n"x"',
    b"\x85bytes 0-99/1024", b"\x86bytes */1024", b"\x87bytes 0-1023/1024",
)  # fmt: skip
_DATES = (b"\n", b"Nov", b"GMT", b" GMT", b"99999", b"08:49:37", b"-0001", b"+9999", b"61", b"9" * 4400, b'"', b"W/")
WORDS = (
    b"bytes=",
    b"bytes ",
    b"-",
    b"/",
    b",",
    b"*",
    b"0",
    b"1023",
    b"1024",
    b"9" * 19,
    b" ",
    b"=",
    b"\xff",
    b"+1",
    b"\t",
    *_DATES,
)
CONDITIONS = ("If-Range", "If-Modified-Since", "If-None-Match")
_SHOWN = re.compile(r"bytes (\d+)-(\d+)/1024")
_ENDPOINT = upload_endpoint("memory", resumable=False)


def check_download(text: str, condition: str, method: str) -> None:
    """Status, length and bytes agree, whatever was asked."""
    with tempfile.TemporaryFile() as file:
        file.write(CONTENT)
        file.flush()
        asked = Request.blank("/", method=method, headers={"Range": text, **dict.fromkeys(CONDITIONS, condition)})
        answer = asked.get_response(attachment(file, "x"))
        assert answer.status_code in (200, 206, 304, 416), answer.status
        if answer.status_code == 206:
            found = _SHOWN.fullmatch(answer.headers["Content-Range"])
            assert found, answer.headers["Content-Range"]
            wanted = CONTENT[int(found[1]) : int(found[2]) + 1]
        else:
            wanted = CONTENT if answer.status_code == 200 else b""
        told = answer.status_code in (304, 416)
        assert told or int(answer.headers["Content-Length"]) == len(wanted)
        assert told or method == "HEAD" or answer.body == wanted


def check_piece(text: str) -> None:
    """An endpoint for whole files refuses any piece: stored as a file of its own it would be a corrupt one."""
    asked = Request.blank("/?filename=a.bin", method="PUT", body=b"x", headers={"Content-Range": text})
    assert asked.get_response(_ENDPOINT).status_code in (400, 501)


def check(data: bytes) -> None:
    """As one of the two."""
    kind, text = Feed(data).byte(), data[1:].decode("latin-1")
    if kind & 0x80:
        check_piece(text)
    else:
        wanted, _, condition = text.partition("\n")
        check_download(wanted, condition, "HEAD" if kind & 1 else "GET")
