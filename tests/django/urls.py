"""urls.py as django-ajax-uploader's README has it. Changed: `path()` for `url()`. Below its two lines stand what the
tests of real servers need."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from ajaxupload.adapters.django import AjaxFileUploader
from tests.django import views


def parsed(request: HttpRequest) -> HttpResponse:
    """What Django itself does with an upload: the control for tests that look at FILE_UPLOAD_TEMP_DIR."""
    return HttpResponse(str(sum(len(file) for file in request.FILES.values())))


urlpatterns = [
    path("start", views.start, name="start"),
    path("ajax-upload", views.import_uploader, name="my_ajax_upload"),
    path("free", AjaxFileUploader(csrf=False, max_size="1 GiB", digest="sha256", durable=False)),
    path("free/<path:tail>", AjaxFileUploader(csrf=False, durable=False)),
    path("parsed", parsed),
]
