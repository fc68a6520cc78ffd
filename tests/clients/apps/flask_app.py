"""The widgets' pages and the endpoints by the Flask extension."""

from __future__ import annotations

import flask

from ajaxupload.adapters.flask import AjaxUploadExtension
from tests.clients.apps import wiring
from tests.clients.apps.orders import Ordered

site = flask.Flask(__name__, static_folder=None)
site.config["SECRET_KEY"] = wiring.SECRET
site.config["AJAXUPLOAD"] = {name: table for name, table in wiring.config().items() if name != "secret_key"}
AjaxUploadExtension(site)


@site.get("/<path:path>")
def page(path: str) -> flask.Response:
    """What is not an endpoint."""
    found = wiring.page(f"/{path}")
    if found is None:
        flask.abort(404)
    return flask.Response(found[0], content_type=found[1])


application = Ordered(site)
