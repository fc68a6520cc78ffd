"""`Site`: the upload endpoints with the demo page around them, as one WSGI application.

What lives here: which path is what, and what a plain form's sender sees afterwards. What must not: HTML (page.py), and
anything about uploads that the endpoint does not already do.
"""

from __future__ import annotations

import ipaddress
import logging
import secrets
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from itsdangerous import BadData, URLSafeTimedSerializer
from webob import Request, Response

from ..errors import NotFound, UploadError
from ..middleware import AjaxUpload
from ..naming import display_name, log_name
from ..protocols import replies
from ..protocols.base import Mount, form_of, refuse_pieces, store_files
from ..protocols.download import Conditional, attachment
from ..protocols.form import Form
from ..request import UploadRequest
from ..upload import Upload
from .page import Shown, View, render
from .shelf import Shelf, shelf_of

__all__ = ["FILES", "HOME", "RESERVED", "Site"]

_log = logging.getLogger("ajaxupload.serve")

#: Where the page is, and below which stored files are handed out.
HOME, FILES = "/", "/files/"
#: Files that the page lists, and names that its note spells out.
_LISTED, _NAMED = 100, 5
_COOKIE = "ajaxupload_note"
#: Seconds for which a note waits to be shown: the answer to a form leads straight to the page.
_NOTE_AGE = 60
#: Bytes of a note: what a cookie may have, less its name and attributes.
_NOTE_BYTES = 3900
_ASSETS = {
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
    "/icon.svg": ("icon.svg", "image/svg+xml"),
}
#: What no endpoint's path may begin with, for the middleware would take it from us.
RESERVED = (FILES, *(f"{path}/" for path in _ASSETS))
_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # "no-referrer" would blank the Origin that uploads are checked by
    "Cache-Control": "no-store",
}


