"""What Django's settings lend to a view, and what is stronger than they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from django.urls import path, set_script_prefix

from ajaxupload import ConfigError
from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.registry import resolve

from .conftest import Site
from .wire import post_form


def options(uploader: AjaxFileUploader) -> dict[str, Any]:
    """What the backend is made with just now."""
    return dict(uploader.endpoint.settings.backend.options)


def stored(site: Site, uploader: AjaxFileUploader, folder: Path, **settings: Any) -> bool:
    """Does a file land in `folder`?"""
    post_form(site(path("upload/", uploader), **settings), "/upload/", ("file", "a.txt", b"x"))
    return (folder / "a.txt").is_file()


FRESH = """
from ajaxupload.adapters.django import aws
from ajaxupload.adapters.django.settings import _LENDERS, BUILT_IN
from ajaxupload.registry import names, resolve
found = {}
for cls in (resolve("backend", name) for name in names("backend")):
    for option in _LENDERS.keys() & set(dir(cls)):
        owner = next(each for each in cls.__mro__ if option in vars(each))
        if option not in aws.LENDERS or owner.__name__ == "S3UploadBackend":  # Azure is not lent Amazon's
            found.setdefault(owner.__name__, {})[option] = vars(owner)[option]
assert found == BUILT_IN, found
"""


def test_the_built_in_constants_are_those_of_our_backends() -> None:
    """In a fresh process: nobody has changed them there. A new backend with such an option gets its row."""
    run = subprocess.run([sys.executable, "-c", FRESH], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr


def test_media_settings_are_lent(site: Site, root: Path) -> None:
    view = AjaxFileUploader()
    assert stored(site, view, root / "media" / "uploads")
    with override_settings(MEDIA_URL="https://cdn.example.com/"):
        assert options(view)["MEDIA_URL"] == "https://cdn.example.com/"


@pytest.mark.parametrize("key", ["upload_dir", "UPLOAD_DIR"])
def test_media_url_is_not_lent_for_a_folder_that_it_does_not_show(root: Path, key: str) -> None:
    elsewhere: dict[str, Any] = {key: str(root / "private")}
    shown: dict[str, Any] = {key: str(root / "media")}
    below: dict[str, Any] = {key: "uploads"}
    assert "MEDIA_URL" not in options(AjaxFileUploader("local", **elsewhere))
    assert options(AjaxFileUploader("local", **shown))["MEDIA_URL"] == "/media/"
    assert options(AjaxFileUploader("local", **below))["MEDIA_URL"] == "/media/"
    assert options(AjaxFileUploader("local", **elsewhere, media_url="/p/"))["MEDIA_URL"] == "/p/"


def test_media_url_is_not_lent_to_a_class_whose_folder_it_does_not_show(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Private(LocalUploadBackend):
        UPLOAD_DIR = str(root / "private")

    class Inside(LocalUploadBackend):
        UPLOAD_DIR = str(root / "media" / "in")

    class Shown(LocalUploadBackend):
        UPLOAD_DIR = str(root / "media")

    class Below(LocalUploadBackend):
        UPLOAD_DIR = "below"

    lent = {cls: "MEDIA_URL" in options(AjaxFileUploader(cls)) for cls in (Private, Inside, Shown, Below)}
    assert lent == {Private: False, Inside: False, Shown: True, Below: True}
    assert options(AjaxFileUploader(Private, upload_dir="given"))["MEDIA_URL"] == "/media/"
    with override_settings(UPLOAD_DIR="in"):
        assert "MEDIA_URL" not in options(AjaxFileUploader(Private))
    with override_settings(UPLOAD_DIR=str(root / "private")):
        assert "MEDIA_URL" not in options(AjaxFileUploader("local"))
    monkeypatch.setattr(LocalUploadBackend, "UPLOAD_DIR", str(root / "private"))
    assert "MEDIA_URL" not in options(AjaxFileUploader("local"))


def test_the_old_upload_dir_setting_is_lent(site: Site, root: Path) -> None:
    assert stored(site, AjaxFileUploader(), root / "media" / "in", UPLOAD_DIR="in")


def test_a_class_constant_set_before_is_stronger(site: Site, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocalUploadBackend, "UPLOAD_DIR", "tmp")
    view = AjaxFileUploader(backend=LocalUploadBackend)
    assert stored(site, view, root / "media" / "tmp", UPLOAD_DIR="in")


def test_a_class_constant_set_after_is_stronger(site: Site, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    view = AjaxFileUploader(backend=LocalUploadBackend)
    assert stored(site, view, root / "media" / "in", UPLOAD_DIR="in")
    monkeypatch.setattr(LocalUploadBackend, "UPLOAD_DIR", "tmp")
    monkeypatch.setattr(LocalUploadBackend, "MEDIA_ROOT", str(root / "elsewhere"))
    assert stored(site, view, root / "elsewhere" / "tmp", UPLOAD_DIR="in")


def test_a_subclass_keeps_its_own_constants_and_is_lent_the_others(site: Site, root: Path) -> None:
    class Reports(LocalUploadBackend):
        UPLOAD_DIR = "reports"

    assert stored(site, AjaxFileUploader(Reports), root / "media" / "reports", UPLOAD_DIR="in")


@pytest.mark.parametrize("option", ["UPLOAD_DIR", "upload_dir"])
def test_an_option_is_strongest(site: Site, root: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    monkeypatch.setattr(LocalUploadBackend, "UPLOAD_DIR", "tmp")
    given: dict[str, Any] = {option: "given"}
    assert stored(site, AjaxFileUploader(LocalUploadBackend, **given), root / "media" / "given", UPLOAD_DIR="in")


@pytest.mark.parametrize(
    ("files", "folders", "modes"),
    [
        (0o644, None, (0o644, 0o755)),
        (0o640, None, (0o640, 0o750)),
        (0o600, None, (0o600, 0o700)),
        (0o644, 0o711, (0o644, 0o711)),
        (None, 0o750, (0o600, 0o750)),
        (None, None, (0o600, 0o700)),
    ],
)
def test_permissions_are_djangos(site: Site, uploads: Path, files: Any, folders: Any, modes: tuple[int, int]) -> None:
    settings = {"FILE_UPLOAD_PERMISSIONS": files, "FILE_UPLOAD_DIRECTORY_PERMISSIONS": folders}
    assert stored(site, AjaxFileUploader(), uploads, **settings)
    assert ((uploads / "a.txt").stat().st_mode & 0o7777, uploads.stat().st_mode & 0o7777) == modes


def test_settings_that_are_not_set_are_not_lent() -> None:
    with override_settings(MEDIA_ROOT="", MEDIA_URL="", FILE_UPLOAD_PERMISSIONS=None):
        assert options(AjaxFileUploader()) == {}


def test_an_unset_media_url_is_not_the_whole_site() -> None:
    """Django makes the site's prefix of it."""
    try:
        with override_settings(MEDIA_URL=""):
            set_script_prefix("/app/")
            assert "MEDIA_URL" not in options(AjaxFileUploader())
        with override_settings(MEDIA_URL="media/"):
            assert options(AjaxFileUploader())["MEDIA_URL"] == "/app/media/"
    finally:
        set_script_prefix("/")


