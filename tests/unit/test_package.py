"""What was installed: the whole package, under the names that others look it up by."""

from __future__ import annotations

import importlib
import os
import sys
from importlib.metadata import distribution, requires
from pathlib import Path

import pytest

import ajaxupload

ROOT = Path(__file__).resolve().parents[2]
INSTALLED = Path(ajaxupload.__file__).parent
SOURCE = ROOT / "src" / "ajaxupload"
EXPECT_WHEEL = os.environ.get("AJAXUPLOAD_EXPECT_WHEEL", "0") not in ("", "0")


def files(folder: Path) -> dict[str, bytes]:
    """Relative name -> content of all that belongs to the package."""
    found = (path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(folder)): path.read_bytes() for path in found}


def test_the_tests_import_what_they_were_told_to() -> None:
    assert INSTALLED.is_relative_to(sys.prefix) if EXPECT_WHEEL else INSTALLED.is_dir()


def test_the_installed_package_is_the_source_tree_to_the_byte() -> None:
    assert files(INSTALLED) == files(SOURCE)


@pytest.mark.parametrize("name", ["py.typed"])
def test_the_package_holds(name: str) -> None:
    assert name in files(INSTALLED)


def test_the_version_is_the_distributions() -> None:
    assert ajaxupload.__version__ == distribution("ajaxupload").version


def test_every_entry_point_loads() -> None:
    loaded = {f"{entry.group}:{entry.name}": entry.load() for entry in distribution("ajaxupload").entry_points}
    assert loaded.keys() == {"console_scripts:ajaxupload", "paste.filter_app_factory:main", "paste.app_factory:main"}
    assert all(map(callable, loaded.values()))


def test_every_extra_installs_something_and_all_installs_them_all() -> None:
    wanted = [line for line in requires("ajaxupload") or () if "extra ==" in line]
    extras = {line.rpartition("==")[2].strip(" '\"") for line in wanted}
    assert extras == {"s3", "object-store", "images", "heic", "django", "flask", "pyramid", "serve", "fast", "all"}


def test_running_the_package_as_a_module_is_the_command() -> None:
    assert importlib.util.find_spec("ajaxupload.__main__") is not None
