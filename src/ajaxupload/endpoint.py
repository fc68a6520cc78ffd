"""One upload URL: settings, guard, protocols and engine put together; itself a WSGI application.

What lives here: which protocol a request belongs to, the order guard -> protocol -> answer, and what becomes of a
body that nobody wants. What must not: any wire format, and how requests reach us (middleware.py, adapters).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from html import escape
from typing import Any

from webob import Response

from . import assets, events
from .config import EndpointSettings, load, short_form
from .engine import Engine, Stored, chosen_dir, partials_of
from .errors import InternalError, MethodNotAllowed, NotFound, UnsupportedType, UploadError
from .guard import Guard
from .protocols import replies, visitors
from .protocols.base import Mount, Protocol, refuse_questions
from .protocols.stored import Deleting, stored_elsewhere, stored_file
from .registry import resolve
from .request import UploadRequest
from .upload import Upload
from .validators import human_size

__all__ = ["Answer", "Endpoint", "mounted", "upload_endpoint"]

_log = logging.getLogger("ajaxupload")
_QUESTIONS = ("GET", "HEAD", "OPTIONS")
#: Those that say nothing which a protocol of whole files does not say better: not spoken where nothing is resumable.
_RESUMABLE = ("ietf", "tus", "fineuploader", "dropzone", "resumablejs", "flow", "plupload")
#: The order in which requests are offered: the more a protocol asks of a request, the earlier it stands.
_PROTOCOLS = (
    *_RESUMABLE,
    "filepond",
    "blueimp",
    "valums",
    "form",
    "raw",
)

StartResponse = Callable[..., Any]


class Endpoint:
    """One upload URL as a WSGI application.

    `extra_check(request)` is the door's own check (Django's CSRF), `trusts_origin` as in `Guard`,
    `form_fields(request)` what that check wants of a plain form. With `propagate`,
    exceptions that are not `UploadError`s, an `authorize` hook's redirect to a login page say, go on to the framework
    that mounted us; otherwise they are logged and answered with 500.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        *,
        extra_check: Callable[[UploadRequest], None] | None = None,
        trusts_origin: Callable[[str], bool] | None = None,
        form_fields: Callable[[UploadRequest], Mapping[str, str]] | None = None,
        propagate: bool = False,
    ) -> None:
        self.settings = settings
        self.guard = Guard(settings, extra_check, trusts_origin)
        self.engine = Engine(settings)
        self.partials = Stored(self.engine, partials_of(settings)) if settings.resumable else None
        mount = self._mount = Mount(settings, self.engine, self.guard, self.partials)
        if self.partials is not None:
            self.partials.owner_of = mount.owner_of
        spoken = settings.protocols or tuple(
            name for name in _PROTOCOLS if settings.resumable or name not in _RESUMABLE
        )
        self.protocols: list[Protocol] = [resolve("protocol", name)(mount) for name in spoken]
        self._deleting = [Deleting(mount, self.protocols)] if settings.allow_delete else []
        self._methods = (*_QUESTIONS, *sorted({method for each in self.protocols for method in each.methods}))
        self._wording = Protocol(mount)  # words refusals of requests that are in no protocol
        self._form_fields = form_fields
        self._propagate = propagate
        self._starting = threading.Lock()
        self._started = False

    def startup(self) -> None:
        """Prove that the backend can store and clear what dead processes left: once, at the latest before the first
        request. Raises ConfigError."""
        with self._starting:
            if not self._started:
                self.engine.startup()
                self._start_partials()
                self._started = True

    def _start_partials(self) -> None:
        """Where they are kept by our own choice, and not on the backend's disk, nothing is made before the first."""
        if self.partials is None:
            return
        self.partials.place(partials_of(self.settings))  # relative directories are known now
        if chosen_dir(self.settings) or getattr(self.settings.backend.create(), "scratch_dir", None):
            self.partials.startup()

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answer as PEP 3333 has it."""
        request = UploadRequest(environ)
        response = self.respond(request)
        # Not response(environ, start_response): WebOb would make Location absolute from the Host header, which behind
        # a proxy is not what the client asked.
        start_response(response.status, list(response.headerlist))
        blocks = [] if request.method == "HEAD" else response.app_iter
        return Answer(blocks, request)

    def respond(self, request: UploadRequest) -> Response:
        """Answer one request. The whole flow: preflight, or description, or guard -> protocol -> answer."""
        request.environ["ajaxupload.idle"] = self.settings.idle_timeout
        request.environ["ajaxupload.rate"] = (self.settings.min_rate, self.settings.min_rate_window)
        request.environ["ajaxupload.fast_input"] = self.settings.fast_input
        response = self.guard.preflight(request) or self._answer(request)
        if self.partials is not None:
            visitors.show(self._mount, request, response)
        return self.guard.share(request, response)

    def _answer(self, request: UploadRequest) -> Response:
        protocol = self._wording
        try:
            self.startup()
            if request.method in _QUESTIONS:
                asked = next((each for each in self.protocols if each.answers(request)), None)
                if asked is None:
                    return self._describe(request)
                protocol = asked
                return protocol.handle(request)
            protocol = self._protocol_for(request)
            self.guard.check(request)
            return protocol.handle(request)
        except UploadError as error:
            return self._refuse(protocol, request, error)
        except Exception:
            if self._propagate:
                _spare(request)
                raise
            _log.exception("an upload failed in a way that nobody planned")
            return self._refuse(protocol, request, InternalError())

    def _protocol_for(self, request: UploadRequest) -> Protocol:
        for protocol in (*self._deleting, *self.protocols):
            if protocol.matches(request):
                return protocol
        if request.method not in self._methods:
            if request.tail and self._takes_at_uploads(request.method):
                raise NotFound  # of an upload, but that is no upload's URL
            raise MethodNotAllowed(self._methods)
        known = ", ".join(protocol.name for protocol in self.protocols)
        raise UnsupportedType(f"This endpoint does not take files that are sent in this way (protocols: {known}).")

    def _takes_at_uploads(self, method: str) -> bool:
        return any(method in protocol.upload_methods for protocol in (*self._deleting, *self.protocols))

    def _refuse(self, protocol: Protocol, request: UploadRequest, error: UploadError) -> Response:
        """Word the refusal, once a small rest of the body is read; tell listeners where the engine has not."""
        _spare(request)
        if not request.told:
            upload = Upload(name="", protocol=protocol.name, state="refused")
            events.emit(
                events.refused, self.settings.path, upload=upload, request=request.native, backend=None, error=error
            )
        return protocol.refuse(request, error)

    def _describe(self, request: UploadRequest) -> Response:
        """GET, HEAD, OPTIONS: the widget's files, or what may be uploaded here, as JSON or as a page for a person."""
        if request.method != "OPTIONS" and request.tail.startswith(assets.PREFIX):
            return assets.answer(request, request.tail.removeprefix(assets.PREFIX))
        if request.method != "OPTIONS":
            if request.tail and self.settings.serve:
                return stored_file(self._mount, request)
            refuse_questions(request)
            if request.tail:
                return stored_elsewhere(self._mount, request)
        visitors.greet(self._mount, request)
        if request.method == "OPTIONS":
            # RFC 9110 section 9.3.7: "a server generating a successful response to OPTIONS SHOULD send any header
            # fields that might indicate optional features"
            response = Response(status=204, content_type=None)
            for protocol in self.protocols:
                protocol.advertise(request, response)
        elif replies.dialect(request) in ("page", "iframe"):  # a person looks, be it into a frame
            response = replies.html_page("Upload", self._form(request))
        else:
            response = replies.json_reply(self.limits() | {"resumable": self._resumable_url(request)})
        response.headers["Allow"] = ", ".join(self._methods)
        response.headers.add("Vary", "Accept")
        return response

    def limits(self) -> dict[str, Any]:
        """What a client may check before it sends, so that limits are stated once. Sizes are bytes. (The description
        says besides where `resumable` uploads are made.)"""
        settings = self.settings
        return {
            "max_size": settings.max_size,
            "min_size": settings.min_size,
            "max_files": settings.max_files,
            "allow": list(settings.allow),
            "deny": list(settings.deny),
            "protocols": [protocol.name for protocol in self.protocols],
        }

    def _resumable_url(self, request: UploadRequest) -> str | None:
        """Where the widget makes uploads that take several requests."""
        speaks = any(protocol.name == "tus" for protocol in self.protocols)
        return self._mount.address(request) if speaks else None

    def _form(self, request: UploadRequest) -> str:
        """A form that works: with the fields that the door's own check wants to see before the file."""
        hidden = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in (self._form_fields(request) if self._form_fields else {}).items()
        )
        accept = f' accept="{escape(",".join(self.settings.allow))}"' if self.settings.allow else ""
        return (
            f'<form method="post" enctype="multipart/form-data">{hidden}<p><label for="file">Choose files</label> '
            f'<input id="file" type="file" name="file" multiple required{accept}></p>'
            f"<p>At most {human_size(self.settings.max_size)} each, {self.settings.max_files} at once.</p>"
            f"<p><button>Upload</button></p></form>"
        )


