"""What the second try of `make test` forgives, and what not: real runs of pytest, of small files.

What lives here: tests/second_try.py. What must not: the coverage gate.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).resolve().parent.parent / "second_try.py"
UNSTEADY = """
from pathlib import Path
def test_{name}():
    tried = Path("tried-{name}")
    seen = tried.exists()
    tried.touch()
    assert seen
"""
WRONG = "def test_wrong():\n    assert False\n"
RIGHT = "def test_right():\n    assert True\n"
# The text of a suite that runs in a process of its own: where CI is set, the second try must fail because of it.
SKIPPED = "import pytest\n@pytest.mark.skip(reason='no clamd')\ndef test_skipped(): pass\n"  # input: nothing of ours


def both(folder: Path, *content: str, ci: str = "1") -> subprocess.CompletedProcess[str]:
    """The first run and, as in the Makefile, the second try."""
    (folder / "test_it.py").write_text("\n".join(content), encoding="utf-8")
    env = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTEST_"))}
    env |= {"CI": ci, "COVERAGE_FILE": str(folder / ".coverage")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    first = run("-m", "pytest", "-q", "--junitxml=junit.xml")
    assert first.returncode
    return run(str(SCRIPT), str(first.returncode), "junit.xml")


def test_what_passes_by_itself_is_named(tmp_path: Path) -> None:
    tried = both(tmp_path, RIGHT, UNSTEADY.format(name="a"), UNSTEADY.format(name="b"))
    assert tried.returncode == 0, tried.stderr
    assert tried.stderr.count("UNSTEADY") == 2
    assert "test_it.py::test_a\n" in tried.stderr
    assert "2 passed" in tried.stdout  # and no other


def test_a_defect_fails_again(tmp_path: Path) -> None:
    tried = both(tmp_path, RIGHT, UNSTEADY.format(name="a"), WRONG)
    assert tried.returncode == 1
    assert "UNSTEADY" not in tried.stderr


@pytest.mark.parametrize(
    ("content", "ci", "why"),
    [
        ([UNSTEADY.format(name=name) for name in "abcd"], "1", "at most 3"),
        ([UNSTEADY.format(name="a"), SKIPPED], "1", "something was left out"),
        (["syntax error"], "", "did not come to its end"),
    ],
    ids=["many", "skipped", "no run"],
)
def test_some_runs_are_not_tried_again(tmp_path: Path, content: list[str], ci: str, why: str) -> None:
    tried = both(tmp_path, *content, ci=ci)
    assert tried.returncode != 0
    assert why in tried.stderr
    assert "passed" not in tried.stdout


def test_on_a_developers_machine_what_is_skipped_is_said_and_no_more(tmp_path: Path) -> None:
    assert both(tmp_path, UNSTEADY.format(name="a"), SKIPPED, ci="").returncode == 0
