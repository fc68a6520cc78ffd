"""Any body as a form: read or refused, and the same for every way of cutting it into blocks.

What lives here: whole bodies, and the `multipart` package's own parser beside ours. What must not: forms that are known
to be valid (valid_forms.py).
"""

from __future__ import annotations

from collections.abc import Iterable

from multipart import (  # type: ignore[import-untyped]  # it ships no types
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
)

from ajaxupload.body import Body
from ajaxupload.errors import UploadError
from ajaxupload.forms import Form, FormLimits
from ajaxupload.heads import LONGEST_LINE
from ajaxupload.lent import Lent
from tests.fuzz.feed import blocks

TYPE = "multipart/form-data; boundary=XbX"
#: Field, file name or None, content.
Part = tuple[str, str | None, bytes]
Read = tuple[list[Part], dict[str, str]]

_HEAD = b'--XbX\r\nContent-Disposition: form-data; name="a"'
_FILE = _HEAD + b'; filename="b.txt"\r\nContent-Type: text/plain\r\n\r\n'
SEEDS = (
    b"\x00" + _HEAD + b"\r\n\r\nfield\r\n" + _FILE + b"\r\n--Xb\r\r\n--XbX--\r\n",
    b"\x03\x07\x01\x00" + _FILE + b"file\r\n" + _HEAD + b"\r\nContent-Length: 1\r\n\r\nx\r\n--XbX--",
    b"\x01\x2f" + b"preamble\r\n" + _HEAD + b'; filename=""\r\nX: y\r\n z\r\n\r\n\r\n--XbX--epilogue',
    b"\x00" + b"--XbX--",
)
WORDS = (
    b"\r", b"\n", b"\r\n", b"\r\n\r\n", b"--", b"--XbX", b"\r\n--XbX", b"\r\n--XbX\r\n", b"\r\n--XbX--", b"--Xb", b" ",
    b":", b";", b'"', b"\\", b"%22", b"\xc3\xa4", b"\xff", b"\0", b"Content-Disposition: ", b"form-data", b'; name="a"',
    b"Content-Type: a/b", b"Content-Length: 1", b"; filename*=UTF-8''x", b"; filename=x", b"X-Odd!: y", _HEAD, _FILE,
)  # fmt: skip


class Source:
    """These blocks, as bytes."""

    def __init__(self, of: Iterable[bytes]) -> None:
        self._blocks = iter(of)

    def read(self, size: int, /) -> bytes:
        """The next one."""
        return next(self._blocks, b"")


class Lending(Lent):
    """These blocks, received into one object."""

    def __init__(self, of: Iterable[bytes]) -> None:
        self._blocks = iter(of)
        self._object = bytearray(64)

    def read(self, size: int, /) -> memoryview:
        """The next one; the one before is spoilt."""
        block = next(self._blocks, b"")
        self._object[:] = block.ljust(64, b"\r")
        return memoryview(self._object)[: len(block)]


def outcome(source: Source | Lending) -> Read | None:
    """What was read, None for a refusal."""
    try:
        form = Form(Body(source, None), TYPE, FormLimits())
        files = [(part.field, part.filename, b"".join(bytes(chunk) for chunk in part.chunks)) for part in form.files()]
    except UploadError:
        return None
    return [(field, name, content) for field, name, content in files], form.fields


def by_multipart(data: bytes) -> Read | None:
    """The same by the package's parser; inputs that were left empty are no files to us."""
    parts: list[Part] = []
    try:
        with PushMultipartParser("XbX", max_header_size=LONGEST_LINE, max_header_count=16) as parser:
            for event in parser.parse(data) if data else ():
                if isinstance(event, MultipartSegment):
                    parts.append((event.name, event.filename, b""))
                elif event is not None:
                    parts[-1] = (*parts[-1][:2], parts[-1][2] + event)
    except MultipartError:
        return None
    files = [part for part in parts if part[1] or (part[1] == "" and part[2])]
    return files, {name: content.decode("utf-8", "replace") for name, file, content in parts if file is None}


def check(data: bytes) -> None:
    """Its first bytes say how the others are cut."""
    count = data[0] % 8 if data else 0
    sizes, body = data[1 : 1 + count], data[1 + count :]
    whole = outcome(Source([body] if body else []))
    assert outcome(Source(blocks(body, sizes))) == whole, "other blocks, another form"
    assert outcome(Lending(blocks(body, sizes or b"?"))) == whole, "another source, another form"
    assert outcome(Lending(blocks(body, b"\0"))) == whole, "byte by byte, another form"
    theirs = by_multipart(body)
    assert whole is None or theirs is None or whole == theirs, "another parser reads another form"
