"""What the Makefile's targets would do, as `make -n` says it: nothing is run."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def would_run(target: str) -> str:
    if shutil.which("make") is None:
        pytest.skip("make is not installed")
    told = {**os.environ, "MAKEFLAGS": "", "MAKELEVEL": "0"}
    done = subprocess.run(
        ["make", "--dry-run", target], cwd=ROOT, env=told, capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout


def test_known_faults_are_looked_up_of_the_pinned_versions_and_nothing_of_them_is_installed() -> None:
    said = would_run("audit")
    assert "pip-audit --requirement requirements/dev.txt --no-deps --disable-pip --strict" in said
    assert "install --quiet -r" not in said


@pytest.mark.parametrize("target", ["test", "check", "quick", "full"])
def test_what_asks_a_service_on_the_network_is_no_part_of_the_tests(target: str) -> None:
    assert "pip-audit" not in would_run(target)
