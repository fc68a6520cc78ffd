"""F24: a great many small files. One of the last costs as many system calls as one of the first, all are there and
whole, and what is kept of unfinished uploads goes away with its time; whole files, and files by tus.

What lives here: counting calls by the kernel's log, which is the same on any machine. What must not: time. How many
files: --small-files.
"""

from __future__ import annotations

import hashlib
import os
import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from ajaxupload.partials.file import FilePartials
from tests.faults.rig import PLAIN
from tests.support.tally import Tally

pytestmark = [pytest.mark.slow, pytest.mark.needs("strace")]

ROOT = Path(__file__).resolve().parents[2]
SIZE = 1024
FULL = pytest.mark.faults

#: Uploads the files from `first` to `last` through the middleware; before each it looks for a file that is not there.
UPLOADER = """
import base64, os, sys
from webob import Request
from ajaxupload import upload_endpoint
from tests.faults.test_small_files import content
folder, way, first, last = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
application = upload_endpoint(
    "local", upload_dir=folder + "/in", partials_dir=folder + "/partials", name="{name}", durable=False,
    max_unfinished=100_000_000,
)

def ask(method, url, body, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    answer = Request.blank(url, method=method, body=body, headers=named).get_response(application)
    assert answer.status_code == 201, answer.text

def raw(number):
    ask("PUT", f"/{number}.bin", content(number))

def tus(number):
    name = base64.b64encode(b"%d.bin" % number).decode()
    ask("POST", "/", content(number), Tus_Resumable="1.0.0", Upload_Length="1024", Upload_Metadata=f"filename {name}",
        Content_Type="application/offset+octet-stream")

for number in range(first, last):
    os.path.exists("/next file")
    {"raw": raw, "tus": tus}[way](number)
os.path.exists("/next file")
"""


def content(number: int) -> bytes:
    """1 KiB that no other file has."""
    return hashlib.shake_256(b"%d" % number).digest(SIZE)


def upload(folder: Path, way: str, first: int, last: int, *watched_by: str) -> None:
    """In a process of its own."""
    command = [*watched_by, sys.executable, "-c", UPLOADER, str(folder), way, str(first), str(last)]
    env = {name: value for name, value in os.environ.items() if name not in PLAIN}
    subprocess.run(command, cwd=ROOT, check=True, env=env)


def calls(folder: Path, way: str, first: int, last: int) -> list[int]:
    """The same, and how many system calls each took; the first one, which also loads code, is left out."""
    log = folder / "calls"
    upload(folder, way, first, last, "strace", "-f", "-qq", "-o", str(log), "-e", "trace=!futex,brk,mmap,munmap")
    lines = log.read_text(errors="replace").splitlines()
    log.unlink()
    starts = [number for number, line in enumerate(lines) if "/next file" in line]
    assert len(starts) == last - first + 1
    return [after - before for before, after in pairwise(starts)][1:]


def check_stored(folder: Path, count: int) -> None:
    """All of them, and nothing else."""
    names = set(os.listdir(folder / "in"))
    assert names == {f"{number}.bin" for number in range(count)}
    for number in range(count):
        assert (folder / "in" / f"{number}.bin").read_bytes() == content(number), number


def check_swept(folder: Path) -> None:
    """As if the time of all had passed: nothing is kept of them, and folders are as many as there may ever be."""
    for path in (folder / "partials").rglob("*.log"):
        os.utime(path, (0, 0))
    list(FilePartials(str(folder / "partials"), durable=False).sweep())
    kept = [
        path
        for path in (folder / "partials").rglob("*")
        if path.is_file() and path.name not in ("lock", "key", "entry")
    ]
    assert kept == []
    assert [path for path in (folder / ".in.ajaxupload").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("way", "share", "few"),
    [
        pytest.param("tus", 10, 20, id="some by tus"),
        pytest.param("raw", 1, 1_000, id="raw", marks=FULL),
        pytest.param("tus", 10, 500, id="tus", marks=FULL),
    ],
)
def test_one_of_the_last_costs_what_one_of_the_first_did(
    request: pytest.FixtureRequest, tmp_path: Path, tally: Tally, way: str, share: int, few: int
) -> None:
    """A tenth as many by tus, where each takes several times as long."""
    count = max(3 * few, request.config.getoption("--small-files") // share if few > 20 else 0)
    first = calls(tmp_path, way, 0, few)
    upload(tmp_path, way, few, count - few)
    last = calls(tmp_path, way, count - few, count)
    check_stored(tmp_path, count)
    check_swept(tmp_path)
    once, again = (statistics.quantiles(each, n=100)[-1] for each in (first, last))
    print(f"{way}: calls of a file {statistics.median(first)}, then {statistics.median(last)}; p99 {once}, {again}")
    assert statistics.median(last) <= statistics.median(first)
    assert again <= 1.5 * once
    tally("F24", f"small files one after the other by {way}", runs=count, faults=0)
