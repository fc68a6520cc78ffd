"""A power cut (F05): a copy of the disk as it is at some moment, with what was only in memory lost.

The file system is a file behind a loop device; what the device has written at the moment is all that the copy sees.
"""

from __future__ import annotations

import contextlib
import functools
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.partials.test_races import ENV, ROOT
from tests.partials.tripping import in_child
from tests.partials.uploads import Site, noise, sha

pytestmark = [pytest.mark.slow, pytest.mark.full, pytest.mark.needs("mkfs.ext4", "losetup")]

#: Writes many uploads, and tells each offset when it was told itself.
WRITER = """
import random, sys
from pathlib import Path
from tests.partials.uploads import *
site = Site(Path(sys.argv[1]))
random_ = random.Random(int(sys.argv[2]))
for number in range(10_000):
    upload_id, content = f"upload-{number:06}", noise(random_.randrange(1, 300_000), number)
    site.open(len(content), upload_id, name=f"{number}.bin").close()
    print(upload_id, len(content), 0, flush=True)
    offset = 0
    while offset < len(content):
        offset = site.write(offset, content[offset : offset + random_.randrange(1, 100_000)], upload_id)
        print(upload_id, len(content), offset, flush=True)
    if number % 3:
        site.finish(upload_id)
        print(upload_id, len(content), "stored", flush=True)
"""


@contextlib.contextmanager
def mounted(image: Path, place: Path, how: str) -> Iterator[Path]:
    place.mkdir(exist_ok=True)
    run = subprocess.run(["mount", "-o", f"loop,{how}", image, place], check=False, capture_output=True)
    if run.returncode:
        pytest.skip("mounting a loop device takes root")
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize("how", ["data=ordered", "data=writeback"])
def test_what_was_told_survives_a_power_cut(tmp_path: Path, how: str) -> None:
    """Ten cuts at random moments: each told upload is there, with what was told of it, and can be gone on with."""
    image = tmp_path / "disk"
    with image.open("wb") as file:
        file.truncate(400 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", image], check=True)
    random_ = random.Random(how)
    checked = 0
    for cut in range(10):
        with mounted(image, tmp_path / "mount", how) as place:
            folder = place / str(cut)
            writer = subprocess.Popen(
                [sys.executable, "-c", WRITER, str(folder), str(cut)],
                cwd=ROOT, env=ENV, stdout=subprocess.PIPE, text=True,
            )  # fmt: skip
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(random_.randrange(5, 60))]
            time.sleep(random_.uniform(0, 0.05))
            lines += before_the_cut(writer, image, tmp_path / "copy")
        with mounted(tmp_path / "copy", tmp_path / "mount", how) as place:
            # In a child, for a process keeps the private folder open for as long as it lives.
            assert in_child(functools.partial(check, place / str(cut), lines)) == 0
            checked += len(lines)
        shutil.rmtree(tmp_path / "copy", ignore_errors=True)
    assert checked > 150


def before_the_cut(writer: subprocess.Popen[str], image: Path, copy: Path) -> list[str]:
    """Stop the writer, copy the disk as it is, and return what the writer had told by then."""
    assert writer.stdout is not None
    writer.send_signal(19)  # SIGSTOP: the copy is of one moment
    shutil.copyfile(image, copy)
    writer.kill()
    lines = writer.stdout.read().splitlines()
    writer.stdout.close()
    writer.wait()
    return lines


def check(folder: Path, lines: list[str]) -> None:
    told: dict[str, tuple[int, str]] = {}
    for line in lines:
        upload_id, length, last = line.split()
        told[upload_id] = int(length), last
    site = Site(folder)
    for upload_id, (size, offset) in told.items():
        content = noise(size, int(upload_id[-6:]))
        if offset != "stored":
            assert site.status(upload_id) >= int(offset)
            site.resume(content, step=50_000, upload_id=upload_id)
        assert sha((site.stored / site.finish(upload_id).filename).read_bytes()) == sha(content)
