"""multipart/form-data as a stream of fields and files (RFC 7578), bounded in everything a client could inflate.

What lives here: the loop that feeds the `multipart` package's push parser and the caps. What must not: storing,
naming, deciding. A file's bytes are handed on block by block as they come and are nowhere kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as _new
from typing import cast

from multipart import (  # type: ignore[import-untyped]  # what comes out is given its type here, its only importer
    MultipartError,
    MultipartSegment,
    ParserError,
    ParserLimitReached,
    PushMultipartParser,
    parse_options_header,
)

from .body import Block, Body
from .errors import MalformedForm, TooLarge, TooMany

__all__ = ["LONGEST_HEAD", "FilePart", "Form", "FormLimits", "ParsedForm", "header_parameters"]

# RFC 2046 section 5.1.1: boundary := 0*69<bchars> bcharsnospace
_LONGEST_BOUNDARY = 70
# Old clients put a line of text before the first boundary; more than this is not a form (CVE-2025-61770 and kin).
_LONGEST_PREAMBLE = 4 << 10
_LONGEST_HEADER, _MOST_HEADERS = 8 << 10, 16  # RFC 7578 has use for three headers
# What may be a header's name (RFC 9110 section 5.6.2), and what the package takes for one.
_TOKEN, _PLAIN_TOKEN = re.compile(rb"[A-Za-z0-9!#$%&'*+.^_`|~-]+"), re.compile(rb"[A-Za-z0-9_-]+")
#: The most bytes of a part's header. As many may belong to no part: after the last boundary, or in a header that does
#: not end.
LONGEST_HEAD = _LONGEST_HEADER * _MOST_HEADERS


class _Parser(PushMultipartParser):  # type: ignore[misc]  # the package is untyped
    """The package's parser, but for two judgements on the lines of a part's header."""

    def _on_segment_headerline(self, line: bytes) -> None:
        """RFC 7578 section 4.8: other header fields "MUST be ignored", whatever their name."""
        if b"\n" in line:  # the package takes it, or not, by where the blocks of the body happen to end
            raise ParserError("Invalid line break in segment header")
        name, colon, value = line.partition(b":")
        if _TOKEN.fullmatch(name) and not _PLAIN_TOKEN.fullmatch(name):
            line = b"X-Ignored" + colon + value
        super()._on_segment_headerline(line)


@dataclass(frozen=True)
class FormLimits:
    """Caps: number of text fields, bytes of one and of all of them, number of files."""

    max_fields: int = 100
    max_field_size: int = 64 << 10
    max_fields_size: int = 1 << 20
    max_files: int = 20


@dataclass
class FilePart:
    """One file of a form: read `chunks` to its end before asking for the next part. `type` is the client's claim."""

    field: str
    filename: str
    type: str
    chunks: Iterator[Block]
    fields: Mapping[str, str] = _new(default_factory=dict)


