"""multipart/form-data as a stream of fields and files (RFC 7578), bounded in everything a client could inflate.

What lives here: what is a field, what a file, and how many of each there may be. What must not: where parts begin and
end (parts.py), what their headers say (heads.py), and storing, naming, deciding. A file's bytes are handed on block by
block as they come and are nowhere kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as _new
from itertools import chain

from .body import Block, Body
from .errors import MalformedForm, TooLarge, TooMany
from .heads import LONGEST_HEAD, Head, header_parameters
from .parts import Parts

__all__ = ["LONGEST_HEAD", "FilePart", "Form", "FormLimits", "ParsedForm", "header_parameters"]

# RFC 2046 section 5.1.1: boundary := 0*69<bchars> bcharsnospace
_LONGEST_BOUNDARY = 70


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
        self._parts = Parts(body, _boundary(content_type))
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
        while (head := self._parts.next()) is not None:
            if head.filename is None:
                self._read_field(head)
            elif (part := self._file(head, head.filename)) is not None:
                return part
        return None

    def _file(self, head: Head, filename: str) -> FilePart | None:
        """The file, or None for an <input type=file> that was left empty: a part with filename="" and no bytes."""
        first = self._parts.piece()
        if first is None and not filename:
            self._count_field()  # nothing in it counts as a file, and a form could have millions of them
            return None
        self._file_count += 1
        if self._file_count > self._limits.max_files:
            raise TooMany(f"Too many files at once: at most {self._limits.max_files} are taken (max_files).")
        chunks: Iterator[Block] = iter(()) if first is None else chain((first,), iter(self._parts.piece, None))
        return FilePart(head.name, filename, head.type or "application/octet-stream", chunks, self.fields)

    def _read_field(self, head: Head) -> None:
        limits, value = self._limits, bytearray()
        self._count_field()
        while (piece := self._parts.piece()) is not None:
            value += piece
            self._fields_size += len(piece)
            if len(value) > limits.max_field_size or self._fields_size > limits.max_fields_size:
                raise TooLarge("The form's text fields are too large (max_field_size, max_fields_size).")
        self.fields[head.name] = value.decode("utf-8", "replace")

    def _count_field(self) -> None:
        self._field_count += 1
        if self._field_count > self._limits.max_fields:
            raise TooMany(f"Too many form fields: at most {self._limits.max_fields} are taken (max_fields).")


class ParsedForm(Form):
    """A form that the framework had parsed before it came to us: put it into `environ["ajaxupload.form"]`, and
    protocols find what they would find in the stream. An input that was left empty is no file here either."""

    def __init__(self, fields: Mapping[str, str], files: Iterable[FilePart]) -> None:
        self.fields = dict(fields)
        self._file_count = 0
        self._peeked: FilePart | None = None
        self._read = iter(files)

    def _next_file(self) -> FilePart | None:
        for part in self._read:
            first = next(part.chunks, b"")
            if first or part.filename:
                self._file_count += 1
                return replace(part, chunks=chain((first,) if first else (), part.chunks), fields=self.fields)
        return None


def _boundary(content_type: str) -> bytes:
    """The boundary parameter. MalformedForm when it is missing, doubled, too long or not ASCII."""
    # Two boundaries let two parsers read two different forms (Rack CVE-2026-26961): refuse to choose.
    if content_type.lower().count("boundary=") > 1:
        raise MalformedForm("The Content-Type header names more than one boundary.")
    boundary = header_parameters(content_type).get("boundary", "")
    if not 1 <= len(boundary) <= _LONGEST_BOUNDARY or not boundary.isascii() or not boundary.isprintable():
        raise MalformedForm("The Content-Type header must name a boundary of 1 to 70 printable characters.")
    return boundary.encode("ascii")
