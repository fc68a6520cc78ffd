"""curl, in every way in which people upload with it: what is stored has the SHA-256 of what was sent."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.wire import store
from tests.wire.doors import FRAMEWORKS, SERVERS, TOKEN, Door, ServerDoor

pytestmark = [
    pytest.mark.servers,
    pytest.mark.needs("curl"),
    pytest.mark.parametrize("door", [*SERVERS, *FRAMEWORKS], indirect=True),
]

SIZE = 777_777  # no multiple of any block, below max_size


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three files of random bytes."""
    folder = tmp_path_factory.mktemp("mine")
    paths = [folder / name for name in ("one.bin", "two words.bin", "drei-äöü.bin")]
    for seed, path in enumerate(paths):
        path.write_bytes(random.Random(seed).randbytes(SIZE))
    return paths


def curl(door: Door, target: str, *options: str, stdin: bytes | None = None) -> tuple[int, Any]:
    """Run it. The status and the answer's JSON."""
    assert isinstance(door, ServerDoor)
    dress = ("-H", f"Cookie: csrftoken={TOKEN}", "-H", f"X-CSRFToken: {TOKEN}")
    url = f"http://{door.server.host}{target}"
    command = ["curl", "--silent", "--show-error", "--max-time", "30", "-w", "\n%{http_code}", *dress, *options, url]
    run = subprocess.run(command, input=stdin, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    body, _, status = run.stdout.rpartition(b"\n")
    return int(status), json.loads(body)


def check(door: Door, reply: Any, *sent: bytes) -> None:
    """Told and stored are what was sent."""
    assert [each["sha256"] for each in reply["files"]] == [digest(each) for each in sent]
    stored = store.take(door.root)
    assert sorted(map(digest, stored.values())) == sorted(map(digest, sent))
    assert sorted(stored) == sorted(each["filename"] for each in reply["files"])


def test_curl_form_stores_one_file(door: Door, files: list[Path]) -> None:
    status, reply = curl(door, "/upload", "-F", f"file=@{files[0]}")
    assert (status, reply["name"]) == (200, "one.bin")
    check(door, reply, files[0].read_bytes())


def test_curl_form_stores_three_files(door: Door, files: list[Path]) -> None:
    options = [word for path in files for word in ("-F", f"docs=@{path}")]
    status, reply = curl(door, "/upload", "-F", "title=holiday", *options)
    assert status == 200
    assert [each["name"] for each in reply["files"]] == [path.name for path in files]
    check(door, reply, *(path.read_bytes() for path in files))


def test_curl_put_stores_under_the_name_in_the_path(door: Door, files: list[Path]) -> None:
    status, reply = curl(door, "/upload/", "-T", str(files[0]))  # to which curl adds the file's name
    assert (status, reply["filename"]) == (201, "one.bin")
    check(door, reply, files[0].read_bytes())


def test_curl_data_binary_stores_the_file_that_qqfile_names(door: Door, files: list[Path]) -> None:
    status, reply = curl(door, "/upload?qqfile=two+words.bin", "--data-binary", f"@{files[1]}")
    assert (status, reply["filename"]) == (200, "two words.bin")
    check(door, reply, files[1].read_bytes())


def test_curl_put_from_a_pipe_is_chunked(door: Door, files: list[Path]) -> None:
    sent = files[2].read_bytes()
    status, reply = curl(door, "/upload/piped.bin", "-T", "-", stdin=sent)
    if door.name == "wsgiref":  # which does not decode it
        assert (status, reply["code"]) == (411, "length_required")
        assert store.take(door.root) == {}
        return
    assert (status, reply["filename"]) == (201, "piped.bin")
    check(door, reply, sent)


def test_curl_form_from_a_pipe_is_chunked(door: Door, files: list[Path]) -> None:
    sent = files[0].read_bytes()
    options = ("-H", "Transfer-Encoding: chunked", "-F", "file=@-;filename=piped.bin")
    status, reply = curl(door, "/upload", *options, stdin=sent)
    if door.name == "wsgiref":
        assert (status, reply["code"]) == (411, "length_required")
        return
    assert status == 200
    check(door, reply, sent)


@pytest.mark.parametrize("how", ["-T", "-F", "--data-binary"])
def test_curl_sees_the_refusal_of_a_file_that_is_too_large(door: Door, tmp_path: Path, how: str) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(3 << 20))  # curl asks before it sends so much: Expect: 100-continue
    argument = {"-T": str(large), "-F": f"f=@{large}", "--data-binary": f"@{large}"}[how]
    status, reply = curl(door, "/upload/large.bin" if how == "-T" else "/upload?filename=large.bin", how, argument)
    assert (status, reply["code"]) == (413, "too_large")
    assert store.take(door.root) == {}
