"""The place that a running server stores to goes away under it (F08): mounted read-only anew, by an administrator or by
ext4 itself after an error, and unmounted. No success meanwhile, nothing that was told is lost, and it works again when
the place is back, in the same processes.
"""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.faults.disks import made, mounted, needs_disks
from tests.partials.uploads import noise
from tests.support.mounting import mount
from tests.support.tally import Tally
from tests.wire.client import FORM, Answer, ask, connected, form, post, read_answer
from tests.wire.servers import Server, commands, running

pytestmark = [pytest.mark.slow, pytest.mark.servers]

TUS = ("Tus-Resumable: 1.0.0", "Connection: close")
PIECE = (*TUS, "Content-Type: application/offset+octet-stream")
SITE = """
[backends.default]
class = "local"
media_root = "{root}/media"
upload_dir = "."
private_dir = "{root}/private"

[endpoints."/upload"]
"""


def run(*command: object) -> None:
    subprocess.run([str(each) for each in command], check=True, capture_output=True)


@contextmanager
def server_at(root: Path, own: Path) -> Iterator[Server]:
    """gunicorn with two workers, which stores below `root` and logs elsewhere."""
    root.mkdir()
    with running("gunicorn", commands()["gunicorn"], own, env={"AJAXUPLOAD_WIRE_ROOT": str(root)}) as server:
        seen: set[int] = set()
        while len(seen) < 2:  # a worker that starts while the place is away says so, and ends gunicorn
            seen.add(ask(server.port, post("/upload/a.bin", b"x", "Connection: close", method="PUT")).json["process"])
        yield server


class Visitor:
    """Who uploads, and remembers what was told."""

    def __init__(self, server: Server, root: Path) -> None:
        self.port, self.root = server.port, root
        self.stored: dict[str, bytes] = {}
        self.sent = 0

    def _content(self) -> bytes:
        self.sent += 1
        return noise(random.Random(self.sent).randint(1, 200_000), self.sent)

    def _keep(self, answer: Answer, content: bytes) -> Answer:
        if answer.status in (200, 201):
            self.stored[answer.json["filename"]] = content
        return answer

    def put(self) -> Answer:
        """A whole file."""
        content = self._content()
        return self._keep(ask(self.port, post("/upload/a.bin", content, "Connection: close", method="PUT")), content)

    def form(self) -> Answer:
        """The same, in a form."""
        content = self._content()
        body = form(("f", "b.bin", content))
        request = post("/upload", body, FORM, "Accept: application/json", "Connection: close")
        return self._keep(ask(self.port, request), content)

    def create(self, size: int = 100_000) -> Answer:
        """A tus upload."""
        return ask(self.port, post("/upload", b"", *TUS, f"Upload-Length: {size}"))

    def patch(self, url: str, at: int, content: bytes) -> Answer:
        """A piece of it."""
        return ask(self.port, post(url, content, *PIECE, f"Upload-Offset: {at}", method="PATCH"))

    def offset(self, url: str) -> int:
        """Where it is."""
        answer = ask(self.port, post(url, b"", *TUS, method="HEAD"))
        assert answer.status == 200, answer
        return int(answer.headers["upload-offset"])

    def missing(self) -> list[str]:
        """What was told and is not there as it was sent."""
        media = self.root / "media"
        files = {path.name: path.read_bytes() for path in media.iterdir()}
        return [name for name, content in self.stored.items() if files.get(name) != content]


def healthy(root: Path, own: Path) -> bool:
    """What `ajaxupload check` says."""
    config = own / "site.toml"
    config.write_text(SITE.format(root=root))
    return not subprocess.run(
        [sys.executable, "-m", "ajaxupload", "check", "--config", config], capture_output=True, check=False
    ).returncode


def refused(answer: Answer) -> None:
    """For now, and it says for how long."""
    assert answer.status == 503, answer
    assert int(answer.headers["retry-after"]) > 0


def meanwhile(visitor: Visitor, url: str, acknowledged: int, begin: Callable[[], None]) -> int:
    """What is asked while the place is away, the first with half its body sent before. Returns how many requests."""
    content = noise(300_000)
    with connected(visitor.port) as connection:
        connection.sendall(post("/upload/half.bin", content, "Connection: close", method="PUT")[:150_000])
        begin()
        connection.sendall(post("/upload/half.bin", content, "Connection: close", method="PUT")[150_000:])
        half = read_answer(connection)
    if half.status == 201:  # its bytes went to the disk that nobody sees just now
        visitor.stored[half.json["filename"]] = content
    else:
        refused(half)
    for _ in range(3):  # either worker
        refused(visitor.put())
        refused(visitor.form())
        refused(visitor.create())
        answer = visitor.patch(url, acknowledged, content[acknowledged:100_000])
        assert answer.status in (404, 503), answer
    return 13


