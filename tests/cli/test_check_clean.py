"""`ajaxupload check` and `ajaxupload clean`, and configuration files."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from webob import Request

from ajaxupload import AjaxUpload
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.cli import main

TOML = """
secret_key = "made up"

[backends.photos]
class = "local"
upload_dir = "photos"

[backends.scratch]
class = "memory"

[endpoints."/photo"]
backend = "photos"
max_size = "25 MiB"
min_size = "1 KiB"
max_files = 5
allow = ["image/*", ".pdf"]
deny = [".svg"]
name = "{year}/{name}"
allowed_origins = ["https://www.example.com"]
protocols = ["form", "raw"]

[endpoints."/album/{slug}/upload"]
backend = "scratch"
csrf = false
"""
FAULTY = """
[backends.photos]
class = "local"
upload_dri = "photos"

[endpoints."/photo"]
backend = "photo"
max_size = "plenty"

[endpoint]
"""


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory; what a command does to its process is undone."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(LocalUploadBackend, "_started_in", {})
    return tmp_path


def write(path: Path, text: str) -> str:
    """The path of a configuration file that holds `text`."""
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_check_says_what_would_be_served(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", write(place / "etc" / "upload.toml", TOML)]) == 0
    said = capsys.readouterr().out
    for text in (
        "/photo\n",
        f"place      stored in {place}/etc/photos (unfinished in {place}/etc/.photos.ajaxupload)\n",
        "limits     1 KiB to 25 MiB a file, 5 files in one form\n",
        "types      image/*, .pdf, but not .svg\n",
        "names      {year}/{name}\n",
        "protocols  form, raw\n",
        "origins    this site, and https://www.example.com\n",
        "/album/{slug}/upload\n",
        "place      MemoryUploadBackend\n",
        "limits     up to 100 MiB a file",
        "origins    any (csrf is off)\n",
        "who        anybody\n",
        "All is well: 2 endpoints can be served.\n",
    ):
        assert text in said


def test_relative_paths_in_a_file_start_at_the_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", write(place / "etc" / "upload.toml", TOML)]) == 0
    assert (place / "etc" / "photos").is_dir()
    assert not (place / "photos").exists()


def test_check_takes_the_same_words_as_serve(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        main(["check", "in", "--path", "/up", "--option", "allow=image/*,.pdf", "--option", "authorize=os:getcwd"]) == 0
    )
    said = capsys.readouterr().out
    assert said.startswith("/up\n")
    assert f"stored in {place}/in " in said
    assert "up to 100 GiB a file, 20 files" in said
    assert "types      image/*, .pdf\n" in said
    assert "who        whom authorize lets in\n" in said


def test_check_lists_every_fault_with_status_1(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--config", write(place / "upload.toml", FAULTY)]) == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "unknown option 'upload_dri'; did you mean 'upload_dir'" in captured.err
    assert "unknown backend 'photo'; did you mean 'photos'" in captured.err
    assert "max_size must be a size such as" in captured.err
    assert "unknown key 'endpoint'; did you mean 'endpoints'" in captured.err


def test_check_tries_every_place_and_lists_all_that_fail(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "".join(
        f'[backends.{name}]\nclass = "local"\nupload_dir = "{name}/in"\n[endpoints."/{name}"]\nbackend = "{name}"\n'
        for name in ("one", "two")
    )
    for name in ("one", "two"):
        (place / name).touch()
    assert main(["check", "--config", write(place / "upload.toml", text)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("ajaxupload check: 2 problems:\n")
    assert f"backend 'one': cannot store to {place}/one/in" in error
    assert f"backend 'two': cannot store to {place}/two/in" in error


def test_a_backend_that_cannot_start_is_a_fault_not_a_traceback(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write(
        place / "mine_broken.py",
        "from ajaxupload import AbstractUploadBackend\nclass Broken(AbstractUploadBackend):\n"
        "    def startup(self):\n        raise RuntimeError('no route to host')\n",
    )
    assert main(["check", "--backend", "mine_broken:Broken"]) == 1
    assert capsys.readouterr().err == (
        "ajaxupload check: backend 'default' cannot start: RuntimeError: no route to host\n"
    )


def test_secrets_of_a_backend_are_not_shown(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(
        place / "mine_remote.py",
        "from ajaxupload import AbstractUploadBackend\nclass Remote(AbstractUploadBackend):\n"
        "    API_KEY: str = ''\n    BUCKET: str = ''\n",
    )
    words = ["--backend", "mine_remote:Remote", "--option", "api_key=hush", "--option", "bucket=b"]
    assert main(["check", *words]) == 0
    said = capsys.readouterr().out
    assert "place      Remote api_key=*** bucket='b'\n" in said
    assert "hush" not in said


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"[endpoints", "upload.toml is not TOML"),
        (b"key = '\xff'", "upload.toml is not TOML"),
        (b"", "no endpoints: add"),
        (b'endpoints = "all"', "endpoints must be a table"),
        (b'[endpoints]\n"/up" = 3', "endpoint '/up': must be a table of settings"),
    ],
)
def test_a_file_that_is_no_configuration_is_told(
    place: Path, content: bytes, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "upload.toml").write_bytes(content)
    for command, status in (("check", 1), ("serve", 2), ("clean", 2)):
        assert main([command, "--config", "upload.toml"]) == status
        assert text in capsys.readouterr().err


def test_a_file_and_words_exclude_each_other(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(place / "upload.toml", TOML)
    words = ["in", "--backend", "local", "--option", "max_size=3", "--path", "/up"]
    assert main(["check", "--config", path, *words]) == 1
    error = capsys.readouterr().err
    for word in ("DIR", "--backend", "--option", "--path"):
        assert f"{word} and --config exclude each other" in error


def test_an_unknown_option_of_check_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--confg", "upload.toml"]) == 2
    assert "--confg: unknown option; did you mean '--config'?" in capsys.readouterr().err


ABANDON = """
import os, sys
from ajaxupload.backends.local import LocalUploadBackend
LocalUploadBackend(upload_dir=sys.argv[1]).startup()
backends = [LocalUploadBackend(upload_dir=sys.argv[1]) for _ in range(2)]
for name, backend in zip(("a.bin", "b.bin"), backends):
    backend.setup(name)
    backend.upload_chunk(b"half a file")
    backend.upload_waits(name)
