"""Flask: one view for each configured endpoint, inside the request context.

What lives here: the extension, how a Flask request becomes an `UploadRequest` and our answer a Flask response, the
template functions. What must not: anything about uploads.

    app.config["AJAXUPLOAD"] = {"path": "/upload", "backend": "local", "max_size": "2 GiB"}
    AjaxUploadExtension(app)

`before_request` functions, `session`, `g` and login decorators work as for any view. The body is streamed: nothing
parses it first, and Flask's MAX_CONTENT_LENGTH is not asked, the endpoint's `max_size` is.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, cast

from ajaxupload.errors import MissingExtra

try:
    import flask
except ImportError as error:
    raise MissingExtra("the Flask adapter", "Flask", "flask") from error

import webob
from werkzeug.datastructures import FileStorage, ImmutableMultiDict

from ajaxupload import assets
from ajaxupload.adapters import tags
from ajaxupload.config import EndpointSettings, load, unflatten
from ajaxupload.endpoint import Endpoint, mounted
from ajaxupload.errors import ConfigError, NotFound
from ajaxupload.forms import FilePart, ParsedForm
from ajaxupload.protocols.base import form_of
from ajaxupload.request import UploadRequest

__all__ = ["AjaxUploadExtension"]

_NAME = "ajaxupload"
#: Every method: what the endpoint does not take it refuses itself, in words that upload widgets can show.
_METHODS = ("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE")
#: What stands below an endpoint, as an argument of its view: no name that a path would have.
_TAIL = "ajaxupload_tail"
_READ_SIZE = 64 << 10

View = Callable[..., Any]


class AjaxUploadExtension:
    """Reads `app.config["AJAXUPLOAD"]`, the whole dict or its short form with a `path`, and adds the views.

    `url_for("ajaxupload.upload")` is the endpoint "/upload", `url_for("ajaxupload.album_slug_upload", slug="x")` is
    "/album/{slug}/upload". `decorators` are put around each of these views (`login_required`), the first innermost.
    Raises ConfigError, listing every fault, when the configuration is wrong or a backend cannot store.
    """

    def __init__(self, app: flask.Flask | None = None, *, decorators: Sequence[Callable[[View], View]] = ()) -> None:
        self._decorators = tuple(decorators)
        if app is not None:
            self.init_app(app)

    def init_app(self, app: flask.Flask) -> None:
        """Add the views and the template functions `ajax_upload` and `ajax_upload_assets` to `app`."""
        settings = load(_spelled_out(app)).endpoints
        named = dict(zip(_names(settings), settings.values(), strict=True))
        blueprint = flask.Blueprint(_NAME, __name__)
        blueprint.add_url_rule("/ajaxupload/static/<path:filename>", "static", _static)
        for name, each in named.items():
            self._add(blueprint, name, each)
        # The first thing of all that happens to one of our requests, whichever extension was initialised first.
        blueprint.url_value_preprocessor(lambda *_: _exempt(blueprint))
        blueprint.after_request(_drain_afterwards)
        app.register_blueprint(blueprint)
        app.extensions[_NAME] = {f"{_NAME}.{name}": each for name, each in named.items()}
        app.add_template_global(ajax_upload)
        app.add_template_global(ajax_upload_assets)

    def _add(self, blueprint: flask.Blueprint, name: str, settings: EndpointSettings) -> None:
        endpoint = Endpoint(settings, extra_check=lambda request: _lend_fields(request, settings), propagate=True)
        endpoint.startup()
        view = _view(endpoint)
        for decorator in self._decorators:
            view = decorator(view)
        rule = re.sub(r"\{(\w+)\}", r"<\1>", settings.path)
        options: dict[str, Any] = {"methods": _METHODS, "provide_automatic_options": False}
        blueprint.add_url_rule(rule, name, view, strict_slashes=False, **options)
        blueprint.add_url_rule(f"{rule}/<path:{_TAIL}>", name, view, **options)


def _spelled_out(app: flask.Flask) -> dict[str, Any]:
    """The configuration's whole dict, Flask's key lent to it."""
    config = app.config.get("AJAXUPLOAD")
    if not isinstance(config, Mapping):
        example = '{"path": "/upload", "backend": "local"}'
        raise ConfigError(f'app.config["AJAXUPLOAD"] must be a dict such as {example}, not {config!r}')
    if not config.keys() & {"endpoints", "backends"}:
        config = {"path": "/upload", **config}
    key = app.secret_key.decode("latin-1") if isinstance(app.secret_key, bytes) else app.secret_key
    return {"secret_key": key, **unflatten(config)}


def _names(paths: Iterable[str]) -> list[str]:
    """A view's name for each path, each of its own: "/a/b" and "/a_b" are "a_b" and "a_b_3"."""
    names = ["static"]
    for path in paths:
        stem = name = tags.slug_of(path) or "upload"
        while name in names:
            name = f"{stem}_{len(names) + 1}"
        names.append(name)
    return names[1:]


def _view(endpoint: Endpoint) -> View:
    def upload(**values: str) -> flask.Response:
        values.pop(_TAIL, None)
        native = _native()
        environ = mounted(_readable(native), endpoint.settings.path, values, native)
        request = native.environ["ajaxupload.request"] = UploadRequest(environ)
        return _reply(endpoint.respond(request))

    return upload


