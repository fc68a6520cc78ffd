"""The same endpoints as Django views, with Django's own CSRF protection in force."""

from __future__ import annotations

import os
import re

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, re_path
from django.views.decorators.csrf import csrf_exempt

from tests.wire.apps import wiring

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="made up for these tests",
    ALLOWED_HOSTS=["*"],
    MIDDLEWARE=["django.middleware.common.CommonMiddleware", "django.middleware.csrf.CsrfViewMiddleware"],
    CSRF_TRUSTED_ORIGINS=[wiring.PARTNER],
    # Whatever of an upload lands here went past the streaming: the tests look.
    FILE_UPLOAD_TEMP_DIR=os.environ["AJAXUPLOAD_WIRE_ROOT"] + "/temp",
    INSTALLED_APPS=["ajaxupload.adapters.django"],
    USE_TZ=True,
)
os.makedirs(settings.FILE_UPLOAD_TEMP_DIR or "", exist_ok=True)
django.setup()

from ajaxupload.adapters.django import AjaxFileUploader  # noqa: E402 - Django's settings come first


@csrf_exempt
def site(request: HttpRequest) -> HttpResponse:
    """What is not an endpoint."""
    said = f"site: {request.method} {request.path} {len(request.body)}"
    return HttpResponse(said, content_type="text/plain")


def route(path: str) -> str:
    """An endpoint's path as a pattern of Django's, with the client's name for the file behind it."""
    return "^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path[1:]) + r"(?:/(?P<tail>.*))?$"


def uploads() -> list[URLPattern]:
    """A view for each endpoint."""
    return [re_path(route(path), AjaxFileUploader(path=path, **table)) for path, table in wiring.spelled_out()]


urlpatterns = [*uploads(), re_path("", site)]
application = get_wsgi_application()
