"""The example's URLs. The upload is the fourth line."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.contrib.staticfiles.urls import staticfiles_urlpatterns
from django.urls import path

from ajaxupload.adapters.django import AjaxFileUploader
from mysite import views

uploader = AjaxFileUploader(
    max_size="2 GiB",
    max_files=20,
    allow=["image/*", "video/*", "audio/*", "application/pdf", ".txt", ".csv", ".zip"],
    deny=[".svg"],  # an image that may hold a script
    authorize=views.owner,
    name="{principal}/{name}",
)

urlpatterns = [
    path("", views.home, name="home"),
    path("old/", views.old, name="old"),
    path("files/<path:name>", views.download, name="download"),
    path("upload/", uploader, name="upload"),
    path("login/", LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    *staticfiles_urlpatterns(),  # with DEBUG only, for gunicorn and uvicorn; runserver does it by itself
]
