"""Paste Deployment: `use = egg:ajaxupload` in an ini file, as a filter around an application or as one by itself.

What lives here: the two entry points. Ini lines are the dict's keys: `path = /upload`, `backend = local`,
`upload_dir = uploads`, or in full `endpoints./upload.max_size = 2 GiB`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..config import load, unflatten
from ..endpoint import Endpoint
from ..errors import ConfigError
from ..middleware import AjaxUpload, WSGIApp

__all__ = ["app_factory", "filter_app_factory"]


def filter_app_factory(app: WSGIApp, global_conf: Mapping[str, str], **local_conf: str) -> AjaxUpload:
    """`[filter:upload] use = egg:ajaxupload`: the middleware around the next application. Raises ConfigError."""
    return AjaxUpload(app, _config(local_conf))


def app_factory(global_conf: Mapping[str, str], **local_conf: str) -> Endpoint:
    """`[app:upload] use = egg:ajaxupload`: one endpoint, mounted where the composite says. Raises ConfigError."""
    endpoints = load(_config(local_conf)).endpoints
    if len(endpoints) > 1:
        raise ConfigError(f"an application is one endpoint, here are {len(endpoints)}: use the filter for several")
    endpoint = Endpoint(*endpoints.values())
    endpoint.startup()
    return endpoint


def _config(local_conf: Mapping[str, str]) -> dict[str, Any]:
    tables = any(key.startswith(("endpoints.", "backends.")) for key in local_conf)
    return unflatten(local_conf if tables else {"path": "/upload", **local_conf})
