"""Servers that have no command of their own: `python -m tests.wire.apps.serve cheroot MODULE`, or another.

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


def waitress(application: Any) -> None:
    """Threads behind a loop that takes each body whole before it calls the application."""
    module: Any = importlib.import_module("waitress.server")  # it has no types
    server = module.create_server(application, host="127.0.0.1", port=0, threads=8)
    tell(server.effective_port)
    server.run()


def bjoern(application: Any) -> None:
    """One thread in C, which takes each body whole; not in the project's own virtualenv."""
    module: Any = importlib.import_module("bjoern")
    listener = module.listen(application, "127.0.0.1", 0)
    tell(listener.getsockname()[1])
    module.run()


SERVERS: dict[str, Callable[[Any], None]] = {
    "wsgiref": wsgiref,
    "cheroot": cheroot,
    "werkzeug": werkzeug,
    "waitress": waitress,
    "bjoern": bjoern,
}

if __name__ == "__main__":
    SERVERS[sys.argv[1]](importlib.import_module(sys.argv[2]).application)
