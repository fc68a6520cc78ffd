"""The header of one part of a form: what its lines say, and that what browsers send is read as all else is.

What lives here: lines. What must not: blocks (test_parts.py), and forms whose headers are refused (test_forms.py).
"""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ajaxupload.errors import MalformedForm
from ajaxupload.heads import Head, HeadLines, browsers_head

lines = st.sampled_from(
    [
        b'Content-Disposition: form-data; name="a"',
        b'Content-Disposition: form-data; name="a"; filename="C:\\x\\b%22\\".txt"',
        b"Content-Disposition: form-data; name=\xc3\xa4; filename*=UTF-8''x; filename=y",
        b"Content-Disposition: form-data",
        b"content-disposition:form-data;name=a",
        b"Content-Disposition: file; name=a",
        b"Content-Type: Text/Plain; charset=x",
        b"Content-Type:\ttext/plain",
        b"Content-Type : \xff",
        b"Content-Length: 7",
        b"Content-Length: 07",
        b" folded",
        b"\t",
        b"X-Any!: 1",
        b"X Any: 1",
        b": x",
        b"x",
        b"x\ny: z",
    ]
)


def by_lines(raw: bytes) -> Head | None:
    found = HeadLines()
    try:
        for line in raw.split(b"\r\n"):
            if not line:  # that would have been the end
                return None
            found.add(line)
        return found.head()
    except MalformedForm:
        return None


@example(b'Content-Disposition: form-data; name="a"\r\n: x')
@example(b'Content-Disposition: form-data; name="a"\r\n')
@given(st.lists(lines, min_size=1, max_size=4).map(b"\r\n".join))
def test_what_browsers_send_is_read_as_line_by_line(raw: bytes) -> None:
    assert browsers_head(raw) in (None, by_lines(raw))


def test_what_browsers_send_is_read_at_once() -> None:
    file = b'Content-Disposition: form-data; name="a"; filename="b"\r\nContent-Type: image/png'
    assert browsers_head(file) == Head("a", "b", "image/png", -1)
    assert browsers_head(b'Content-Disposition: form-data; name="a"') == Head("a", None, None, -1)


@pytest.mark.parametrize(
    ("raw", "length"),
    [
        (b"Content-Length: 7", 7),
        (b"Content-Length:\t7", 7),
        (b"Content-Length: 7\r\n 8", None),
        (b"Content-Length:\r\n 8", None),
        (b"Content-Length: 7\r\nContent-Length: 7", None),
        (b"Content-Length: 1" + b"0" * 19, None),
    ],
)
def test_a_parts_length_is_one_number_on_one_line(raw: bytes, length: int | None) -> None:
    found = by_lines(b"Content-Disposition: form-data; name=a\r\n" + raw)
    assert (found.length if found else None) == length
