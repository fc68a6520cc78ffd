"""Django's entry for INSTALLED_APPS: the label, where the static files are, the system checks.

What lives here: the AppConfig. What must not: anything that a project without the app would miss but the static files,
the template tags and the checks.
"""

from __future__ import annotations

from pathlib import Path

from django.apps import AppConfig
from django.core import checks

from .checks import TAG, check_settings, check_stores, check_uploaders

__all__ = ["AjaxUploadConfig"]


class AjaxUploadConfig(AppConfig):
    """`INSTALLED_APPS += ["ajaxupload.adapters.django"]`."""

    name = "ajaxupload.adapters.django"
    label = "ajaxupload"
    verbose_name = "ajaxupload"
    #: The package's own folder: there is one `static/`, for all doors, and `collectstatic` and `runserver` look for it
    #: here (Django's reference, "AppConfig.path").
    path = str(Path(__file__).resolve().parents[2])

    def ready(self) -> None:
        """Called by Django once, when all apps are loaded."""
        checks.register(check_settings, TAG)
        checks.register(check_uploaders, TAG)
        checks.register(check_stores, TAG, deploy=True)
