"""Pyramid: `config.include("ajaxupload.adapters.pyramid")` reads the ini keys `ajaxupload.*` and adds a directive.

What lives here: routes and views, how a Pyramid request becomes an `UploadRequest` and our answer a Pyramid response,
the request methods for templates. What must not: anything about uploads.

    ajaxupload.path = /upload                         # ini, one endpoint; or in full:
    ajaxupload.endpoints./photo.allow = image/*       # table, name, key

    config.add_ajax_upload("/album/{slug}/upload", backend="local", max_size="2 GiB", permission="upload")

The body is streamed: Pyramid's own CSRF check would parse it first, so the views are exempt from it and check the same
token by the same policy themselves, from the header or a form field that stands before the file.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any
from urllib.parse import urlsplit

from ajaxupload.errors import MissingExtra

try:
    from pyramid.csrf import check_csrf_origin, get_csrf_token
except ImportError as error:
    raise MissingExtra("the Pyramid adapter", "Pyramid", "pyramid") from error

from pyramid.httpexceptions import HTTPException, HTTPNotFound
from pyramid.interfaces import ICSRFStoragePolicy, IDefaultCSRFOptions
from pyramid.response import Response
from pyramid.security import NO_PERMISSION_REQUIRED
from pyramid.settings import aslist
from pyramid.util import is_same_domain
from pyramid.viewderivers import INGRESS
from webob import Response as OurResponse
from webob.multidict import MultiDict

from ajaxupload import assets
from ajaxupload.adapters import tags
from ajaxupload.config import EndpointSettings, load, short_form, unflatten
from ajaxupload.endpoint import Answer, Endpoint, mounted
from ajaxupload.errors import Forbidden, NotFound
from ajaxupload.protocols.base import form_of
from ajaxupload.request import UploadRequest

__all__ = ["add_ajax_upload", "includeme"]

_NAME = "ajaxupload"
_TAIL = "/*ajaxupload_tail"

View = Callable[[Any], Any]


def includeme(config: Any) -> None:
    """Add the directive, the request methods, the widget's files, and an endpoint for each that the ini file names.

    Raises ConfigError that lists every fault of the ini file.
    """
    config.add_directive("add_ajax_upload", add_ajax_upload)
    config.add_view_deriver(_finishing, _NAME, under=INGRESS, over="secured_view")
    config.add_request_method(ajax_upload)
    config.add_request_method(ajax_upload_assets)
    config.add_route(f"{_NAME}.static", "/ajaxupload/static/*filename")
    config.add_view(_static, route_name=f"{_NAME}.static", permission=NO_PERMISSION_REQUIRED)
    prefix = f"{_NAME}."
    settings = config.registry.settings.items()
    flat = {key.removeprefix(prefix): value for key, value in settings if key.startswith(prefix)}
    permission = flat.pop("permission", None)  # of all endpoints that have none of their own
    shared = unflatten(flat)
    tables = {_prefixed(config, path): dict(table) for path, table in shared.pop("endpoints", {}).items()}
    permissions = {path.rstrip("/"): table.pop("permission", permission) for path, table in tables.items()}
    config.registry[_NAME] = {"shared": shared, "endpoints": {}}
    if tables or shared.keys() - {"backends", "secret_key"}:
        for each in load(shared | {"endpoints": tables}).endpoints.values():
            _add(config, each, permission=permissions[each.path])


def _prefixed(config: Any, path: str) -> str:
    """The whole path of what is included with a route_prefix."""
    return f"/{config.route_prefix.strip('/')}/{path.lstrip('/')}" if config.route_prefix else path


def add_ajax_upload(
    config: Any,
    path: str,
    backend: str | type | None = None,
    *,
    route_name: str | None = None,
    permission: str | None = None,
    factory: Any = None,
    **options: Any,
) -> None:
    """The directive `config.add_ajax_upload("/upload", ...)`: one endpoint, its routes and views.

    `backend` is one that the ini file configures, or a class or its name; `options` are the endpoint's and, of a
    backend that is not configured, the backend's. The route is named "ajaxupload.upload" unless `route_name` says
    otherwise. Raises ConfigError that lists every fault; two endpoints at one path are a ConfigurationConflictError.
    """
    path = _prefixed(config, path)
    shared = config.registry[_NAME]["shared"]
    backends = shared.get("backends", {})
    table: dict[str, Any]
    if (backend := backend or ("default" if "default" in backends else "local")) in backends:
        table = {"backend": backend, **options}
    else:
        short = short_form(path, backend, options)
        table = short["endpoints"][path] | {"backend": short["backends"]["default"]}
    (settings,) = load(shared | {"endpoints": {path: table}}).endpoints.values()
    _add(config, settings, route_name=route_name, permission=permission, factory=factory)


def _add(
    config: Any,
    settings: EndpointSettings,
    *,
    route_name: str | None = None,
    permission: Any = None,
    factory: Any = None,
) -> None:
    name = route_name or f"{_NAME}.{tags.slug_of(settings.path)}"
    trusted = aslist(config.registry.settings.get("pyramid.csrf_trusted_origins", []))
    endpoint = Endpoint(
        settings,
        extra_check=lambda request: _check(request, settings),
        trusts_origin=lambda origin: any(is_same_domain(urlsplit(origin).netloc, host) for host in trusted),
        form_fields=lambda request: _hidden(request.native, settings),
        propagate=True,
    )

    def register() -> None:
        endpoint.startup()
        config.registry[_NAME]["endpoints"][name] = settings

    config.action((_NAME, settings.path), register)
    below = settings.path[len(_prefixed(config, "").rstrip("/")) :]  # add_route puts the prefix before it again
    for route, pattern in ((name, below), (f"{name}.tail", below + _TAIL)):
        config.add_route(route, pattern, factory=factory)
        config.add_view(_view(endpoint), route_name=route, permission=permission, require_csrf=False, ajax_upload=True)


def _view(endpoint: Endpoint) -> View:
    path, names = endpoint.settings.path, tags.names_in(endpoint.settings.path)

    def upload(request: Any) -> Response:
        environ = mounted(_readable(request), path, {name: request.matchdict[name] for name in names}, request)
        ours = request.environ["ajaxupload.request"] = UploadRequest(environ)
        return _reply(endpoint.respond(ours))

    return upload


class _Reply(Response):  # type: ignore[misc]  # pyramid ships no types
    """Pyramid's response, Location as it stands: WebOb makes it absolute from the Host header, which behind a proxy
    is not what the client asked."""

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response(self.status, list(self.headerlist))
        return [] if environ["REQUEST_METHOD"] == "HEAD" else self.app_iter


def _reply(response: OurResponse) -> Response:
    return _Reply(app_iter=response.app_iter, status=response.status, headerlist=list(response.headerlist))


class _Reread:
    """A copy of the body from its start, wherever others who read the same file have left it."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._at = 0

    def read(self, size: int, /) -> bytes:
        self._file.seek(self._at)
        block = self._file.read(size)
        self._at += len(block)
        return block


