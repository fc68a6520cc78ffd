"""A WSGI server in a thread of the test: real sockets, and the test sees what the application sees.

What lives here: werkzeug's server, whose `wsgi.input` is the bare connection: whoever reads on past the body's end
waits for the client. What must not: any application.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from werkzeug.serving import WSGIRequestHandler, make_server

__all__ = ["served"]


class _Quiet(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"  # as `flask run` has it; chunked bodies come with it

    def log(self, type: str, message: str, *args: Any) -> None:
        """Nothing: what goes wrong is in the answer."""


@contextmanager
def served(application: Any) -> Iterator[int]:
    """The port on which `application` is served until the block ends."""
    with make_server("127.0.0.1", 0, application, threaded=True, request_handler=_Quiet) as server:
        server.daemon_threads = False  # type: ignore[attr-defined]  # the socketserver's own: wait for all answers
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()
