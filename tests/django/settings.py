"""A Django project's settings, as `startproject` writes them as far as uploads can notice.

What lives here: settings only. Where files go comes from AJAXUPLOAD_TEST_ROOT in server processes; tests in this
process override it, and one that forgets to fails, for nothing can be made below /dev/null.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

ROOT = Path(os.environ.get("AJAXUPLOAD_TEST_ROOT", "/dev/null"))

SECRET_KEY = "for tests only"
DEBUG = False
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
ROOT_URLCONF = "tests.django.urls"
USE_TZ = True

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "ajaxupload.adapters.django",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
]
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [Path(__file__).parent / "templates"],
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.static",
            ]
        },
    }
]
STATIC_URL = "/static/"
MEDIA_ROOT = ROOT / "media"
MEDIA_URL = "/media/"
FILE_UPLOAD_TEMP_DIR = ROOT / "tmp"

# Django tells failures to the console only in DEBUG; a server's log is what a failing test shows.
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler", "level": "ERROR"}},
    "root": {"handlers": ["console"]},  # whose level other tests of this process have a use for
}

# What a test adds for its own server processes.
globals().update(json.loads(os.environ.get("AJAXUPLOAD_TEST_SETTINGS", "{}")))
