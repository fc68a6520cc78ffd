"""Servers that have no command of their own: `python -m tests.wire.apps.serve wsgiref|cheroot|werkzeug MODULE`.

What lives here: each server as it comes, on a free port of this machine, which it tells in gunicorn's words. Its
manner with clients is what is tested, so nothing is made gentler; AJAXUPLOAD_WIRE_PATIENCE is cheroot's own timeout.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class QuietHandler(WSGIRequestHandler):
    """Without a line for each request: what is printed is evidence."""

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def tell(port: int) -> None:
    """Where we listen."""
    print(f"Listening at: http://127.0.0.1:{port}", flush=True)


def wsgiref(application: Any) -> None:
    """The standard library's, one request at a time."""
    with make_server("127.0.0.1", 0, application, server_class=WSGIServer, handler_class=QuietHandler) as server:
        tell(server.server_port)
        server.serve_forever()


def cheroot(application: Any) -> None:
    """CherryPy's: ten threads, and a timeout for clients that stop sending."""
    from cheroot.wsgi import Server

    patience = int(os.environ.get("AJAXUPLOAD_WIRE_PATIENCE", "10"))
    server = Server(("127.0.0.1", 0), application, timeout=patience, shutdown_timeout=1)
    server.prepare()
    tell(server.bind_addr[1])
    server.serve()


def werkzeug(application: Any) -> None:
    """Flask's development server, with threads."""
    from werkzeug.serving import make_server as make

    server = make("127.0.0.1", 0, application, threaded=True)
    tell(server.server_port)
    server.serve_forever()


SERVERS: dict[str, Callable[[Any], None]] = {"wsgiref": wsgiref, "cheroot": cheroot, "werkzeug": werkzeug}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](importlib.import_module(sys.argv[2]).application)
