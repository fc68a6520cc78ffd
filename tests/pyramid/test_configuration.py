"""What is wrong with the ini file or a directive is told at start, and whose word counts where two speak."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pyramid.exceptions import ConfigurationConflictError, ConfigurationExecutionError

from ajaxupload.errors import ConfigError
from tests.pyramid.made import make, stored


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


def test_every_fault_of_the_ini_file_is_listed_in_one_error() -> None:
    ini = {
        "endpoints./up.backend": "disc",
        "endpoints./up.max_sise": "1",
        "backends.disk.class": "locl",
        "secrt_key": "x",
    }
    with pytest.raises(ConfigError) as caught:
        make(**ini)
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert all(word in text for word in ("'disk'", "'max_size'", "'local'", "'secret_key'"))


def test_a_forgotten_path_is_an_error() -> None:
    with pytest.raises(ConfigError, match="unknown key 'max_size'"):
        make(max_size="1 KB")


def test_the_directives_faults_are_told_where_it_stands(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"(?s)3 problems.*max_sise.*max_size must.*upload_dir"):
        make(lambda config: config.add_ajax_upload("/up", max_sise=3, uplod_dir="x", max_size="much"))


def test_the_directive_knows_the_ini_files_backends(folder: Path) -> None:
    ini = {"backends.default.class": "local", "backends.default.upload_dir": str(folder)}
    app = make(lambda config: config.add_ajax_upload("/up", max_size="3 B"), **ini)
    app.put("/up/a", b"abcd", status=413)
    app.put("/up/a", b"abc", status=201)
    assert stored(folder) == {"a": b"abc"}


def test_a_fault_in_a_backend_of_the_ini_file_is_told_by_any_directive(folder: Path) -> None:
    with pytest.raises(ConfigError, match="upload_dir"):
        make(
            lambda config: config.add_ajax_upload("/up", upload_dir=folder),
            **{"backends.x.class": "local", "backends.x.dir": "y"},
        )


def test_without_settings_the_include_adds_no_endpoint() -> None:
    make().put("/upload/a", b"x", status=404)


def test_two_endpoints_at_one_path_are_a_conflict(folder: Path) -> None:
    def configure(config: Any) -> None:
        config.add_ajax_upload("/up", upload_dir=folder)
        config.add_ajax_upload("/up", upload_dir=folder, route_name="other")

    with pytest.raises(ConfigurationConflictError, match="/up"):
        make(configure)


def test_the_applications_own_directive_overrides_an_includes(folder: Path) -> None:
    def configure(config: Any) -> None:
        config.include(lambda included: included.add_ajax_upload("/up", upload_dir=folder / "theirs"))
        config.add_ajax_upload("/up", upload_dir=folder / "ours")

    make(configure).put("/up/a", b"x", status=201)
    assert stored(folder) == {"ours/a": b"x"}


def test_a_place_that_cannot_be_stored_to_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationExecutionError, match="file"):
        make(path="/up", upload_dir=str(tmp_path / "file"))


def test_two_applications_in_one_process_have_their_own(tmp_path: Path) -> None:
    apps = {name: make(path=f"/{name}", upload_dir=str(tmp_path / name)) for name in ("one", "two")}
    for name, app in apps.items():
        app.put(f"/{name}/a", name.encode(), status=201)
    assert {name: stored(tmp_path / name) for name in apps} == {"one": {"a": b"one"}, "two": {"a": b"two"}}
    apps["one"].put("/two/a", b"x", status=404)
