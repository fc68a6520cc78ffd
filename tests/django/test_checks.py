"""What `manage.py check` finds, by the messages' ids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.decorators import login_not_required, login_required
from django.core.checks import run_checks
from django.test import override_settings
from django.urls import include, path, re_path

from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.backends.memory import MemoryUploadBackend

from .conftest import Site


def found(*, deploy: bool = False) -> list[tuple[str, str]]:
    messages = run_checks(tags=["ajaxupload"], include_deployment_checks=deploy)
    return [(str(message.id).removeprefix("ajaxupload."), message.msg) for message in messages]


def ids(*, deploy: bool = False) -> list[str]:
    return [identity for identity, _ in found(deploy=deploy)]


def test_the_app_has_its_label_and_no_models() -> None:
    app = apps.get_app_config("ajaxupload")
    assert app.name == "ajaxupload.adapters.django"
    assert not list(app.get_models())


def test_a_project_in_order_has_no_findings(site: Site) -> None:
    site(path("upload/", login_required(AjaxFileUploader())))
    assert found(deploy=True) == []


def test_checks_touch_no_disk_unless_they_are_asked_to(site: Site, root: Path) -> None:
    """`migrate` runs them, often as another user and in another place."""
    site(path("upload/", AjaxFileUploader()))
    assert found() == []
    assert not (root / "media").exists()
    assert ids(deploy=True) == ["W003"]
    assert (root / "media" / "uploads").is_dir()


def test_e001_lists_every_fault_of_ajaxupload() -> None:
    wrong = {"backends": {"a": {"class": "locl"}, "b": {"class": "local", "upload_dri": "x"}}, "backend": "a"}
    with override_settings(AJAXUPLOAD=wrong):
        messages = found()
    assert [identity for identity, _ in messages] == ["E001"] * 3
    text = "\n".join(message for _, message in messages)
    for part in ("unknown key 'backend'", "unknown backend 'locl'", "did you mean 'upload_dir'"):
        assert part in text


@pytest.mark.parametrize(
    "right",
    [{}, {"secret_key": "x"}, {"backends": {"a": "memory"}}, {"endpoints": {"/up": {"backend": "memory"}}}],
    ids=str,
)
def test_e001_is_silent_about_a_right_one(right: dict[str, Any]) -> None:
    with override_settings(AJAXUPLOAD=right):
        assert found() == []


def test_e001_is_told_of_what_is_no_dict() -> None:
    with override_settings(AJAXUPLOAD=["local"], ROOT_URLCONF=None):
        assert ids() == ["E001"]


def test_e002_finds_a_template_that_the_url_does_not_fill(site: Site) -> None:
    def uploader() -> AjaxFileUploader:
        return AjaxFileUploader(name="{album}/{year}/{name}")

    site(
        path("<slug:album>/", include([path("a/", login_required(uploader()))])),
        re_path(r"^(?P<album>\w+)/b/$", uploader()),
        path("c/", uploader(), {"album": "fixed"}),
        path("d/<slug:album_id>/", uploader()),
    )
    ((identity, text),) = found()
    assert identity == "E002"
    assert "'/d/<slug:album_id>/'" in text
    assert "{album}" in text


def test_w001_warns_of_the_working_directory(site: Site) -> None:
    site(path("a/", AjaxFileUploader()), path("b/", AjaxFileUploader(MemoryUploadBackend)), MEDIA_ROOT="")
    assert ids() == ["W001"]
    site(path("c/", AjaxFileUploader(media_root="x")), MEDIA_ROOT="")
    assert ids() == []


def test_w002_warns_where_nothing_asks_for_a_token(site: Site) -> None:
    site(path("a/", AjaxFileUploader()), path("b/", AjaxFileUploader(csrf=False)), MIDDLEWARE=[])
    assert ids() == ["W002"]


def test_e003_says_why_a_backend_cannot_store(site: Site) -> None:
    site(path("upload/", login_required(AjaxFileUploader(media_root="/dev/null/x"))))
    ((identity, text),) = found(deploy=True)
    assert identity == "E003"
    assert "cannot store to" in text


def open_to_all() -> Any:
    return login_not_required(AjaxFileUploader())


@pytest.mark.parametrize(
    ("view", "middleware", "expected"),
    [
        (AjaxFileUploader(), [], ["W003"]),
        (AjaxFileUploader(authorize=print), [], []),
        (login_required(AjaxFileUploader()), [], []),
        (AjaxFileUploader(), ["django.contrib.auth.middleware.LoginRequiredMiddleware"], []),
        (open_to_all(), ["django.contrib.auth.middleware.LoginRequiredMiddleware"], ["W003"]),
    ],
    ids=["bare", "authorize", "decorated", "LoginRequiredMiddleware", "login_not_required"],
)
def test_w003_warns_where_anybody_may_upload(site: Site, view: Any, middleware: list[str], expected: list[str]) -> None:
    from .settings import MIDDLEWARE

    site(path("upload/", view), MIDDLEWARE=[*MIDDLEWARE, *middleware])
    assert ids(deploy=True) == expected
