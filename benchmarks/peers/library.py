"""Libraries, which no upload is sent to: a process that is told by a POST to do the work once.

What lives here: that process. What must not: any library (boto3_library.py, ours_to_s3.py).
"""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

__all__ = ["serve"]


def serve(port: int, work: Callable[[], object]) -> None:
    """Do it for each POST, until a signal comes."""

    class Trigger(BaseHTTPRequestHandler):
        """Any POST does the work."""

        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            """Answered when it is done."""
            work()
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing."""

    HTTPServer(("127.0.0.1", port), Trigger).serve_forever()
