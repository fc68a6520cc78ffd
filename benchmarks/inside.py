"""What costs too little for a server to show it: parsing a form, creating a file, a request that is not ours.

    python -m benchmarks.inside NAME COUNT SMALL FOLDER        prints seconds, processor seconds and how many

What lives here: each of these, run once in a process of its own, and its interleaved rounds. What must not: servers.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contender import modules
from benchmarks.figures import Run, Table, figures
from benchmarks.processes import ROOT
from benchmarks.rounds import place
from benchmarks.scenario import Choice, form_of

__all__ = [
    "ALL",
    "BARE_CALL",
    "CREATE",
    "HOOKS",
    "LINKED",
    "OTHERS",
    "PARSE",
    "PARSE_DJANGO",
    "PARSE_WERKZEUG",
    "Inside",
    "measure_inside",
]

PARSE, CREATE, HOOKS = "ajaxupload's parser", "open, write and close", "ajaxupload's local backend"
LINKED = "open without a name, write, link and close"
PARSE_WERKZEUG, PARSE_DJANGO = "Werkzeug's parser", "Django's parser"
BARE_CALL, OTHERS = "the application alone", "ajaxupload around it"
_CALLS = 100  # requests that are not ours, for each of the count
_PACKAGES = {PARSE: "ajaxupload", HOOKS: "ajaxupload", OTHERS: "ajaxupload"}


@dataclass(frozen=True)
class Inside:
    """A scenario without a server; the first name is the one that the others are compared with."""

    name: str
    title: str
    names: tuple[str, ...]
    note: str = ""


def _environ(count: int, small: int) -> dict[str, Any]:
    from wsgiref.util import setup_testing_defaults

    headers, parts = form_of((f"{number}.bin", bytes(small)) for number in range(count))
    body = b"".join(part for part in parts if isinstance(part, bytes))
    environ: dict[str, Any] = {"REQUEST_METHOD": "POST", "CONTENT_TYPE": headers["Content-Type"]}
    setup_testing_defaults(environ)
    return environ | {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}


def _ours(count: int, small: int, _folder: Path) -> Callable[[], int]:
    from ajaxupload.body import body_of
    from ajaxupload.forms import Form, FormLimits

    environ = _environ(count, small)

    def parse() -> int:
        form = Form(body_of(environ), environ["CONTENT_TYPE"], FormLimits(max_files=count))
        return sum(1 for file in form.files() for _ in file.chunks)

    return parse


class _Nowhere(io.RawIOBase):
    """Where Werkzeug is told to put files."""

    def write(self, data: Any, /) -> int:
        """Nothing is done with them."""
        return len(data)

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """As if."""
        return 0


def _werkzeug(count: int, small: int, _folder: Path) -> Callable[[], int]:
    from werkzeug.formparser import FormDataParser

    environ = _environ(count, small)

    def nowhere(*_told: Any, **_more: Any) -> Any:
        return _Nowhere()

    def parse() -> int:
        parser = FormDataParser(stream_factory=nowhere, max_form_parts=None, silent=False)
        return sum(1 for _ in parser.parse_from_environ(environ)[2].getlist("file"))

    return parse


def _django(count: int, small: int, _folder: Path) -> Callable[[], int]:
    from django.conf import settings

    settings.configure(DATA_UPLOAD_MAX_NUMBER_FILES=None)
    from django.core.files.uploadhandler import FileUploadHandler
    from django.http.multipartparser import MultiPartParser

    environ, found = _environ(count, small), []

    class Nowhere(FileUploadHandler):
        """Takes all and keeps nothing."""

        def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
            """The next bytes."""

        def file_complete(self, file_size: int) -> None:
            """The end of a file."""
            found.append(file_size)

    def parse() -> int:
        MultiPartParser(environ, environ["wsgi.input"], [Nowhere()]).parse()
        return len(found)

    return parse


def _create(count: int, small: int, folder: Path) -> Callable[[], int]:
    content, names = bytes(small), [str(folder / f"{number}.bin") for number in range(count)]

    def create() -> int:
        for name in names:
            handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.write(handle, content)
            os.close(handle)
        return count

    return create


def _linked(count: int, small: int, folder: Path) -> Callable[[], int]:
    """What it takes at least that nobody ever sees half a file: it has no name until it is whole (open(2))."""
    content, names = bytes(small), [str(folder / f"{number}.bin") for number in range(count)]

    def create() -> int:
        for name in names:
            handle = os.open(folder, os.O_WRONLY | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
            os.write(handle, content)
            # Without src_dir_fd this were link(2), which follows nothing; the path is absolute, and it means nothing.
            os.link(f"/proc/self/fd/{handle}", name, src_dir_fd=handle, follow_symlinks=True)
            os.close(handle)
        return count

    return create


def _hooks(count: int, small: int, folder: Path) -> Callable[[], int]:
    from ajaxupload.backends.local import LocalUploadBackend

    options = {"UPLOAD_DIR": str(folder / "files"), "PRIVATE_DIR": str(folder / "private"), "DURABLE": False}
    LocalUploadBackend(**options).startup()
    content, names = memoryview(bytes(small)), [f"{number}.bin" for number in range(count)]

    def store() -> int:
        for name in names:
            backend = LocalUploadBackend(**options)
            backend.setup(name)
            backend.upload_chunk(content)
            backend.upload_complete(None, name)
        return count

    return store


def _application(_environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("200 OK", [])
    return ()


def _calls(application: Callable[..., Any], count: int) -> Callable[[], int]:
    environ = {**_environ(1, 1), "PATH_INFO": "/some/other/page"}

    def ignore(*_told: Any) -> None:
        """The server's start_response."""

    def call() -> int:
        for _ in range(count * _CALLS):
            application(environ, ignore)
        return count * _CALLS

    return call


