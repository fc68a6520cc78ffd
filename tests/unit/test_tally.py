"""The counts of fault tests (tests/support/tally.py), in small suites of their own and on pages that are made up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.tally import Count, aligned, machine, page_of, read_page

pytest_plugins = ["pytester"]

ROOT = Path(__file__).resolve().parents[2]
OLD = Count("F02", "killed", 9, 9, 0, 1, "2026-01-01", 1)
KEPT = "whole files of a megabyte cut at random places"
SUITE = """
import pytest

@pytest.mark.parametrize("runs", [1, pytest.param(1_000, marks=pytest.mark.faults)])
def test_power(tally, chance, runs):
    tally("F05", f"power, {chance.random() < 2}", runs=runs, faults=2)

@pytest.mark.faults
@pytest.mark.parametrize("runs", [3, 4])
def test_killed(tally, runs):
    tally("F02", "killed", runs=runs, faults=2)

@pytest.mark.faults(always=True)
def test_always(tally):
    tally("F06", "quick", runs=6, faults=6)

@pytest.mark.faults
def test_loses(tally):
    tally("F07", "full", runs=5, faults=5, lost=1)
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    pytester.makepyprojecttoml(
        f"[tool.pytest.ini_options]\nmarkers = ['full: x', 'faults: x']\npythonpath = ['{ROOT}']"
    )
    pytester.makeconftest("pytest_plugins = ['tests.support.tally']")
    pytester.makepyfile(SUITE)
    return pytester


@pytest.mark.slow
@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_the_table_adds_up_and_the_page_keeps_what_was_not_run(
    suite: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    page = suite.path / "folder/page.md"
    page.parent.mkdir()
    kept, stale = replace(OLD, row="F01", what=KEPT), replace(OLD, row="F01", what="no test says this")
    page.write_text(page_of(machine(), [kept, stale, OLD]))
    result = suite.runpytest_subprocess("--faults-table", str(page), "--faults-seed=7", *workers)
    result.assert_outcomes(passed=5, failed=1)
    result.stdout.fnmatch_lines(["*FAULTS (--faults-seed 7)*", "F02 killed *7 *4 *0*", "F05 power*1,00? *", "*all*"])
    assert "F07, full: 1 of 5 lost" in result.stdout.str()
    assert stale not in read_page(page.read_text())[1]
    counts = {each.row: each for each in read_page(page.read_text())[1]}
    assert {row: each.runs for row, each in counts.items()} == {"F01": 9, "F02": 7, "F05": 1_000, "F06": 6, "F07": 5}
    assert (counts["F02"].seed, counts["F07"].lost) == (7, 1)


@pytest.mark.slow
def test_make_tests_selection_leaves_the_full_counts_out_and_writes_no_page(suite: pytest.Pytester) -> None:
    result = suite.runpytest_subprocess("-m", "not full", "--faults-table=page.md", "--faults-seed=draw")
    result.assert_outcomes(passed=2, deselected=4)
    assert [each.row for each in read_page((suite.path / "page.md").read_text())[1]] == ["F06"]
    assert suite.runpytest_subprocess("--faults-seed=x").ret == pytest.ExitCode.USAGE_ERROR


def test_a_page_is_read_as_it_was_written() -> None:
    counts = [
        Count("F02", "killed, twice", 12_000, 3, 0, 61, "2026-01-31", 7),
        Count("F01", "cut", 1, 1, 1, 0, "2026-01-30"),
    ]
    where, found = read_page(page_of("two processors, ext4", counts))
    assert (where, found[1]) == ("two processors, ext4", counts[0])
    assert aligned(counts)[-1].split() == ["all", "12,001", "4", "1"]


def test_the_machine_is_told_by_what_may_matter() -> None:
    assert "processors" in machine()
    assert "Python 3." in machine()
