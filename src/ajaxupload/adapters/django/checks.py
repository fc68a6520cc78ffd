"""System checks: what `manage.py check`, `runserver` and `migrate` say about the uploads of a project.

What lives here: the checks and the walk through the URLconf. What must not: a check that touches the disk outside
`check --deploy`. `migrate` often runs as another user, in another container: folders that it made would be the wrong
ones, or be closed to the user who serves.

    ajaxupload.E001  settings.AJAXUPLOAD is wrong
    ajaxupload.E002  a name template uses what the URL does not capture
    ajaxupload.W001  MEDIA_ROOT is not set, so files go into the working directory
    ajaxupload.W002  MIDDLEWARE has no CsrfViewMiddleware
    ajaxupload.E003  (deploy) a backend cannot store
    ajaxupload.W003  (deploy) anybody may upload
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name for it
from django.urls import get_resolver

from ajaxupload.config import load
from ajaxupload.errors import ConfigError
from ajaxupload.naming import FIELDS

from . import csrf
from .settings import configured
from .views import AjaxFileUploader, uploader_of

__all__ = ["TAG", "check_settings", "check_stores", "check_uploaders"]

TAG = "ajaxupload"


@dataclass(frozen=True)
class _Mounted:
    """An uploader as the URLconf has it: its route, the names that the route captures, and whether it stands bare."""

    uploader: AjaxFileUploader
    route: str
    names: frozenset[str]
    bare: bool


def check_settings(**_: Any) -> list[CheckMessage]:
    """AJAXUPLOAD as a whole, with all backends, whether or not a view uses them."""
    try:
        config = dict(configured())
        if config:
            config.setdefault("endpoints", {"/upload": {"backend": {"class": "memory"}}})  # `load` wants one
            load(config)
    except ConfigError as error:
        return [Error(f"settings.AJAXUPLOAD: {problem}", id="ajaxupload.E001") for problem in error.problems]
    return []


def check_uploaders(**_: Any) -> list[CheckMessage]:
    """What can be told from settings and URLconf alone."""
    return [message for mounted in _mounted() for message in _faults(mounted)]


def check_stores(**_: Any) -> list[CheckMessage]:
    """Whether each backend can store, tried out as the user who runs the check; and who may upload."""
    return [message for mounted in _mounted() for message in _deploy_faults(mounted)]


def _faults(mounted: _Mounted) -> Iterator[CheckMessage]:
    endpoint = mounted.uploader.endpoint.settings
    unknown = set(re.findall(r"\{(\w+)\}", endpoint.name)) - set(FIELDS) - mounted.names
    for field in sorted(unknown):
        yield Error(
            f"The name template {endpoint.name!r} of the upload at {mounted.route!r} has {{{field}}}, which that URL "
            "does not capture.",
            hint=f"Write the URL as path('.../<str:{field}>/...', ...), or correct the template.",
            id="ajaxupload.E002",
        )
    if getattr(endpoint.backend.create(), "MEDIA_ROOT", None) == "":
        yield Warning(
            f"The upload at {mounted.route!r} stores below MEDIA_ROOT, which is not set: files go into the working "
            "directory of whatever process serves.",
            hint='Set it, for example MEDIA_ROOT = BASE_DIR / "media".',
            id="ajaxupload.W001",
        )
    if endpoint.csrf and not csrf.installed():
        yield Warning(
            f"The upload at {mounted.route!r} asks for no CSRF token: MIDDLEWARE has no CsrfViewMiddleware. Requests "
            "from other origins are refused all the same.",
            hint="Add django.middleware.csrf.CsrfViewMiddleware, or say csrf=False where no cookie authenticates.",
            id="ajaxupload.W002",
        )


def _deploy_faults(mounted: _Mounted) -> Iterator[CheckMessage]:
    endpoint = mounted.uploader.endpoint
    try:
        endpoint.startup()
    except ConfigError as error:
        for problem in error.problems:
            yield Error(f"The upload at {mounted.route!r}: {problem}", id="ajaxupload.E003")
    if endpoint.settings.authorize is None and mounted.bare and not _behind_login(mounted.uploader):
        yield Warning(
            f"Anybody may upload at {mounted.route!r}: the view has no authorize and no decorator.",
            hint="Write login_required(AjaxFileUploader(...)), or AjaxFileUploader(authorize=...).",
            id="ajaxupload.W003",
        )


def _behind_login(view: object) -> bool:
    """Does LoginRequiredMiddleware stand before it, and no `login_not_required` on it?"""
    everywhere = "django.contrib.auth.middleware.LoginRequiredMiddleware" in settings.MIDDLEWARE
    return everywhere and getattr(view, "login_required", True)


def _mounted() -> Iterator[_Mounted]:
    """The uploaders of the project's URLconf. One that a view of the project calls is checked by its first request."""
    if getattr(settings, "ROOT_URLCONF", None):
        yield from _walk(get_resolver().url_patterns, "/", frozenset())


def _walk(patterns: Sequence[Any], prefix: str, names: frozenset[str]) -> Iterator[_Mounted]:
    for entry in patterns:
        route = prefix + str(entry.pattern)
        here = names | entry.pattern.regex.groupindex.keys()
        if hasattr(entry, "url_patterns"):
            yield from _walk(entry.url_patterns, route, here | entry.default_kwargs.keys())
        elif uploader := uploader_of(entry.callback):
            captured = here | entry.default_args.keys()
            yield _Mounted(uploader, route, captured, bare=entry.callback is uploader)
