"""`file_uploaded`, the signal that django-ajax-uploader and its descendants sent.

What lives here: the signal, and the bridge from our own events to it. What must not: a say in what happens. By the
time it is sent the file is whole, durable and visible; an exception in a receiver is logged and changes nothing.

    @receiver(file_uploaded, sender=AjaxFileUploader)
    def index(sender, *, backend, request, upload, **kwargs): ...
"""

from __future__ import annotations

from typing import Any

from django.dispatch import Signal
from django.http import HttpRequest

from ajaxupload import events
from ajaxupload.upload import Upload

__all__ = ["file_uploaded"]

#: Keyword arguments: `backend` (its instance), `request` (Django's), `upload` (an `Upload`). Sender: AjaxFileUploader.
file_uploaded = Signal()


@events.completed.connect
def _tell(_sender: object, *, upload: Upload, request: Any, backend: Any, **_details: Any) -> None:
    """Pass on what came through Django; the middleware in the same process may take other uploads."""
    from .views import AjaxFileUploader

    if isinstance(request, HttpRequest):
        file_uploaded.send_robust(AjaxFileUploader, backend=backend, request=request, upload=upload)
