"""The endpoints that every door of the wire tests serves, and what they need.

What lives here: one configuration, read from the environment (AJAXUPLOAD_WIRE_ROOT: below which
to store; AJAXUPLOAD_WIRE_PRIVATE: where unfinished files are, if not there). What must not: a web framework.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.errors import Forbidden, NotAuthenticated
from ajaxupload.protocols.tus.extensions import EXTENSIONS
from ajaxupload.upload import Upload
from tests.wire.apps import looking

PARTNER = "https://partner.example"
LIMIT = "1 MiB"
RENAMED = {
    "fineuploader": {"uuidName": "upload", "partIndex": "part", "totalParts": "parts"},
    "resumablejs": {"parameterNamespace": "r_"},
    "flow": {"prefix": "f"},
}


class EchoingBackend(LocalUploadBackend):
    """`local`, whose reply tells what the hooks were handed."""

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """The facts of `local`, the form's fields and the names in the endpoint's path."""
        facts = super().upload_complete(request, filename, *args, **kwargs)
        upload = self.upload
        mine = {"fields": dict(upload.fields), "names": kwargs, "principal": upload.principal}
        return {**facts, **mine, "protocol": upload.protocol, "process": os.getpid()}


def authorize(request: Any, action: str, upload: Upload | None) -> str | None:
    """Ann may, Bob may not, anybody else is asked who they are; in whatever framework's request."""
    environ = getattr(request, "environ", None) or request.META
    user = environ.get("HTTP_X_USER")
    if user == "bob":
        raise Forbidden
    if user is None:
        raise NotAuthenticated
    return str(user)


def stores() -> dict[str, dict[str, Any]]:
    """Backends by name: below the root, and everything unfinished beside it where the tests look for it. The second
    one's files are served somewhere."""
    root = os.environ["AJAXUPLOAD_WIRE_ROOT"]
    private = os.environ.get("AJAXUPLOAD_WIRE_PRIVATE") or f"{root}/private"
    store = {"class": EchoingBackend, "media_root": f"{root}/media", "upload_dir": ".", "private_dir": private}
    return {"default": store, "public": {**store, "media_url": "/media/"}}


def endpoints() -> dict[str, dict[str, Any]]:
    """Path -> settings."""
    tables: dict[str, dict[str, Any]] = {
        "/upload": {"digest": "sha256"},
        "/photos": {"allow": ["image/*", ".txt"], "min_size": 4, "max_files": 2},
        "/corpus": {"digest": "sha256", "sniff": False},  # all of whose files hold the same line of text
        "/listed": {"allow": [".jpg", ".png", ".gif", ".txt", ".pdf"], "sniff": False},
        "/partners": {"allowed_origins": [PARTNER]},
        "/anybody": {"allowed_origins": ["*"]},
        "/thanks": {"redirect": "/done?stored=1"},
        "/guarded": {"authorize": authorize},
        "/kept": {"allow_delete": True, "allow_list": True, "serve": True},
        "/kept-guarded": {"allow_delete": True, "allow_list": True, "serve": True, "authorize": authorize},
        "/renamed": {"protocol_options": RENAMED},
        "/brief": {"expires": "1 s"},
        "/public": {"backend": "public"},
        "/album/{slug}/upload": {"name": "{slug}/{name}"},
        "/short": {"expires": 2},
        "/whole-parts": {"tus_disable": ["concatenation-unfinished"]},
        "/core": {"tus_disable": [each for each in EXTENSIONS if each != "creation"]},
        "/served": {"serve": True},
        "/watched": {"inspect": looking.Sniffer()},
        "/read": {"inspect": [looking.read]},
        "/whole": {"protocols": ["valums", "form", "raw"]},
    }
    return {path: {"backend": "default", "max_size": LIMIT, **table} for path, table in tables.items()}


def config() -> dict[str, Any]:
    """The whole configuration as a dict."""
    return {"backends": stores(), "endpoints": endpoints(), "secret_key": "made up for these tests"}


def spelled_out() -> Iterator[tuple[str, dict[str, Any]]]:
    """Path -> the endpoint's settings with its backend's among them, for doors that take them one by one."""
    for path, table in endpoints().items():
        store = stores()[table["backend"]]
        yield (
            path,
            {**table, **{key: value for key, value in store.items() if key != "class"}, "backend": store["class"]},
        )


def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The application behind: says what reached it, so that the tables see what was passed through."""
    size = 0
    if environ.get("CONTENT_LENGTH", "").isdigit():
        size = len(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    said = f"site: {environ['REQUEST_METHOD']} {environ.get('SCRIPT_NAME', '')}{environ['PATH_INFO']} {size}".encode()
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(said)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else said]
