"""The example's pages, and who may do what.

The upload itself is one line in urls.py. What is worth copying from here: `owner`, where authorisation goes, and
`download`, which never shows a stranger's file as a page of this site.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import FileResponse, Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from ajaxupload import Upload
from ajaxupload.errors import NotAuthenticated

UPLOADS = Path(settings.MEDIA_ROOT) / "uploads"


def owner(request: HttpRequest, _action: str, _upload: Upload | None) -> str:
    """Who may upload: whoever is logged in. The answer fills {principal} in the stored name, so each has a folder.

    Raise here to refuse. Unlike `login_required`, which answers a script with the login page, this is shown by the
    widget.
    """
    if not request.user.is_authenticated:
        raise NotAuthenticated
    return folder_of(request)


def folder_of(request: HttpRequest) -> str:
    """A folder for each user, by a key that never changes."""
    return f"user-{request.user.pk}"


@login_required
def home(request: HttpRequest) -> HttpResponse:
    return render(request, "home.html", {"files": files_of(request)})


@login_required
def old(request: HttpRequest) -> HttpResponse:
    """The page that django-ajax-uploader's README shows, for those who come from there."""
    return render(request, "old.html", {"files": files_of(request)})


@login_required
def download(request: HttpRequest, name: str) -> FileResponse:
    """One of one's own files, always as a download: an uploaded page must not run as a page of this site."""
    for path, stored in files_of(request).items():
        if name == f"uploads/{path}":
            return FileResponse(stored.open("rb"), as_attachment=True)
    raise Http404


def files_of(request: HttpRequest) -> dict[str, Path]:
    """What this user has stored: name as in MEDIA_URL -> file."""
    folder = UPLOADS / folder_of(request)
    found: list[Any] = sorted(folder.iterdir()) if folder.is_dir() else []
    return {f"{folder.name}/{path.name}": path for path in found if path.is_file()}
