"""`AjaxFileUploader`: the view, by the name and with the shape that django-ajax-uploader gave it.

What lives here: the view object, made once when the URLconf is imported, and the endpoint behind it, which follows
Django's settings. What must not: anything about uploads; requests, CSRF and settings are files of their own.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from functools import partial
from typing import Any

from django.conf import settings as django_settings
from django.http import HttpRequest
from django.urls import Resolver404, resolve

from ajaxupload.config import EndpointSettings, load
from ajaxupload.endpoint import Endpoint
from ajaxupload.forms import ParsedForm
from ajaxupload.protocols.base import form_of
from ajaxupload.request import UploadRequest

from . import csrf, signals  # signals: so that the bridge stands before the first upload
from .bridge import TAIL, UploadAnswer, lend_fields, upload_request
from .settings import BackendName, plan

__all__ = ["AjaxFileUploader", "signals", "uploader_of"]

#: Endpoints kept for settings that change and change back: script prefixes, tests with override_settings.
_KEPT = 4


class AjaxFileUploader:
    """A view that takes uploads: `path("upload/", AjaxFileUploader())`.

    `backend` is a class, a registry name, one of `settings.AJAXUPLOAD["backends"]`, a dotted path or a table
    {"class": ..., option: value}. `path` names the view for `ajaxupload.events` and tells which names its URL has, for
    a name template; both can mostly be left out. Everything else is an option of the endpoint (`max_size="2 GiB"`,
    `allow=["image/*"]`, `authorize=may_upload`) or of the backend, the latter in either case (`UPLOAD_DIR="x"`).

    Raises ConfigError, listing every fault, when it is made. The disk is first touched by the first request.
    """

    def __init__(self, backend: BackendName | None = None, *, path: str | None = None, **options: Any) -> None:
        # On the instance, not the class: decorators copy what stands there to their wrapper (functools.wraps), and
        # CsrfViewMiddleware would parse the whole upload to find the token. csrf.py checks it.
        self.csrf_exempt = True
        self._backend, self._path, self._options = backend, path, options
        self._built: tuple[tuple[Mapping[str, Any], Endpoint], ...] = ()
        self._building = threading.Lock()
        self._flat: dict[tuple[Any, str], bool] = {}
        if django_settings.configured:
            self.endpoint  # noqa: B018 - faults shall be told where the view is made

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint for Django's settings as they are now. Raises ConfigError."""
        wanted = plan(self._backend, self._path, self._options)
        return self._kept(wanted) or self._make(wanted)

    def _kept(self, wanted: Mapping[str, Any]) -> Endpoint | None:
        return next((endpoint for known, endpoint in self._built if known == wanted), None)

    def _make(self, wanted: Mapping[str, Any]) -> Endpoint:
        with self._building:
            endpoint = self._kept(wanted)  # another thread may have been first
            if endpoint is None:
                endpoint = _build(wanted)
                self._built = ((wanted, endpoint), *self._built[: _KEPT - 1])
        return endpoint

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> UploadAnswer:
        """Answer one request. What the URL captured by name reaches hooks and name templates as text.

        Exceptions that are not `UploadError`s go on to Django: PermissionDenied or Http404 from `authorize`, say.
        """
        ours = upload_request(request, kwargs, flat=TAIL not in kwargs and self._is_flat(request))
        return UploadAnswer(self.endpoint.respond(ours), ours)

    def _is_flat(self, request: HttpRequest) -> bool:
        """Has the project no URL below this one that leads here as well? Then answers name this one only."""
        match = request.resolver_match
        if match is None:
            return False
        key = (getattr(request, "urlconf", None), match.route)
        if key not in self._flat:
            try:
                found = resolve(f"{request.path_info.rstrip('/')}/{TAIL}", key[0]).func
            except Resolver404:
                self._flat[key] = True
            else:
                self._flat[key] = found is not match.func and uploader_of(found) is not self
        return self._flat[key]


def _build(wanted: Mapping[str, Any]) -> Endpoint:
    (settings,) = load(wanted).endpoints.values()
    return Endpoint(
        settings,
        extra_check=partial(_admit, settings),
        trusts_origin=csrf.trusts,
        form_fields=lambda request: csrf.fields(request.native) if settings.csrf else {},
        propagate=True,
    )


def _admit(settings: EndpointSettings, request: UploadRequest) -> None:
    """Before the first byte of a file: what stands before it in the form becomes `request.POST`, for the token and for
    hooks, and Django's CSRF protection decides. Raises Forbidden, or what reading the fields raises."""
    native: HttpRequest = request.native
    if native.method == "POST" and request.media_type == "multipart/form-data":
        form = form_of(request, settings)
        if not isinstance(form, ParsedForm):
            lend_fields(native, form.leading())
    if settings.csrf:
        csrf.check(native)


def uploader_of(callback: Any) -> AjaxFileUploader | None:
    """The uploader behind a URLconf's callback, under whatever decorators kept `__wrapped__`; None if it is none."""
    while not isinstance(callback, AjaxFileUploader):
        callback = getattr(callback, "__wrapped__", None)
        if callback is None:
            return None
    return callback
