"""tuspyserver, tus for FastAPI, on uvicorn.

What lives here: the application as its README has it. What must not: other tus servers.
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import Any

from benchmarks.contender import Contender, Site, Way, modules

__all__ = ["TUSPYSERVER", "application", "contender"]

TUSPYSERVER = "tuspyserver"


def contender() -> Contender:
    """One process of uvicorn."""
    return Contender(TUSPYSERVER, _command, Way(tus="/files/"), lambda: modules("fastapi", "tuspyserver", "uvicorn"))


def application() -> Any:
    """FastAPI with the router."""
    # Not imported by name: only the benchmarks' own virtualenv has them, and types are checked in another.
    fastapi: Any = importlib.import_module("fastapi")
    peer: Any = importlib.import_module("tuspyserver")
    app = fastapi.FastAPI()
    files = os.environ["BENCH_ROOT"] + "/files"
    app.include_router(peer.create_tus_router(prefix="files", files_dir=files, max_size=1 << 40))
    return app


def _command(site: Site) -> list[str]:
    options = ["--host", "127.0.0.1", "--port", str(site.port), "--no-access-log", "--log-level", "warning"]
    return [sys.executable, "-m", "uvicorn", "--factory", f"{__name__}:application", *options]
