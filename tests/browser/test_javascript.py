"""What Node says of the widget: the engine's own tests, eslint's bans, the types, the freshness of the copies.

What lives here: starting Node. The tests themselves are in tests/js.
"""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.browser.conftest import MODULES, npm
from tests.browser.scripted import STATIC
from tests.conftest import ROOT

pytestmark = [pytest.mark.needs("node"), pytest.mark.slow]
JS = MODULES.parent


def node(*words: str, cwd: Path = JS, **env: str) -> None:
    """Run Node, in tests/js; what it printed is the failure's text."""
    run = subprocess.run(
        ["node", *words], cwd=cwd, env=os.environ | env, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


@pytest.mark.parametrize("script", ["ajax-upload.js", "ajax-upload.min.js"])
def test_the_engine_passes_its_tests_as_source_and_as_shipped(script: str) -> None:
    node("--test", AJAXUPLOAD_WIDGET=str(STATIC / script))


def test_eslint_finds_nothing() -> None:
    eslint = npm("eslint/bin/eslint.js")
    options = ["--max-warnings", "0", "-c", "tests/js/eslint.config.js"]
    node(str(eslint), *options, "src/ajaxupload/static", "tests/js", cwd=ROOT)


def test_the_types_are_right_by_strict_rules() -> None:
    npm("typescript/bin/tsc")
    node("node_modules/typescript/bin/tsc", "-p", "tsconfig.json")


def test_the_shipped_copies_are_fresh() -> None:
    npm("terser/package.json")
    node("build.js", "--check")
