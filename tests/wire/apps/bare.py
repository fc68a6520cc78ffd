"""The middleware around a small WSGI application, with nothing else."""

from __future__ import annotations

from ajaxupload import AjaxUpload
from tests.wire.apps import wiring

application = AjaxUpload(wiring.site, wiring.config())
