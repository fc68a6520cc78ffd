"""The shapes of answers: one JSON superset that all form and XHR widgets accept, and a small HTML page.

What lives here: turning uploads and errors into bodies, and telling which shape a client takes. What must not: which
status a client needs to show an error (each protocol's business).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Any
from urllib.parse import quote

from webob import Response

from ..errors import UploadError
from ..request import UploadRequest
from ..upload import Upload

__all__ = [
    "back_link",
    "describe",
    "dialect",
    "failure",
    "fragment",
    "html_page",
    "json_reply",
    "reasoned",
    "refusal",
    "success",
    "wants_json",
]

#: Safe inside HTML, inside a script and in any charset: an iframe's document is parsed as HTML (CVE-2011-0697).
_HTML_SAFE = {ord("<"): "\\u003c", ord(">"): "\\u003e", ord("&"): "\\u0026"}
_LONGEST_REASON = 300
_PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'self'"


def describe(upload: Upload) -> dict[str, Any]:
    """One upload as the reply names it; what the backend's `upload_complete` returned comes last and wins."""
    facts: dict[str, Any] = {
        "id": upload.id,
        "uuid": upload.id,
        "name": upload.name,
        "filename": upload.filename,
        "size": upload.size,
        "type": upload.sniffed or upload.type,
        "url": upload.url,
        "field": upload.field,
    }
    if upload.digest:
        algorithm, _, value = upload.digest.partition(":")
        facts[algorithm] = value
    return facts | upload.result


def success(
    uploads: Sequence[Upload], more: Callable[[Upload], Mapping[str, Any]] = lambda _upload: {}
) -> dict[str, Any]:
    """The superset: the first file's facts at the top level, for clients that send one, and all of them in `files`.
    `more` gives further facts of each."""
    files = [{**describe(upload), **more(upload)} for upload in uploads]
    return {"success": True, **(files[0] if files else {}), "files": files}


_as_json = json.JSONEncoder(default=str).encode


def json_reply(data: Mapping[str, Any] | Sequence[Any], status: int = 200, *, as_html: bool = False) -> Response:
    """JSON in ASCII with `< > &` escaped; `as_html` labels it text/html, which is what an upload iframe can read."""
    body = _as_json(data).translate(_HTML_SAFE)
    response = Response(body=body.encode("ascii"), status=status)
    response.content_type, response.charset = ("text/html" if as_html else "application/json"), "utf-8"
    return _hardened(response)


def html_page(title: str, content: str, status: int = 200) -> Response:
    """A small page without scripts. `content` is HTML: escape what comes from outside."""
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)}</title><style>:root{{color-scheme:light dark}}body{{font:1rem/1.5 system-ui,"
        f"sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem}}</style><h1>{escape(title)}</h1>{content}</html>"
    )
    response = Response(body=page.encode("utf-8"), status=status, content_type="text/html", charset="utf-8")
    return _hardened(response)


def _hardened(response: Response) -> Response:
    """Answers are for the program or person that asked: no sniffing, no caching, nothing that runs."""
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    if response.content_type == "text/html":
        response.headers["Content-Security-Policy"] = _PAGE_POLICY
    return response


def wants_json(request: UploadRequest) -> bool:
    """Did the client name JSON in its Accept header?"""
    return "application/json" in request.environ.get("HTTP_ACCEPT", "").lower()


def dialect(request: UploadRequest) -> str:
    """What shape of answer the client takes: "json", "iframe" (JSON as text/html), "htmx" or "page".

    Browsers since 2020 say where an answer goes (Sec-Fetch-Dest); in older ones a navigation is known by an Accept
    header that prefers HTML. curl and fetch() send `*/*` and get JSON.
    """
    headers = request.headers
    if "HX-Request" in headers:
        return "htmx"
    if wants_json(request):
        return "json"
    destination = headers.get("Sec-Fetch-Dest", "")
    if destination == "iframe":
        return "iframe"
    if destination == "document" or (not destination and "text/html" in headers.get("Accept", "").lower()):
        return "page"
    return "json"


def failure(error: UploadError, *, status: int, as_html: bool = False) -> Response:
    """The JSON for a refusal: `error` and `message` for people, `code` and `preventRetry` for programs."""
    data = {
        "success": False,
        "error": error.message,
        "message": error.message,
        "code": error.code,
        "preventRetry": error.permanent,
        "files": [{"name": error.file, "size": None, "error": error.message}] if error.file else [],
    }
    response = json_reply(data, status, as_html=as_html)
    response.headers.update(error.headers.items())
    return response


def reasoned(response: Response, message: str) -> Response:
    """The same with the message as its reason phrase, which is all that some clients show (HTTP/1.1 only).

    RFC 9112 section 4: reason-phrase = 1*( HTAB / SP / VCHAR / obs-text ). Browsers read obs-text as Latin-1.
    """
    shown = "".join(char if char.isprintable() else " " for char in message[:_LONGEST_REASON])
    response.status = f"{response.status_int} {shown.encode('latin-1', 'replace').decode('latin-1')}"
    return response


def refusal(request: UploadRequest, error: UploadError) -> Response:
    """The refusal in the shape that the client takes, with its true status, but for htmx 2: it swaps 2xx only."""
    kind = dialect(request)
    if kind in ("json", "iframe"):
        return failure(error, status=error.status, as_html=kind == "iframe")
    if kind == "page":
        text = f'<p role="alert">{escape(error.message)}</p>'
        response = html_page("Not stored", text + back_link(request), error.status)
    else:
        response = fragment(f'<p role="alert" class="ajaxupload-error">{escape(error.message)}</p>')
        response.status = error.status if "HX-Source" in request.headers else 200  # only htmx 4 sends HX-Source
    response.headers.update(error.headers.items())
    return response


def back_link(request: UploadRequest) -> str:
    """Back to where the form stood: the endpoint's own page unless the browser tells a page of this site."""
    referer = request.headers.get("Referer", "")
    here = referer.startswith(request.host_url + "/")
    # Not WebOb's `path`, which raises for what is no UTF-8; and "//elsewhere/x" would be another site.
    path = request.environ.get("SCRIPT_NAME", "") + request.environ.get("PATH_INFO", "")
    own = "/" + quote(path.encode("latin-1", "replace")).lstrip("/")
    return f'<p><a href="{escape(referer if here else own)}">Back</a></p>'


def fragment(content: str) -> Response:
    """A piece of HTML to be put into a page. Escape what comes from outside."""
    response = html_page("", "")
    response.body = content.encode("utf-8")
    return response
