"""`UploadRequest`: one request as protocols, guards and hooks see it.

What lives here: headers by WebOb, the body by body.py, the form by forms.py (set by who needs it), the framework's
own request beside it. What must not: WebOb's own `.POST` and `.body`, which would read the upload into memory or
onto the disk, twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import parse_qsl

from webob import Request

from .body import Body, body_of
from .errors import BadRequest, UploadError

__all__ = ["UploadRequest"]

#: More than any widget sends; a query string is at most a few KiB on every server anyway.
_MAX_QUERY_FIELDS = 200


class UploadRequest(Request):
    """A WebOb request whose body is a counted stream.

    `upload_body` is the stream, `form` the multipart form over it, `native` the framework's own request (itself where
    there is none), `path_names` what the endpoint's path matched, `principal` who is asking once the guard knows.
    """

    @property
    def upload_body(self) -> Body:
        """The body's stream, made at first use: it may raise BadRequest, LengthRequired or NotImplementedHere."""
        body: Body | None = self.environ.get("ajaxupload.body")
        if body is None:
            idle, rate = self.environ.get("ajaxupload.idle"), self.environ.get("ajaxupload.rate", (0, 60.0))
            body = self.environ["ajaxupload.body"] = body_of(self.environ, idle, rate)
        return body

    def drain(self) -> None:
        """Once the answer is out: read what is left of a body that nobody wants, within bounds, so that a browser
        which is still sending sees the answer. Doors call it when the response is closed."""
        with suppress(UploadError):  # a body whose end cannot be known cannot be drained either
            self.upload_body.drain()

    @property
    def native(self) -> Any:
        """The framework's own request where one mounted us, else this one: what hooks get."""
        return self.environ.get("ajaxupload.native", self)

    @property
    def path_names(self) -> Mapping[str, str]:
        """What the endpoint's path matched: `/album/{slug}/upload` gives `slug`."""
        names: Mapping[str, str] = self.environ.get("ajaxupload.path_names", {})
        return names

    @property
    def principal(self) -> str | None:
        """Who is asking, as `authorize` returned it; None for an anonymous one."""
        return self.environ.get("ajaxupload.principal")

    @principal.setter
    def principal(self, value: str | None) -> None:
        self.environ["ajaxupload.principal"] = value

    @property
    def told(self) -> bool:
        """Have listeners heard what became of this request's files? Set by the engine."""
        return bool(self.environ.get("ajaxupload.told"))

    @told.setter
    def told(self, value: bool) -> None:
        self.environ["ajaxupload.told"] = value

    @property
    def query(self) -> Mapping[str, str]:
        """The query string's fields, UTF-8 with replacement, the last of each name: never raises but BadRequest."""
        found: dict[str, str] | None = self.environ.get("ajaxupload.query")
        if found is None:
            try:
                pairs = parse_qsl(
                    _utf8(self.environ.get("QUERY_STRING", "")),  # curl and old browsers send names as they are
                    keep_blank_values=True,
                    errors="replace",
                    max_num_fields=_MAX_QUERY_FIELDS,
                )
            except ValueError as error:
                raise BadRequest("The query string has too many fields.") from error
            found = dict(pairs)
            self.environ["ajaxupload.query"] = found
        return found

    @property
    def tail(self) -> str:
        """The path below the endpoint, without the slash between; "" at the endpoint itself."""
        return _utf8(self.environ.get("PATH_INFO", "")).lstrip("/")

    @property
    def media_type(self) -> str:
        """The Content-Type without its parameters, lower-case; "" where there is none."""
        text: str = self.environ.get("CONTENT_TYPE", "")
        return text.partition(";")[0].strip().lower()


def _utf8(text: str) -> str:
    """Bytes reach WSGI as Latin-1 (PEP 3333, "Unicode Issues"), and mean UTF-8."""
    return text.encode("latin-1", "replace").decode("utf-8", "replace")
