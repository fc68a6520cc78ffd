"""The same endpoints by the Flask extension."""

from __future__ import annotations

import flask

from ajaxupload.adapters.flask import AjaxUploadExtension
from tests.wire.apps import wiring

application = flask.Flask(__name__)
application.config["AJAXUPLOAD"] = wiring.config()
AjaxUploadExtension(application)


@application.route("/<path:rest>", methods=["GET", "POST"])
def site(rest: str) -> flask.Response:
    """What is not an endpoint."""
    said = f"site: {flask.request.method} /{rest} {len(flask.request.get_data())}"
    return flask.Response(said, content_type="text/plain")