def _bare_call(count: int, _small: int, _folder: Path) -> Callable[[], int]:
    return _calls(_application, count)


def _others(count: int, _small: int, folder: Path) -> Callable[[], int]:
    from ajaxupload import AjaxUpload

    return _calls(AjaxUpload(_application, path="/upload", backend="local", upload_dir=str(folder / "files")), count)


WORK: dict[str, Callable[[int, int, Path], Callable[[], int]]] = {
    PARSE: _ours,
    PARSE_WERKZEUG: _werkzeug,
    PARSE_DJANGO: _django,
    CREATE: _create,
    LINKED: _linked,
    HOOKS: _hooks,
    BARE_CALL: _bare_call,
    OTHERS: _others,
}
_PACKAGES |= {PARSE_WERKZEUG: "werkzeug", PARSE_DJANGO: "django"}
ALL = (
    Inside(
        "parsing", "Parsing a form of small files", (PARSE, PARSE_WERKZEUG, PARSE_DJANGO), "From memory to nowhere."
    ),
    Inside("writing", "Creating small files", (HOOKS, CREATE, LINKED), "On a tmpfs."),
    Inside("others", "Requests that are not ours", (OTHERS, BARE_CALL)),
)


def measure_inside(scenario: Inside, choice: Choice, tell: Callable[[str], None] = print) -> Table:
    """Everybody's figures; who cannot be run is told at once and named in the table."""
    table = Table(scenario.title, "each", note=scenario.note)
    runs: dict[str, list[Run]] = {name: [] for name in scenario.names}
    for turn in range(choice.rounds):
        for name in scenario.names:
            if name not in table.absent:
                try:
                    runs[name].append(_apart(name, choice))
                except RuntimeError as error:
                    table.absent[name] = str(error)
                    tell(f"  !! NOT MEASURED: {name}: {error}")
        tell(f"  {scenario.name}: round {turn + 1} of {choice.rounds}")
    table.found = {name: figures(each) for name, each in runs.items() if each}
    return table


def _apart(name: str, choice: Choice) -> Run:
    """Once, in a process of its own."""
    if missing := modules(*filter(None, [_PACKAGES.get(name)])):
        raise RuntimeError(missing)
    with tempfile.TemporaryDirectory(dir=place(choice, tmpfs=True)) as folder:
        command = [sys.executable, "-m", __name__, name, str(choice.count), str(choice.small), folder]
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(run.stderr.strip().rpartition("\n")[2][-300:])
    seconds, cpu, items = run.stdout.split()
    return Run(float(seconds), float(cpu), int(items) * choice.small, int(items))


def main(name: str, count: str, small: str, folder: str) -> None:
    """One of them, timed."""
    work = WORK[name](int(count), int(small), Path(folder))
    began, before = time.perf_counter(), time.process_time()
    items = work()
    print(time.perf_counter() - began, time.process_time() - before, items)


if __name__ == "__main__":
    main(*sys.argv[1:])
