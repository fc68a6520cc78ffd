"""Sites of one user that keep unfinished uploads in one folder: none has anything of another's, each has its own after
a restart, and after a change of what does not say which store it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import webtest

from ajaxupload import AbstractUploadBackend, upload_endpoint
from ajaxupload.config import load, short_form
from ajaxupload.engine.storename import store_name

CONTENT = b"hello"


class Folder(AbstractUploadBackend):
    """A store of somebody's own, that says nothing of which one it is."""

    FOLDER: str = ""
    PASSWORD: str = ""
    KINDS: frozenset[str] = frozenset(("b", "a", "c"))
    NOTICE: Any = print

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        self.blocks: list[bytes] = []

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        self.blocks.append(chunk)

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> None:
        Path(self.FOLDER, filename).write_bytes(b"".join(self.blocks))

    def delete(self, filename: str) -> None:
        Path(self.FOLDER, filename).unlink()


class Site:
    """One that stores into a folder of its own below `root`, and keeps unfinished uploads where all others do."""

    def __init__(self, root: Path, name: str, **settings: Any) -> None:
        self.folder = root / name
        self.folder.mkdir(exist_ok=True)
        self.app = webtest.TestApp(upload_endpoint(Folder, folder=str(self.folder), **settings))

    @property
    def files(self) -> list[str]:
        return sorted(os.listdir(self.folder))

    def piece(self, number: int, of: int = 2) -> Any:
        """A piece of one byte, as Flow.js sends it."""
        facts: dict[str, Any] = {
            "ChunkNumber": number,
            "TotalChunks": of,
            "ChunkSize": 1,
            "CurrentChunkSize": 1,
            "TotalSize": of,
        }
        facts |= dict.fromkeys(("Identifier", "Filename", "RelativePath"), "2-a.txt")
        query = urlencode({f"flow{name}": value for name, value in facts.items()})
        headers = {"Content-Type": "application/octet-stream", "User-Agent": "one browser"}
        return self.app.post(f"/?{query}", b"x", headers=headers).json


