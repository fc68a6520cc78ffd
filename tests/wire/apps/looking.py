"""Inspectors for the wire tests: one that streams and one that reads, with the same opinions.

What lives here: both. They keep nothing in the process: whether the "scanner" is away is a file below the root, so that
all workers agree.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

from ajaxupload.errors import Unprocessable
from ajaxupload.upload import Upload

POISON = b"poison"
AWAY = "away"


def _check(content: bytes) -> None:
    if (Path(os.environ["AJAXUPLOAD_WIRE_ROOT"]) / AWAY).exists():
        raise OSError("the scanner is away")
    if POISON in content:
        raise Unprocessable("There is poison in this file.", code="infected")


def read(request: Any, upload: Upload, file: BinaryIO) -> None:
    """Reads it when all of it is here."""
    content = file.read()
    if len(content) != upload.size:
        raise RuntimeError("that is not the whole file")
    _check(content)


class Sniffer:
    """Sees it pass."""

    def begin(self, request: Any, upload: Upload) -> Sniffing:
        """One for each file."""
        return Sniffing(upload)


class Sniffing:
    """Of one file."""

    def __init__(self, upload: Upload) -> None:
        self._upload = upload
        self._seen = b""

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """More."""
        self._seen += chunk

    def end(self) -> None:
        """All."""
        if len(self._seen) != self._upload.size:
            raise RuntimeError("that is not the whole file")
        _check(self._seen)

    def close(self) -> None:
        """Nothing is held."""
