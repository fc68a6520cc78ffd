"""The loop of the process that decodes, on a system without a filter for system calls: messages in, messages out."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.backends.thumbnail.imaging.drawing import Job
from ajaxupload.backends.thumbnail.imaging.geometry import Wanted
from ajaxupload.backends.thumbnail.imaging.messages import pack, unpack
from ajaxupload.backends.thumbnail.imaging.source import Limits
from tests.thumbnail.pictures import jpeg, opened

pytestmark = pytest.mark.slow

PROGRAM = """
from ajaxupload.backends.thumbnail.imaging import worker
worker.confine = lambda **_: False
worker.main(1 << 30, ["JPEG", "PNG"])
"""
JOB = Job(
    ["JPEG", "PNG"], Limits(1_000_000, 1000, 1), [Wanted("a", 50, None), Wanted("b", 10, 10, "50% 50%", format="PNG")]
)


@pytest.fixture
def channel() -> Iterator[socket.socket]:
    """The parent's end; closing it must end the child."""
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen([sys.executable, "-c", PROGRAM], stdin=theirs.fileno())
    with ours:
        ours.settimeout(30)
        assert unpack(ours.recv) == {"ready": True, "confined": False}
        yield ours
    assert process.wait(30) == 0


def ask(channel: socket.socket, source: Path, output: Path, flags: int = os.O_RDWR | os.O_CREAT) -> Any:
    """The answer to one job."""
    descriptors = [os.open(source, os.O_RDONLY), os.open(output, flags, 0o600)]
    data = pack({**JOB.packed(), "job": 7, "cpu": 5})
    socket.send_fds(channel, [data[:2]], descriptors)
    channel.sendall(data[2:])
    for descriptor in descriptors:
        os.close(descriptor)
    return unpack(channel.recv)


def test_a_job_is_done(channel: socket.socket, tmp_path: Path) -> None:
    source, output = tmp_path / "source", tmp_path / "output"
    source.write_bytes(jpeg(400, 300))
    for _ in range(2):
        output.unlink(missing_ok=True)
        answer = ask(channel, source, output)
        assert answer["job"] == 7
        done = answer["done"]
        assert (done["width"], done["height"], done["format"]) == (400, 300, "JPEG")
        first, second = done["thumbnails"]
        content = output.read_bytes()
        assert opened(content[: first["size"]]).size == (first["width"], first["height"]) == (50, 38)
        assert opened(content[first["size"] :]).format == second["format"] == "PNG"
        assert len(content) == first["size"] + second["size"]


def test_what_is_refused_is_told_and_the_next_job_is_done(channel: socket.socket, tmp_path: Path) -> None:
    source, output = tmp_path / "source", tmp_path / "output"
    source.write_bytes(b"no picture")
    code, reason, facts = ask(channel, source, output)["refused"]
    assert (code, facts) == ("unknown", {})
    assert "cannot identify image file" in reason
    source.write_bytes(jpeg(1100, 950))
    assert ask(channel, source, output)["refused"][::2] == ["pixels", {"pixels": 1_045_000}]
    source.write_bytes(jpeg(40, 30))
    assert "done" in ask(channel, source, output)


def test_an_output_that_cannot_be_written_is_no_fault_of_the_picture(channel: socket.socket, tmp_path: Path) -> None:
    source, output = tmp_path / "source", tmp_path / "output"
    source.write_bytes(jpeg(40, 30))
    assert ask(channel, source, Path("/dev/full"), os.O_WRONLY) == {"job": 7, "failed": errno.ENOSPC}
    assert "done" in ask(channel, source, output)


def test_messages_that_are_none_are_told() -> None:
    def reading(data: bytes) -> Any:
        file = BytesIO(data)
        return unpack(lambda size: file.read(min(size, 3)))

    assert reading(pack({"a": "ü"})) == {"a": "ü"}
    assert reading(b"") is None
    with pytest.raises(ValueError, match="is too long"):
        pack({"a": "x" * 70_000})
    with pytest.raises(ValueError, match="is too long"):
        reading(b"\x7f\0\0\0")
    with pytest.raises(ValueError, match="a message is a table"):
        reading(b"\0\0\0\x02[]")
    with pytest.raises(EOFError):
        reading(pack({"a": 1})[:-1])
