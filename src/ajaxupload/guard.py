"""Who may ask: the cross-origin check, CORS, and the application's `authorize`.

What lives here: every decision that falls before the first byte of a file is read. What must not: limits on files
(validators.py) and anything about how a refusal is worded for a client (protocols).

The middleware stands before the framework's sessions and CSRF code, so it brings a check of its own: multipart,
text/plain and untyped bodies are "simple" requests that any web page may send with the visitor's cookies, without
asking first (Fetch standard, CORS protocol).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from urllib.parse import urlsplit

from webob import Response

from .config import EndpointSettings
from .errors import CrossOrigin, Forbidden
from .request import UploadRequest
from .upload import Upload

__all__ = ["Guard"]

_SAFE_METHODS = frozenset(("GET", "HEAD", "OPTIONS"))  # RFC 9110 section 9.2.1
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}  # RFC 9110 sections 4.2.1 and 4.2.2
#: Seconds for which a browser may remember a preflight's answer: 2 h is the most that Chromium keeps.
_PREFLIGHT_MAX_AGE = "7200"
_CORS_METHODS = "POST, PUT, PATCH, DELETE, HEAD, GET, OPTIONS"
_CORS_HEADERS = (
    "Accept, Authorization, Cache-Control, Content-Digest, Content-Disposition, Content-Range, Content-Type, "
    "Idempotency-Key, Prefer, Repr-Digest, Tus-Resumable, Upload-Checksum, Upload-Complete, Upload-Concat, "
    "Upload-Defer-Length, Upload-Draft-Interop-Version, Upload-Incomplete, Upload-Length, Upload-Metadata, "
    "Upload-Offset, Want-Repr-Digest, X-CSRFToken, X-CSRF-Token, X-File-Name, X-HTTP-Method-Override, X-Mime-Type, "
    "X-Request-ID, X-Requested-With"
)
_CORS_EXPOSED = (
    "Location, Preference-Applied, Repr-Digest, Retry-After, Tus-Checksum-Algorithm, Tus-Extension, Tus-Max-Size, "
    "Tus-Resumable, Tus-Version, Upload-Complete, Upload-Concat, Upload-Defer-Length, Upload-Draft-Interop-Version, "
    "Upload-Expires, Upload-Incomplete, Upload-Length, Upload-Limit, Upload-Metadata, Upload-Offset"
)


class Guard:
    """One endpoint's doorkeeper.

    `extra_check(request)` is the door's own (Django's CSRF, say): it runs after the cross-origin check and raises to
    refuse. `trusts_origin(origin)` tells of a framework's trusted origins: they pass the check, but get no CORS.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        extra_check: Callable[[UploadRequest], None] | None = None,
        trusts_origin: Callable[[str], bool] | None = None,
    ) -> None:
        self._origins = frozenset(origin.lower().rstrip("/") for origin in settings.allowed_origins)
        self._check_origin = settings.csrf
        self._authorize = settings.authorize
        self._extra_check = extra_check
        self._trusts_origin = trusts_origin or (lambda _origin: False)

    def check(self, request: UploadRequest) -> None:
        """Let the request in or raise CrossOrigin, or whatever the door's own check raises."""
        if request.method in _SAFE_METHODS:
            return
        if self._check_origin and not self._same_site(request):
            raise CrossOrigin
        if self._extra_check is not None:
            self._extra_check(request)

    def admit(self, request: UploadRequest, action: str, upload: Upload | None) -> str | None:
        """Ask the application. Actions: create, write, status, finish, read, list, delete. Returns the principal.

        A hook that returns False or raises PermissionError said no; one that raises an `UploadError` chose the answer.
        A PermissionError of the operating system is none of these: it means that the hook itself failed.
        """
        if self._authorize is None:
            return None
        try:
            answer = self._authorize(request.native, action, upload)
        except PermissionError as error:
            if error.errno is not None:
                raise  # the text would show a path of this machine, and nobody decided anything
            raise Forbidden(str(error) or None) from error
        if answer is False:
            raise Forbidden
        if inspect.isawaitable(answer):  # true as a value, though nobody has answered yet
            raise TypeError("authorize returned an awaitable: it must be a plain function")
        request.principal = None if answer is None or answer is True else str(answer)
        return request.principal

    def _same_site(self, request: UploadRequest) -> bool:
        """Sec-Fetch-Site, else Origin against Host, else Referer; a client that sends none is no browser."""
        headers = request.headers
        origin = headers.get("Origin", "").lower()
        if origin and (self._allows(origin) or self._trusts_origin(origin)):
            return True
        if site := headers.get("Sec-Fetch-Site"):
            # "none" is the person at the address bar (Fetch Metadata section 2.3); "same-site" is another host's page.
            return site in ("same-origin", "none")
        # An origin that its sender may not tell is "null" (RFC 6454 section 7.3), and that is never ours.
        source = origin or headers.get("Referer", "").lower()
        return not source or _is_at(source, request.host.lower())

    def _allows(self, origin: str) -> bool:
        return "*" in self._origins or origin in self._origins

    def preflight(self, request: UploadRequest) -> Response | None:
        """The answer to a CORS preflight (Fetch standard, CORS-preflight request), None if it is not one."""
        if request.method != "OPTIONS" or "Access-Control-Request-Method" not in request.headers:
            return None
        response = Response(status=204, content_type=None)
        if self._allows(request.headers.get("Origin", "").lower()):
            response.headers["Access-Control-Allow-Methods"] = _CORS_METHODS
            response.headers["Access-Control-Allow-Headers"] = _CORS_HEADERS
            response.headers["Access-Control-Max-Age"] = _PREFLIGHT_MAX_AGE
        return response

    def share(self, request: UploadRequest, response: Response) -> Response:
        """Add the CORS headers for an allowed origin. A wildcard never comes with credentials (Fetch forbids it)."""
        origin = request.headers.get("Origin", "")
        if self._origins:
            response.headers.add("Vary", "Origin")
        if origin and self._allows(origin.lower()):
            anybody = "*" in self._origins
            response.headers["Access-Control-Allow-Origin"] = "*" if anybody else origin
            if not anybody:
                response.headers["Access-Control-Allow-Credentials"] = "true"
            response.headers["Access-Control-Expose-Headers"] = _CORS_EXPOSED
        return response


def _is_at(source: str, host: str) -> bool:
    """Is `source`, an origin or URL, at `host`, a Host header? A scheme's default port may be told or not, and a proxy
    that ends TLS may add it where the browser did not."""
    try:
        found = urlsplit(source)
        default = _DEFAULT_PORTS.get(found.scheme, "")
        return bool(found.netloc) and found.netloc.removesuffix(default) == host.removesuffix(default)
    except ValueError:  # a Referer may be anything
        return False