def play(
    visitor: Visitor, begin: Callable[[], None], end: Callable[[], None], check: Callable[[], bool] | None = None
) -> int:
    """Once: uploads before, while and after the place is away. Returns how many requests there were."""
    url = visitor.create().headers["location"]
    content = noise(100_000)
    assert visitor.patch(url, 0, content[:40_000]).status == 204
    for answer in (visitor.put(), visitor.form()):
        assert answer.status in (200, 201), answer
    asked = meanwhile(visitor, url, 40_000, begin)
    assert check is None or not check()
    end()
    assert check is None or check()
    found = visitor.offset(url)
    assert 40_000 <= found <= 100_000
    assert visitor.patch(url, found, content[found:]).status == 204
    visitor.stored[max((visitor.root / "media").iterdir(), key=lambda path: path.stat().st_mtime_ns).name] = content
    for answer in (visitor.put(), visitor.form(), visitor.put(), visitor.form()):
        assert answer.status in (200, 201), answer
    return asked + 10


@pytest.mark.parametrize("rounds", [1, pytest.param(20, marks=pytest.mark.faults)])
def test_mounted_read_only_and_back(tmp_path: Path, rounds: int, tally: Tally) -> None:
    """A mount over the place that may only be read, as `mount -o ro` of the same file system makes."""
    root = tmp_path / "site"
    requests, visitor = 0, None
    with server_at(root, tmp_path) as server:
        pids, visitor = server.pids(), Visitor(server, root)

        def begin() -> None:
            mount("--bind", "-o", "ro", root, root)

        for _ in range(rounds):
            requests += play(visitor, begin, lambda: run("umount", root), lambda: healthy(root, tmp_path))
        assert server.pids() == pids
    tally("F08", "mounted read-only and back", runs=requests, faults=rounds, lost=len(visitor.missing()))


@pytest.mark.faults
@needs_disks
def test_unmounted_and_mounted_again(tmp_path: Path, tally: Tally) -> None:
    """`umount --lazy`, for servers hold their locks; the folder below stays as empty as it was."""
    rounds, requests = 20, 0
    disk, place = made(tmp_path / "disk", "ext4", 300), tmp_path / "place"
    with mounted(disk, place), server_at(place / "site", tmp_path) as server:
        pids, visitor = server.pids(), Visitor(server, place / "site")

        def end() -> None:
            assert list(place.iterdir()) == []
            mount("-o", "loop", disk, place)

        for _ in range(rounds):
            begin = lambda: run("umount", "--lazy", place)  # noqa: E731 - beside its end
            # Not `ajaxupload check`: one who starts anew makes the folders that are not there, on whatever disk.
            requests += play(visitor, begin, end)
        assert server.pids() == pids
        lost = visitor.missing()
    tally("F08", "unmounted and mounted again", runs=requests, faults=rounds, lost=len(lost))


@pytest.mark.faults
@needs_disks
def test_read_only_by_itself_after_an_error_and_repaired(tmp_path: Path, tally: Tally) -> None:
    """ext4 finds a fault and takes no more writes; a copy of the disk is repaired, and mounted in its place."""
    rounds, requests = 10, 0
    disk, place = made(tmp_path / "disk", "ext4", 100), tmp_path / "place"
    disks = [disk]
    with mounted(disk, place, "errors=remount-ro"), server_at(place / "site", tmp_path) as server:
        pids, visitor = server.pids(), Visitor(server, place / "site")

        def begin() -> None:
            found = subprocess.run(["findmnt", "-no", "SOURCE", place], capture_output=True, text=True, check=True)
            Path("/sys/fs/ext4", Path(found.stdout.strip()).name, "trigger_fs_error").write_text("tried")

        def end() -> None:
            run("umount", "--lazy", place)
            disks.append(tmp_path / f"disk{len(disks)}")
            run("cp", "--sparse=always", disks[-2], disks[-1])
            subprocess.run(["fsck.ext4", "-p", "-f", disks[-1]], check=False, capture_output=True)
            mount("-o", "loop,errors=remount-ro", disks[-1], place)

        for _ in range(rounds):
            requests += play(visitor, begin, end, lambda: healthy(place / "site", tmp_path))
        assert server.pids() == pids
        lost = visitor.missing()
    tally("F08", "read-only after an error of the file system", runs=requests, faults=rounds, lost=len(lost))