def _spare(request: UploadRequest) -> None:
    """Read a small rest of the body before the refusal: a browser that is still sending when the connection closes
    shows a network error instead of our reason."""
    try:
        body = request.upload_body
    except UploadError:
        return  # a body whose end cannot be known cannot be drained either
    if body.small_rest:
        body.drain()


class Answer:
    """The response's iterable. What is left of a refused large body is read, within bounds, after the answer is out."""

    def __init__(self, blocks: Iterable[bytes], request: UploadRequest) -> None:
        self._blocks = blocks
        self._request = request

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._blocks)

    def close(self) -> None:
        """The server's call, when the answer is out or nobody wants it any more (PEP 3333)."""
        try:
            if hasattr(self._blocks, "close"):
                self._blocks.close()
        finally:
            self._request.drain()


def mounted(environ: Mapping[str, Any], path: str, path_names: Mapping[str, str], native: Any = None) -> dict[str, Any]:
    """A copy of `environ` for the endpoint at `path`, which matched: its segments move from PATH_INFO to SCRIPT_NAME
    (PEP 3333), what its names stand for and the framework's own request come along."""
    segments = environ["PATH_INFO"].split("/")
    end = path.count("/") + 1
    ours = {**environ, "ajaxupload.path_names": path_names}
    ours["SCRIPT_NAME"] = environ.get("SCRIPT_NAME", "") + "/".join(segments[:end])
    ours["PATH_INFO"] = "".join(f"/{segment}" for segment in segments[end:])
    if native is not None:
        ours["ajaxupload.native"] = native
    return ours


def upload_endpoint(backend: str | type = "local", **options: Any) -> Endpoint:
    """One endpoint as a WSGI application, to mount wherever the server or framework mounts one.

    Options are those of the endpoint and of the backend. Raises ConfigError.

        application = DispatcherMiddleware(site, {"/upload": upload_endpoint("local", upload_dir="uploads")})
    """
    settings = load(short_form("/upload", backend, options))
    endpoint = Endpoint(settings.endpoints["/upload"])
    endpoint.startup()
    return endpoint
