"""The page of fault tests that were run is what `make faults` wrote, of tests that still exist, with nothing lost.

What lives here: reading the page. What must not: numbers, which are the machine's that ran them.
"""

from __future__ import annotations

from datetime import date, datetime, timezone
from pathlib import Path

from tests.support.tally import counted_by_tests, is_counted, missing_on, page_of, read_page

PAGE = Path(__file__).resolve().parents[2] / "docs/reference/fault-runs.md"


def text() -> str:
    return PAGE.read_text(encoding="utf-8")


def test_it_is_as_it_was_written() -> None:
    machine, counts = read_page(text())
    assert "processors" in machine
    assert text() == page_of(machine, counts, [row for row, _ in counted_by_tests()])


def test_each_row_that_is_counted_was_run_or_stands_as_not_run() -> None:
    run = {each.row for each in read_page(text())[1]}
    assert run | missing_on(text()) == {row for row, _ in counted_by_tests()}
    assert not run & missing_on(text())


def test_each_line_is_still_counted_by_a_test() -> None:
    calls = counted_by_tests()
    assert [each for each in read_page(text())[1] if not is_counted(each, calls)] == []


def test_nothing_was_lost_and_the_days_have_been() -> None:
    counts = read_page(text())[1]
    assert [each for each in counts if each.lost or not each.runs] == []
    assert max(date.fromisoformat(each.date) for each in counts) <= datetime.now(tz=timezone.utc).date()
