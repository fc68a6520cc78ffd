"""cheroot, which has no command line for factories: `python -m benchmarks.cherry MODULE:FACTORY PORT THREADS`.

What lives here: that. What must not: other servers, which have commands of their own.
"""

from __future__ import annotations

import importlib
import sys


def main(factory: str, port: str, threads: str) -> None:
    """Serve what the factory makes, until a signal comes."""
    from cheroot.wsgi import Server

    module, _, name = factory.partition(":")
    application = getattr(importlib.import_module(module), name)()
    # Five connections may wait by default: of 64 that come at once a sixth is reset.
    where, waiting = ("127.0.0.1", int(port)), 1024
    server = Server(where, application, int(threads), request_queue_size=waiting, timeout=1800, shutdown_timeout=1)
    server.max_request_body_size = 0
    server.safe_start()


if __name__ == "__main__":
    main(*sys.argv[1:])
