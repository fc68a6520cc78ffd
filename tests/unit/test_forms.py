"""multipart/form-data as a stream: the same for any split into blocks, bounded in everything, whole or refused."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ajaxupload.body import Body
from ajaxupload.errors import BodyIncomplete, MalformedForm, UploadError
from ajaxupload.forms import FilePart, Form, FormLimits, ParsedForm

KIB = 1 << 10
BOUNDARY = "XbX"
TYPE = f"multipart/form-data; boundary={BOUNDARY}"
#: Field, file name or None, content.
Part = tuple[str, str | None, bytes]
#: Fields; then of each file its field, name, type, content, and the fields that stood before it.
Read = tuple[dict[str, str], list[tuple[str, str, str, bytes, dict[str, str]]]]


class Blocks:
    """A source of these blocks, whatever is asked for."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.blocks = iter(blocks)

    def read(self, size: int, /) -> bytes:
        return next(self.blocks, b"")


def encoded(parts: Iterable[Part], head: str = "", preamble: bytes = b"", epilogue: bytes = b"\r\n") -> bytes:
    body = preamble
    for name, filename, content in parts:
        more = "" if filename is None else f'; filename="{filename}"'
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n{head}\r\n'.encode()
        body += content + b"\r\n"
    return body + f"--{BOUNDARY}--".encode() + epilogue


def opened(*blocks: bytes, declared: int | None = None) -> Form:
    return Form(Body(Blocks(blocks), declared), TYPE, FormLimits())


def read(form: Form) -> Read:
    files = []
    for part in form.files():
        before = dict(part.fields)
        files.append((part.field, part.filename, part.type, b"".join(map(bytes, part.chunks)), before))
    return form.fields, files


def verdict(blocks: Iterable[bytes]) -> Read | str:
    """What was read, or which refusal."""
    try:
        return read(opened(*blocks))
    except UploadError as error:
        return type(error).__name__


def split(data: bytes, sizes: Iterable[int]) -> list[bytes]:
    blocks = []
    for size in sizes:
        blocks.append(data[:size])
        data = data[size:]
    return [block for block in (*blocks, data) if block]


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"], exclude_characters='"\\%'), max_size=12)
#: Contents that look like boundaries, line ends, and parts of them.
contents = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"--", b"--Xb", b"\r\n--Xb", b"\r\n--X", b"X", b"\0", b"\xff"])
    | st.binary(max_size=9)
).map(b"".join)
safe_contents = contents.filter(lambda content: b"--XbX" not in content)
parts = st.lists(st.tuples(names.filter(bool), st.none() | names.filter(bool), safe_contents), max_size=6)
sizes = st.lists(st.integers(1, 40), max_size=60)


@given(parts, sizes)
def test_any_form_in_any_blocks_is_read_as_it_was_written(form: list[Part], cuts: list[int]) -> None:
    fields, files = read(opened(*split(encoded(form), cuts)))
    texts = [(name, content.decode("utf-8", "replace")) for name, filename, content in form if filename is None]
    assert fields == dict(texts)
    assert [(name, filename, content) for name, filename, _, content, _ in files] == [
        part for part in form if part[1] is not None
    ]


@given(parts, sizes)
def test_a_byte_at_a_time_is_no_different(form: list[Part], cuts: list[int]) -> None:
    data = encoded(form)
    assert verdict([bytes([byte]) for byte in data]) == verdict([data])


@given(parts, st.data(), sizes)
def test_a_form_that_was_tampered_with_is_judged_the_same_in_any_blocks(
    form: list[Part], choices: st.DataObject, cuts: list[int]
) -> None:
    data = bytearray(encoded(form, preamble=choices.draw(st.sampled_from([b"", b"\r\n", b"hello\r\n"]))))
    for _ in range(choices.draw(st.integers(1, 3))):
        at = choices.draw(st.integers(0, len(data)))
        data[at : at + choices.draw(st.integers(0, 4))] = choices.draw(contents)
    assert verdict(split(bytes(data), cuts)) == verdict([bytes(data)])


@given(parts.filter(bool), st.integers(0, 10_000), sizes)
def test_a_form_cut_anywhere_before_its_last_boundary_is_refused(form: list[Part], at: int, cuts: list[int]) -> None:
    data = encoded(form, epilogue=b"")
    assert verdict(split(data[: at % len(data)], cuts)) == "MalformedForm"


@given(parts, st.integers(0, 10_000))
def test_a_declared_form_that_is_short_is_incomplete_even_behind_its_last_boundary(form: list[Part], at: int) -> None:
    data = encoded(form, epilogue=b"epilogue")
    cut = data[: at % len(data)]
    with pytest.raises((BodyIncomplete, MalformedForm)):
        read(opened(*([cut] if cut else []), declared=len(data)))


