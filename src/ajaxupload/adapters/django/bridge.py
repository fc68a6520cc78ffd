"""Django's request as a WSGI environ, and our answer as Django's response.

What lives here: where the body's bytes are (still on the wire, in Django's buffer, or parsed already) and how both
sides write headers. What must not: whether a request may come in.

Under WSGI the server's own input is read, past Django, whose stream ends at once for a chunked body. Under ASGI Django
has spooled the whole body before any view is called; that file is read.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from django.http import HttpRequest, HttpResponse, QueryDict
from django.http.request import RawPostDataException
from django.utils.datastructures import MultiValueDict
from webob import Response

from ajaxupload.forms import FilePart, ParsedForm
from ajaxupload.request import UploadRequest

__all__ = ["TAIL", "UploadAnswer", "lend_fields", "upload_request"]

#: Where a view has one URL, and so nothing below it, this parameter of its query names an upload.
_UPLOAD = "upload"

#: The name of a URL parameter that is the client's: `path("upload/<path:tail>", view)` takes `curl -T photo.jpg`.
TAIL = "tail"


class UploadAnswer(HttpResponse):
    """Our answer. What is left of a refused large body is read, within bounds, once the answer is out."""

    def __init__(self, response: Response, request: UploadRequest) -> None:
        reason = response.status.partition(" ")[2]
        content = b"" if request.method == "HEAD" else response.body
        super().__init__(content, status=response.status_code, reason=reason)
        del self["Content-Type"]
        for name, value in response.headerlist:
            if name.lower() == "set-cookie":
                self.cookies.load(value)
            else:  # RFC 9110 section 5.3: lines of one name are one list
                self[name] = f"{self[name]}, {value}" if name in self else value
        self._request = request

    def close(self) -> None:
        """Called by the server when it has sent everything."""
        self._request.drain()
        super().close()


def upload_request(request: HttpRequest, names: Mapping[str, Any], *, flat: bool = False) -> UploadRequest:
    """Django's request as ours; `names` is what the URL captured, `flat` says that no URL of the project is below it.

    Raises DisallowedHost, which Django answers with 400, and RawPostDataException when part of the body is gone.
    """
    environ = dict(request.META)
    tail = str(names.get(TAIL) or "")
    here = request.path[: len(request.path) - len(tail)] if tail and request.path.endswith(tail) else request.path
    mounted, below = here.rstrip("/"), request.path[len(here.rstrip("/")) :]
    if flat and (asked := request.GET.get(_UPLOAD, "")):
        below = f"/{asked}"
    environ.update(
        {
            "REQUEST_METHOD": request.method,
            "SCRIPT_NAME": _latin(mounted),
            "PATH_INFO": _latin(below),
            "ajaxupload.address": _latin(here),
            "ajaxupload.flat": flat,
            "HTTP_HOST": request.get_host(),  # behind a proxy Django knows better (USE_X_FORWARDED_HOST)
            "wsgi.url_scheme": request.scheme,
            "ajaxupload.native": request,
            "ajaxupload.path_names": {name: str(value) for name, value in names.items() if name != TAIL},
        }
    )
    environ.setdefault("SERVER_PROTOCOL", "HTTP/1.1")
    environ.setdefault("wsgi.errors", sys.stderr)
    _lay_body(request, environ)
    return UploadRequest(environ)


def _latin(text: str) -> str:
    """As WSGI writes paths: the bytes of UTF-8, each as one character (PEP 3333, "Unicode Issues")."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")


def _lay_body(request: HttpRequest, environ: dict[str, Any]) -> None:
    """Put the body where body.py and the protocols look for it, and keep Django's hands off it."""
    state = vars(request)
    if "_files" in state and request.method == "POST" and request.content_type == "multipart/form-data":
        environ["ajaxupload.form"] = _parsed(request)
        _buffered(environ, b"")
    elif "_body" in state:
        _buffered(environ, request.body)
    elif state.get("_read_started"):
        raise RawPostDataException("Part of the body was read before AjaxFileUploader was called: remove that read")
    else:
        if "wsgi.input" not in environ:  # ASGI: the spooled file, whole, whatever its length was said to be
            environ["wsgi.input"] = request
            environ["wsgi.input_terminated"] = True
        lend_fields(request, {})
        state["_read_started"] = True


def _parsed(request: HttpRequest) -> ParsedForm:
    """The form as Django has it: fields behind the files too, large files from FILE_UPLOAD_TEMP_DIR."""
    files = ((str(name), file) for name, files in request.FILES.lists() for file in files)
    fields = {name: str(value) for name, value in request.POST.items()}
    unknown = "application/octet-stream"
    return ParsedForm(
        fields, (FilePart(name, file.name or "", file.content_type or unknown, file.chunks()) for name, file in files)
    )


def _buffered(environ: dict[str, Any], body: bytes) -> None:
    environ["wsgi.input"] = BytesIO(body)
    environ["CONTENT_LENGTH"] = str(len(body))
    environ.pop("HTTP_TRANSFER_ENCODING", None)


def lend_fields(request: HttpRequest, fields: Mapping[str, str]) -> None:
    """Make these `request.POST`, with no files: Django then has nothing to parse, whoever asks."""
    post = QueryDict(mutable=True)
    post.update(fields)
    vars(request).update(_post=post, _files=MultiValueDict())
