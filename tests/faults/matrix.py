"""The servers that docs/how-to/deploy.md names, each in a process of its own with the fault tests' application.

What lives here: how each is started, and which are not here. What must not: what is asked of them. Those that the
project's own virtualenv has not are run where they can be imported: `pip install bjoern`.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.faults.rig import gunicorn
from tests.s3.stores import free_ports
from tests.wire.servers import ROOT, Server, running

__all__ = ["ELSEWHERE", "HALF_IS_ALL", "HERE", "NOT_TRIED", "missing", "serving"]

APP = "tests.faults.app"
#: In the project's own virtualenv.
HERE = (
    "gunicorn gthread", "gunicorn sync", "gunicorn gevent", "cheroot", "waitress", "uWSGI", "granian",
    "uvicorn with a2wsgi", "wsgiref", "Werkzeug",
)  # fmt: skip
#: Not in it -> the package.
ELSEWHERE = {"bjoern": "bjoern"}
#: They take the end of a client's half of the connection for the end of the client.
HALF_IS_ALL = ("granian", "uvicorn with a2wsgi", "bjoern")
#: Not started by these tests, and why.
NOT_TRIED = {"mod_wsgi": "it needs Apache, which these tests do not start"}
_BY_HAND = {
    "cheroot": "cheroot", "waitress": "waitress", "wsgiref": "wsgiref", "Werkzeug": "werkzeug", "bjoern": "bjoern",
}  # fmt: skip


def missing(name: str) -> str:
    """Why it cannot be started; nothing if it can."""
    if name in ELSEWHERE:
        return "" if importlib.util.find_spec(ELSEWHERE[name]) else f"pip install {ELSEWHERE[name]}"
    return NOT_TRIED.get(name, "")


def command(name: str, port: int) -> list[str]:
    """What starts it."""
    python = [sys.executable, "-m"]
    if name in _BY_HAND:
        return [*python, "tests.wire.apps.serve", _BY_HAND[name], APP]
    if name.startswith("gunicorn "):
        kind = name.partition(" ")[2]
        return gunicorn(port, "-k", kind, *(["--threads", "1", "--timeout", "60"] if kind == "sync" else []))
    if name == "granian":
        options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
        return [*python, "granian", *options, f"{APP}:application"]
    if name == "uvicorn with a2wsgi":
        return [*python, "uvicorn", "--host", "127.0.0.1", "--port", str(port), "tests.faults.asgi:application"]
    options = ["--processes", "2", "--threads", "4", "--master", "--die-on-term", "--need-app", "--disable-logging"]
    where = ["--http-socket", f"127.0.0.1:{port}", "--pythonpath", str(ROOT), "--module", f"{APP}:application"]
    return [sys.executable, "-c", "import pyuwsgi; pyuwsgi.run()", *options, *where]


@contextmanager
def serving(name: str, root: Path) -> Iterator[Server]:
    """That server, storing below `root`."""
    (port,) = free_ports(1)
    speaks = name in _BY_HAND or name.startswith("gunicorn ")
    env = {} if speaks else {"AJAXUPLOAD_FAULTS_PORT": str(port)}
    with running(name, command(name, port), root, env=env) as server:
        yield server
