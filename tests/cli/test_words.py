"""What the command line says about what is wrong with it: all of it, in words, with status 2, never by a traceback."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

from ajaxupload import __version__
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.cli import main


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory; what a command does to its process is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(LocalUploadBackend, "_started_in", {})
    return tmp_path


def told(*words: str, status: int, capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says on stderr when it ends with `status`."""
    try:
        found = main(words)
    except SystemExit as end:
        found = int(end.code or 0)
    captured = capsys.readouterr()
    assert found == status, captured.err
    assert captured.out == ""
    return captured.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["serve", "--port", "x"], "--port must be a number from 0 to 65535, not 'x'"),
        (["serve", "--port", "65536"], "--port must be a number from 0 to 65535"),
        (["serve", "--port", "²"], "--port must be a number"),
        (["serve", "--port", "-1"], "--port"),
        (["serve", "--workers", "0"], "--workers must be a number from 1 to 1024"),
        (["serve", "--threads", "1e3"], "--threads must be a number"),
        (["serve", "--prot", "80"], "--prot: unknown option; did you mean '--port'"),
        (["serve", "--po", "80"], "--po: unknown option"),
        (["serve", "a", "b"], "'b' is too much: one DIR is enough"),
        (["serve", "--option", "max_size"], "--option 'max_size': write KEY=VALUE"),
        (["serve", "--option", "=3"], "write KEY=VALUE"),
        (["serve", "--option", "max_siz=3"], "--option max_siz: unknown; did you mean 'max_size'"),
        (["serve", "--option", "colision=error"], "did you mean 'collision'"),
        (["serve", "--option", "class=memory"], "--option class: unknown"),
        (["serve", "--option", "backend=memory"], "--option backend: unknown"),
        (["serve", "--option", "max_size=3", "--option", "max-size=4"], "--option max_size is given twice"),
        (["serve", "--option", "max_size=lots"], "max_size must be a size such as '10 MiB'"),
        (["serve", "--option", "collision=never"], "collision must be one of 'suffix', 'error', 'replace'"),
        (["serve", "--backend", "locla"], "--backend: unknown backend 'locla'; did you mean 'local'?"),
        (["serve", "--backend", "nowhere:Class"], "--backend: backend 'nowhere:Class' cannot be imported"),
        (["serve", "in", "--backend", "memory"], "DIR is for the local backend"),
        (["serve", "in", "--option", "upload_dir=out"], "DIR and --option upload_dir or media_root say the same"),
        (["serve", "in", "--option", "media_root=out"], "DIR and --option upload_dir or media_root say the same"),
        (["serve", "--path", "upload"], "a path looks like '/upload'"),
        (["serve", "--path", "/"], "a path looks like '/upload'"),
        (["serve", "--path", "/files"], "endpoint '/files': the page keeps this path for itself"),
        (["serve", "--path", "/files/up"], "the page keeps this path for itself"),
        (["serve", "--path", "/page.css"], "the page keeps this path for itself"),
        (["serve", "--host", "no such host"], "--host 'no such host' is no address of this machine"),
        (["serve", "--host", "192.0.2.1"], "this machine has no such address"),
        (["serve", "--config", "missing.toml"], "--config missing.toml: No such file or directory"),
        (["serve", "--page", "missing.html"], "missing.html: No such file or directory"),
        (["serve", "--page", "."], ": Is a directory"),
        (["check", "--page", "page.html"], "--page: unknown option"),
        (["clean", "--older-than", "soon"], "--older-than must be a duration such as '30 s'"),
        (["serve", "--help-me"], "--help-me: unknown option; did you mean '--help'"),
        (["serv"], "'serv'"),
        ([], "COMMAND"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_one_fault_is_one_line(words: list[str], text: str, capsys: pytest.CaptureFixture[str]) -> None:
    error = told(*words, status=2, capsys=capsys)
    assert text in error
    assert error.startswith("ajaxupload")
    assert len(error.splitlines()) <= 2  # argparse's own come with a line that names --help


def test_all_faults_are_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    error = told(
        "serve", "--prot", "9", "--port", "x", "--threads", "many", "--option", "max_siz=3", "--option", "min_size=few",
        "--option", "sniff=maybe", status=2, capsys=capsys,
    )  # fmt: skip
    first, *rest = error.splitlines()
    assert first == "ajaxupload serve: 6 problems:"
    assert len(rest) == 6
    for word in ("--prot", "--port", "--threads", "max_siz", "min_size", "sniff"):
        assert sum(word in line for line in rest) >= 1, word


def test_a_faulty_command_line_makes_no_directory(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told("serve", "in", "--option", "max_size=lots", status=2, capsys=capsys)
    assert list(place.iterdir()) == []


def test_a_port_in_use_is_one_line_and_makes_no_directory(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        error = told("serve", "--port", str(port), status=2, capsys=capsys)
    assert error == (
        f"ajaxupload serve: 127.0.0.1 port {port} is in use by another program: "
        "choose another one with --port, or 0 for any free one\n"
    )
    assert list(place.iterdir()) == []


def test_a_place_that_cannot_be_stored_to_is_told(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "file").touch()
    error = told("serve", "file", "--port", "0", status=2, capsys=capsys)
    assert f"cannot store to {place / 'file'}" in error


def test_without_gunicorn_the_install_line_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "ajaxupload.demo.serving", raising=False)
    monkeypatch.delattr("ajaxupload.demo.serving", raising=False)
    monkeypatch.setitem(sys.modules, "gunicorn.app.base", None)
    error = told("serve", "--port", "x", status=2, capsys=capsys)
    assert "ajaxupload serve needs gunicorn: pip install 'ajaxupload[serve]'" in error
    assert "--port must be" in error


def test_help_names_every_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["serve", "--help"])
    text = capsys.readouterr().out
    for word in ("DIR", "--backend", "--option", "--path", "--config", "--host", "--port", "--workers", "--threads"):
        assert word in text


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"ajaxupload {__version__}\n"


def test_ctrl_c_before_the_server_runs_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ajaxupload.cli.Plan", interrupted)
    assert main(["check"]) == 130
