"""How fast an upload over several requests is written, against a plain file of the same bytes that is synced once.

    python -m benchmarks.resumable [--size 1024] [--piece 64] [--dir DIR]

What lives here: one upload by KEEP writes below the wire (a request's body in memory, everything behind it real), the
plain file, and their ratio. What must not: servers and clients.
"""

from __future__ import annotations

import argparse
import io
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from ajaxupload.config import load, short_form
from ajaxupload.engine import Engine, Resumable
from ajaxupload.partials import Record
from ajaxupload.partials.file import FilePartials
from ajaxupload.request import UploadRequest

MIB = 1 << 20
BLOCK = os.urandom(MIB)


class Zeros(io.RawIOBase):
    """A body of so many bytes: the same MiB over and over, as a server's buffer would be."""

    def __init__(self, size: int) -> None:
        self._left = size

    def read(self, size: int = -1, /) -> bytes:
        """The next bytes."""
        block = BLOCK[: min(size, self._left, MIB)] if 0 <= size < MIB else BLOCK[: min(self._left, MIB)]
        self._left -= len(block)
        return block


def plain(folder: Path, size: int, piece: int) -> float:
    """Seconds for a file that is written, and synced at the end (with `piece`, after each)."""
    began = time.perf_counter()
    with (folder / "plain").open("wb", buffering=0) as file:
        for at in range(0, size, MIB):
            file.write(BLOCK)
            if piece and (at + MIB) % piece == 0:
                os.fsync(file.fileno())
        os.fsync(file.fileno())
    return time.perf_counter() - began


def resumable(folder: Path, size: int, piece: int) -> float:
    """Seconds for the upload, its end included."""
    settings = load(short_form("/upload", "local", {"upload_dir": str(folder / "stored"), "max_size": "1 TiB"}))
    engine = Engine(settings.endpoints["/upload"])
    engine.startup()
    uploads = Resumable(engine, FilePartials(str(folder / "partials")))
    uploads.startup()
    began = time.perf_counter()
    request = UploadRequest.blank("/upload", method="PATCH")
    partial, _ = uploads.open(request, Record("benchmark-upload", "/upload", size=size), lambda _upload: None)
    with partial:
        for at in range(0, size, piece):
            request = UploadRequest.blank("/upload", method="PATCH")
            request.environ |= {"wsgi.input": Zeros(piece), "CONTENT_LENGTH": str(piece)}
            uploads.write(request, partial, at, request.upload_body)
        uploads.finish(request, partial, lambda _upload: None)
    return time.perf_counter() - began


def timed(run: Callable[[Path, int, int], float], parent: str | None, size: int, piece: int) -> float:
    """Seconds, in a folder of its own."""
    folder = Path(tempfile.mkdtemp(dir=parent))
    try:
        return run(folder, size, piece)
    finally:
        shutil.rmtree(folder)


def main() -> None:
    """Print both, three rounds."""
    words = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    words.add_argument("--size", type=int, default=1024, help="MiB")
    words.add_argument("--piece", type=int, default=64, help="MiB in one request")
    words.add_argument("--dir", default=None, help="where to write")
    told = words.parse_args()
    size, piece = told.size * MIB, told.piece * MIB
    for _ in range(3):
        once = timed(plain, told.dir, size, 0)
        each = timed(plain, told.dir, size, piece)
        ours = timed(resumable, told.dir, size, piece)
        print(
            f"plain file, one sync: {told.size / once:.0f} MiB/s; a sync each {told.piece} MiB: {told.size / each:.0f};"
            f" resumable: {told.size / ours:.0f} MiB/s, {ours / once:.2f} and {ours / each:.2f} times as long"
        )


if __name__ == "__main__":
    main()