def _readable(native: Any) -> dict[str, Any]:
    """The request's environ with a body that can be read, whatever has touched the request before us."""
    if native.is_body_seekable:  # somebody asked for .POST or .body, and WebOb made a copy
        return {**native.environ, "wsgi.input": _Reread(native.body_file_raw), "HTTP_TRANSFER_ENCODING": ""}
    environ = dict(native.environ)
    if "webob._body_file" in environ:  # somebody has begun to read; a server's own input may wait for ever for more
        environ["wsgi.input"] = native.body_file
    # From here on the body is ours: whoever asks for it later finds an empty one, instead of waiting for the client.
    native.environ["wsgi.input"] = io.BytesIO()
    native.is_body_seekable = True
    _lend_fields(native, {})
    return environ


def _lend_fields(native: Any, fields: Mapping[str, str]) -> None:
    native.environ["webob._parsed_post_vars"] = (MultiDict(fields), native.body_file_raw)


def _check(request: UploadRequest, settings: EndpointSettings) -> None:
    """Let hooks find the fields before the first file in `request.POST`, and do what Pyramid's CSRF check would."""
    native, fields = request.native, dict[str, str]()
    if request.media_type == "multipart/form-data":
        fields.update(form_of(request, settings).leading())
        if "webob._parsed_post_vars" in native.environ and not native.POST:
            _lend_fields(native, fields)
    csrf = _csrf(native)
    if csrf is None or not settings.csrf or (csrf.callback is not None and not csrf.callback(native)):
        return
    token = (native.headers.get(csrf.header, "") if csrf.header else "") or fields.get(csrf.token or "", "")
    genuine = native.registry.getUtility(ICSRFStoragePolicy).check_csrf_token(native, token)
    if csrf.check_origin and not check_csrf_origin(native, allow_no_origin=csrf.allow_no_origin, raises=False):
        genuine = False
    if not genuine:
        form = request.media_type == "multipart/form-data"
        place = f"in the field {csrf.token} before the file" if form and csrf.token else f"in the header {csrf.header}"
        reload = "Please reload the page and try again: its token against forged requests (CSRF) is missing or wrong"
        raise Forbidden(f"{reload} {place}.", code="csrf")


