"""Headers that a form or a file comes with: Content-Type and Content-Disposition, of a request and of a part.

What lives here: what each is read as. What must not: structured fields (fields.py), tus (tus.py), ranges (ranges.py).
"""

from __future__ import annotations

from ajaxupload.body import Body
from ajaxupload.errors import MalformedForm, UploadError
from ajaxupload.forms import Form, FormLimits, header_parameters
from ajaxupload.heads import Head, HeadLines, browsers_head
from ajaxupload.protocols.download import content_disposition
from ajaxupload.protocols.raw import named_by
from ajaxupload.request import UploadRequest
from tests.fuzz.forms import Source

SEEDS = (
    b"multipart/form-data; boundary=----WebKitFormBoundary7MA4YWxkTrZu0gW",
    b'multipart/form-data; charset=utf-8; boundary="a b"',
    b'Content-Disposition: form-data; name="a"; filename="C:\\\\b\\\\c.txt"\r\nContent-Type: text/plain; charset=x',
    b'Content-Disposition: form-data; name="a"\r\n',
    b"Content-Disposition: form-data; name=a\r\n folded\r\nContent-Length: 12\r\nX-Odd!: 1",
    b"attachment; filename*=UTF-8''%e2%82%ac%20rates.txt; filename=\"plain.txt\"",
    b'form-data; name="\xc3\xa4"; filename="%22\\"\\\\"',
)
WORDS = (
    b";", b"=", b'"', b"\\", b'\\"', b" ", b"\t", b"\r\n", b"\r\n ", b"\n", b":", b",", b"boundary=", b"filename=",
    b"''", b"filename*=", b"filename*0*=", b"UTF-8''", b"name=", b"form-data", b"%22", b"%0d%0a", b"%", b"\xff",
    b"\xc3\xa4", b"\0", b"\x85", b"Content-Length: 5", b"Content-Disposition: form-data; ", b"Content-Type: ", b"--",
    b"A" * 70,
)  # fmt: skip


def by_lines(raw: bytes) -> Head | None:
    """A part's head as any parser reads it."""
    lines = HeadLines()
    try:
        for line in raw.split(b"\r\n"):
            if not line:
                return None
            lines.add(line)
        return lines.head()
    except MalformedForm:
        return None


def check(data: bytes) -> None:
    """As the header of a request, and as those of a part."""
    text = data.decode("latin-1")
    assert all(name == name.lower() for name in header_parameters(text))
    try:
        Form(Body(Source([]), 0), text, FormLimits())
    except UploadError as error:
        assert error.status == 400
    quick, slow = browsers_head(data) if data else None, by_lines(data)
    assert quick in (None, slow), "what browsers send means something else line by line"
    request = UploadRequest({"REQUEST_METHOD": "POST", "PATH_INFO": "", "HTTP_CONTENT_DISPOSITION": text})
    name = named_by(request)
    assert name is None or name
    written = content_disposition(data.decode("utf-8", "surrogateescape"))
    assert written.isascii()
    assert written.isprintable()
    assert written.count('"') == 2
