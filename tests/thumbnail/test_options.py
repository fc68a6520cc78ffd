"""What the configuration says about thumbnails: sizes, formats, limits, and the store behind."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ajaxupload import AjaxUpload
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
from ajaxupload.config import load, unflatten
from ajaxupload.errors import ConfigError
from ajaxupload.specs import BackendSpec
from tests.thumbnail.pictures import Shelf, jpeg, thumbnail, uploaded


def store_of(config: dict[str, Any], name: str = "photos") -> BackendSpec:
    """The store behind the configured backend."""
    spec = load({"endpoints": {"/x": {"backend": name}}, "backends": config}).backends[name]
    backend = spec.create()
    assert isinstance(backend, ThumbnailUploadBackend)
    return backend._store


def problems_of(config: dict[str, Any]) -> str:
    with pytest.raises(ConfigError) as caught:
        load({"endpoints": {"/x": {"backend": "photos"}}, "backends": config})
    return "\n".join(caught.value.problems)


def refused(**options: Any) -> str:
    """What `startup` has against these options."""
    with pytest.raises(ConfigError) as caught:
        ThumbnailUploadBackend(STORE=Shelf, **options).startup()
    return "\n".join(caught.value.problems)


# ---- the store


def test_without_a_store_it_is_local_and_its_options_stand_beside_ours() -> None:
    table = {"class": "thumbnail", "dimension": "200x200", "keep_original": True, "media_root": "m", "dir_mode": "0755"}
    store = store_of({"photos": table})
    assert (store.cls, store.options) == (LocalUploadBackend, {"MEDIA_ROOT": "m", "DIR_MODE": 0o755})


def test_a_store_is_another_configured_backend_wherever_it_stands() -> None:
    photos, archive = {"class": "thumbnail", "store": "archive"}, {"class": "local", "upload_dir": "a"}
    for config in ({"photos": photos, "archive": archive}, {"archive": archive, "photos": photos}):
        store = store_of(config)
        assert (store.name, store.options) == ("archive", {"UPLOAD_DIR": "a"})


@pytest.mark.parametrize(
    "spelling",
    ["memory", MemoryUploadBackend, "ajaxupload.backends.memory:MemoryUploadBackend", {"class": "memory"}],
)
def test_a_store_is_a_registry_name_a_class_a_dotted_path_or_a_table(spelling: Any) -> None:
    assert store_of({"photos": {"class": "thumbnail", "store": spelling}}).cls is MemoryUploadBackend


def test_a_store_of_a_subclass_is_its_constant() -> None:
    class Mine(ThumbnailUploadBackend):
        STORE = "archive"

    assert store_of({"photos": Mine, "archive": "memory"}).cls is MemoryUploadBackend


def test_the_old_constants_of_the_local_backend_reach_the_store() -> None:
    class Mine(ThumbnailUploadBackend):
        UPLOAD_DIR = "tmp"

    assert store_of({"photos": Mine}).options == {"UPLOAD_DIR": "tmp"}
    assert store_of({"photos": {"class": Mine, "upload_dir": "in"}}).options == {"UPLOAD_DIR": "in"}
    assert Mine()._store.options == {"UPLOAD_DIR": "tmp"}
    assert ThumbnailUploadBackend(upload_dir="x")._store.options == {"UPLOAD_DIR": "x"}


def test_a_constant_set_on_our_own_class_reaches_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ThumbnailUploadBackend, "UPLOAD_DIR", "tmp", raising=False)
    assert store_of({"photos": "thumbnail"}).options == {"UPLOAD_DIR": "tmp"}


def test_a_table_may_have_the_name_of_its_stores_class() -> None:
    assert store_of({"local": {"class": "thumbnail"}}, "local").cls is LocalUploadBackend


def test_thumbnails_may_stand_in_front_of_thumbnails() -> None:
    """A store like any other: the small picture is the original of a smaller one."""
    inner = {"class": "thumbnail", "store": Shelf, "dimension": "20"}
    assert thumbnail(jpeg(), STORE=inner, DIMENSION="40x40").size == (20, 15)


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"photos": {"class": "thumbnail", "store": "archiv"}, "archive": "memory"}, "did you mean 'archive'"),
        ({"photos": {"class": "thumbnail", "store": {"class": "lokal"}}}, "store: unknown backend 'lokal'"),
        ({"photos": {"class": "thumbnail", "store": {}}}, 'store: needs a "class"'),
        ({"photos": {"class": "thumbnail", "upload_dri": "x"}}, "did you mean 'upload_dir'"),
        ({"photos": {"class": "thumbnail", "store": "memory", "upload_dir": "x"}}, "unknown option 'upload_dir'"),
        ({"photos": {"class": "thumbnail", "durable": "perhaps"}}, "store: durable must be true or false"),
        ({"photos": {"class": "thumbnail", "store": "photos"}}, "'photos' stands behind itself (photos -> photos)"),
        (
            {"photos": {"class": "thumbnail", "store": "b"}, "b": {"class": "thumbnail", "store": "photos"}},
            "'photos' stands behind itself (photos -> b -> photos)",
        ),
        (
            {"photos": {"class": "thumbnail", "store": "a", "upload_dir": "x"}, "a": {"class": "local"}},
            "unknown option 'upload_dir'",
        ),
    ],
)
def test_what_is_wrong_with_a_store_is_told(config: dict[str, Any], words: str) -> None:
    assert words in problems_of(config)


def test_an_unknown_store_without_a_configuration_is_told_too() -> None:
    with pytest.raises(ConfigError, match="store: unknown backend 'memroy'; did you mean 'memory'"):
        ThumbnailUploadBackend(STORE="memroy")


def test_ini_lines_say_it_all() -> None:
    lines = {
        "endpoints./photo.backend": "photos",
        "backends.photos.class": "thumbnail",
        "backends.photos.dimensions": "small=40x40, large=x200",
        "backends.photos.crop": "true",
        "backends.photos.formats": "jpeg png",
        "backends.photos.max_side": "5000",
        "backends.photos.memory_limit": "256 MiB",
        "backends.photos.time_limit": "5 s",
        "backends.photos.upload_dir": "photos",
    }
    backend = load(unflatten(lines)).backends["photos"].create()
    assert (backend.CROP, backend.FORMATS, backend.MEMORY_LIMIT) == (True, ("jpeg", "png"), 256 << 20)
    assert backend._store.options == {"UPLOAD_DIR": "photos"}
    made = uploaded(jpeg(), STORE=Shelf, DIMENSIONS=backend.DIMENSIONS, CROP=backend.CROP)["thumbnails"]
    assert [(name, each["width"], each["height"]) for name, each in made.items()] == [
        ("small", 40, 40),
        ("large", 267, 200),
    ]


# ---- sizes, formats, limits


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({}, {"thumbnail": (100, 75)}),
        ({"DIMENSION": "40x40"}, {"thumbnail": (40, 30)}),
        ({"DIMENSIONS": "x60"}, {"thumbnail": (80, 60)}),
        ({"DIMENSIONS": (100, 0)}, {"thumbnail": (100, 75)}),
        ({"DIMENSIONS": {"s": "40", "l": "x150"}}, {"s": (40, 30), "l": (200, 150)}),
        ({"DIMENSIONS": {"s": {"dimension": "40x40", "crop": "top"}, "l": "80"}}, {"s": (40, 40), "l": (80, 60)}),
        ({"DIMENSION": "40", "DIMENSIONS": {"l": "80"}, "CROP": True}, {"l": (80, 60)}),
    ],
)
def test_sizes_are_one_dimension_or_several_named_ones(options: dict[str, Any], sizes: dict[str, Any]) -> None:
    made = uploaded(jpeg(), **options)["thumbnails"]
    assert {name: (each["width"], each["height"]) for name, each in made.items()} == sizes


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"DIMENSION": "100by100"}, "dimension must be like '100x100'"),
        ({"DIMENSION": "20000"}, "beyond max_side"),
        ({"DIMENSIONS": {"small": "x"}}, "dimensions: small: dimension must be like"),
        ({"DIMENSIONS": {"": "10"}}, "must be a short name"),
        ({"DIMENSIONS": {"a/b": "10"}}, "'a/b' must be a short name"),
        ({"DIMENSIONS": {"A": "10", "a": "20"}}, "two names differ in case only"),
        ({"DIMENSIONS": {"a": {"crop": "center"}}}, 'a: needs a "dimension"'),
        ({"DIMENSIONS": {"a": {"dimension": "10", "corp": "center"}}}, "unknown key 'corp'; did you mean 'crop'"),
        ({"DIMENSIONS": {"a": {"dimension": "10", "upscale": "maybe"}}}, "a: upscale must be true or false"),
        ({"CROP": "middle"}, "crop must be like 'center'"),
        ({"QUALITY": 0}, "quality must be from 1 to 100"),
        ({"FORMAT": "jpge"}, "format 'jpge' is not written; did you mean 'jpeg'"),
        ({"FORMATS": ("jpeg", "tiff")}, "formats: 'tiff' is not read"),
        ({"FORMATS": ()}, "at least one must be listed"),
        ({"PADDING_COLOR": "bluish"}, "padding_color must be like '#ffffff'"),
        ({"MAX_FRAMES": 0}, "must be at least 1"),
        ({"PROCESSES": 0}, "processes must be at least 1"),
        ({"MEMORY_LIMIT": 1 << 20}, "memory_limit must be at least 96 MiB"),
        ({"TIME_LIMIT": 0.0}, "must be more than 0 s"),
        ({"TEMP_DIR": "/nowhere/at/all"}, "cannot keep pictures in /nowhere/at/all"),
    ],
)
def test_what_is_wrong_is_told_at_start(options: dict[str, Any], words: str) -> None:
    assert words in refused(**options)


def test_everything_that_is_wrong_is_told_at_once() -> None:
    told = refused(DIMENSIONS={"a": "x", "b": "y"}, FORMATS=("bmp",), PROCESSES=0)
    assert told.count("\n") == 3


def test_the_store_is_started_with_it() -> None:
    with pytest.raises(ConfigError, match="executable"):
        AjaxUpload(lambda *_: [], path="/up", backend="thumbnail", file_mode="0755")


def test_check_decodes_a_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ThumbnailUploadBackend(STORE=Shelf, FORMATS=("GIF",)).examine() == []
    monkeypatch.setattr("ajaxupload.backends.thumbnail.child.interpreter", lambda: "/bin/false")
    (told,) = ThumbnailUploadBackend(STORE=Shelf, PROCESSES=7).examine()
    assert "the process that decodes pictures did not start: exit status 1" in told


def test_without_pillow_it_is_told_what_to_install() -> None:
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "from ajaxupload import AjaxUpload\n"
        "AjaxUpload(None, path='/up', backend='thumbnail')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "backend 'thumbnail' needs Pillow: pip install" in done.stderr
    assert "ajaxupload[images]" in done.stderr
