"""Django's protection against cross-site requests, without its parsing the form.

What lives here: when the view asks for a token, where it looks for one, and the origins that Django trusts. What must
not: a check of our own; `CsrfViewMiddleware` decides.

Django would read `request.POST` for the token, and with it the whole upload into FILE_UPLOAD_TEMP_DIR. So the view is
exempt for the middleware and asks it from inside, where `request.POST` has the fields that stand before the first file.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from typing import NoReturn
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware, get_token
from django.utils.http import is_same_domain
from django.utils.log import log_response
from django.utils.module_loading import import_string

from ajaxupload.errors import Forbidden

__all__ = ["check", "fields", "installed", "trusts"]

#: Django's own channel for these: who watches it sees ours too.
_log = logging.getLogger("django.security.csrf")
_MESSAGE = (
    "Please reload the page and try again: its token against forged requests (CSRF) is missing or out of date, "
    "or cookies are switched off."
)


class _Inner(CsrfViewMiddleware):
    """The middleware's decision as an exception, so that each client is told in its own way."""

    def _reject(self, request: HttpRequest, reason: str) -> NoReturn:
        answer = HttpResponse(status=403)
        log_response("Forbidden (%s): %s", reason, request.path, response=answer, request=request, logger=_log)
        raise Forbidden(f"{_MESSAGE} {reason} {_hint(request)}" if settings.DEBUG else _MESSAGE, code="csrf")


def _hint(request: HttpRequest) -> str:
    if request.content_type == "multipart/form-data":
        return "In a form the field csrfmiddlewaretoken must stand before the file."
    return f"A request without a form carries it in the header of CSRF_HEADER_NAME ({settings.CSRF_HEADER_NAME})."


def _no_view(_request: HttpRequest) -> HttpResponse:
    """Middleware is made around something; this one never calls it."""
    raise NotImplementedError


def check(request: HttpRequest) -> None:
    """Let Django decide about a state-changing request, whose leading fields are in `request.POST`. Raises Forbidden
    with the code "csrf"."""
    # The decorator csrf_protect alone, without the middleware, leaves the cookie's secret there.
    if installed() or "CSRF_COOKIE" in request.META:
        inner = _Inner(_no_view)
        inner.process_request(request)
        inner.process_view(request, _no_view, (), {})


def fields(request: HttpRequest) -> dict[str, str]:
    """What a form must carry before its file to pass `check`; the answer to `request` will set the cookie."""
    return {"csrfmiddlewaretoken": get_token(request)} if installed() else {}


def installed() -> bool:
    """Does the project have Django's CsrfViewMiddleware, or one made from it?"""
    return _any_csrf(tuple(settings.MIDDLEWARE))


@lru_cache(maxsize=8)
def _any_csrf(middleware: tuple[str, ...]) -> bool:
    found = map(import_string, middleware)
    return any(isinstance(each, type) and issubclass(each, CsrfViewMiddleware) for each in found)


def trusts(origin: str) -> bool:
    """Is this one of CSRF_TRUSTED_ORIGINS? `https://*.example.com` stands for all its subdomains, and itself."""
    scheme, netloc = urlsplit(origin)[:2]
    trusted = (urlsplit(each) for each in settings.CSRF_TRUSTED_ORIGINS)
    return any(each.scheme == scheme and is_same_domain(netloc, each.netloc.lstrip("*")) for each in trusted)
