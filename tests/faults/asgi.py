"""The fault tests' application for ASGI servers, through a2wsgi.

What lives here: one line. What must not: another application.
"""

from __future__ import annotations

import importlib
from typing import Any

from tests.faults.app import application as wsgi

application: Any = importlib.import_module("a2wsgi").WSGIMiddleware(wsgi)  # no part of the project's own virtualenv
