"""The parts of a multipart body, wherever its blocks end: nothing copied, nothing read otherwise than by other parsers.

What lives here: the search for boundaries. What must not: what a part's header says (test_heads.py), fields, files and
caps (test_forms.py, test_form_limits.py).
"""

from __future__ import annotations

import io
import sys
import time
import tracemalloc
from collections.abc import Iterable, Iterator
from runpy import run_path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multipart import MultipartSegment, PushMultipartParser  # type: ignore[import-untyped]  # it ships no types
from werkzeug.formparser import MultiPartParser

from ajaxupload import search
from ajaxupload.body import Body
from ajaxupload.errors import MalformedForm
from ajaxupload.heads import LONGEST_LINE
from ajaxupload.lent import Lent
from ajaxupload.parts import Parts

KIB = 1 << 10
#: Field, file name or None, content.
Part = tuple[str, str | None, bytes]


@pytest.fixture(scope="module", autouse=True, params=["StringZilla", "Python alone"])
def _searched_by(request: pytest.FixtureRequest) -> Iterator[None]:
    """All of this holds with the extra `fast` and without it."""
    if request.param == "StringZilla":
        assert search.by_vectors(), 'pip install "ajaxupload[fast]"'
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ajaxupload.search.by_vectors", lambda: None)
        yield


class Lending(Lent):
    """A source that receives these blocks into one bytearray, as those of servers do; and spoils it before the next."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._object = bytearray(4 * KIB)
        self._view = memoryview(self._object)

    def read(self, size: int, /) -> memoryview:
        block = next(self._blocks, b"")
        self._object[:] = (b"\r\n--XbX--" * 512)[: len(self._object)]
        self._view[: len(block)] = block
        return self._view[: len(block)]


class Views:
    """A server whose blocks are views of something larger, from anywhere in it."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)

    def read(self, size: int, /) -> memoryview:
        block = next(self._blocks, b"")
        return memoryview(b"\r\n--XbX--" + block)[9:]


