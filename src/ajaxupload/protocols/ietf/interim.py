"""104 (Upload Resumption Supported): what a client is told while it still sends.

What lives here: to whom a 104 may go, through which server, and when. What must not: what is true of an upload.

PEP 3333 has no interim responses. Servers that lend their connection can send them all the same; on all others there
are none, which the drafts allow: "unless the server is not capable of sending interim responses". Who must not get one:
a client that did not say an interop version (Python's http.client takes a 104 for the answer), one on HTTP/1.0 (RFC
9110 section 15.2: "A server MUST NOT send a 1xx response to an HTTP/1.0 client"), and a reverse proxy, unless the
settings say that it passes them on (nginx takes a 104 for the answer too).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ...engine.hooks import storing
from ...errors import AjaxUploadError
from ...partials import Partial
from ...request import UploadRequest
from .versions import INTEROP, Version

__all__ = ["Interim"]

#: What reverse proxies add to a request.
_PROXIED = ("HTTP_VIA", "HTTP_FORWARDED", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_X_REAL_IP")
_LENT_SOCKETS = ("gunicorn.socket", "werkzeug.socket")
#: Options of uWSGI for clients that are no HTTP clients but web servers.
_GATEWAYS = frozenset(("socket", "uwsgi-socket", "fastcgi-socket", "scgi-socket", "shared-socket"))
#: The progress is told in steps of so many seconds, or bytes: those after which the engine syncs anyway, for what is
#: told must be on the disk.
_SECONDS, _STEP = 1.0, 8 << 20


class Interim:
    """The 104 responses to one request; none where there may be none. Made before the body is looked at."""

    def __init__(self, request: UploadRequest, version: Version, *, through_proxies: bool | None) -> None:
        self._version = version
        self._send = _sender(request.environ) if _may(request.environ, version, through_proxies) else None
        self._partial: Partial | None = None
        self._told, self._last = 0, time.monotonic()
        # Who reads the next block has stored the one before: that is the moment to tell.
        if self._send is not None and version.progress and "ajaxupload.body" not in request.environ:
            request.environ["wsgi.input"] = _Watched(request.environ["wsgi.input"], self._progress)

    def announce(self, location: str, limit: str | None) -> None:
        """ "When sent, it MUST include Location header field pointing to the upload resource and MUST include the
        Upload-Limit header field with the corresponding limits if existing." """
        self._say({"Location": location, **({"Upload-Limit": limit} if limit else {})})

    @contextmanager
    def follow(self, partial: Partial, at: int) -> Iterator[None]:
        """In this block, tell how much of it has come. What is read of the body later is nobody's any more."""
        self._partial, self._told = partial, at
        try:
            yield
        finally:
            self._partial = None

    def _progress(self) -> None:
        """ "While the request content is being processed, the server SHOULD send interim responses with a 104 (Upload
        Resumption Supported) status code and the Upload-Offset header field set to the current offset ... These interim
        responses MUST NOT include the Location header field." """
        if self._partial is None or self._send is None:
            return
        now = time.monotonic()
        with suppress(AjaxUploadError), storing():  # what fails here fails again where it is looked at
            grown = self._partial.offset - self._told
            if grown and (grown >= _STEP or now - self._last >= _SECONDS):
                # "a guarantee that no retransmission of it will be necessary": only what a power cut cannot take.
                self._told, self._last = self._partial.sync(), now
                self._say({"Upload-Offset": str(self._told)})

    def _say(self, headers: Mapping[str, str]) -> None:
        if self._send is None:
            return
        # "Server implementations of draft versions of the protocol MUST also send a header field
        # Upload-Draft-Interop-Version with the interop version as its value to the 104 ... response."
        lines = {INTEROP: str(self._version.number), **headers}
        text = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        try:
            self._send(f"HTTP/1.1 104 Upload Resumption Supported\r\n{text}\r\n".encode("latin-1"))
        except OSError:  # it is gone: reading its body will tell
            self._send = None


def _may(environ: Mapping[str, Any], version: Version, through_proxies: bool | None) -> bool:
    if not version.interim or environ.get("SERVER_PROTOCOL") != "HTTP/1.1":
        return False
    if through_proxies is None:
        return not any(name in environ for name in _PROXIED)
    return through_proxies


def _sender(environ: Mapping[str, Any]) -> Callable[[bytes], object] | None:
    for name in _LENT_SOCKETS:
        if name in environ:
            send: Callable[[bytes], object] = environ[name].sendall
            return send
    return _uwsgi_sender()


def _uwsgi_sender() -> Callable[[bytes], object] | None:
    """Where it speaks HTTP itself, and not with a web server in front by a protocol without interim responses."""
    try:
        import uwsgi  # type: ignore[import-untyped, unused-ignore]  # exists only inside that server
    except ImportError:
        return None
    options = {name.decode() if isinstance(name, bytes) else name for name in uwsgi.opt}
    direct = any(name.startswith("http") for name in options) and not options & _GATEWAYS
    send: Callable[[bytes], object] = uwsgi.send
    return send if direct else None


class _Watched:
    """A wsgi.input (PEP 3333) that says before each read that it comes."""

    def __init__(self, source: Any, before: Callable[[], None]) -> None:
        self._source = source
        self._before = before

    def read(self, *size: int) -> Any:
        """As the source does."""
        self._before()
        return self._source.read(*size)

    def readline(self, *size: int) -> Any:
        """As the source does."""
        return self._source.readline(*size)

    def readlines(self, *hint: int) -> Any:
        """As the source does."""
        return self._source.readlines(*hint)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._source)
