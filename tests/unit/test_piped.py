"""What goes through the pipe is the body, once and in order, and nothing of it goes to who must see it.

What lives here: the pipe itself, a body's blocks within `unseen`, and which uploads go this way. What must not: servers
(tests/wire/test_spliced.py).
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

import ajaxupload.body
from ajaxupload import AjaxUpload
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.body import body_of
from ajaxupload.errors import BodyIncomplete
from ajaxupload.piped import Pipe, Piped, can_splice
from tests.unit.test_lent import CONTENT, NEXT, gunicorn

pytestmark = pytest.mark.skipif(not can_splice(), reason="splice(2) is Linux's")


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    made = Pipe()
    yield made
    made.close()


@pytest.fixture
def pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("flags", [0, os.O_APPEND], ids=["spliced", "by memory, where a file cannot be spliced into"])
def test_it_holds_so_many_and_gives_all_of_them_once(
    pipe: Pipe, pair: tuple[socket.socket, socket.socket], tmp_path: Path, flags: int
) -> None:
    ours, theirs = pair
    theirs.sendall(CONTENT)
    fd = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT | flags)
    try:
        first = pipe.fill(ours.fileno(), 700)
        assert (len(first), bool(first)) == (700, True)
        assert first.into(fd) == 700
        assert first.into(fd) == 0
        assert pipe.fill(ours.fileno(), 1 << 20).into(fd) == len(CONTENT) - 700
    finally:
        os.close(fd)
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_block_that_was_not_taken_is_in_the_way(pipe: Pipe, pair: tuple[socket.socket, socket.socket]) -> None:
    """It would be taken for the one behind it."""
    pair[1].sendall(b"abcdef")
    pipe.fill(pair[0].fileno(), 3)
    with pytest.raises(RuntimeError):
        pipe.fill(pair[0].fileno(), 3)


def test_what_cannot_be_written_raises(pipe: Pipe, pair: tuple[socket.socket, socket.socket]) -> None:
    pair[1].sendall(b"abc")
    fd = os.open("/dev/full", os.O_WRONLY)
    try:
        with pytest.raises(OSError, match="No space left") as caught:
            pipe.fill(pair[0].fileno(), 3).into(fd)
    finally:
        os.close(fd)
    assert caught.value.errno == errno.ENOSPC


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bodies of any length are worth a pipe."""
    monkeypatch.setattr(ajaxupload.body, "_PIPED_FROM", 1)


def put(blocks: Iterable[Any], fd: int) -> None:
    """As who takes both kinds."""
    for block in blocks:
        if isinstance(block, Piped):
            block.into(fd)
        else:
            os.write(fd, block)


@given(data=st.data())
def test_within_unseen_it_is_the_body_and_what_stands_behind_it_stays(data: st.DataObject) -> None:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(ajaxupload.body, "_PIPED_FROM", 1)
        length = data.draw(st.integers(1, len(CONTENT)), "length")
        stream = CONTENT[:length] + NEXT
        came = data.draw(st.integers(0, len(stream)), "held")
        ours, theirs = socket.socketpair()
        fd = os.memfd_create("file")
        try:
            with ours, theirs:
                theirs.sendall(stream[came:])
                environ = gunicorn(ours, stream[:came], length)
                body = body_of(environ)
                while data.draw(st.booleans(), "seen") and (block := body.read()):
                    os.write(fd, block)
                with body.unseen():
                    put(body, fd)
                assert body.complete
                assert os.pread(fd, len(CONTENT), 0) == CONTENT[:length]
                assert environ["wsgi.input"].reader.unreader.read(len(NEXT)) == NEXT
        finally:
            os.close(fd)


@pytest.mark.usefixtures("always")
def test_a_body_that_ends_early_is_not_whole(pair: tuple[socket.socket, socket.socket], tmp_path: Path) -> None:
    ours, theirs = pair
    theirs.sendall(b"abc")
    theirs.shutdown(socket.SHUT_WR)
    body = body_of(gunicorn(ours, b"", 10))
    with (tmp_path / "file").open("wb") as file, body.unseen():
        block: Any = body.read()
        assert isinstance(block, Piped)
        block.into(file.fileno())
        with pytest.raises(BodyIncomplete):
            body.read()
    body.drain()


@pytest.mark.usefixtures("always")
def test_without_a_descriptor_to_spare_it_goes_by_memory(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none() -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(os, "pipe", none)
    pair[1].sendall(b"0123456789")
    body = body_of(gunicorn(pair[0], b"", 10))
    with body.unseen():
        assert bytes(body.read()) == b"0123456789"


class Kept(LocalUploadBackend):
    """As any that was written before there were pipes: it wants to see what it stores."""

    came: list[type] = []  # noqa: RUF012 - each test empties it

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        """Remember what it was."""
        self.came.append(type(chunk))
        super().upload_chunk(chunk)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize(
    ("settings", "piped"),
    [
        ({}, True),
        ({"digest": "sha256"}, False),
        ({"buffer_size": 1000}, False),
        ({"backend": Kept}, False),
        ({"fast_input": False}, False),
    ],
    ids=lambda value: ", ".join(value) if isinstance(value, dict) else "",
)
def test_who_looks_at_the_bytes_gets_them(
    pair: tuple[socket.socket, socket.socket],
    tmp_path: Path,
    settings: dict[str, Any],
    piped: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[int] = []
    into = Piped.into

    def counted(piped: Piped, fd: int) -> int:
        taken.append(into(piped, fd))
        return taken[-1]

    monkeypatch.setattr(Piped, "into", counted)
    Kept.came.clear()
    ours, theirs = pair
    theirs.sendall(CONTENT[5000:])
    environ = {
        **gunicorn(ours, CONTENT[:5000], len(CONTENT)),
        "REQUEST_METHOD": "PUT",
        "PATH_INFO": "/upload/a.bin",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "wsgi.url_scheme": "http",
    }
    app = AjaxUpload(
        lambda *_: [], path="/upload", **{"backend": "local", "upload_dir": str(tmp_path / "files"), **settings}
    )
    answered = app(environ, lambda status, _headers: taken.append(-1) if not status.startswith("201") else None)
    list(answered)
    answered.close()  # type: ignore[attr-defined]  # a response of WebOb's
    assert (tmp_path / "files" / "a.bin").read_bytes() == CONTENT
    assert bool(taken) == piped
    assert not {each for each in Kept.came if issubclass(each, Piped)}
