"""The accounting of tests/conftest.py, run on small suites of its own: what was not run is said, and fails in CI."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow  # each starts a pytest of its own

ROOT = Path(__file__).resolve().parents[2]
CONFTEST = ROOT / "tests" / "conftest.py"
SUITE = """
import pytest

def test_runs(): pass

@pytest.mark.slow
def test_is_slow(): pass

@pytest.mark.needs("no-such-program")
def test_needs(): raise AssertionError

@pytest.mark.browser
def test_browser(): raise AssertionError
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """A project of one test module under our conftest, on a machine without a browser."""
    markers = "['browser: x', 'needs(program): x', 'slow: x', 'corpora: x', 'full: x', 'faults: x']"
    pytester.makepyprojecttoml(f"[tool.pytest.ini_options]\nmarkers = {markers}\npythonpath = ['{ROOT}']")
    pytester.makeconftest(CONFTEST.read_text(encoding="utf-8"))
    monkeypatch.setenv("AJAXUPLOAD_CHROMIUM", "no-such-browser")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("AJAXUPLOAD_EXPECT_WHEEL", raising=False)
    return pytester


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_a_developer_is_told_what_was_not_run_and_how_to_run_it(
    suite: pytest.Pytester, workers: tuple[str, ...]
) -> None:
    suite.makepyfile(SUITE)
    result = suite.runpytest_subprocess("-m", "not slow", *workers)
    assert result.ret == 0
    result.assert_outcomes(passed=1, skipped=2, deselected=0 if workers else 1)
    result.stdout.fnmatch_lines_random(
        [
            "*NOT RUN*",
            "1 skipped: no no-such-program: apt-get install *",
            "1 skipped: no Chromium: apt-get install *",
            "1 left out by -m or -k; `make test` and `make full` together run everything",
        ]
    )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_ci_fails_when_a_test_was_skipped(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, workers: tuple[str, ...]
) -> None:
    suite.makepyfile(SUITE)
    monkeypatch.setenv("CI", "true")
    result = suite.runpytest_subprocess(*workers)
    assert result.ret == 1
    result.assert_outcomes(passed=2, skipped=2)
    result.stdout.fnmatch_lines(["CI is set, where nothing may be skipped: the run has FAILED"])


@pytest.mark.parametrize(
    "module",
    [
        "import pytest\npytest.importorskip('no_such_module')",
        # The text of a suite that runs in a process of its own, and must fail there: pytest tells it as xfailed, though
        # it was never run. No test of ours is left out by it.
        "import pytest\n@pytest.mark.xfail(run=False)\ndef test_never(): pass",  # input: CI must fail because of it
        "import pytest\ndef test_halfway(): pytest.skip('not today')",
    ],
    ids=["whole module", "xfail(run=False)", "inside the test"],
)
def test_ci_sees_every_way_to_skip(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    suite.makepyfile(module, test_other="def test_runs(): pass")
    monkeypatch.setenv("CI", "true")
    assert suite.runpytest_subprocess().ret == 1


def test_ci_passes_when_everything_ran(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.makepyfile("def test_runs(): pass")
    monkeypatch.setenv("CI", "true")
    result = suite.runpytest_subprocess()
    assert result.ret == 0
    result.stdout.no_fnmatch_line("*NOT RUN*")


def test_a_wheel_run_refuses_to_start_on_the_source_tree(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    suite.mkpydir("ajaxupload")
    suite.makepyfile("def test_runs(): pass")
    monkeypatch.setenv("AJAXUPLOAD_EXPECT_WHEEL", "1")
    monkeypatch.setenv("PYTHONPATH", str(suite.path))
    result = suite.runpytest_subprocess()
    assert result.ret == 4
    result.stderr.fnmatch_lines(["*the installed wheel was to be tested, but ajaxupload is imported from*"])