class Site:
    """What `ajaxupload serve` serves. `config` is the dict of `AjaxUpload`; raises ConfigError like it.

    An endpoint whose `redirect` is "/" brings a plain form's sender back to the page. With `hosts`, requests that call
    this server by any other name are refused; IP addresses and localhost are always right. It is for servers that only
    this machine reaches: a page in its browser could let its own name point at 127.0.0.1 and then read what lies here
    (DNS rebinding). `own_page` is an HTML file, in UTF-8, that is shown instead of the demo page.
    """

    def __init__(
        self, config: Mapping[str, Any], *, hosts: Collection[str] | None = None, own_page: Path | None = None
    ) -> None:
        self._hosts = hosts
        self._own_page = own_page
        self._upload = AjaxUpload(self._around, config)
        self._endpoints = list(self._upload.endpoints.values())
        self._shelves = _shelves(self._upload)
        self._signer = URLSafeTimedSerializer(secrets.token_hex(), salt=_COOKIE)
        self._assets = {path: _asset(*what) for path, what in _ASSETS.items()}
        for endpoint in self._endpoints if own_page is None else ():
            endpoint.protocols = [_with_page(protocol, self) for protocol in endpoint.protocols]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """WSGI (PEP 3333)."""
        if self._hosts is not None and not _is_called(environ.get("HTTP_HOST", ""), self._hosts):
            return _misdirected()(environ, start_response)
        return self._upload(environ, start_response)

    def _around(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """All that no endpoint takes."""
        return self._respond(Request(environ))(environ, start_response)

    def _respond(self, request: Request) -> Response:
        path = request.environ.get("PATH_INFO", "")
        if request.method not in ("GET", "HEAD"):
            response = replies.html_page("Not here", f'<p>Uploads go elsewhere: <a href="{HOME}">back</a></p>', 405)
            response.headers["Allow"] = "GET, HEAD"
            return response
        if path == HOME:
            return self._home(request) if self._own_page is None else _own(self._own_page)
        if path in self._assets:
            return self._assets[path].copy()
        if path.startswith(FILES):
            return self._download(path.removeprefix(FILES))
        return _not_found()

    def _home(self, request: Request) -> Response:
        names = self._read_note(request)
        response = self.page(request, note=_sentence(names) if names else "")
        if _COOKIE in request.cookies:
            response.delete_cookie(_COOKIE)
        return response

    def page(self, request: Request, *, note: str = "", alert: str = "", status: int = 200) -> Response:
        """The page, with a note of what was stored or the reason why it was not."""
        settings = [endpoint.settings for endpoint in self._endpoints]
        shown = [
            Shown(Path(shelf.root).name, FILES + base, shelf.newest(_LISTED)) for base, shelf in self._shelves.items()
        ]
        text = render(View(settings, shown, request.host_url, note, alert))
        response = Response(text.encode(), status, content_type="text/html", charset="utf-8")
        response.headers.update(_PAGE_HEADERS.items())
        return response

    def stored(self, uploads: Sequence[Upload]) -> Response:
        """Back to the page (303: reloading it sends nothing again), which will name what was stored."""
        response = Response(status=303, location=HOME)
        note = self._note(uploads)
        response.set_cookie(_COOKIE, note, max_age=_NOTE_AGE, path=HOME, httponly=True, samesite="lax")
        return response

    def _note(self, uploads: Sequence[Upload]) -> str:
        """Signed text that fits a cookie: browsers keep 4096 bytes, and forget longer ones without a word."""
        notes = (
            str(self._signer.dumps([len(uploads), [_named(upload, longest) for upload in uploads[:_NAMED]]]))
            for longest in (80, 40, 20)
        )
        return next((note for note in notes if len(note) <= _NOTE_BYTES), "")

    def _read_note(self, request: Request) -> list[Any] | None:
        """[number of files, names of the first]; None where there is no note, or one that is not from us."""
        try:
            note = self._signer.loads(request.cookies.get(_COOKIE, ""), max_age=_NOTE_AGE)
        except BadData:
            return None
        return note if isinstance(note, list) else None

    def _download(self, path: str) -> Response:
        name = path.encode("latin-1").decode("utf-8", "replace")
        base = next((base for base in self._shelves if name.startswith(base)), None)
        if base is None:
            return _not_found()
        try:
            return attachment(self._shelves[base].open(name.removeprefix(base)), name)
        except NotFound:
            return _not_found()
        except OSError:
            _log.exception("the page could not open %s", log_name(name))
            return replies.html_page("Not now", "<p>This file cannot be read at the moment.</p>", 503)


class _PageForm(Form):
    """The form protocol, whose answers to a person are the demo page."""

    def __init__(self, mount: Mount, site: Site) -> None:
        super().__init__(mount)
        self._site = site

    def handle(self, request: UploadRequest) -> Response:
        if not self._is_ours(request):
            return super().handle(request)
        form = form_of(request, self.mount.settings)
        refuse_pieces(request, form)
        return self._site.stored(store_files(self.mount, request, form, self.name))

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        if not self._is_ours(request):
            return super().refuse(request, error)
        response = self._site.page(request, alert=error.message, status=error.status)
        response.headers.update(error.headers.items())
        return response

    def _is_ours(self, request: UploadRequest) -> bool:
        return replies.dialect(request) == "page" and self.mount.settings.redirect == HOME


def _with_page(protocol: Any, site: Site) -> Any:
    return _PageForm(protocol.mount, site) if type(protocol) is Form else protocol


def _shelves(upload: AjaxUpload) -> dict[str, Shelf]:
    """URL below FILES -> folder, each folder once; a single one needs no number in its URL."""
    found = (shelf_of(endpoint.settings.backend) for endpoint in upload.endpoints.values())
    shelves = list({shelf.root: shelf for shelf in found if shelf is not None}.values())
    return {f"{number}/" if len(shelves) > 1 else "": shelf for number, shelf in enumerate(shelves, 1)}


def _named(upload: Upload, longest: int) -> str:
    """What the person called it, and the stored name where that is another one."""
    stored = "/".join(display_name(segment) for segment in upload.filename.split("/"))
    name = upload.name[:longest]
    return name if stored == upload.name else f"{name} (as {stored[:longest]})"


def _sentence(note: list[Any]) -> str:
    count, names = note
    shown: list[str] = list(names)
    if count > len(shown):
        shown.append(f"{count - len(shown)} more")
    *first, last = shown
    return f"{', '.join(first)} and {last}" if first else last


def _asset(name: str, kind: str) -> Response:
    response = Conditional((Path(__file__).parent / name).read_bytes(), content_type=kind, conditional_response=True)
    if kind.startswith("text/"):
        response.charset = "utf-8"
    response.md5_etag()
    response.headers["Cache-Control"] = "no-cache"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _own(page: Path) -> Response:
    """The file as it is now, without the demo page's policy: what it loads, and from where, is its author's choice."""
    try:
        content = page.read_bytes()
    except OSError as error:
        _log.error("%s: %s", log_name(str(page)), error.strerror or error)
        return replies.html_page("Not now", "<p>The page cannot be read: the terminal says why.</p>", 503)
    response = Response(content, content_type="text/html", charset="utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    return response


def _not_found() -> Response:
    return replies.html_page("Not found", f'<p>There is nothing here. <a href="{HOME}">To the page</a></p>', 404)


def _misdirected() -> Response:
    """RFC 9110 section 15.5.20."""
    text = "This server answers to its IP address and to localhost; start it with --allow-host NAME for another name.\n"
    return Response(text.encode(), 421, content_type="text/plain", charset="utf-8")


def _is_called(host: str, names: Collection[str]) -> bool:
    """May a Host header (RFC 9110 section 7.2) say this? Browsers always send one; whoever sends none is none."""
    try:
        name = (urlsplit(f"//{host}").hostname or "").rstrip(".")
    except ValueError:
        return False
    if name in ("", "localhost", *names) or name.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
