"""The power goes (F05): a copy of the disk at one random moment is all that is left, and nothing that was told is lost.

The disk is a file behind a loop device; what the file system has handed it by that moment is what the copy has, and
what was only in memory is gone. (A disk that forgets what it was handed and has not flushed is not tried.)
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.disks import MIB, clone, made, mounted, needs_disks
from tests.support.tally import Tally

pytestmark = [pytest.mark.slow, needs_disks]

ROOT = Path(__file__).resolve().parents[2]
MODULE = [sys.executable, "-m", "tests.faults.power"]
MEMORY = Path("/dev/shm")
CUTS, FILES = 20, 60  # of each file system; of each kind, told by the time of each cut


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where disks lie that can be copied in one moment, for XFS shares blocks: in memory if there is room."""
    folder = tmp_path_factory.mktemp("disks")
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 8_000 * MIB
    with (
        tempfile.TemporaryDirectory(dir=MEMORY if roomy else folder) as where,
        mounted(made(Path(where, "host"), "xfs", 4_000), folder / "mount") as place,
    ):
        yield place


class Writer:
    """The process that uploads; `lines` are what it was told so far."""

    def __init__(self, folder: Path, seed: int, how: str) -> None:
        self.lines: list[str] = []
        command = [*MODULE, "write", str(folder), str(seed), how]
        self.process = subprocess.Popen(command, cwd=ROOT, env=environ(), stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as said:
            self.lines.extend(line.rstrip("\n") for line in said if line.endswith("\n"))

    def wait_for(self, uploads: int) -> None:
        """Until it was told of so many of each kind."""
        while min(counted(list(self.lines))) < uploads:
            assert self.process.poll() is None, "the writer has failed"
            time.sleep(0.01)

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        self.reader.join()


def counted(lines: list[str]) -> tuple[int, int]:
    """Of how many whole files and uploads in several requests these lines tell."""
    names = {line.split()[1] for line in lines}
    whole = sum(name.startswith("w-") for name in names)
    return whole, len(names) - whole


def environ() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}


def cut(disk: Path, mount: Path, options: str, seed: int, chance: random.Random, how: str = "durable") -> list[str]:
    """Upload, and copy the disk at some moment. Returns what had been told before it."""
    with mounted(disk, mount, options) as place:
        shutil.rmtree(place / "site", ignore_errors=True)
        (place / "site").mkdir()
        writer = Writer(place / "site", seed, how)
        try:
            writer.wait_for(FILES)
            time.sleep(chance.uniform(0, 0.5))
            told = list(writer.lines)
            clone(disk, disk.with_suffix(".copy"))
            assert writer.process.poll() is None, "the writer has failed"
        finally:
            writer.end()
    return told


def look(copy: Path, mount: Path, options: str, told: list[str]) -> list[str]:
    """What is not as it was told, on the copy; in another process, as after a boot."""
    with mounted(copy, mount, options) as place:
        run = subprocess.run(
            [*MODULE, "check", str(place / "site")],
            cwd=ROOT, env=environ(), input="\n".join(told), stdout=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    copy.unlink()
    return run.stdout.splitlines()


@pytest.mark.faults
@pytest.mark.parametrize(("kind", "options"), [("ext4", "data=ordered"), ("ext4", "data=writeback"), ("xfs", "nouuid")])
def test_what_was_told_survives_a_power_cut(
    host: Path, tmp_path: Path, kind: str, options: str, chance: random.Random, tally: Tally
) -> None:
    """Twenty cuts: each stored file and each offset that was told is there, and no visible file is not whole."""
    disk = made(host / f"{kind}-{options}", kind, 600)
    whole, pieces, complaints = 0, 0, []
    for number in range(CUTS):
        told = cut(disk, tmp_path / "mount", options, number, chance)
        whole, pieces = whole + counted(told)[0], pieces + counted(told)[1]
        complaints += look(disk.with_suffix(".copy"), tmp_path / "mount", options, told)
    disk.unlink()
    named = f"{kind}, {options}" if kind == "ext4" else kind
    for what, runs, letter in (("whole files", whole, " w-"), ("uploads in several requests", pieces, " t-")):
        lost = [each for each in complaints if letter in each]
        print(*lost, sep="\n")
        tally("F05", f"power cut, {named}: {what}", runs=runs, faults=CUTS, lost=len(lost))


@pytest.mark.faults
def test_a_cut_takes_what_is_not_durable(host: Path, tmp_path: Path, chance: random.Random) -> None:
    """That the cut cuts: with `durable = false` the same uploads are lost."""
    disk = made(host / "careless", "ext4", 600)
    told = cut(disk, tmp_path / "mount", "rw", 1, chance, "careless")
    assert len(look(disk.with_suffix(".copy"), tmp_path / "mount", "rw", told)) > FILES
