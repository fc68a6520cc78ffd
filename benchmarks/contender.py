"""Who takes part: how it is started, how it is spoken to, and what it needs that may be missing.

What lives here: the description of a contender, and the WSGI servers that the Python ones run on, each with the options
that its own documents give for uploads. What must not: who they are (peers/), what they are asked (scenarios/).
"""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

__all__ = ["GUNICORN", "SERVERS", "Contender", "Site", "Way", "modules", "program", "wsgi"]

GUNICORN = "gunicorn gthread"
SERVERS = (GUNICORN, "cheroot", "uWSGI", "granian")
_MODULES = {GUNICORN: "gunicorn", "cheroot": "cheroot", "uWSGI": "pyuwsgi", "granian": "granian"}


@dataclass(frozen=True)
class Site:
    """Where one contender runs: a folder of its own, a port, how many requests at once; for those that store in S3 the
    stub's URL, and a file of the local disk to send."""

    root: Path
    port: int
    threads: int = 8
    s3: str = ""
    source: str = ""

    @property
    def files(self) -> Path:
        """Where it stores."""
        return self.root / "files"

    def env(self) -> dict[str, str]:
        """The same in words, for its process."""
        return {"BENCH_ROOT": str(self.root), "BENCH_S3": self.s3, "BENCH_SOURCE": self.source}


@dataclass(frozen=True)
class Way:
    """How an upload is sent to it: the method and path of a raw body (`{name}` is the file's), the path of forms, the
    path where tus uploads are created; "" for what it does not take."""

    raw: str = ""
    method: str = "PUT"
    form: str = ""
    tus: str = ""
    trigger: str = ""  # POST to it does the work: for libraries, which no upload is sent to


@dataclass(frozen=True)
class Contender:
    """One of them. `needs` says what is missing on this machine, "" if nothing."""

    name: str
    command: Callable[[Site], list[str]]
    way: Way
    needs: Callable[[], str] = lambda: ""
    env: Mapping[str, str] = field(default_factory=dict)
    ours: bool = False
    sink: bool = False  # stores in the S3 stub, not in its folder

    def named(self, name: str) -> Contender:
        """The same by another name."""
        return replace(self, name=name)


def modules(*names: str) -> str:
    """What is missing of these Python packages."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    return f"no Python package {', '.join(missing)}" if missing else ""


def program(name: str) -> str:
    """What is missing, if this program is."""
    return "" if shutil.which(name) else f"no program {name}"


def wsgi(
    name: str,
    factory: str,
    way: Way,
    *needed: str,
    server: str = GUNICORN,
    env: Mapping[str, str] | None = None,
    ours: bool = False,
    sink: bool = False,
) -> Contender:
    """A contender that is a WSGI application: `factory` is `module:function`, which makes it."""

    def missing() -> str:
        return modules(_MODULES[server], *needed)

    def command(site: Site) -> list[str]:
        return _command(server, factory, site)

    full = name if server == GUNICORN else f"{name} on {server}"
    return Contender(full, command, way, missing, env or {}, ours, sink)


def _command(server: str, factory: str, site: Site) -> list[str]:
    """One worker process with threads, so that all are given the same number of processors."""
    python, port, threads = [sys.executable, "-m"], str(site.port), str(site.threads)
    if server == GUNICORN:
        options = ["-k", "gthread", "--threads", threads, "-w", "1", "--timeout", "1800", "--no-control-socket"]
        options += ["--worker-connections", "4096"]
        return [*python, "gunicorn", *options, "-b", f"127.0.0.1:{port}", f"{factory}()"]
    if server == "granian":
        options = ["--interface", "wsgi", "--factory", "--workers", "1", "--blocking-threads", threads]
        return [*python, "granian", *options, "--host", "127.0.0.1", "--port", port, "--no-ws", factory]
    if server == "uWSGI":
        options = ["--master", "--processes", "1", "--threads", threads, "--die-on-term", "--need-app"]
        where = ["--http-socket", f"127.0.0.1:{port}", "--pythonpath", ".", "--module", f"{factory}()"]
        script = "import pyuwsgi; pyuwsgi.run()"
        return [sys.executable, "-c", script, *options, "--disable-logging", "--socket-timeout", "1800", *where]
    return [*python, "benchmarks.cherry", factory, port, threads]