class Plain:
    """One whose blocks are bytes."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)

    def read(self, size: int, /) -> bytes:
        return next(self._blocks, b"")


def encoded(form: Iterable[Part], boundary: str = "XbX") -> bytes:
    body = b""
    for name, filename, content in form:
        more = "" if filename is None else f'; filename="{filename}"\r\nContent-Type: text/plain'
        body += f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode()
        body += content + b"\r\n"
    return body + f"--{boundary}--\r\n".encode()


def split(data: bytes, sizes: Iterable[int]) -> Iterator[bytes]:
    for size in sizes:
        if data:
            yield data[:size]
        data = data[size:]
    for at in range(0, len(data), 4 * KIB):
        yield data[at : at + 4 * KIB]


def pieces(parts: Parts) -> Iterator[bytes]:
    while (piece := parts.piece()) is not None:
        assert len(piece), "no piece is empty"
        yield bytes(piece)


def read(parts: Parts) -> list[Part]:
    found = []
    while (head := parts.next()) is not None:
        found.append((head.name, head.filename, b"".join(pieces(parts))))
    return found


def of(source: object, boundary: bytes = b"XbX") -> Parts:
    return Parts(Body(source, None), boundary)  # type: ignore[arg-type]  # anything that can be read


def verdict(parts: Parts) -> list[Part] | str:
    try:
        return read(parts)
    except MalformedForm:
        return "malformed"


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs"], exclude_characters='"\\%'))
#: Contents that look like boundaries, line ends, and parts of them.
nearly = st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\n--", b"\r\n--Xb", b"\r\r\n--XbX", b"-", b"X", b"\r\n--XbX"])
contents = st.lists(nearly | st.binary(max_size=9)).map(b"".join).filter(lambda content: b"\r\n--XbX" not in content)
forms = st.lists(st.tuples(names.filter(bool), st.none() | names.filter(bool), contents), min_size=1, max_size=6)
sizes = st.lists(st.integers(1, 40), max_size=60)


@given(forms, sizes)
def test_any_form_in_any_blocks_of_any_source_has_the_parts_that_were_written(
    form: list[Part], cuts: list[int]
) -> None:
    data = encoded(form)
    for source in (Plain, Lending, Views):
        assert read(of(source(split(data, cuts)))) == form


def test_a_form_cut_in_any_two_places_has_the_same_parts() -> None:
    form: list[Part] = [("a", None, b"\r\n--Xb\r\r\n"), ("f", "x", b"\r\r\n--X\r\n--\r"), ("g", "", b"")]
    data = encoded(form)
    for one in range(1, len(data)):
        for size in (1, 2, 3, 8, 9, 10):
            assert read(of(Lending([data[:one], *split(data[one:], [size])]))) == form


@given(forms, st.lists(st.tuples(st.integers(0, 400), st.integers(0, 4), contents | nearly), max_size=3), sizes)
def test_a_spoilt_form_is_judged_the_same_in_any_blocks_of_any_source(
    form: list[Part], spoilt: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    data = encoded(form)
    for at, size, instead in spoilt:
        data = data[: at % len(data)] + instead + data[at % len(data) + size :]
    whole = verdict(of(Plain([data])))
    assert verdict(of(Lending(split(data, cuts)))) == whole
    assert verdict(of(Views(bytes([byte]) for byte in data))) == whole


# ---- the same as others ---------------------------------------------------------------------------------------------


def by_multipart(data: bytes, blocks: Iterable[bytes]) -> list[Part]:
    found: list[Part] = []
    with PushMultipartParser("XbX", max_header_size=LONGEST_LINE) as parser:
        for block in blocks:
            for event in parser.parse(block):
                if isinstance(event, MultipartSegment):
                    found.append((event.name, event.filename, b""))
                elif event is not None:
                    found[-1] = (*found[-1][:2], found[-1][2] + event)
    return found


def by_werkzeug(data: bytes) -> tuple[list[tuple[str, str]], list[tuple[str, str | None, bytes]]]:
    fields, files = MultiPartParser(stream_factory=lambda *_, **__: io.BytesIO()).parse(
        io.BytesIO(data), b"XbX", len(data)
    )
    listed = [(name, each.filename, each.read()) for name, each in files.items(multi=True)]
    return sorted(fields.items(multi=True)), sorted(listed)


@given(forms, sizes)
def test_multiparts_own_parser_finds_the_same_parts(form: list[Part], cuts: list[int]) -> None:
    data = encoded(form)
    assert read(of(Plain(split(data, cuts)))) == by_multipart(data, split(data, cuts))


@given(forms)
def test_werkzeug_finds_the_same_parts(form: list[Part]) -> None:
    found = read(of(Plain([encoded(form)])))
    fields = sorted((name, content.decode("utf-8", "replace")) for name, file, content in found if file is None)
    assert (fields, sorted(part for part in found if part[1] is not None)) == by_werkzeug(encoded(form))


# ---- nothing is copied, nothing takes long --------------------------------------------------------------------------


def test_a_parts_bytes_are_handed_on_where_they_lie() -> None:
    whole = b"\r" * KIB + b"x" * KIB
    data = encoded([("f", "x", b"y" + whole + b"z")])
    at = data.index(whole)
    parts = of(Plain([data[:at], whole, data[at + len(whole) :]]))
    parts.next()
    first, second, third = parts.piece(), parts.piece(), parts.piece()
    assert isinstance(first, memoryview)
    assert (bytes(first), bytes(third or b"")) == (b"y", b"z")
    assert second is whole
    assert parts.piece() is None
    assert parts.next() is None


def test_a_lent_blocks_bytes_are_views_of_it() -> None:
    source = Lending([encoded([("f", "x", b"x" * 100)])[:-20]])
    parts = of(source)
    parts.next()
    piece = parts.piece()
    assert isinstance(piece, memoryview)
    assert piece.obj is source._object


@given(forms, sizes)
def test_searched_backwards_a_form_has_the_same_parts(form: list[Part], cuts: list[int]) -> None:
    for source in (Plain, Lending, Views):
        parts = of(source(split(encoded(form), cuts)))
        parts._look._backwards = 10**6  # means nothing to StringZilla, which needs no other way
        assert read(parts) == form


def test_without_the_extra_python_searches_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run_path(search.__file__)["by_vectors"]() is not None
    monkeypatch.setitem(sys.modules, "stringzilla", None)  # importing it fails
    assert run_path(search.__file__)["by_vectors"]() is None


def test_no_memory_is_taken_for_a_block() -> None:
    head, tail = encoded([("f", "x", b"?")]).split(b"?")
    block = (b"\r\n--Xb" + b"x" * 57) * 64
    parts = of(Lending([head, *[block] * 2000, tail]))
    parts.next()
    tracemalloc.start()
    try:
        while parts.piece() is not None:
            pass
        assert tracemalloc.get_traced_memory()[1] < 64 * KIB
    finally:
        tracemalloc.stop()


def seconds(data: bytes, boundary: bytes) -> float:
    """The best of three: other tests run at the same time."""

    def once() -> float:
        parts = of(Plain(data[at : at + 256 * KIB] for at in range(0, len(data), 256 * KIB)), boundary)
        began = time.thread_time()
        read(parts)
        return time.thread_time() - began

    return min(once() for _ in range(3))


@pytest.mark.parametrize("boundary", ["-", "-" * 70, "a" * 69 + "b", "----WebKitFormBoundary7MA4YWxkTrZu0gW"])
def test_no_content_takes_longer_than_looking_at_each_byte(boundary: str) -> None:
    delimiter = f"\r\n--{boundary}".encode()
    for unit in (
        b"\r",
        b"\n",
        b"\r\n",
        b"-",
        b"\r" + b"-" * 99,
        delimiter[:-1],
        delimiter[:-1] + b"!",
        delimiter[-2:-1],
    ):
        content = (unit + b"!" if unit == delimiter[:-1] else unit) * (4096 * KIB // len(unit))
        assert seconds(encoded([("f", "x", content)], boundary), boundary.encode()) < 0.5, unit


@pytest.mark.parametrize(("lines", "outcome"), [(62, 1), (63, 0), (100_000, 0)])
def test_a_header_has_as_many_lines_as_anybody_sends_and_no_more(lines: int, outcome: int) -> None:
    """Each line is looked at by itself, so many short ones would cost the most that a form of a size can."""
    folded = b"X: a" + b"\r\n b" * lines
    data = encoded([("f", None, b"x")]).replace(b"\r\n\r\nx", b"\r\n" + folded + b"\r\n\r\nx")
    assert (verdict(of(Plain([data]))) != "malformed") == bool(outcome)
    assert (verdict(of(Lending(split(data, [])))) != "malformed") == bool(outcome)


def test_a_header_is_as_long_as_it_may_be_in_any_blocks() -> None:
    for size, outcome in ((LONGEST_LINE, 1), (LONGEST_LINE + 1, 0)):
        data = encoded([("f", None, b"")]).replace(b"\r\n\r\n", b"\r\nX:" + b"x" * (size - 2) + b"\r\n\r\n", 1)
        for source in (Plain([data]), Plain(bytes([byte]) for byte in data), Lending(split(data, []))):
            found = verdict(of(source))
            assert (found != "malformed") == bool(outcome)
