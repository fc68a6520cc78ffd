"""form: any multipart form. Plain HTML forms, htmx, fetch(FormData), curl -F, and widgets that send nothing special.

Several files, extra fields for the hooks, and an answer as JSON, an HTML page, a fragment or a redirect, whichever
the client takes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from webob import Response

from ..request import UploadRequest
from ..upload import Upload
from ..validators import human_size
from . import replies
from .base import Protocol, form_of, refuse_pieces, store_files

__all__ = ["Form"]


class Form(Protocol):
    """POST of multipart/form-data that no other protocol claims."""

    name = "form"

    def matches(self, request: UploadRequest) -> bool:
        """Any multipart POST."""
        return request.method == "POST" and request.media_type == "multipart/form-data"

    def handle(self, request: UploadRequest) -> Response:
        """Store every file of the form, all or none. 303 to the endpoint's `redirect` for plain forms if it is set."""
        form = form_of(request, self.mount.settings)
        refuse_pieces(request, form)
        uploads = store_files(self.mount, request, form, self.name)
        kind = replies.dialect(request)
        if kind == "page" and self.mount.settings.redirect:
            # RFC 9110 section 15.4.4: 303 "to provide an indirect response to the original request": reload-safe
            return Response(status=303, location=self.mount.settings.redirect)
        answer = self.mount.success(request, uploads)
        if kind == "page":
            return replies.html_page("Stored", _stored_list(uploads, answer) + replies.back_link(request))
        if kind == "htmx":
            return replies.fragment(_stored_list(uploads, answer))
        return replies.json_reply(answer, as_html=kind == "iframe")


def _stored_list(uploads: Sequence[Upload], answer: Mapping[str, Any]) -> str:
    """Each file, linked to where the answer in JSON would say that it is."""
    urls = [file.get("url") for file in answer["files"]]
    rows = "".join(
        f"<li>{_named(upload, url)} ({human_size(upload.size or 0)})</li>"
        for upload, url in zip(uploads, urls, strict=True)
    )
    return f'<ul class="ajaxupload-stored">{rows}</ul>'


def _named(upload: Upload, url: str | None) -> str:
    name = escape(upload.name)
    shown = f'<a href="{escape(url)}">{name}</a>' if url else name
    return shown if upload.filename == upload.name else f"{shown}, stored as {escape(upload.filename)}"
