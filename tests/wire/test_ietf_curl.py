"""curl by hand, as docs/reference/ietf.md shows it: created, cut off, asked, gone on with, and stored whole."""

from __future__ import annotations

import hashlib
import random
import subprocess
from pathlib import Path

import pytest

from tests.wire.doors import FRAMEWORKS, SERVERS, TOKEN, Door, ServerDoor
from tests.wire.store import take

pytestmark = [
    pytest.mark.servers,
    pytest.mark.needs("curl"),
    pytest.mark.parametrize("door", [*SERVERS, *FRAMEWORKS], indirect=True),
]
CONTENT = random.Random(7).randbytes(777_777)


def curl(door: Door, target: str, *options: str) -> tuple[dict[str, str], str]:
    """The headers of the answer, lower-case, and its body."""
    assert isinstance(door, ServerDoor)
    dress = ("-H", f"Cookie: csrftoken={TOKEN}", "-H", f"X-CSRFToken: {TOKEN}")
    heads, body = door.root / "curl-heads", door.root / "curl-body"
    where = ("-D", str(heads), "-o", str(body), "--max-time", "30")
    subprocess.run(["curl", "-sS", *where, *dress, *options, f"http://{door.server.host}{target}"], check=True)
    last = heads.read_text(encoding="latin-1").strip().split("\n\n")[-1]  # before it, 100 Continue
    lines = (line.partition(": ") for line in last.split("\n"))
    return {name.lower(): value for name, _, value in lines}, body.read_text(encoding="utf-8")


def test_a_file_in_two_pieces(door: Door, tmp_path: Path) -> None:
    for name, piece in (("one", CONTENT[:300_000]), ("two", CONTENT[300_000:])):
        (tmp_path / name).write_bytes(piece)
    named = ("-H", 'Content-Disposition: inline; filename="film.mp4"')
    made, _ = curl(door, "/upload", "-X", "POST", "-H", "Upload-Complete: ?0", *named)
    url = made["location"]
    append = ("-X", "PATCH", "-H", "Content-Type: application/partial-upload")
    first = ("-H", "Upload-Offset: 0", "-H", "Upload-Complete: ?0", "--data-binary", f"@{tmp_path / 'one'}")
    assert curl(door, url, *append, *first)[0]["upload-complete"] == "?0"
    found, _ = curl(door, url, "-I")
    assert (found["upload-offset"], found["upload-complete"]) == ("300000", "?0")
    last = ("-H", "Upload-Offset: 300000", "-H", "Upload-Complete: ?1", "--data-binary", f"@{tmp_path / 'two'}")
    answer, body = curl(door, url, *append, *last)
    assert answer["upload-complete"] == "?1"
    assert hashlib.sha256(CONTENT).hexdigest() in body
    assert take(door.root) == {"film.mp4": CONTENT}
