"""docs/tutorial/first-upload.md does what it says: its commands are run as they stand there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.support.command import PATIENCE, URL, served

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.needs("curl")]

DOCS = Path(__file__).resolve().parents[2] / "docs"
TUTORIAL = (DOCS / "tutorial" / "first-upload.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```sh\n(.*?)^```", TUTORIAL, re.MULTILINE | re.DOTALL)
STARTS = ("make", "pip", "ajaxupload")


def test_its_commands_work_and_six_files_are_there(tmp_path: Path) -> None:
    script = "".join(block for block in BLOCKS if not block.startswith(STARTS))
    assert script.count("curl") == 6
    with served(tmp_path) as server:
        script = script.replace("http://127.0.0.1:8000/", server.url).replace("curl ", "curl -sS --noproxy '*' ")
        run = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=tmp_path, capture_output=True, text=True,
                             timeout=PATIENCE + 30, check=False)  # fmt: skip
        assert run.returncode == 0, run.stderr
        assert run.stdout.count('"success": true') == 5
        first, second = re.findall(r"([0-9a-f]{64})  \S+", run.stdout)
        assert first == second
        assert len(server.names()) == 6
        assert all((server.folder / name).stat().st_size == 20_000_000 for name in server.names())
        server.wait_for("aborted 'half.bin' after")
        assert server.leftovers() == []


def test_it_shows_what_the_server_says(tmp_path: Path) -> None:
    said = re.findall(r"^/upload: up to .*\nOpen http.*$", TUTORIAL, re.MULTILINE)[0] + "\n"
    assert URL.search(said)
    with served(tmp_path) as server:
        shown = said.replace("/home/you/ajaxupload", str(tmp_path)).replace("http://127.0.0.1:8000/", server.url)
        assert server.out == shown


def test_the_reference_names_every_option() -> None:
    text = (DOCS / "reference" / "cli.md").read_text(encoding="utf-8")
    for command in ("serve", "check", "clean"):
        assert f"## `ajaxupload {command}`" in text
    for word in ("--backend", "--option", "--path", "--config", "--host", "--port", "--allow-host", "--workers"):
        assert f"| `{word}` |" in text
    assert "--threads" in text
    assert "--older-than" in text
