"""ajaxupload: as middleware, and behind Django's and Flask's doors.

What lives here: the applications, with default settings but for the limits on sizes and counts, and whether it is
durable, which is in the name. What must not: anything that makes it faster and is not a setting's default.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.contender import GUNICORN, Contender, Way, wsgi

__all__ = ["DJANGO", "DURABLE", "FLASK", "OURS", "S3", "application", "contender", "to_s3", "to_stub"]

OURS, DURABLE = "ajaxupload", "ajaxupload, durable"
DJANGO, FLASK, S3 = "ajaxupload in Django", "ajaxupload in Flask", "ajaxupload"
_WAY = Way(raw="/upload/{name}", form="/upload/", tus="/upload/")
_LIMITS = {"max_size": "1 TiB", "max_files": 100_000, "max_unfinished": 10_000_000}
_SECRET = "made up for these measurements"


def contender(*, durable: bool = False, door: str = "wsgi", server: str = GUNICORN) -> Contender:
    """Storing below its folder, by that door ("wsgi", "django", "flask")."""
    name = {"wsgi": DURABLE if durable else OURS, "django": DJANGO, "flask": FLASK}[door]
    env = {"BENCH_DOOR": door, "BENCH_DURABLE": "1" * durable}
    needed = () if door == "wsgi" else (door,)
    return wsgi(name, f"{__name__}:application", _WAY, "ajaxupload", *needed, server=server, env=env, ours=True)


def to_s3(memory_limit: str = "256 MiB") -> Contender:
    """Storing in the S3 stub; the limit is for the parts of all uploads together."""
    env = {"BENCH_DOOR": "wsgi", "BENCH_S3_MEMORY": memory_limit}
    return wsgi(S3, f"{__name__}:application", _WAY, "ajaxupload", "boto3", env=env, ours=True, sink=True)


def application() -> Any:
    """What the environment asks for."""
    return {"wsgi": _middleware, "django": _django, "flask": _flask}[os.environ["BENCH_DOOR"]]()


def site(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The application around which the middleware stands."""
    start_response("404 Not Found", [("Content-Length", "0")])
    return []


def backend() -> dict[str, Any]:
    """The local folder, or the stub."""
    if "BENCH_S3_MEMORY" in os.environ:
        return {"class": "s3", "memory_limit": os.environ["BENCH_S3_MEMORY"], **to_stub()}
    root = os.environ["BENCH_ROOT"]
    where = {"upload_dir": f"{root}/files", "private_dir": f"{root}/private"}
    return {"class": "local", "durable": bool(os.environ.get("BENCH_DURABLE")), **where}


def to_stub() -> dict[str, str]:
    """The S3 backend's options that lead to the stub."""
    keys = {"access_key_id": "a", "secret_access_key": "s"}
    return {"bucket": "b", "region": "us-east-1", "endpoint_url": os.environ["BENCH_S3"], **keys}


def _config() -> dict[str, Any]:
    return {"backends": {"default": backend()}, "endpoints": {"/upload": dict(_LIMITS)}, "secret_key": _SECRET}


def _middleware() -> Any:
    from ajaxupload import AjaxUpload

    return AjaxUpload(site, _config())


def _flask() -> Any:
    from flask import Flask

    from ajaxupload.adapters.flask import AjaxUploadExtension

    app = Flask(__name__)
    app.config["AJAXUPLOAD"] = _config()
    AjaxUploadExtension(app)
    return app


def _django() -> Any:
    from benchmarks.peers.django_views import configured

    configured(__name__, "ajaxupload.adapters.django")
    from django.core.wsgi import get_wsgi_application
    from django.urls import path

    from ajaxupload.adapters.django import AjaxFileUploader

    options: dict[str, Any] = {**backend_options(), **_LIMITS, "csrf": False}
    view = AjaxFileUploader(path="/upload", **options)
    globals()["urlpatterns"] = [path("upload/", view), path("upload/<path:tail>", view)]
    return get_wsgi_application()


def backend_options() -> dict[str, Any]:
    """The same backend as the view is told of it."""
    options = backend()
    return {"backend": options.pop("class"), **options}