@example(b"--XbX--")
@given(contents | st.binary(max_size=200))
def test_no_bytes_make_it_raise_anything_but_a_refusal(data: bytes) -> None:
    assert verdict([data] if data else []) is not None


# ---- what is a file, what a field -----------------------------------------------------------------------------------


def test_leading_reads_the_fields_before_the_first_file_and_no_byte_of_a_second_block() -> None:
    data = encoded([("a", None, b"1"), ("f", "x.txt", b"x" * 100), ("b", None, b"2")])
    at = data.index(b"xxxx") + 1
    form = opened(data[:at], data[at:])
    source = form.leading()
    assert source == {"a": "1"}
    assert form.first_file is not None
    assert (form.first_file.field, form.first_file.filename) == ("f", "x.txt")
    assert read(form)[1] == [("f", "x.txt", "application/octet-stream", b"x" * 100, {"a": "1"})]
    assert form.fields == {"a": "1", "b": "2"}


def test_a_form_without_files_has_no_first_file() -> None:
    form = opened(encoded([("a", None, b"1"), ("f", "", b"")]))
    assert form.first_file is None
    assert form.leading() == {"a": "1"}
    assert list(form.files()) == []


def test_an_input_left_empty_is_no_file_but_a_named_empty_file_is_one() -> None:
    _, files = read(opened(encoded([("none", "", b""), ("empty", "e.txt", b""), ("unnamed", "", b"x")])))
    assert [(field, name, content) for field, name, _, content, _ in files] == [
        ("empty", "e.txt", b""),
        ("unnamed", "", b"x"),
    ]


def test_a_reader_that_stops_early_loses_only_its_own_file() -> None:
    form = opened(encoded([("a", "a.bin", b"a" * 500), ("b", "b.bin", b"b")]))
    seen = [
        (part.filename, b"" if part.filename == "a.bin" else b"".join(map(bytes, part.chunks))) for part in form.files()
    ]
    assert seen == [("a.bin", b""), ("b.bin", b"b")]


def test_the_last_field_of_a_name_counts_and_broken_utf_8_is_replaced() -> None:
    fields, _ = read(opened(encoded([("a", None, b"1"), ("a", None, b"\xff2")])))
    assert fields == {"a": "\ufffd2"}


def test_a_files_type_is_its_clients_claim() -> None:
    _, files = read(opened(encoded([("f", "x.png", b"x")], head="Content-Type: Image/PNG; x=y\r\n")))
    assert files[0][2] == "image/png"


@pytest.mark.parametrize(
    ("head", "outcome"),
    [
        ("X-Odd!#$%&'*+.^_`|~: 1\r\n", "read"),  # a token, though the parser does not think so
        ("X-Folded: a\r\n b\r\n", "read"),
        ("Content-Transfer-Encoding: base64\r\n", "read"),
        ("no colon\r\n", "MalformedForm"),
        ("X-Bare: line\nfeed\r\n", "MalformedForm"),
        ("bad name: 1\r\n", "MalformedForm"),
        (": no name\r\n", "MalformedForm"),
        ("Content-Length: 1\r\n", "read"),
        ("Content-Length: 2\r\n", "MalformedForm"),
        ("Content-Length: -1\r\n", "MalformedForm"),
        ("X: " + "a" * (8 * KIB) + "\r\n", "MalformedForm"),
        ("X: a\r\n" * 15, "read"),
        ("X: a\r\n" * 16, "MalformedForm"),
    ],
)
def test_headers_of_a_part(head: str, outcome: str) -> None:
    found = verdict([encoded([("f", "x.txt", b"U")], head=head)])
    assert (found if isinstance(found, str) else "read") == outcome
    if not isinstance(found, str):
        assert found[1][0][3] == b"U", "stored as sent"


# ---- forms that a framework has read already ------------------------------------------------------------------------


def test_a_parsed_form_reads_like_a_stream() -> None:
    parts = [
        FilePart("none", "", "application/octet-stream", iter([])),
        FilePart("f", "x.txt", "text/plain", iter([b"a", b"b"])),
        FilePart("g", "y.txt", "text/plain", iter([])),
    ]
    form = ParsedForm({"a": "1"}, parts)
    assert form.leading() == {"a": "1"}
    assert form.first_file is not None
    assert form.first_file.filename == "x.txt"
    assert read(form)[1] == [
        ("f", "x.txt", "text/plain", b"ab", {"a": "1"}),
        ("g", "y.txt", "text/plain", b"", {"a": "1"}),
    ]