def _hidden(native: Any, settings: EndpointSettings) -> dict[str, str]:
    """What a form must carry before its file to pass `_check`."""
    csrf = _csrf(native)
    return {csrf.token: get_csrf_token(native)} if csrf is not None and settings.csrf and csrf.token else {}


def _csrf(native: Any) -> Any:
    """What `config.set_default_csrf_options` said, None where it is not asked for."""
    options = native.registry.queryUtility(IDefaultCSRFOptions)
    return options if options is not None and options.require_csrf and (options.token or options.header) else None


def _finishing(view: Any, info: Any) -> Any:
    """View deriver, the outermost: read the rest of a body that nobody wants after the answer is out, also where the
    permission was refused and the view never ran."""
    if not info.options.get("ajax_upload"):
        return view

    def finished(context: Any, request: Any) -> Any:
        request.add_response_callback(_drain_afterwards)
        return view(context, request)

    return finished


_finishing.options = ("ajax_upload",)  # type: ignore[attr-defined]  # this is how Pyramid asks a deriver


def _drain_afterwards(native: Any, response: Any) -> None:
    request = native.environ.get("ajaxupload.request") or UploadRequest(_readable(native))
    if isinstance(response, HTTPException):
        response.prepare(native.environ)  # writes its page now: it would not, were there an iterable
    length = response.content_length  # which WebOb forgets when the iterable changes
    response.app_iter = Answer(response.app_iter, request)
    response.content_length = length


def _static(request: Any) -> Response:
    try:
        return _reply(assets.answer(UploadRequest(dict(request.environ)), "/".join(request.matchdict["filename"])))
    except NotFound:
        raise HTTPNotFound from None


def ajax_upload_assets(request: Any, *, nonce: str = "") -> tags.Html:
    """The widget's style sheet and script, for a page's head. `nonce` is for pages whose Content-Security-Policy asks
    for one.

        ${request.ajax_upload_assets()}
    """
    return tags.assets(lambda name: request.route_path(f"{_NAME}.static", filename=name.split("/")), nonce)


def ajax_upload(
    request: Any,
    endpoint: str = "",
    *,
    form: bool = True,
    label: str = "Choose files",
    button: str = "Upload",
    field: str = "file",
    **options: Any,
) -> tags.Html:
    """The widget, in a form of its own that works without JavaScript.

        ${request.ajax_upload("/upload", max_files=3)}

    `endpoint` is a configured path or the name of its route; it may be left out where there is only one. With
    `form=False` it stands in the page's own form, which then sends what the server answered and must hold the CSRF
    token where there is one. `options` are the names in the path (`slug="x"`) and the attributes of the element or its
    input, with underscores for hyphens.
    """
    endpoints = request.registry[_NAME]["endpoints"]
    name = tags.find(endpoints, endpoint)
    settings = endpoints[name]
    values = {key: options.pop(key) for key in tags.names_in(settings.path) if key in options}
    url, hidden, csrf = request.route_path(name, **values), _hidden(request, settings), _csrf(request)
    if csrf is not None and settings.csrf:
        options = {"csrf_header": csrf.header, **options}
    element = tags.element(settings, url, options, label=label, field=field)
    return tags.form(url, element, hidden, button=button) if form else element
