"""Inspectors: they look at a file's content before it becomes visible under its name, and may refuse it.

What lives here: what an inspector is, in both of its shapes. What must not: any scanner (one file each, beside this
one), and when inspectors are asked (engine/inspecting.py).

A function, which is handed the content once all of it is here:

    def no_macros(request, upload, file):     # `file` is binary and stands at its start
        if b"vbaProject.bin" in file.read():
            raise Unprocessable("Documents with macros are not accepted here.")

Or an object whose `begin` returns a `Scan`, which sees the bytes as they pass: nothing is read twice. Both refuse by
raising an UploadError or by returning False. Whatever else they raise means that nobody knows what is in the file.
"""

from __future__ import annotations

from typing import Any, Protocol

from ..upload import Upload

__all__ = ["Scan", "StreamInspector"]


class Scan(Protocol):
    """One file's inspection. The engine closes it in any case, once, and uses it from one thread."""

    def feed(self, chunk: bytes | bytearray | memoryview) -> None:
        """The next bytes, none of them empty: lent, good until it returns. May refuse already."""

    def end(self) -> bool | None:
        """That was the last of them: the verdict. False refuses."""

    def close(self) -> None:
        """Give back what it holds. Must not raise; may come without `end`."""


class StreamInspector(Protocol):
    """An inspector that sees the bytes as they pass. Made once, for all uploads of all threads."""

    def begin(self, request: Any, upload: Upload) -> Scan:
        """Before the file's first byte; the client, name, type and declared size have been checked. What it raises
        refuses the file before any of it is read."""
