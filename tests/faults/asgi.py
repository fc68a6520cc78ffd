"""The fault tests' application for ASGI servers, through a2wsgi.

What lives here: one line. What must not: another application.
"""

from __future__ import annotations

from typing import Any

from a2wsgi import WSGIMiddleware

from tests.faults.app import application as wsgi

_wsgi: Any = wsgi  # a2wsgi's types ask for its own TypedDict where PEP 3333 has a dict
application = WSGIMiddleware(_wsgi)
