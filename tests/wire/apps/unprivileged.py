"""The endpoints as a user who may do nothing: `python -m tests.wire.apps.unprivileged SERVER [UID]`.

What lives here: giving up root, for the file names of the corpora are paths like /etc/passwd. The server is used once
before that, so that everything is imported: the interpreter itself may lie where that user must not look. Without a
UID we stay who we are.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import thread
from typing import Any

import gunicorn.glogging
import gunicorn.workers.gthread
from cheroot.wsgi import Server
from gunicorn.app.base import BaseApplication

from ajaxupload import AjaxUpload
from tests.wire.apps import wiring
from tests.wire.apps.serve import SERVERS, tell
from tests.wire.client import FORM, ask, form, post

#: What gunicorn would import only when nothing can be imported any more.
NEEDED = (thread, gunicorn.glogging, gunicorn.workers.gthread)


class Switch:
    """An application that can be exchanged while it is served."""

    def __init__(self) -> None:
        self.application: Any = None

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        answer: Iterable[bytes] = self.application(environ, start_response)
        return answer


def build(root: str, private: str) -> AjaxUpload:
    """The application, storing below `root`."""
    os.environ.update(AJAXUPLOAD_WIRE_ROOT=root, AJAXUPLOAD_WIRE_PRIVATE=private)
    return AjaxUpload(wiring.site, wiring.config())


def use_once(port: int) -> None:
    """Whatever is imported at its first use is imported: by uploads, refusals and pages."""
    parts = ("a", None, b"x"), ("f", "é.php.txt", b"x"), ("f", "é.php.txt", b"y")
    for path in ("/upload", "/listed", "/corpus"):
        assert ask(port, post(path, form(*parts), FORM, "Connection: close")).status == 200
        ask(port, post(path, b"no form", FORM, "Connection: close", "Accept: text/html"))
        ask(port, post(f"{path}?qqfile=%ff%2f.exe", b"x", "Connection: close"))
    tus = "Tus-Resumable: 1.0.0", "Content-Type: application/offset+octet-stream", "Connection: close"
    made = ask(port, post("/corpus", b"x", *tus, "Upload-Length: 2", "Upload-Metadata: filename YS50eHQ="))
    for method in ("PATCH", "HEAD", "DELETE", "HEAD"):
        ask(port, post(made.headers["location"], b"x", *tus, "Upload-Offset: 1", method=method))


def drop_to(uid: int) -> None:
    """Become that user, for good, in every respect and thread."""
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    assert 0 not in (*os.getresuid(), *os.getresgid(), *os.getgroups())


class Gunicorn(BaseApplication):  # type: ignore[misc]  # it has no types
    """With threads and two workers, around an application that is there already."""

    def __init__(self, application: Any) -> None:
        self.application = application
        super().__init__()

    def load_config(self) -> None:
        """As the wire tests' own."""
        wanted = {"bind": "127.0.0.1:0", "workers": 2, "worker_class": "gthread", "threads": 4}
        we = {"user": os.geteuid(), "group": os.getegid()}  # not who we were when gunicorn was imported
        for name, value in {**wanted, **we, "control_socket_disable": True, "graceful_timeout": 5}.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """The application."""
        return self.application


def warmed_up(switch: Switch) -> tuple[Server, threading.Thread]:
    """A server that has been used."""
    server = Server(("127.0.0.1", 0), switch, shutdown_timeout=1)
    server.prepare()
    serving = threading.Thread(target=server.serve, daemon=True)
    serving.start()
    with tempfile.TemporaryDirectory() as folder:
        switch.application = build(folder, f"{folder}/private")
        use_once(server.bind_addr[1])
    return server, serving


def main(name: str, uid: int | None) -> None:
    """Serve for ever."""
    root, private = os.environ["AJAXUPLOAD_WIRE_ROOT"], os.environ["AJAXUPLOAD_WIRE_PRIVATE"]
    importlib.import_module({"werkzeug": "werkzeug.serving", "waitress": "waitress.server"}.get(name, "cheroot"))
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # not a line for each request: what is written is evidence
    switch = Switch()
    server, serving = warmed_up(switch)
    if uid is not None:
        drop_to(uid)
    switch.application = build(root, private)
    if name == "cheroot":
        tell(server.bind_addr[1])
        serving.join()
    server.stop()
    serving.join()
    if name == "gunicorn":
        sys.argv[1:] = []  # which it would read
        Gunicorn(switch.application).run()
    else:
        SERVERS[name](switch.application)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else None)
