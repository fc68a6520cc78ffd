"""Pictures that broke other people's decoders, sent to a real server whose user may do nothing.

What lives here: the corpora's own script with its own expectations, what their pictures look like afterwards, and what
it all costs the server. What must not: pictures of our own (test_limits.py, test_pixels.py).
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageChops, ImageOps, ImageStat

from tests.thumbnail.pictures import jpeg
from tests.thumbnail.pools import gone, wait_until
from tests.wire import store
from tests.wire.client import ask, post
from tests.wire.corpus import Box, nobody
from tests.wire.servers import faults, gunicorn, running

pytestmark = [pytest.mark.corpora, pytest.mark.servers, pytest.mark.slow, pytest.mark.needs("setpriv")]

ATTACKS = {"crash", "timeout", "bomb", "corrupt"}


@contextmanager
def served(corpora: Path) -> Iterator[Box]:
    """gunicorn with two workers, forked from a process that has loaded the application, and nobody's rights."""
    uid = nobody()
    with tempfile.TemporaryDirectory(prefix="ajaxupload-thumbnails-") as place:
        root, private = Path(place) / "watched", Path(place) / "private"
        for folder in (Path(place), root, private):
            folder.mkdir(exist_ok=True)
            if uid is not None:
                os.chown(folder, uid, uid)
        command = [*gunicorn("", "--preload")[:-1], "tests.thumbnail.app:application"]
        if uid is not None:
            # Reading is allowed everywhere, for Python itself may lie in root's home; writing is not.
            reading = ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
            command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", *reading, *command]
        env = {"AJAXUPLOAD_WIRE_PRIVATE": str(private), "COVERAGE_PROCESS_START": "", "COVERAGE_PROCESS_CONFIG": ""}
        with running("gunicorn", command, root, env=env, log=Path(place) / "server.log") as server:
            wait_until(lambda: len(server.pids()) == 3)
            yield Box(server, corpora)
            workers, decoders = server.pids()[1:], decoding(server.pids()[1:])
            assert len(workers) == 2
            assert decoders
        wait_until(lambda: all(map(gone, [*workers, *decoders])))
        assert not faults(server.said)
        assert store.unfinished(Path(place)) == []


@pytest.fixture(scope="module")
def running_box(corpora: Path) -> Iterator[Box]:
    with served(corpora) as found:
        yield found


@pytest.fixture
def box(running_box: Box) -> Iterator[Box]:
    """The server; whatever was sent to it, its workers are the same and nothing unfinished stays."""
    before = running_box.server.pids()
    yield running_box
    assert running_box.server.pids() == before
    assert not store.left_behind(before, running_box.server.root)


def decoding(workers: list[int]) -> list[int]:
    """The processes that decode for these workers."""
    lists = [Path(f"/proc/{pid}/task") for pid in workers]
    words = [(each / "children").read_text(encoding="ascii").split() for tasks in lists for each in tasks.iterdir()]
    return [int(word) for line in words for word in line]


def manifest(corpora: Path) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((corpora / "images" / "manifest.json").read_text(encoding="utf-8"))
    return cases


def resident(pid: int) -> int:
    """Bytes of memory that a process has."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * 4096


@contextmanager
def only(corpora: Path, tags: set[str]) -> Iterator[Path]:
    """The script beside a manifest of the pictures with one of these tags."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "run_corpus.py"
        shutil.copy(corpora / "run_corpus.py", script)
        (Path(folder) / "images").mkdir()
        (Path(folder) / "images" / "files").symlink_to(corpora / "images" / "files")
        cases = [case for case in manifest(corpora) if tags & set(case["tags"])]
        assert len(cases) > 50
        (Path(folder) / "images" / "manifest.json").write_text(json.dumps(cases), encoding="utf-8")
        yield script


def test_neither_the_server_nor_what_decodes_may_write_anywhere(box: Box) -> None:
    """Of all capabilities only the one to read is left, which the tests need and a deployment does not."""
    warm_up(box)
    for pid in (*box.server.pids(), *decoding(box.server.pids()[1:])):
        status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
        lines = {name: value.split() for name, _, value in (line.partition(":") for line in status.splitlines())}
        assert "0" not in lines["Uid"] + lines["Gid"] + lines["Groups"]
        assert int(lines["CapEff"][0], 16) & ~(1 << 2) == 0


@pytest.mark.parametrize("sending", [(), ("--te",), ("--split", "997")], ids=" ".join)
def test_all_307_images_become_thumbnails_or_are_refused_as_expected(box: Box, sending: tuple[str, ...]) -> None:
    assert len(manifest(box.corpora)) == 307
    assert not box.run("images", "/upload", "--thumbnails", *sending)


def test_in_several_sizes_with_all_frames_and_the_original_as_well(box: Box) -> None:
    assert not box.run("images", "/album", "--thumbnails")


def warm_up(box: Box) -> None:
    """Have every worker decode something."""
    lines = ("X-Requested-With: XMLHttpRequest", "Connection: close")
    for _ in range(12):
        assert ask(box.server.port, post("/upload?qqfile=x.jpg", jpeg(64, 48), *lines)).status == 200


def test_attacks_cost_the_server_no_memory_and_no_worker(box: Box) -> None:
    """Crash, timeout, bomb and damaged pictures, three times; each worker at most 4 MiB larger."""
    with only(box.corpora, ATTACKS) as script:
        warm_up(box)
        assert not box.run("images", "/upload", "--thumbnails", script=script)
        before = {pid: resident(pid) for pid in box.server.pids()}
        for _ in range(3):
            assert not box.run("images", "/upload", "--thumbnails", script=script)
    assert {pid: resident(pid) - size for pid, size in before.items() if resident(pid) - size > 4 << 20} == {}


def test_the_decoders_are_few_and_small_and_each_workers_own(box: Box) -> None:
    assert not box.run("images", "/upload", "--thumbnails")
    for worker in box.server.pids()[1:]:
        assert 1 <= len(decoding([worker])) <= 2
    assert all(resident(pid) < 128 << 20 for pid in decoding(box.server.pids()[1:]))
    assert decoding(box.server.pids()[:1]) == box.server.pids()[1:], (
        "the process that forks the workers decodes nothing"
    )


def test_the_orientation_images_are_upright_and_tell_nothing(box: Box) -> None:
    with only(box.corpora, {"orientation"} | ATTACKS) as script:
        assert not box.run("images", "/upload", "--thumbnails", script=script)
    cases = [case for case in manifest(box.corpora) if case.get("expect_upright")]
    assert len(cases) == 15
    for case in cases:
        path = box.media / case["original_name"]
        with Image.open(path) as small, Image.open(box.corpora / case["file"]) as large:
            wanted = ImageOps.exif_transpose(large).convert("RGB")
            seen = small.convert("RGB")
            assert abs(seen.width / seen.height - wanted.width / wanted.height) < 0.05, case["id"]
            found = ImageChops.difference(seen, wanted.resize(seen.size, Image.Resampling.LANCZOS))
            assert max(ImageStat.Stat(found).mean) < 8, case["id"]
            assert not small.getexif(), case["id"]
        content = path.read_bytes()
        assert not [mark for mark in (b"Exif", b"ICC_PROFILE", b"http://ns.adobe.com") if mark in content], case["id"]