os._exit(1)
"""


def abandon(folder: Path) -> None:
    """Two unfinished uploads of a process that died."""
    subprocess.run([sys.executable, "-c", ABANDON, str(folder)], check=False, timeout=30)
    incoming = folder.parent / f".{folder.name}.ajaxupload" / "incoming"
    assert sum(path.suffix == ".part" for path in incoming.iterdir()) == 2


def test_clean_removes_what_dead_processes_left_and_says_how_many(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    abandon(place / "in")
    assert main(["clean", "in", "--older-than", "1 h"]) == 0
    assert capsys.readouterr().out == f"{place}/in: no leftovers removed\n"
    assert main(["clean", "in"]) == 0
    assert capsys.readouterr().out == f"{place}/in: 2 leftovers removed\n"
    assert main(["clean", "in"]) == 0
    assert capsys.readouterr().out == f"{place}/in: no leftovers removed\n"


def test_clean_takes_all_backends_of_a_file(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(place / "etc" / "upload.toml", TOML)
    abandon(place / "etc" / "photos")
    assert main(["clean", "--config", path]) == 0
    assert capsys.readouterr().out == (
        f"{place}/etc/photos: 2 leftovers removed\nbackend 'scratch': no leftovers removed\n"
    )


def test_clean_makes_no_directories(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["clean", "in"]) == 0
    assert capsys.readouterr().out == f"{place}/in: no leftovers removed\n"
    assert list(place.iterdir()) == []


def test_clean_tells_a_place_that_it_cannot_read(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / ".in.ajaxupload").mkdir()
    (place / ".in.ajaxupload" / "incoming").touch()
    assert main(["clean", "in"]) == 2
    assert "backend 'default' could not be cleaned" in capsys.readouterr().err


QUOTA = """
[backends.photos]
class = "local"
upload_dir = "photos"
[endpoints."/photo"]
backend = "photos"
quota = "1 KiB"
resumable = false
"""


def nothing(*_request: Any) -> list[bytes]:
    return []


def test_clean_gives_back_what_somebody_else_has_deleted(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(place / "upload.toml", QUOTA)
    assert main(["check", "--config", path]) == 0
    assert "quota      1 KiB, for each principal\n" in capsys.readouterr().out
    backend = {"class": "local", "upload_dir": "photos"}
    endpoint = {"backend": "photos", "quota": "1 KiB", "resumable": False}
    site = AjaxUpload(nothing, {"backends": {"photos": backend}, "endpoints": {"/photo": endpoint}})

    def put(name: str) -> int:
        asked: Any = Request.blank(f"/photo/{name}", method="PUT", body=bytes(512))
        return int(asked.get_response(site).status_code)

    assert [put("a.bin"), put("b.bin"), put("c.bin")] == [201, 201, 413]
    (place / "photos" / "a.bin").unlink()
    assert put("c.bin") == 413
    assert main(["clean", "--config", path]) == 0
    assert "/photo: 1 file gone, no longer counted for a quota\n" in capsys.readouterr().out
    assert [put("c.bin"), put("d.bin")] == [201, 413]


def test_check_says_that_a_quota_has_no_place(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--backend", "memory", "--option", "quota=1 KiB"]) == 1
    assert "set partials_dir" in capsys.readouterr().err