def test_a_backend_is_lent_only_what_it_knows() -> None:
    with override_settings(UPLOAD_DIR="in"):
        assert options(AjaxFileUploader(MemoryUploadBackend)) == {}


def test_endpoints_are_kept_while_settings_stay_and_when_they_come_back() -> None:
    view = AjaxFileUploader()
    first = view.endpoint
    assert view.endpoint is first
    with override_settings(UPLOAD_DIR="other"):
        assert view.endpoint is not first
    assert view.endpoint is first


# ---- settings.AJAXUPLOAD ---------------------------------------------------------------------------------------------

BACKENDS = {"backends": {"default": {"class": "local", "upload_dir": "by-default"}, "photos": "memory"}}


def test_without_a_backend_it_is_the_one_named_default(site: Site, root: Path) -> None:
    with override_settings(AJAXUPLOAD=BACKENDS):
        assert stored(site, AjaxFileUploader(), root / "media" / "by-default", AWS_STORAGE_BUCKET_NAME="b")


def test_a_configured_name_is_stronger_than_a_registry_name() -> None:
    with override_settings(AJAXUPLOAD={"backends": {"local": {"class": "memory"}}}):
        spec = AjaxFileUploader("local").endpoint.settings.backend
    assert (spec.name, spec.cls) == ("local", MemoryUploadBackend)


