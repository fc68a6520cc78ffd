"""Handing a stored file out so that it can do no harm.

What lives here: the headers under which anything that a stranger uploaded may leave. What must
not: where files are kept.

Whatever the file is, it leaves as an attachment of no type: an HTML page or an SVG image that somebody uploaded would
otherwise run as a page of this site.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Any, BinaryIO
from urllib.parse import quote

from webob import Response
from webob.datetime_utils import parse_date

from ..naming import display_name

__all__ = ["Conditional", "attachment", "content_disposition"]

_BLOCK = 256 << 10
_HARMLESS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
#: RFC 5987 section 3.2.1: attr-char, what needs no percent-encoding beside letters and digits.
_ATTR_CHARS = "!#$&+-.^_`|~"
#: RFC 9110 section 14.1.2: one int-range or suffix-range. "A server MAY ignore the Range header field": a list of
#: thousands costs a server dearly, and to answer the first of them alone is not what was asked.
_ONE_RANGE = re.compile(r"bytes=(?:[0-9]{1,18}-[0-9]{0,18}|-(?!0+\Z)[0-9]{1,18})", re.ASCII)


class Conditional(Response):
    """An answer that heeds what its client has already, and the one range that it wants.

    WebOb does that. What it would fall over, though any client can send it, is as if it had not been sent: "bytes=-",
    numbers of thousands of digits, dates that are none.
    """

    def conditional_response_app(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """WebOb's, asked about what can be read."""
        heeded = dict(environ)
        if not _ONE_RANGE.fullmatch(environ.get("HTTP_RANGE", "").strip()):
            heeded.pop("HTTP_RANGE", None)
        if not _is_date(environ.get("HTTP_IF_MODIFIED_SINCE", "")):
            heeded.pop("HTTP_IF_MODIFIED_SINCE", None)
        validator = environ.get("HTTP_IF_RANGE", "")
        if validator.endswith(" GMT") and not _is_date(validator):
            heeded.pop("HTTP_RANGE", None)  # section 13.1.5: a validator that does not match, "ignore the Range"
        return super().conditional_response_app(heeded, start_response)


def _is_date(text: str) -> bool:
    try:
        return parse_date(text) is not None
    except (ValueError, OverflowError, OSError):
        return False


class _Blocks:
    """A file's bytes from `start` (None: where it stands) to before `stop`, block by block; closes the file however the
    answer ends."""

    def __init__(self, file: BinaryIO, start: int | None, stop: int) -> None:
        self._file = file
        self._start, self._stop = start, stop

    def __iter__(self) -> Iterator[bytes]:
        if self._start is not None:
            self._file.seek(self._start)
        left = self._stop - (self._start or 0)
        while left > 0 and (block := self._file.read(min(_BLOCK, left))):
            left -= len(block)
            yield block

    def app_iter_range(self, start: int, stop: int) -> _Blocks:
        """What WebOb asks for when it answers a Range."""
        return _Blocks(self._file, start, stop)

    def close(self) -> None:
        """Part of WSGI: the server calls it, also when the client went away."""
        self._file.close()


def content_disposition(name: str) -> str:
    """`attachment` with the file's name (RFC 6266): plain ASCII for old clients, UTF-8 for all others (RFC 5987).

    No name can end the header or its quotes: control characters, quotes and backslashes do not get into it.
    """
    shown = display_name(name)
    plain = "".join(char if " " <= char <= "~" and char not in '"\\%' else "_" for char in shown)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe=_ATTR_CHARS)}"


def attachment(file: BinaryIO, name: str, size: int | None = None) -> Response:
    """The file as an attachment; the answer owns it and closes it, and honours a Range.

    `size` is that of a file which is none of this machine, and cannot be read from the middle.
    """
    response = _streamed(file, size) if size is not None else _from_disk(file)
    response.headers["Content-Disposition"] = content_disposition(name)
    response.headers.update(_HARMLESS.items())
    return response


def _from_disk(file: BinaryIO) -> Response:
    info = os.fstat(file.fileno())
    return Conditional(
        app_iter=_Blocks(file, 0, info.st_size),
        content_type="application/octet-stream",
        content_length=info.st_size,
        conditional_response=True,
        etag=f"{info.st_ino:x}-{info.st_size:x}-{info.st_mtime_ns:x}",
        last_modified=datetime.fromtimestamp(int(info.st_mtime), timezone.utc),
        accept_ranges="bytes",
    )


def _streamed(file: BinaryIO, size: int) -> Response:
    blocks = _Blocks(file, None, size)
    return Response(app_iter=blocks, content_type="application/octet-stream", content_length=size)
