"""Values: what settings may look like, and what is said when they do not."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload.values import Duration, Mode, Size, coerce, import_object, parse_duration, parse_mode, parse_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        (4096, 4096),
        ("4096", 4096),
        ("10 MiB", 10 << 20),
        ("10MiB", 10 << 20),
        ("10 mb", 10_000_000),
        ("2 GB", 2_000_000_000),
        ("1.5 KiB", 1536),
        ("1k", 1024),
        ("3 TiB", 3 << 40),
        ("7 bytes", 7),
        ("0", 0),
    ],
)
def test_sizes_are_read_in_si_and_iec_units(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "ten", "10 Mo", "-1", -1, True, None, [], "1e9", "1 0", "9" * 30])
def test_what_is_no_size_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="a size such as '10 MiB'"):
        parse_size(text)


@given(st.integers(min_value=0, max_value=10**15))
def test_a_number_of_bytes_is_itself_as_number_and_as_text(number: int) -> None:
    assert parse_size(number) == parse_size(str(number)) == number


@pytest.mark.parametrize(
    ("text", "seconds"), [(5, 5), ("30 s", 30), ("250ms", 0.25), ("2 h", 7200), ("1 day", 86400), ("1.5 min", 90)]
)
def test_durations_are_seconds(text: object, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["2 fortnights", "soon", None, False])
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match="a duration such as '30 s'"):
        parse_duration(text)


@pytest.mark.parametrize(("text", "mode"), [("0640", 0o640), ("0o600", 0o600), ("755", 0o755), (0o644, 0o644)])
def test_modes_are_octal_when_they_are_text(text: object, mode: int) -> None:
    assert parse_mode(text) == mode


@pytest.mark.parametrize("text", ["0888", "rw-r--r--", "6", True, 1 << 20, None])
def test_what_is_no_mode_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="permission bits"):
        parse_mode(text)


@pytest.mark.parametrize(
    ("value", "annotation", "result"),
    [
        ("yes", bool, True),
        ("off", bool, False),
        (True, bool, True),
        (" 7 ", int, 7),
        ("0.5", float, 0.5),
        (3, float, 3.0),
        ("text", str, "text"),
        (Path("a") / "b", str, "a/b"),
        ("5 KiB", Size, 5120),
        ("1 min", Duration, 60.0),
        ("0600", Mode, 0o600),
        (None, Size | None, None),
        ("", str | None, None),
        ("1 KiB", Size | None, 1024),
        ("suffix", Literal["suffix", "error"], "suffix"),
        ("image/*, .pdf  .txt", tuple[str, ...], ("image/*", ".pdf", ".txt")),
        (["a", "b"], tuple[str, ...], ("a", "b")),
        ({"a": 1}, Mapping[str, int], {"a": 1}),
        ("os.path:join", Callable[..., Any], os.path.join),
        ("os.path.join", Callable[..., Any] | None, os.path.join),
        (object, Any, object),
        ("1", str | int, "1"),
    ],
)
def test_values_become_what_their_annotation_declares(value: object, annotation: Any, result: object) -> None:
    assert coerce(value, annotation) == result


@pytest.mark.parametrize(
    ("value", "annotation", "words"),
    [
        ("perhaps", bool, "true or false"),
        ("1.5", int, "whole number"),
        (True, int, "whole number"),
        ("x", float, "a number"),
        (None, float, "a number"),
        (5, str, "text"),
        ("keep", Literal["suffix", "error"], "one of 'suffix', 'error'"),
        ("x", Mapping[str, str], "a table"),
        ("no.such.module:thing", Callable[..., Any], "cannot be imported"),
        (".relative:thing", Callable[..., Any], "dotted path"),
        ("..jpg", Callable[..., Any], "dotted path"),
        (5, Callable[..., Any], "a function"),
        ("x", Size | None, "a size"),
        ("x", int | float, "whole number"),
    ],
)
def test_a_wrong_value_is_told_what_is_wanted(value: object, annotation: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        coerce(value, annotation)


@pytest.mark.parametrize("path", ["join", "os.path:nothing", "no_such_module.thing", ":x", "x:"])
def test_a_dotted_path_that_names_nothing_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match=r"dotted path|cannot be imported"):
        import_object(path)
