"""urls.py of a project that stores uploads in S3, as django-ajax-uploader's README and its own two ways have it."""

from __future__ import annotations

from django.urls import path

from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.backends.s3 import S3UploadBackend
from tests.django import views

urlpatterns = [
    path("start", views.start, name="start"),
    path("ajax-upload", AjaxFileUploader(backend=S3UploadBackend), name="my_ajax_upload"),
    path("free", AjaxFileUploader(backend=S3UploadBackend, csrf=False, part_size="5 MiB")),
    path("by-default", AjaxFileUploader(csrf=False)),
]
