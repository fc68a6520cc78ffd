"""The same site as Django views, with Django's own CSRF protection in force."""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import re_path

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="made up for these tests",
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    FILE_UPLOAD_TEMP_DIR=os.environ["AJAXUPLOAD_WIRE_ROOT"] + "/temp",
    INSTALLED_APPS=["ajaxupload.adapters.django"],
    USE_TZ=True,
)
os.makedirs(settings.FILE_UPLOAD_TEMP_DIR or "", exist_ok=True)
django.setup()

from ajaxupload.adapters.django import AjaxFileUploader  # noqa: E402 - Django's settings come first
from tests.tus import app  # noqa: E402 - as above
from tests.tus.content import content  # noqa: E402 - as above


def site(request: HttpRequest, path: str) -> HttpResponseBase:
    """The pages' files, as the other application has them."""
    if path.startswith("data/"):
        return HttpResponse(content(int(path[5:])), content_type="application/octet-stream")
    for prefix, folder in app.PLACES.items():
        file = folder / f"/{path}".removeprefix(prefix)
        if f"/{path}".startswith(prefix) and file.is_file():
            kind = "text/javascript" if file.suffix == ".mjs" else None
            return FileResponse(file.open("rb"), content_type=kind)
    raise Http404


options = {key: value for key, value in app.config()["backends"]["default"].items() if key != "class"}
urlpatterns = [
    re_path(r"^upload(?:/(?P<tail>.*))?$", AjaxFileUploader(path="/upload", max_size="6 GiB", **options)),
    re_path(r"^(?P<path>.*)$", site),
]
application = get_wsgi_application()
