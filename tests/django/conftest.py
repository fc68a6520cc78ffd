"""Django, set up once for the tests in this folder, and what most of them use.

What lives here: fixtures. The environment is left as it was: other tests start processes of their own.
"""

from __future__ import annotations

import os
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import django
import pytest
from django.conf import settings
from django.test import Client, override_settings

from .example import set_up

_before = os.environ.get("DJANGO_SETTINGS_MODULE")
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.django.settings"
django.setup()
os.environ.pop("DJANGO_SETTINGS_MODULE") if _before is None else os.environ.update(DJANGO_SETTINGS_MODULE=_before)

Site = Callable[..., Client]


@pytest.fixture(autouse=True)
def root(tmp_path: Path) -> Iterator[Path]:
    """A folder of the test's own, with MEDIA_ROOT `media` and FILE_UPLOAD_TEMP_DIR `tmp` in it."""
    (tmp_path / "tmp").mkdir()
    with override_settings(MEDIA_ROOT=tmp_path / "media", FILE_UPLOAD_TEMP_DIR=tmp_path / "tmp"):
        yield tmp_path


@pytest.fixture
def uploads(root: Path) -> Path:
    """Where the backend `local` stores unless it is told otherwise."""
    return root / "media" / "uploads"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the example project has stored: a database with the users ada and bob, and no files yet."""
    data = tmp_path_factory.mktemp("data")
    set_up(data)
    return data


@pytest.fixture
def site() -> Iterator[Site]:
    """`site(path(...), ...)` is a browser, more or less, that looks at a project with these URLs."""
    overridden: list[Any] = []

    def make(*patterns: Any, strict: bool = False, **changed: Any) -> Client:
        urlconf = types.ModuleType("urls_of_one_test")
        vars(urlconf)["urlpatterns"] = list(patterns)
        override = override_settings(ROOT_URLCONF=urlconf, **changed)
        override.enable()
        overridden.append(override)
        return Client(enforce_csrf_checks=strict)

    yield make
    for override in reversed(overridden):
        override.disable()
    assert settings.ROOT_URLCONF == "tests.django.urls"
