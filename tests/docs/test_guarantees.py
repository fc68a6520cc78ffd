"""The pages of guarantees are whole, and true as far as a program can tell: each row is there once and names its tests,
and these exist.

What lives here: the rows' numbers, and reading the pages. What must not: whether a test shows what its row says; that
is for people to read.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    "guarantees.md": [*(f"D{n}" for n in range(1, 7)), *(f"R{n:02}" for n in range(1, 46))],
    "guarantees-regressions.md": [
        *(f"M{n:02}" for n in range(1, 33)),
        *(f"N{n:02}" for n in range(1, 26)),
        *(f"C{n:02}" for n in range(1, 13)),
        *(f"P{n:02}" for n in range(1, 14)),
    ],
    "guarantees-faults.md": [f"F{n:02}" for n in range(1, 31)],
}
ROW = re.compile(r"^\| ([A-Z][0-9]{1,2}) \| (.+) \| (.+) \| (.+) \|$", re.MULTILINE)
TEST = re.compile(r"`((?:tests|src)/[\w/]+\.py)::(\w+(?:::\w+)?)`")


@cache
def text_of(page: str) -> str:
    return (ROOT / "docs/reference" / page).read_text(encoding="utf-8")


@cache
def names_in(path: str) -> frozenset[str]:
    """The tests of a file as pytest calls them: `test_x`, and `TestClass::test_x` of those in classes."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    found = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    found |= {
        f"{each.name}::{node.name}" for each in classes for node in each.body if isinstance(node, ast.FunctionDef)
    }
    return frozenset(name for name in found if name.rpartition("::")[2].startswith("test_"))


@pytest.mark.parametrize("page", PAGES)
def test_each_row_is_there_once(page: str) -> None:
    assert Counter(row[1] for row in ROW.finditer(text_of(page))) == Counter(PAGES[page])


@pytest.mark.parametrize("page", PAGES)
def test_a_row_holds_nothing_but_its_tests_in_the_last_column(page: str) -> None:
    """A slip of the pen in a test's name would hide it from the next test."""
    assert [row[1] for row in ROW.finditer(text_of(page)) if TEST.sub("", row[4]).strip(", ") or not row[4]] == []


@pytest.mark.parametrize("page", PAGES)
def test_the_tests_that_are_named_exist(page: str) -> None:
    named = [(row[1], path, name) for row in ROW.finditer(text_of(page)) for path, name in TEST.findall(row[4])]
    assert len({number for number, _, _ in named}) == len(PAGES[page])
    assert [each for each in named if each[2] not in names_in(each[1])] == []


def test_a_test_that_is_not_there_is_noticed() -> None:
    assert "test_the_tests_that_are_named_exist" in names_in("tests/docs/test_guarantees.py")
    assert "test_no_such_test" not in names_in("tests/docs/test_guarantees.py")
    assert "TestARealOne::test_a_virus_is_refused_and_named" in names_in("tests/inspecting/test_clamd.py")
    assert ROW.findall("| X01 | a | b | `tests/x.py::test_y` |") == [("X01", "a", "b", "`tests/x.py::test_y`")]


def test_tests_that_are_named_after_rows_are_named_in_them() -> None:
    """A regression's test that no row names would be found by nobody."""
    for path in ("tests/unit/test_attacks.py", "tests/unit/test_form_attacks.py"):
        for name in names_in(path):
            numbers = re.match(r"test_((?:[a-z][0-9]{2}_)+)", name)
            assert numbers is not None, name
            for number in numbers[1].upper().strip("_").split("_"):
                page = next(page for page, rows in PAGES.items() if number in rows)
                row = next(row for row in ROW.finditer(text_of(page)) if row[1] == number)
                assert f"{path}::{name}`" in row[4], (number, name)


def test_the_threat_model_names_the_limit_of_waitress() -> None:
    text = (ROOT / "docs/explanation/threat-model.md").read_text(encoding="utf-8")
    section = text.partition("## Denial of service")[2].partition("\n## ")[0]
    assert {"1,024", "--asyncore-use-poll", "connection_limit"} <= set(re.findall(r"[\w,-]+\w", section))


@pytest.mark.parametrize("name", ["SECURITY.md", "docs/explanation/threat-model.md"])
def test_every_setting_that_is_named_exists(name: str) -> None:
    """What stands beside a row as its setting is one, of an endpoint or of a backend."""
    settings = set(re.findall(r"`(\w+)`", (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")))
    rows = re.findall(r"^\|[^|]+\|[^|]+\|([^|]+)\|$", (ROOT / name).read_text(encoding="utf-8"), re.MULTILINE)
    told = {word for row in rows for word in re.findall(r"`([a-z_]+)(?:`| =)", row)}
    assert told <= settings
    assert told or name == "SECURITY.md"
