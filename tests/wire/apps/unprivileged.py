"""The endpoints on cheroot, as a user who may do nothing: `python -m tests.wire.apps.unprivileged [UID]`.

What lives here: giving up root, for the file names of the corpora are paths like /etc/passwd. The server is used once
before that, so that everything is imported: the interpreter itself may lie where that user must not look. Without a
UID we stay who we are.
"""

from __future__ import annotations

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from typing import Any

from cheroot.wsgi import Server

from ajaxupload import AjaxUpload
from tests.wire.apps import wiring
from tests.wire.apps.serve import tell
from tests.wire.client import FORM, ask, form, post


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


def main(uid: int | None) -> None:
    """Serve for ever."""
    root, private = os.environ["AJAXUPLOAD_WIRE_ROOT"], os.environ["AJAXUPLOAD_WIRE_PRIVATE"]
    switch = Switch()
    server = Server(("127.0.0.1", 0), switch)
    server.prepare()
    serving = threading.Thread(target=server.serve, daemon=True)
    serving.start()
    with tempfile.TemporaryDirectory() as folder:
        switch.application = build(folder, f"{folder}/private")
        use_once(server.bind_addr[1])
    if uid is not None:
        drop_to(uid)
    switch.application = build(root, private)
    tell(server.bind_addr[1])
    serving.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else None)