def test_options_beside_a_configured_name_are_stronger_than_its_own() -> None:
    with override_settings(AJAXUPLOAD=BACKENDS):
        assert options(AjaxFileUploader("default", UPLOAD_DIR="x"))["UPLOAD_DIR"] == "x"


def test_an_unknown_name_is_answered_with_all_that_are_known() -> None:
    with override_settings(AJAXUPLOAD=BACKENDS), pytest.raises(ConfigError, match="did you mean 'photos'"):
        AjaxFileUploader("photo")


def test_a_setting_that_is_no_dict_is_told() -> None:
    for wrong in (["x"], {"backends": ["local"]}):
        with override_settings(AJAXUPLOAD=wrong), pytest.raises(ConfigError, match="must be a dict"):
            AjaxFileUploader()


@pytest.mark.parametrize("setting", ["AWS_STORAGE_BUCKET_NAME", "AWS_BUCKET_NAME"])
def test_a_bucket_in_the_settings_means_s3(setting: str) -> None:
    """As django-ajax-uploader had it by default."""
    lent = {
        setting: "my-bucket",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_S3_REGION_NAME": "eu-north-1",
        "AWS_S3_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    with override_settings(**lent):
        spec = AjaxFileUploader().endpoint.settings.backend
    assert spec.cls is resolve("backend", "s3")
    assert spec.options == {
        "BUCKET": "my-bucket",
        "ACCESS_KEY_ID": "key",
        "SECRET_ACCESS_KEY": "secret",
        "REGION": "eu-north-1",
        "ENDPOINT_URL": "http://127.0.0.1:9",
    }


def test_a_bucket_in_the_environment_or_among_the_options_means_s3(monkeypatch: pytest.MonkeyPatch) -> None:
    assert options(AjaxFileUploader(bucket="given")) == {"BUCKET": "given"}
    monkeypatch.setenv("AWS_STORAGE_BUCKET_NAME", "from-environment")
    assert options(AjaxFileUploader()) == {"BUCKET": "from-environment"}
    assert AjaxFileUploader("local").endpoint.settings.backend.cls is LocalUploadBackend


def test_a_view_may_be_made_before_django_is_configured() -> None:
    code = (
        "from ajaxupload.adapters.django import AjaxFileUploader\n"
        "view = AjaxFileUploader()\n"
        "from django.conf import settings\n"
        "assert not settings.configured\n"
        "settings.configure(SECRET_KEY='x', MEDIA_ROOT='m')\n"
        "assert view.endpoint.settings.backend.options['MEDIA_ROOT'] == 'm'"
    )
    subprocess.run([sys.executable, "-W", "error::ResourceWarning", "-c", code], check=True)


MAKE_S3 = """
from django.conf import settings
settings.configure(SECRET_KEY="x")
from ajaxupload.adapters.django import AjaxFileUploader
AjaxFileUploader("s3")
"""


@pytest.mark.parametrize(
    ("package", "code", "extra"),
    [
        ("django", "import ajaxupload.adapters.django", "django"),
        ("flask", "import ajaxupload.adapters.flask", "flask"),
        ("pyramid", "import ajaxupload.adapters.pyramid", "pyramid"),
        ("boto3", MAKE_S3, "s3"),
    ],
    ids=["django", "flask", "pyramid", "boto3"],
)
def test_a_missing_package_is_named_with_the_command_that_brings_it(package: str, code: str, extra: str) -> None:
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.modules[{package!r}] = None\n{code}"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.stderr.rstrip().endswith(f"pip install 'ajaxupload[{extra}]'")
