"""The order of system calls that makes a success durable, read from the kernel's own log.

What lives here: what strace saw one upload do. The promise: the data is synced before a name exists, the folders that
hold the name are synced before success is told.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from ajaxupload.backends.local import LocalUploadBackend
from tests.backends.stores import MANNERS, Store
from tests.support.tally import Tally

pytestmark = [pytest.mark.needs("strace"), pytest.mark.slow]

ROOT = Path(__file__).resolve().parents[2]
#: What the traced process does; it tells its steps by writing them to descriptor 2.
PROGRAM = """
import os, sys
from pathlib import Path
from tests.backends.stores import Store, {cls}
store = Store(Path(sys.argv[1]), {cls}, DURABLE={durable}, COLLISION={collision!r})
backend = store.begun("new/newer/a.txt")
if {wait}:
    backend.upload_waits("new/newer/a.txt")
os.write(2, b"STEP complete\\n")
backend.upload_complete(None, "new/newer/a.txt")
os.write(2, b"STEP success\\n")
"""
TRACED = "openat,mkdir,mkdirat,write,fsync,fdatasync,link,linkat,rename,renameat,renameat2,unlink,unlinkat,close"
#: "123 fsync(5</some/path>) = 0" and "123 linkat(AT_FDCWD, "/proc/self/fd/3", 6</folder>, "name", ...) = 0"
CALL = re.compile(r"^\d+\s+(\w+)\((.*)\)\s+= (\d+)", re.MULTILINE)


@dataclass(frozen=True)
class Call:
    """One successful system call; `place` is the path behind its first descriptor."""

    name: str
    arguments: str

    @property
    def place(self) -> str:
        found = re.match(r"\d+<([^>]*)>", self.arguments)
        return found[1] if found else ""

    def makes_visible(self) -> bool:
        return self.name in ("linkat", "renameat", "renameat2") and '"a.txt"' in self.arguments


def calls(folder: Path, program: str, also: str = "") -> list[Call]:
    """What the program asked of the kernel, in order; `also` names more calls."""
    log = folder / "strace.log"
    command = [
        "strace",
        "-f",
        "-y",
        "-qq",
        "-s",
        "64",
        "-e",
        f"trace={TRACED},{also}".rstrip(","),
        "-e",
        "signal=none",
        "-o",
        str(log),
    ]
    run = subprocess.run(
        [*command, sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{':'.join(sys.path)}", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return [Call(found[1], found[2]) for found in CALL.finditer(log.read_text(encoding="utf-8", errors="replace"))]


def where(trace: list[Call], name: str, place: str = "") -> Iterator[int]:
    """The positions of calls of this name on a path that ends so."""
    return (at for at, call in enumerate(trace) if call.name == name and call.place.endswith(place))


@pytest.mark.faults(always=True)
@pytest.mark.parametrize("cls", MANNERS)
@pytest.mark.parametrize("wait", [False, True], ids=["at once", "after waiting"])
@pytest.mark.parametrize("collision", ["suffix", "replace"])
def test_data_then_name_then_folders_then_success(
    tmp_path: Path, cls: type[LocalUploadBackend], wait: bool, collision: str, tally: Tally
) -> None:
    Store(tmp_path, cls).started()
    trace = calls(tmp_path, PROGRAM.format(cls=cls.__name__, durable=True, wait=wait, collision=collision))
    steps = {
        word: at for at, call in enumerate(trace) for word in ("complete", "success") if f"STEP {word}" in str(call)
    }
    written = max(at for at, call in enumerate(trace) if call.name == "write" and "content" in call.arguments)
    file = trace[written].place
    assert file.startswith("/"), trace[written]
    synced = next(where(trace, "fsync", file))
    (visible,) = (at for at, call in enumerate(trace) if call.makes_visible())
    folders = [
        next(at for at in where(trace, "fsync", each) if at > visible) for each in ("/newer", "/new", "/uploads")
    ]
    assert written < synced < visible < min(folders)
    assert max(folders) < steps["success"]
    assert (synced < steps["complete"]) == wait
    closed = next(where(trace, "close", file))
    assert (closed < visible) == (wait or cls is not LocalUploadBackend), "an error of close must come first if it can"
    assert not [call for call in trace[synced:visible] if call.name == "write" and call.place == file]
    tally("F06", "order of calls: whole files", runs=1, faults=0)


@pytest.mark.parametrize("cls", MANNERS)
def test_the_file_is_made_in_no_folder_that_anybody_reads(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    Store(tmp_path, cls).started()
    trace = calls(tmp_path, PROGRAM.format(cls=cls.__name__, durable=True, wait=False, collision="suffix"))
    made = [call.arguments for call in trace if call.name == "openat" and re.search("O_WRONLY|O_RDWR", call.arguments)]
    ours = [arguments for arguments in made if str(tmp_path) in arguments and ".ajaxupload/" not in arguments]
    assert all("O_TMPFILE" in arguments for arguments in ours)
    assert len(ours) == (cls is LocalUploadBackend)


@pytest.mark.parametrize("cls", MANNERS)
def test_not_durable_syncs_nothing(tmp_path: Path, cls: type[LocalUploadBackend]) -> None:
    Store(tmp_path, cls).started()
    trace = calls(tmp_path, PROGRAM.format(cls=cls.__name__, durable=False, wait=True, collision="suffix"))
    assert any(call.makes_visible() for call in trace)
    assert not [call for call in trace if call.name in ("fsync", "fdatasync")]