@pytest.fixture(params=["by default", "by partials_dir"])
def shared(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Where all sites keep unfinished uploads: settings of each."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return {} if request.param == "by default" else {"partials_dir": str(tmp_path / "partials")}


def test_the_same_file_sent_to_two_sites_is_stored_at_both(tmp_path: Path, shared: dict[str, Any]) -> None:
    staging, site = Site(tmp_path, "staging", **shared), Site(tmp_path, "site", **shared)
    assert not staging.piece(1)["complete"]
    assert not site.piece(2)["complete"]
    assert (staging.piece(2)["complete"], staging.files, site.files) == (True, ["2-a.txt"], [])
    assert (site.piece(1)["complete"], site.files) == (True, ["2-a.txt"])


def test_what_was_begun_goes_on_after_a_restart_and_with_another_password(
    tmp_path: Path, shared: dict[str, Any]
) -> None:
    assert not Site(tmp_path, "site", password="one", **shared).piece(1)["complete"]
    assert Site(tmp_path, "site", password="two", **shared).piece(2)["complete"]


@pytest.mark.parametrize("way", ["a list", "its id", "tus"])
def test_nothing_is_listed_deleted_or_touched_at_another_site(tmp_path: Path, shared: dict[str, Any], way: str) -> None:
    settings = {"allow_list": True, "allow_delete": True, "authorize": lambda *_: "ann", **shared}
    staging, site = Site(tmp_path, "staging", **settings), Site(tmp_path, "site", **settings)
    (site.folder / "a.txt").write_bytes(b"somebody else's")
    stored = staging.app.put("/a.txt", CONTENT).json
    if way == "a list":
        assert (len(staging.app.get("/?qqtimestamp=1").json), site.app.get("/?qqtimestamp=1").json) == (1, [])
    elif way == "its id":
        site.app.delete(f"/{stored['id']}", status=404)
    else:
        tus = {"Tus-Resumable": "1.0.0"}
        made = staging.app.post("/", headers={**tus, "Upload-Length": "5"}).headers["Location"]
        site.app.head(made, headers=tus, status=404)
        staging.app.head(made, headers=tus, status=200)
    assert (staging.files, site.files) == (["a.txt"], ["a.txt"])
    assert (site.folder / "a.txt").read_bytes() == b"somebody else's"


def test_a_name_whose_holder_is_not_known_is_nobodys_to_delete(tmp_path: Path, shared: dict[str, Any]) -> None:
    site = Site(tmp_path, "site", allow_delete=True, authorize=lambda *_: "ann", **shared)
    stored = site.app.put("/a.txt", CONTENT).json
    (names,) = tmp_path.rglob("names")
    for entry in names.iterdir():
        entry.unlink()
    site.app.delete(stored["deleteUrl"], status=404)
    assert site.files == ["a.txt"]


def name_of(backend: Any, **options: Any) -> str:
    return store_name(load(short_form("/up", backend, options)).endpoints["/up"])


@pytest.mark.slow
def test_processes_agree_about_a_stores_name() -> None:
    """Sets have another order in each, functions and objects another address."""
    line = "from tests.unit.test_store_names import *; print(name_of(Folder, folder='x'))"
    other = subprocess.run([sys.executable, "-c", line], stdout=subprocess.PIPE, check=True)
    assert other.stdout.decode() == f"{name_of(Folder, folder='x')}\n"


@pytest.mark.parametrize(
    ("backend", "one", "other"),
    [
        (Folder, {"folder": "a"}, {"folder": "b"}),
        ("local", {"upload_dir": "a"}, {"upload_dir": "b"}),
        ("local", {"media_root": "a", "private_dir": "p"}, {"media_root": "b", "private_dir": "p"}),
        ("s3", {"bucket": "a"}, {"bucket": "b"}),
        ("s3", {"bucket": "a", "prefix": "in/"}, {"bucket": "a", "prefix": "out/"}),
        ("s3", {"bucket": "a", "endpoint_url": "http://one"}, {"bucket": "a", "endpoint_url": "http://other"}),
        ("object_store", {"url": "s3://a/in"}, {"url": "s3://a/out"}),
        ("object_store", {"url": "az://a", "options": {"account_name": "one"}}, {"url": "az://a"}),
        ("thumbnail", {"upload_dir": "a"}, {"upload_dir": "b"}),
        ("thumbnail", {"store": {"class": Folder, "folder": "a"}}, {"store": {"class": Folder, "folder": "b"}}),
        ("thumbnail", {"store": "memory"}, {"store": {"class": Folder}}),
    ],
)
def test_stores_are_told_apart(backend: Any, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert name_of(backend, **one) != name_of(backend, **other)


@pytest.mark.parametrize(
    ("backend", "one", "other"),
    [
        (Folder, {"password": "one"}, {"password": "two"}),
        ("local", {"file_mode": "0600"}, {"file_mode": "0644"}),
        ("s3", {"access_key_id": "one", "part_size": "5 MiB"}, {"access_key_id": "two", "part_size": "6 MiB"}),
        ("object_store", {"options": {"secret_access_key": "one"}}, {"options": {"secret_access_key": "two"}}),
        ("thumbnail", {"quality": 70}, {"quality": 80}),
    ],
)
def test_what_says_nothing_of_the_store_may_change(backend: Any, one: dict[str, Any], other: dict[str, Any]) -> None:
    assert name_of(backend, **one) == name_of(backend, **other)


def test_what_the_environment_says_of_the_store_tells_it_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    before = name_of("s3", bucket="a"), name_of("object_store", url="az://a")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "other")
    after = name_of("s3", bucket="a"), name_of("object_store", url="az://a")
    assert before[0] != after[0]
    assert before[1] != after[1]


def test_a_local_store_is_known_again_where_it_is_mounted_elsewhere(tmp_path: Path) -> None:
    """Its unfinished uploads are mounted with it; in a folder of their own they may meet those of any other."""
    here, there = ({"media_root": str(tmp_path / name), "upload_dir": "in"} for name in ("here", "there"))
    assert name_of("local", **here).replace("here", "there") == name_of("local", **there)
    shared = {"partials_dir": str(tmp_path / "partials")}
    assert name_of("local", **here, **shared) != name_of("local", **there, **shared)
