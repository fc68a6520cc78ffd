"""Django: `request.FILES`, and a body read in pieces, as its documentation has both.

What lives here: a project of two views. What must not: our view (ours.py).
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from benchmarks.contender import GUNICORN, Contender, Way, wsgi

__all__ = ["FILES", "RAW", "RAW_LARGE", "application", "configured", "contender"]

FILES, RAW, RAW_LARGE = "Django request.FILES", "Django request.read(64 KiB)", "Django request.read(10 MiB)"
_PIECES = {RAW: 64 << 10, RAW_LARGE: 10 << 20}  # what shutil.copyfileobj takes, and what django-ajax-uploader took


def contender(name: str, *, server: str = GUNICORN) -> Contender:
    """One of the three."""
    way = Way(form="/form") if name == FILES else Way(raw=f"/raw/{_PIECES[name]}/{{name}}")
    return wsgi(name, f"{__name__}:application", way, "django", server=server)


def configured(urls: str, *apps: str) -> None:
    """A project without sessions and templates: nothing is slowed down that need not be there."""
    import django
    from django.conf import settings

    limits = {"DATA_UPLOAD_MAX_NUMBER_FILES": None, "FILE_UPLOAD_TEMP_DIR": os.environ["BENCH_ROOT"]}
    settings.configure(
        ROOT_URLCONF=urls,
        SECRET_KEY="made up for these measurements",
        ALLOWED_HOSTS=["*"],
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        MEDIA_ROOT=os.environ["BENCH_ROOT"] + "/files",
        INSTALLED_APPS=list(apps),
        USE_TZ=True,
        **limits,
    )
    django.setup()


def application() -> Any:
    """The project."""
    configured(__name__)
    from django.core.files.storage import default_storage
    from django.core.wsgi import get_wsgi_application
    from django.http import HttpRequest, HttpResponse
    from django.urls import path

    folder = Path(os.environ["BENCH_ROOT"], "files")

    def form(request: HttpRequest) -> HttpResponse:
        """The default storage moves what was spooled, as a FileField does it."""
        for file in request.FILES.getlist("file"):
            default_storage.save(file.name, file)
        return HttpResponse("stored")

    def raw(request: HttpRequest, piece: int, name: str) -> HttpResponse:
        """The request is the file."""
        with (folder / name).open("wb") as file:
            shutil.copyfileobj(request, file, piece)
        return HttpResponse("stored")

    globals()["urlpatterns"] = [path("form", form), path("raw/<int:piece>/<str:name>", raw)]
    return get_wsgi_application()