class Form:
    """The parts of one multipart body, in the order in which they stand.

    `fields` holds the text fields seen so far, the last of each name; `leading()` reads as far as the first file.
    Raises MalformedForm (400) on broken grammar, TooMany and TooLarge (413) over a cap, and what `Body` raises.
    """

    def __init__(self, body: Body, content_type: str, limits: FormLimits) -> None:
        self.fields: dict[str, str] = {}
        self._limits = limits
        self._field_count = self._fields_size = self._file_count = 0
        self._boundary = _boundary(content_type)
        self._events = self._parse(body)
        self._peeked: FilePart | None = None

    def leading(self) -> Mapping[str, str]:
        """The text fields before the first file: what tells protocols apart and carries CSRF tokens."""
        if self._peeked is None and self._file_count == 0:
            self._peeked = self._next_file()
        return self.fields

    @property
    def first_file(self) -> FilePart | None:
        """The first file, its bytes not yet read, or None in a form without any. Reads like `leading`."""
        self.leading()
        return self._peeked

    def files(self) -> Iterator[FilePart]:
        """Each file in turn; the one before is read to its end first if its reader left something."""
        self.leading()
        part, self._peeked = self._peeked, None
        while part is not None:
            yield part
            for _rest in part.chunks:
                pass
            part = self._next_file()

    def _next_file(self) -> FilePart | None:
        for event in self._events:
            if not isinstance(event, MultipartSegment):
                continue  # the end of a part
            if event.filename is None:
                self._read_field(event)
            elif (part := self._file(event)) is not None:
                return part
        return None

    def _file(self, segment: MultipartSegment) -> FilePart | None:
        """The file, or None for an <input type=file> that was left empty: a part with filename="" and no bytes."""
        chunks = self._chunks()
        first = next(chunks, b"")
        if not first and not segment.filename:
            self._count_field()  # nothing in it counts as a file, and a form could have millions of them
            return None
        self._file_count += 1
        if self._file_count > self._limits.max_files:
            raise TooMany(f"Too many files at once: at most {self._limits.max_files} are taken (max_files).")
        kind = segment.content_type or "application/octet-stream"
        return FilePart(segment.name or "", segment.filename or "", kind, _with(first, chunks), self.fields)

    def _chunks(self) -> Iterator[Block]:
        """The bytes of the part that has just begun, to its end."""
        for event in self._events:
            if event is None:
                return
            yield event  # between a segment and its end there is nothing but bytes

    def _read_field(self, segment: MultipartSegment) -> None:
        limits, value = self._limits, bytearray()
        self._count_field()
        for chunk in self._chunks():
            value += chunk
            self._fields_size += len(chunk)
            if len(value) > limits.max_field_size or self._fields_size > limits.max_fields_size:
                raise TooLarge("The form's text fields are too large (max_field_size, max_fields_size).")
        self.fields[segment.name or ""] = value.decode("utf-8", "replace")

    def _count_field(self) -> None:
        self._field_count += 1
        if self._field_count > self._limits.max_fields:
            raise TooMany(f"Too many form fields: at most {self._limits.max_fields} are taken (max_fields).")

    def _parse(self, body: Body) -> Iterator[MultipartSegment | Block | None]:
        parser = _Parser(self._boundary, max_header_size=_LONGEST_HEADER, max_header_count=_MOST_HEADERS)
        silence, inside = 0, False
        try:
            for block in self._from_first_boundary(body):
                silence += 0 if inside else len(block)
                for event in parser.parse(block if isinstance(block, (bytes, bytearray)) else bytes(block)):
                    silence, inside = 0, event is not None
                    yield event
                if silence > LONGEST_HEAD:
                    raise MalformedForm("The form could not be read: there is too much between or after its parts.")
            parser.close()  # raises when the last boundary is missing: a cut form is never a whole one
        except ParserLimitReached as error:
            raise MalformedForm("The form could not be read: a part's headers are too long or too many.") from error
        except MultipartError as error:
            raise MalformedForm from error

    def _from_first_boundary(self, body: Body) -> Iterator[Block]:
        """The body's blocks, once a boundary was seen near its start: no parser ever searches a foreign body."""
        delimiter, start = b"--" + self._boundary, bytearray()
        while delimiter not in start:
            if len(start) > _LONGEST_PREAMBLE + len(delimiter) or not (block := body.read()):
                raise MalformedForm("The form could not be read: its boundary is not where it should be.")
            start += block
        if start.find(delimiter) > _LONGEST_PREAMBLE:
            raise MalformedForm("The form could not be read: there is too much before its first part.")
        yield start
        yield from body


class ParsedForm(Form):
    """A form that the framework had parsed before it came to us: put it into `environ["ajaxupload.form"]`, and
    protocols find what they would find in the stream. An input that was left empty is no file here either."""

    def __init__(self, fields: Mapping[str, str], files: Iterable[FilePart]) -> None:
        self.fields = dict(fields)
        self._file_count = 0
        self._peeked: FilePart | None = None
        self._parts = iter(files)

    def _next_file(self) -> FilePart | None:
        for part in self._parts:
            first = next(part.chunks, b"")
            if first or part.filename:
                self._file_count += 1
                return replace(part, chunks=_with(first, part.chunks), fields=self.fields)
        return None


def _with(first: Block, rest: Iterator[Block]) -> Iterator[Block]:
    if first:
        yield first
    yield from rest


def _boundary(content_type: str) -> bytes:
    """The boundary parameter. MalformedForm when it is missing, doubled, too long or not ASCII."""
    # Two boundaries let two parsers read two different forms (Rack CVE-2026-26961): refuse to choose.
    if content_type.lower().count("boundary=") > 1:
        raise MalformedForm("The Content-Type header names more than one boundary.")
    boundary = header_parameters(content_type).get("boundary", "")
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
        raise MalformedForm("The Content-Type header must name a boundary of 1 to 70 printable characters.")
    return boundary.encode("ascii")


def header_parameters(value: str) -> dict[str, str]:
    """The parameters of a header such as `form-data; name="f"; filename="a.txt"`, names lower-case; {} if too long."""
    return cast("dict[str, str]", parse_options_header(value)[1]) if len(value) <= _LONGEST_HEADER else {}
