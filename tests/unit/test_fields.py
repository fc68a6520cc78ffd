"""Structured fields (RFC 9651) as the IETF protocol reads them: no text raises anything but FieldError, and what is
written is read again."""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ajaxupload.protocols.ietf import fields
from ajaxupload.protocols.ietf.fields import FieldError, Other, Token, parse_dictionary, parse_item

KEYS = st.from_regex(r"[a-z*][a-z0-9_\-.*]{0,10}", fullmatch=True)
INTEGERS = st.integers(-(10**15) + 1, 10**15 - 1)
STRINGS = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E))


def written(value: Any) -> str:
    """RFC 9651 section 4.1, of every type that is read as itself."""
    if isinstance(value, bool):
        return fields.boolean(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f":{base64.b64encode(value).decode()}:"
    if isinstance(value, Token):
        return value.text
    assert isinstance(value, str)
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'


TOKENS = st.from_regex(r"[A-Za-z*][A-Za-z0-9!#$%&'*+.^_`|~:/\-]{0,10}", fullmatch=True).map(Token)
VALUES = st.one_of(st.booleans(), INTEGERS, st.binary(max_size=40), STRINGS, TOKENS)


@given(VALUES, st.lists(st.tuples(KEYS, VALUES), max_size=3))
def test_items_are_read_as_they_are_written_whatever_their_parameters(
    value: Any, parameters: list[tuple[str, Any]]
) -> None:
    text = written(value) + "".join(f"; {key}={written(each)}" for key, each in parameters)
    found = parse_item(f"  {text} ")
    assert (type(found), found) == (type(value), value)


@given(st.lists(st.tuples(KEYS, VALUES), max_size=5))
def test_dictionaries_are_read_as_they_are_written_and_the_last_of_a_key_counts(members: list[tuple[str, Any]]) -> None:
    text = " ,\t".join(key if value is True else f"{key}={written(value)}" for key, value in members)
    found = parse_dictionary(text)
    assert found == dict(members)
    assert {key: type(value) for key, value in found.items()} == {key: type(value) for key, value in members}


@given(st.dictionaries(KEYS, st.one_of(st.integers(0, 10**15 - 1), st.binary(max_size=40)), max_size=5))
def test_what_is_written_is_read_again(members: dict[str, int | bytes]) -> None:
    assert parse_dictionary(fields.dictionary(members)) == members


ALMOST = st.text(st.sampled_from(' \t,;=:?@%"()\\-.*aA01/+\xe4'), max_size=30)


@given(st.one_of(ALMOST, st.text(max_size=30)))
@example("-")
@example("?")
@example("1234567890123456")
@example("a=(")
def test_no_text_raises_anything_else(text: str) -> None:
    for read in (parse_item, parse_dictionary):
        with suppress(FieldError):
            read(text)
    for headers in ({}, {"X": text}):
        assert fields.truth(headers, "X") in (None, True, False)
        assert fields.integer(headers, "X") is None or text.strip(" ")[:1].isdigit() or text.strip(" ")[0] == "-"


@given(INTEGERS)
def test_an_integer_header_is_none_below_zero(number: int) -> None:
    assert fields.integer({"X": str(number)}, "X") == (number if number >= 0 else None)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", Other("decimal")),
        ("-0", 0),
        ("007", 7),
        ("@1659578233", Other("@1659578233")),
        ('%"f%c3%bc"', Other("fü")),
        (":aGVsbG8:", b"hello"),  # "parsers SHOULD NOT fail" without padding
        ('"a\\"b\\\\"', 'a"b\\'),
        ("*a/b:c;x;y=?0", Token("*a/b:c")),
    ],
)
def test_types_that_no_header_here_has_are_known_for_where_they_end(text: str, value: Any) -> None:
    assert parse_item(text) == value


@pytest.mark.parametrize(
    "text",
    ["", "?1 ?1", "1 2", "?", "?2", "--1", "1.", ".5", "1.2345", "1234567890123456", "1234567890123.1", '"a', '"ä"',
     '"\\a"', ":a", ":a!:", ":a:", "@1.5", "@", '%"%C3"', '%"%ff"', "é", "(1)", "a;A", "a;", "1;=2", "1,", "\t1", "=1"],
)  # fmt: skip
def test_what_is_no_item(text: str) -> None:
    with pytest.raises(FieldError):
        parse_item(text)


@pytest.mark.parametrize(
    "text", ["a=1,", "a=1 b=2", "A=1", "a=", "a==1", ",", "a=(1", "a=(1 2", "a=(1,2)", "a=(1)2", "a=1;;"]
)
def test_what_is_no_dictionary(text: str) -> None:
    with pytest.raises(FieldError):
        parse_dictionary(text)


def test_inner_lists_are_read_over() -> None:
    assert parse_dictionary('a=( 1  "x";y );z, b') == {"a": Other("list"), "b": True}
    assert parse_dictionary("a=()") == {"a": Other("list")}
    assert parse_dictionary("") == {}


def test_more_members_than_the_standard_asks_for_are_refused() -> None:
    assert len(parse_dictionary(",".join(f"a{n}" for n in range(1024)))) == 1024
    with pytest.raises(FieldError, match="at most 1024"):
        parse_dictionary(",".join(f"a{n}" for n in range(1100)))
