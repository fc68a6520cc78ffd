"""The widgets' pages and the endpoints as a Django project: a view for each, and Django's own CSRF protection in force.

The pages are given Django's cookie, as those of any project with a form, and send its token in a header.
"""

from __future__ import annotations

import os

import django
from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.views.decorators.csrf import ensure_csrf_cookie

from tests.clients.apps import wiring
from tests.clients.apps.orders import Ordered

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY=wiring.SECRET,
    ALLOWED_HOSTS=["127.0.0.1"],
    MIDDLEWARE=[
        "django.middleware.security.SecurityMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.middleware.csrf.CsrfViewMiddleware",
    ],
    INSTALLED_APPS=["ajaxupload.adapters.django"],
    AJAXUPLOAD={"backends": wiring.stores()},
    # Whatever of an upload lands here went past the streaming: the tests look.
    FILE_UPLOAD_TEMP_DIR=str(wiring.ROOT / "temp"),
    USE_TZ=True,
)
os.makedirs(wiring.ROOT / "temp", exist_ok=True)
django.setup()

from ajaxupload.adapters.django import AjaxFileUploader  # noqa: E402 - Django's settings come first


@ensure_csrf_cookie
def page(request: HttpRequest, tail: str) -> HttpResponse:
    """What is not an endpoint."""
    found = wiring.page(f"/{tail}")
    if found is None:
        raise Http404
    return HttpResponse(found[0], content_type=found[1])


def mounted(word: str, view: AjaxFileUploader) -> list[URLPattern]:
    """The endpoint's address, and those of uploads and of clients' names for files below it."""
    return [path(f"{word}/<slug:case>", view), path(f"{word}/<slug:case>/<path:tail>", view)]


urlpatterns = [
    *(each for word, table in wiring.endpoints().items() for each in mounted(word, AjaxFileUploader(**table))),
    path("<path:tail>", page),
]
application = Ordered(get_wsgi_application())
