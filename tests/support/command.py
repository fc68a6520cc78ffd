"""The command `ajaxupload serve` in a process of its own: started, asked, measured, ended.

What lives here: the life of the server. What must not: what it should answer.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

__all__ = ["PATIENCE", "Served", "commanded", "curl", "served"]

COMMAND = (sys.executable, "-m", "ajaxupload")
#: Seconds: a busy machine starts Python, gunicorn and two workers in less.
PATIENCE = 30.0
URL = re.compile(r"^Open (http://\S+/) ", re.MULTILINE)
#: What a server's stderr holds beside its own lines when Python watches for leaks: warnings about others' code.
_TRACE = re.compile(r"Traceback|Exception ignored|Error handling|ResourceWarning.*ajaxupload", re.DOTALL)


def commanded(*words: str, cwd: Path, status: int = 0, env: dict[str, str] | None = None) -> tuple[str, str]:
    """Run `ajaxupload words...` to its end. What it said on stdout and stderr."""
    run = subprocess.run(
        [*COMMAND, *words], cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False,
        env={**os.environ, **(env or {})},
    )  # fmt: skip
    assert run.returncode == status, run.stderr
    assert "Traceback" not in run.stderr
    return run.stdout, run.stderr


class Served:
    """A running server. `place` is its working directory, where `uploads` lies as well."""

    def __init__(self, process: subprocess.Popen[bytes], place: Path) -> None:
        self.process = process
        self.place = place
        self.folder = place / "uploads"
        self.url = self._wait()
        self.port = urlsplit(self.url).port or 0

    def _wait(self) -> str:
        deadline = time.monotonic() + PATIENCE
        while not (found := URL.search(self.out)):
            assert self.process.poll() is None, self.err
            assert time.monotonic() < deadline, self.err
            time.sleep(0.02)
        return found[1]

    @property
    def out(self) -> str:
        """What it has said on stdout."""
        return (self.place / "stdout").read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it has said on stderr."""
        return (self.place / "stderr").read_text(encoding="utf-8")

    def names(self) -> list[str]:
        """What is stored."""
        return sorted(path.name for path in self.folder.iterdir())

    def leftovers(self) -> list[str]:
        """Unfinished uploads, locks of living processes left out."""
        incoming = self.place / ".uploads.ajaxupload" / "incoming"
        return [path.name for path in incoming.iterdir() if path.suffix != ".lock"]

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> tuple[HTTPResponse, bytes]:
        """One request on a connection of its own. The answer, its body read."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def page(self) -> str:
        """The demo page."""
        answer, body = self.ask("GET", "/")
        assert answer.status == 200
        return body.decode()

    def workers(self, count: int = 1) -> list[int]:
        """The worker processes' ids, once there are as many as `count` (Linux)."""
        pid, deadline = self.process.pid, time.monotonic() + PATIENCE
        while True:
            found = [int(each) for each in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
            if len(found) >= count:
                return found
            assert time.monotonic() < deadline, self.err
            time.sleep(0.02)

    def end(self, how: signal.Signals = signal.SIGTERM, *, group: bool = False) -> int:
        """Send a signal, to the process or as a terminal does to its whole group; wait. The exit status."""
        if group:
            os.killpg(self.process.pid, how)
        else:
            self.process.send_signal(how)
        return self.process.wait(PATIENCE + 10)

    def wait_for(self, text: str) -> None:
        """Until stderr holds `text`."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.err:
            assert time.monotonic() < deadline, self.err
            time.sleep(0.02)


@contextmanager
def served(place: Path, *words: str, before: str = "") -> Iterator[Served]:
    """`ajaxupload serve --port 0 words...` in `place`. `before` is Python that runs first, to shorten its patience."""
    code = f"import sys\n{before}\nfrom ajaxupload.cli import main\nsys.exit(main(sys.argv[1:]))"
    start = [sys.executable, "-c", code] if before else [*COMMAND]
    with (place / "stdout").open("wb") as out, (place / "stderr").open("wb") as err:
        process = subprocess.Popen(
            [*start, "serve", "--port", "0", *words], cwd=place, stdout=out, stderr=err, start_new_session=True
        )
    try:
        server = Served(process, place)
        yield server
        if process.poll() is None:
            assert server.end() == 0
        assert not _TRACE.search(server.err), server.err
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(PATIENCE)


def curl(*words: str, cwd: Path, stdin: Path | None = None) -> dict[str, Any]:
    """Run curl; the JSON that the server answered."""
    command = ["curl", "--silent", "--show-error", "--max-time", "30", "--noproxy", "*", *words]
    with (stdin or Path(os.devnull)).open("rb") as source:
        run = subprocess.run(command, cwd=cwd, stdin=source, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    answer = json.loads(run.stdout)
    assert isinstance(answer, dict)
    return answer
