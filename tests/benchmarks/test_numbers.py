"""What is made of the measurements: medians, ratios, judgements, tables and the chart."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import report
from benchmarks.__main__ import NAMES, chosen, words
from benchmarks.chart import chart
from benchmarks.figures import Figures, Results, Run, Table, figures, merged
from benchmarks.goals import GOALS, judge
from benchmarks.growth import ALL as GROWTHS
from benchmarks.inside import ALL as INSIDES
from benchmarks.peers import flask_views, loops, node, ours
from benchmarks.scenario import MIB, Choice, form_of
from benchmarks.scenarios import ALL

GIB = 1 << 30


def of(seconds: float, cpu: float = 0.1, memory: int = 0) -> Figures:
    return figures([Run(seconds, cpu, GIB, written=2 * GIB)], memory)


def results() -> Results:
    raw = Table("One raw body", "speed")
    raw.found = {ours.OURS: of(0.2, memory=9 * MIB), flask_views.STREAM: of(1.0), loops.BARE: of(0.2)}
    raw.absent = {node.BUSBOY: "no program node"}
    return {"raw": raw}


def test_the_median_of_the_rounds_counts() -> None:
    found = figures([Run(seconds, seconds / 10, GIB, 4, GIB, 3 * GIB) for seconds in (4.0, 1.0, 2.0)], 5)
    assert found.speed == pytest.approx(GIB / 2 / 1e6)
    assert found.rate == 2
    assert found.cpu == pytest.approx(0.7 / 3), "of all rounds together"
    assert found.each == 500_000
    assert (found.disk, found.written, found.memory, found.spread, found.rounds) == (1, 3, 5, 4, 3)


def test_memory_below_idle_is_none() -> None:
    assert of(1, memory=-5).memory == 0


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=9), st.integers(0, GIB), st.integers(0, 9))
def test_no_measurement_divides_by_nothing(seconds: list[float], size: int, items: int) -> None:
    found = figures([Run(each, each, size, items) for each in seconds])
    assert found.spread >= 1


@pytest.mark.parametrize(("unit", "ratio"), [("speed", 5), ("rate", 5), ("each", 5)])
def test_a_ratio_is_of_speeds_also_where_times_are_told(unit: str, ratio: float) -> None:
    table = Table("", unit, {"quick": of(0.2), "slow": of(1.0)})
    assert table.ratio("quick", "slow") == pytest.approx(ratio)
    assert table.ratio("quick", "nobody") is None


def test_goals_are_judged_by_their_bounds_or_not_at_all() -> None:
    met = {each.goal.words: each.met for each in judge(results())}
    assert met["A raw body: times the speed of Flask request.stream"] is False
    assert met["A raw body: processor time by the bare loop's"] is True
    assert met["A raw body: memory over idle, MiB"] is False
    assert met["A form: times the speed of busboy"] is None
    assert {each.met for each in judge({})} == {None}


def test_beside_a_goal_stands_what_does_the_least() -> None:
    limits = {each.goal.words: each.limit for each in judge(results())}
    assert limits["A raw body: times the speed of Flask request.stream"] == pytest.approx(5), "the bare loop's"
    assert limits["A form: times the speed of busboy"] is None
    assert "5.00 |" in report.goals_table(judge(results())).splitlines()[2]


def test_each_goal_is_about_something_that_is_measured() -> None:
    """With everybody's figures there, each goal has its number."""
    everything: Results = {
        each.name: Table(each.title, each.unit, {who.name: of(1, memory=1) for who in each.contenders(Choice())})
        for each in ALL
    }
    everything |= {each.name: Table(each.title, "each", {name: of(1) for name in each.names}) for each in INSIDES}
    assert [each.goal.words for each in judge(everything) if each.number is None] == []
    assert len([each for each in judge(everything) if each.limit]) == 18
    assert len({goal.words for goal in GOALS}) == len(GOALS)


def test_contenders_of_a_scenario_have_names_of_their_own() -> None:
    for scenario in ALL:
        names = [each.name for each in scenario.contenders(Choice())]
        assert len(set(names)) == len(names)
        assert scenario.contenders(Choice())[0].ours


def test_the_page_names_who_was_absent_and_what_is_doubtful() -> None:
    grown = [(GROWTHS[0], [(1, of(1)), (10, of(2))]), (GROWTHS[1], [])]
    versions, doubts = [("gunicorn", "27")], ["the machine is busy"]
    page = report.page(results(), grown, facts=[("memory", "4 GiB")], versions=versions, doubts=doubts)
    assert "**Doubtful: the machine is busy.**" in page
    assert "**Not measured: busboy**: no program node" in page
    assert "gunicorn 27" in page
    assert f"{GROWTHS[1].title}: **not measured**" in page
    assert "10 → 537 (+0.0 MiB)" in page
    assert " **no** |" in page


def test_a_table_is_lined_up() -> None:
    lines = report.table(["", "MB/s"], [["one", "1"], ["another", "1,000"]]).splitlines()
    assert lines == ["|         |  MB/s |", "|---------|------:|", "| one     |     1 |", "| another | 1,000 |"]


def test_absent_is_told_once() -> None:
    assert merged({"a": results()["raw"], "b": results()["raw"]}) == {node.BUSBOY: "no program node"}


def test_the_chart_is_svg_with_a_bar_for_each() -> None:
    root = ET.fromstring(chart(results()))
    bars = root.findall("{http://www.w3.org/2000/svg}rect")
    assert len(bars) == 3
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert widths[1] == pytest.approx(widths[0] / 5, rel=0.01)
    assert [bar.attrib["class"] for bar in bars] == ["o", "t", "t"]
    assert ET.fromstring(chart({})).tag.endswith("svg")


def test_a_form_is_as_the_rfc_has_it() -> None:
    headers, body = form_of([("a.bin", 5), ("b.bin", b"xyz")])
    boundary = headers["Content-Type"].partition("boundary=")[2].encode()
    whole = b"".join(part if isinstance(part, bytes) else b"." * part for part in body)
    assert whole.split(b"--" + boundary)[0::3] == [b"", b"--\r\n"]
    assert b'filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n.....\r\n--' in whole
    assert b"\r\n\r\nxyz\r\n--" in whole


def test_without_words_all_is_measured_as_the_goals_have_it() -> None:
    told = words().parse_args([])
    assert chosen(told) == Choice()
    assert told.only == NAMES


def test_words_choose(tmp_path: Path) -> None:
    told = words().parse_args(
        f"--only raw,growth --size 64MiB --rounds 1 --servers cheroot --folder {tmp_path}".split()
    )
    assert told.only == ("raw", "growth")
    assert chosen(told) == Choice(size=64 * MIB, rounds=1, servers=("cheroot",), folder=tmp_path)


@pytest.mark.parametrize("wrong", ["--only rwa", "--size large", "--rounds 0", "--servers apache"])
def test_a_wrong_word_is_refused_with_what_there_is(wrong: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        words().parse_args(wrong.split())
    assert wrong.split()[1] in capsys.readouterr().err