def _native() -> flask.Request:
    """The request behind the proxy: hooks may keep it, and the answer is closed when the proxy is gone."""
    # werkzeug documents this method of its proxies, but they are typed as what stands behind them
    native: flask.Request = flask.request._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - as above
    return native


def _reply(response: webob.Response) -> flask.Response:
    blocks = cast("Sequence[bytes]", response.app_iter)
    reply = flask.current_app.response_class(blocks, response.status, list(response.headerlist))
    if "Content-Type" not in response.headers:
        reply.headers.pop("Content-Type", None)  # werkzeug's default; an answer without content has no type
    return reply


def _readable(native: flask.Request) -> dict[str, Any]:
    """The request's environ with a body that can be read, whatever has touched the request before us."""
    environ, seen = dict(native.environ), vars(native)
    if "form" in seen and native.mimetype == "multipart/form-data":
        fields = {name: values[-1] for name, values in native.form.lists()}
        environ["ajaxupload.form"] = ParsedForm(fields, _parts(native.files))
        return environ | _whole(b"")
    if kept := seen.get("_cached_data"):  # somebody called get_data(), which keeps what it read
        return environ | _whole(kept)
    if seen.get("form"):
        raise RuntimeError("Something read request.form before the upload view was called: it has eaten the file")
    environ["wsgi.input"] = _input(native)
    # From here on the body is ours: whoever asks for it later finds an empty one, instead of waiting for the client.
    seen.update(stream=io.BytesIO(), form=ImmutableMultiDict(), files=ImmutableMultiDict())
    return environ


def _input(native: flask.Request) -> IO[bytes]:
    """Where the rest of the body is. Once werkzeug has a stream over the server's input, some of it may be read, and
    the server's own would wait for ever for more; the stream knows where it ends."""
    return native.stream if "stream" in vars(native) else native.environ["wsgi.input"]


def _whole(body: bytes) -> dict[str, Any]:
    """What an environ says of a body that is in memory."""
    return {"wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body)), "HTTP_TRANSFER_ENCODING": ""}


def _parts(files: ImmutableMultiDict[str, FileStorage]) -> Iterator[FilePart]:
    for field, file in files.items(multi=True):
        yield FilePart(
            field, file.filename or "", file.content_type or "application/octet-stream", _blocks(file.stream)
        )


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    stream.seek(0)
    while block := stream.read(_READ_SIZE):
        yield block


def _lend_fields(request: UploadRequest, settings: EndpointSettings) -> None:
    """Let hooks find the fields that stand before the first file in `flask.request.form`."""
    if request.media_type == "multipart/form-data" and not isinstance(
        request.environ.get("ajaxupload.form"), ParsedForm
    ):
        vars(request.native)["form"] = ImmutableMultiDict(form_of(request, settings).leading())


def _exempt(blueprint: flask.Blueprint) -> None:
    """Keep Flask-WTF's CSRFProtect from parsing the body: the endpoint's own cross-origin check stands instead."""
    exempt = getattr(flask.current_app.extensions.get("csrf"), "exempt", None)
    if exempt is not None:
        exempt(blueprint)


def _drain_afterwards(response: flask.Response) -> flask.Response:
    """Also where a decorator or `before_request` refused and the view never ran."""
    native = _native()
    request = native.environ.get("ajaxupload.request")
    if request is None:
        request = UploadRequest({**native.environ, "wsgi.input": _input(native)})
    response.call_on_close(request.drain)
    return response


def _static(filename: str) -> flask.Response:
    try:
        return _reply(assets.answer(UploadRequest(flask.request.environ), filename))
    except NotFound:
        flask.abort(404)


def ajax_upload_assets(*, nonce: str = "") -> tags.Html:
    """The widget's style sheet and script, for a page's head. `nonce` is for pages whose Content-Security-Policy asks
    for one.

        {{ ajax_upload_assets() }}
    """
    return tags.assets(lambda name: flask.url_for(f"{_NAME}.static", filename=name), nonce)


def ajax_upload(
    endpoint: str = "",
    *,
    form: bool = True,
    label: str = "Choose files",
    button: str = "Upload",
    field: str = "file",
    **options: Any,
) -> tags.Html:
    """The widget, in a form of its own that works without JavaScript.

        {{ ajax_upload("/upload", max_files=3) }}

    `endpoint` is a configured path or the name of its view; it may be left out where there is only one. With
    `form=False` it stands in the page's own form, which then sends what the server answered. `options` are the names
    in the path (`slug="x"`) and the attributes of the element or its input, with underscores for hyphens.
    """
    endpoints: Mapping[str, EndpointSettings] = flask.current_app.extensions[_NAME]
    name = tags.find(endpoints, endpoint)
    settings = endpoints[name]
    values = {key: options.pop(key) for key in tags.names_in(settings.path) if key in options}
    url = flask.url_for(name, **values)
    element = tags.element(settings, url, options, label=label, field=field)
    return tags.form(url, element, {}, button=button) if form else element
