"""What a client could inflate in a form, and where each is stopped: numbers, sizes, headers, and time."""

from __future__ import annotations

import time
from collections.abc import Iterable

import pytest

from ajaxupload.body import Body
from ajaxupload.errors import MalformedForm, TooLarge, TooMany, UploadError
from ajaxupload.forms import Form, FormLimits, header_parameters

KIB = 1 << 10
TYPE = "multipart/form-data; boundary=XbX"
#: Field, file name or None, content.
Part = tuple[str, str | None, bytes]


class Blocks:
    """A source of these blocks, whatever is asked for; counts them."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.blocks = iter(blocks)
        self.taken = 0

    def read(self, size: int, /) -> bytes:
        block = next(self.blocks, b"")
        self.taken += len(block)
        return block


def encoded(parts: Iterable[Part]) -> bytes:
    body = b""
    for name, filename, content in parts:
        more = "" if filename is None else f'; filename="{filename}"'
        body += f'--XbX\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"
    return body + b"--XbX--\r\n"


def read(form: Form) -> None:
    for _ in form.files():
        pass


def verdict(data: bytes, limits: FormLimits) -> str:
    """Whether it was read, or which refusal."""
    try:
        read(Form(Body(Blocks([data]), None), TYPE, limits))
    except UploadError as error:
        return type(error).__name__
    return "read"


@pytest.mark.parametrize(
    ("form", "limits", "error"),
    [
        ([("a", None, b"")] * 4, FormLimits(max_fields=3), TooMany),
        ([("f", "x", b"")] * 4, FormLimits(max_files=3), TooMany),
        ([("a", None, b"1234")], FormLimits(max_field_size=3), TooLarge),
        ([("a", None, b"12"), ("b", None, b"34")], FormLimits(max_fields_size=3), TooLarge),
    ],
)
def test_one_more_than_a_limit_is_refused(form: list[Part], limits: FormLimits, error: type[UploadError]) -> None:
    assert verdict(encoded(form), limits) == error.__name__
    assert verdict(encoded(form[:-1]), limits) == "read"


def test_a_field_is_refused_as_soon_as_it_is_too_large() -> None:
    head = encoded([("a", None, b"")]).partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
    source = Blocks([head, *[b"x" * KIB] * 100_000])
    with pytest.raises(TooLarge):
        read(Form(Body(source, None), TYPE, FormLimits()))
    assert source.taken < 70 * KIB


@pytest.mark.parametrize(
    ("blocks", "most"),
    [
        ([b"x" * KIB] * 99_999, 8 * KIB),  # no boundary at all
        ([b"x" * (4 * KIB), b"\r\n" + encoded([("f", "x", b"x")])], 8 * KIB),  # one, too late
        ([encoded([])[:-4] + b"\r\n", *[b"A: b\r\n" * 100] * 99_999], 200 * KIB),  # headers without end
        ([encoded([])[:-4] + b"\r\n", *[b"a" * KIB] * 99_999], 200 * KIB),  # a header's name without end
        ([encoded([]), *[b"x" * KIB] * 99_999], 200 * KIB),  # an epilogue without end
    ],
)
def test_a_body_that_is_no_form_is_given_up_soon(blocks: list[bytes], most: int) -> None:
    source = Blocks(blocks)
    with pytest.raises(MalformedForm):
        read(Form(Body(source, None), TYPE, FormLimits()))
    assert source.taken <= most


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/form-data",
        "multipart/form-data; boundary=",
        'multipart/form-data; boundary=""',
        "multipart/form-data; boundary=" + "a" * 71,
        "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=a; BOUNDARY=b",
        'multipart/form-data; boundary="ä"',
        'multipart/form-data; boundary="a\nb"',
        "multipart/form-data; boundary=a; x=" + "b" * (8 * KIB),
    ],
)
def test_a_boundary_that_is_missing_doubled_or_odd_is_refused(content_type: str) -> None:
    with pytest.raises(MalformedForm):
        Form(Body(Blocks([]), 0), content_type, FormLimits())


@pytest.mark.parametrize(
    "header",
    [
        "form-data; " + 'a="' + "\\" * 40,
        "form-data; " + 'a="' + '\\"' * 4000,
        "form-data" + "; " * 4000,
        "form-data; a" + "=" * 8000,
        "form-data; " + "a" * 8000,
        'form-data; filename="' + "%22" * 2500 + '"',
    ],
)
def test_no_header_takes_long_to_read(header: str) -> None:
    def seconds() -> float:
        began = time.perf_counter()
        header_parameters(header)
        return time.perf_counter() - began

    assert min(seconds() for _ in range(5)) < 0.05  # the best of five: other tests run at the same time


def test_a_header_that_is_too_long_has_no_parameters() -> None:
    assert header_parameters("a; b=c" + " " * 8 * KIB) == {}
