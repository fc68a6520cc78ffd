"""Paste Deployment: `use = egg:ajaxupload` in an ini file, as a filter around an application or as one by itself.

What lives here: the two entry points. Ini lines are the dict's keys: `path = /upload`, `backend = local`,
`upload_dir = uploads`, or in full `endpoints./upload.max_size = 2 GiB`.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..config import load, unflatten
from ..endpoint import Endpoint
from ..middleware import AjaxUpload, WSGIApp

__all__ = ["app_factory", "filter_app_factory"]


def filter_app_factory(app: WSGIApp, global_conf: Mapping[str, str], **local_conf: str) -> AjaxUpload:
    """`[filter:upload] use = egg:ajaxupload`: the middleware around the next application."""
    return AjaxUpload(app, unflatten(local_conf))


def app_factory(global_conf: Mapping[str, str], **local_conf: str) -> Endpoint:
    """`[app:upload] use = egg:ajaxupload`: one endpoint, mounted where the composite says."""
    settings = load(unflatten({"path": "/upload", **local_conf}))
    endpoint = Endpoint(next(iter(settings.endpoints.values())))
    endpoint.startup()
    return endpoint
