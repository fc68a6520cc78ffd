"""The disk is full (F07), and it is whole files that come: refused with 507, nothing of them stays, what was there is
what it was, and the same file is taken once there is room.

What lives here: file systems of 8 MiB that have as much room as was drawn. Uploads in several requests on a full disk
are in tests/partials/test_space.py.
"""

from __future__ import annotations

import json
import logging
import os
import random
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.calling import Here, Told
from tests.faults.disks import MIB, made, mounted, needs_disks
from tests.partials.uploads import noise
from tests.support.mounting import mount
from tests.support.tally import Tally
from tests.wire import store
from tests.wire.client import form

Send = Callable[[Here, bytes], Told]
FORM = {"CONTENT_TYPE": "multipart/form-data; boundary=XbX", "HTTP_ACCEPT": "application/json"}


def put(here: Here, content: bytes) -> Told:
    return here.put("a.bin", content)


def valums(here: Here, content: bytes) -> Told:
    return here.ask("POST", "/upload", content, QUERY_STRING="qqfile=a.bin", HTTP_X_REQUESTED_WITH="XMLHttpRequest")


def in_form(here: Here, content: bytes) -> Told:
    return here.ask("POST", "/upload", form(("f", "a.bin", content)), **FORM)


def two_in_form(here: Here, content: bytes) -> Told:
    """Of which the second may find no room when the first did."""
    half = len(content) // 2
    body = form(("f", "a.bin", content[:half]), ("f", "b.bin", content[half:]))
    return here.ask("POST", "/upload", body, **FORM)


WAYS: list[Send] = [put, valums, in_form, two_in_form]


@contextmanager
def disk(kind: str, folder: Path) -> Iterator[Path]:
    """A file system of 8 MiB."""
    place = folder / "small"
    if kind == "ext4":
        with mounted(made(folder / "disk", "ext4", 8), place, lazy=True) as found:
            yield found
        return
    place.mkdir()
    mount("-t", "tmpfs", "-o", "size=8m", "tmpfs", place)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(ballast: Path, room: int) -> None:
    """Take all there is, and give `room` back."""
    with ballast.open("wb") as file:
        for step in (MIB, 4_096):
            with suppress(OSError):
                while True:
                    os.write(file.fileno(), bytes(step))
        os.ftruncate(file.fileno(), max(0, os.fstat(file.fileno()).st_size - room))
        os.fsync(file.fileno())


def whole(here: Here, content: bytes) -> bool:
    """Is it visible as it was sent, in one file or two? Only the two that stay are besides."""
    found = {name: each for name, each in here.files().items() if not name.startswith("kept")}
    return b"".join(found[name] for name in sorted(found)) == content


def once(here: Here, place: Path, send: Send, content: bytes, room: int) -> bool:
    """One upload that may find no room. Returns whether it did not."""
    fill(place / "ballast", room)
    answer = send(here, content)
    full = not json.loads(answer.body)["success"]
    assert answer.status in ((200, 507) if full else (200, 201)), answer  # 200: widgets that read it only then
    assert not full or b"no space left" in answer.body
    assert whole(here, b"" if full else content), answer
    (place / "ballast").unlink()
    if full:
        assert store.unfinished(place) == []
        answer = send(here, content)
        assert json.loads(answer.body)["success"], answer
        assert whole(here, content)
    for path in here.stored.glob("[!k]*"):
        path.unlink()
    return full


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "runs"),
    [
        ("tmpfs", 12),
        pytest.param("tmpfs", 1_000, marks=pytest.mark.faults),
        pytest.param("ext4", 1_000, marks=[pytest.mark.faults, needs_disks]),
    ],
)
def test_a_whole_file_that_finds_no_room_is_refused_and_taken_once_there_is(
    tmp_path: Path, kind: str, runs: int, chance: random.Random, tally: Tally, caplog: pytest.LogCaptureFixture
) -> None:
    """The room is what the file needs, more or less, down to nothing."""
    caplog.set_level(logging.CRITICAL, "ajaxupload")  # each refusal's traceback would be kept, and the file with it
    refused = 0
    with disk(kind, tmp_path) as place:
        here = Here(place)
        kept = {f"kept{size}.bin": noise(size) for size in (1, 300_000)}
        for name, content in kept.items():
            assert here.put(name, content).status == 201
        for number in range(runs):
            content = noise(chance.choice([chance.randint(1, 9_000), chance.randint(9_000, 3 * MIB)]), number)
            room = max(0, len(content) + chance.choice([-len(content), chance.randint(-100_000, 100_000)]))
            refused += once(here, place, WAYS[number % len(WAYS)], content, room)
        assert {name: each for name, each in here.files().items() if name in kept} == kept
    assert refused > runs // 4
    tally("F07", f"full disk of 8 MiB, {kind}: whole files", runs=runs, faults=refused)
