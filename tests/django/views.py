"""views.py as django-ajax-uploader's README has it. Changed: the import paths, and `render`, which Django has instead
of `render_to_response`."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.shortcuts import render

from ajaxupload.adapters.django.views import AjaxFileUploader


def start(request: HttpRequest) -> HttpResponse:
    csrf_token = get_token(request)
    return render(request, "import.html", {"csrf_token": csrf_token})


import_uploader = AjaxFileUploader()
