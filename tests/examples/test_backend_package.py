"""The example package that brings a backend: installed, found by its entry point, proved by its own tests, served."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "examples" / "backend-package"


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the package in it, as pip installs it."""
    folder = tmp_path_factory.mktemp("site")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    run(*pip, "--no-deps", "--no-build-isolation", "--target", str(folder), str(PACKAGE))
    return folder


def run(*command: str, path: Path | None = None, cwd: Path | None = None) -> str:
    environ = {**os.environ, "PYTHONPATH": str(path)} if path else dict(os.environ)
    done = subprocess.run(command, env=environ, cwd=cwd, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
def test_its_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    config = tmp_path / "pytest.ini"
    config.write_text("[pytest]\naddopts = --import-mode=importlib\n")
    options = ("-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-c", str(config))
    out = run(sys.executable, "-m", "pytest", *options, str(PACKAGE / "tests"), path=installed, cwd=tmp_path)
    assert "passed" in out
    assert "skipped" not in out


@pytest.mark.slow
def test_its_name_is_known_where_it_is_installed(installed: Path, tmp_path: Path) -> None:
    code = """
import gzip
from ajaxupload import AjaxUpload
from webob import Request
application = AjaxUpload(None, path="/upload", backend="gzip", level="9", media_root="media")
answer = Request.blank("/upload/a.txt", method="PUT", body=b"content" * 1000).get_response(application)
print(gzip.open("media/uploads/" + answer.json["filename"]).read() == b"content" * 1000)
"""
    assert run(sys.executable, "-c", code, path=installed, cwd=tmp_path).strip() == "True"
