"""The same endpoints by Pyramid's directive."""

from __future__ import annotations

from typing import Any

from pyramid.config import Configurator
from pyramid.response import Response

from tests.wire.apps import wiring


def site(request: Any) -> Response:
    """What is not an endpoint."""
    return Response(f"site: {request.method} {request.path} {len(request.body)}", content_type="text/plain")


def build() -> Any:
    """The application."""
    with Configurator() as config:
        config.include("ajaxupload.adapters.pyramid")
        for path, table in wiring.spelled_out():
            config.add_ajax_upload(path, **table)
        config.add_route("site", "/*rest")
        config.add_view(site, route_name="site")
        return config.make_wsgi_app()


application = build()
