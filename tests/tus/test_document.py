"""The guide's own words work: its curl and tuspy blocks, run against each server but Django's, which wants a token."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tus.conftest import digest, stored
from tests.wire.servers import ROOT, Server

pytestmark = [pytest.mark.servers, pytest.mark.needs("curl")]

GUIDE = (ROOT / "docs" / "how-to" / "tus.md").read_text(encoding="utf-8")


def block(language: str, server: Server) -> str:
    """The guide's block, sent to this server."""
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.DOTALL | re.MULTILINE)
    return str(found).replace("127.0.0.1:8000", server.host)


@pytest.mark.parametrize("server", ["gunicorn", "cheroot", "uwsgi"], indirect=True)
@pytest.mark.parametrize("language", ["bash", "py"])
def test_the_guides_words_upload(server: Server, tmp_path: Path, language: str) -> None:
    (tmp_path / "hello.txt").write_text("hello world", encoding="ascii")
    command = {"bash": ["bash", "-eu", "-o", "pipefail", "-c"], "py": [sys.executable, "-c"]}[language]
    run = subprocess.run(
        [*command, block(language, server)], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert run.returncode == 0, run.stderr
    assert stored(server) == {"hello.txt": digest(tmp_path / "hello.txt")}
    if language == "bash":
        assert '"filename": "hello.txt"' in run.stdout
