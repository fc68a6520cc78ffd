"""The header of one part of a form (RFC 7578 section 4): its lines judged, and what the form needs of them.

What lives here: what a header line may be, its caps, and which header means what. What must not: where lines come from
(parts.py). The two headers with parameters are taken apart by the `multipart` package, whose rules are browsers'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

# What comes out is given its type here, the package's only importer.
from multipart import parse_content_disposition, parse_options_header  # type: ignore[import-untyped]  # it ships none

from .errors import MalformedForm

__all__ = ["LONGEST_HEAD", "LONGEST_LINE", "Head", "HeadLines", "browsers_head", "header_parameters"]

#: The most bytes of one header, the lines that continue it included, and the most headers of a part: RFC 7578 has use
#: for three. And the most lines: each costs as much as a hundred bytes that are found, and can be three bytes short.
LONGEST_LINE, MOST_HEADERS, _MOST_LINES = 8 << 10, 16, 64
#: The most bytes of a part's header. As many may stand behind the last boundary.
LONGEST_HEAD = LONGEST_LINE * MOST_HEADERS

_USED = frozenset(("Content-Disposition", "Content-Type", "Content-Length"))
# RFC 9110 section 5.6.2: token; and what may have a space before its colon, which old clients send.
_NAME, _SPACED_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"), re.compile(r"\s*([A-Za-z0-9_-]+)\s*")
_LENGTH = re.compile(r"0|[1-9][0-9]{0,18}")
_TOO_LONG = "The form could not be read: a part's headers are too long or too many."


@dataclass(slots=True)
class Head:
    """One part's: `filename` is None for a text field, `type` without its parameters, None where there is none.
    `length` is the part's own Content-Length, which few clients send; -1 where there is none."""

    name: str
    filename: str | None
    type: str | None
    length: int


def browsers_head(raw: bytes) -> Head | None:
    """The head that is these lines, if they are what browsers send; None for all others, which may be as good: ask
    `HeadLines` about them. With many small files this is what each of them costs."""
    disposition, another, more = raw.partition(b"\r\n")
    label, _, kind = more.partition(b": ")
    if not disposition.startswith(b"Content-Disposition: form-data;") or (another and label != b"Content-Type"):
        return None
    if b"\n" in disposition or b"\n" in kind or len(raw) > LONGEST_LINE:
        return None
    try:
        _, name, filename = parse_content_disposition(disposition[21:].decode())
        return Head(name, filename, parse_options_header(kind.decode())[0] if more else None, -1) if name else None
    except UnicodeDecodeError:
        return None


class HeadLines:
    """Takes a part's header line by line, without their ends. Each method raises MalformedForm."""

    def __init__(self) -> None:
        self._headers: list[list[bytes]] = []  # each header's lines
        self._size = 0  # of the last one
        self._count = 0  # of all lines

    def add(self, line: bytes) -> None:
        """One more line, not empty."""
        if b"\n" in line:
            raise MalformedForm("The form could not be read: a part's header has a line break of its own.")
        if line[0] in b" \t":  # RFC 5322 section 2.2.3: it continues the one before
            if not self._headers or line.isspace():
                raise MalformedForm
            self._size += len(line)
            self._headers[-1] += (b" ", line[1:])
        else:
            self._size = len(line)
            self._headers.append([line])
            if b":" not in line:
                raise MalformedForm
        self._count += 1
        if self._size > LONGEST_LINE or len(self._headers) > MOST_HEADERS or self._count > _MOST_LINES:
            raise MalformedForm(_TOO_LONG)

    def head(self) -> Head:
        """What they say, after the last one. Of headers that came twice the last counts, as in all parsers."""
        disposition = name = filename = kind = None
        length = -1
        for header, value, folded in self._parsed():
            if header == "Content-Disposition":
                disposition, name, filename = parse_content_disposition(value)
            elif header == "Content-Type":
                kind = parse_options_header(value)[0]
            elif length >= 0 or folded or not _LENGTH.fullmatch(value):
                raise MalformedForm("The form could not be read: a part's Content-Length is not one number.")
            else:
                length = int(value)
        if disposition != "form-data":
            raise MalformedForm
        if not name:
            # RFC 7578 section 4.2: it "MUST also contain an additional parameter of "name"". Parsers disagree about
            # what has none, and browsers leave out of forms what has an empty one.
            raise MalformedForm("The form could not be read: one of its parts has no name.")
        return Head(name, filename, kind, length)

    def _parsed(self) -> Iterator[tuple[str, str, bool]]:
        """Name, value, and whether it took several lines; of those that are used. RFC 7578 section 4.8: others "MUST
        be ignored", whatever their name."""
        for lines in self._headers:
            try:
                name, _, value = (lines[0] if len(lines) == 1 else b"".join(lines)).decode().partition(":")
            except UnicodeDecodeError as error:
                raise MalformedForm from error
            if name not in _USED:
                spaced = _SPACED_NAME.fullmatch(name)
                if not spaced and not _NAME.fullmatch(name):
                    raise MalformedForm
                name = spaced[1].title() if spaced else name
            if name in _USED:
                yield name, value.lstrip(" \t"), len(lines) > 1


def header_parameters(value: str) -> dict[str, str]:
    """The parameters of a header such as `form-data; name="f"; filename="a.txt"`, names lower-case; {} if too long."""
    return cast("dict[str, str]", parse_options_header(value)[1]) if len(value) <= LONGEST_LINE else {}
