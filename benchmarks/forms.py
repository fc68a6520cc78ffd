"""What it costs to find the files in a form: ours, a bare `bytes.find`, the `multipart` package, Werkzeug and Django;
ours also without the extra `fast`.

    python -m benchmarks.forms [--mib 256] [--rounds 5] [--full]

What lives here: one process, no network and no store: bodies come out of memory as a socket would hand them over, into
one reused block for whoever can take that, as fresh bytes for all others, and what is found is thrown away. The parsers
take turns; medians of processor time, and its ratio to ours. `--full` is the one file of a GiB. What must not: servers
(bodies.py).
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import time
from collections.abc import Callable
from itertools import chain, repeat
from typing import Any
from unittest import mock

from multipart import PushMultipartParser  # type: ignore[import-untyped]  # it ships no types

from ajaxupload import search
from ajaxupload.body import Body
from ajaxupload.forms import Form, FormLimits
from ajaxupload.lent import Lent

BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
DELIMITER = f"\r\n--{BOUNDARY}".encode()
BLOCK = 256 << 10


class Bodies:
    """A form's bytes: `head`, `unit` so many times, `tail`. Made anew for each run, in blocks, without being held."""

    def __init__(self, head: bytes, unit: bytes, times: int, tail: bytes) -> None:
        self._parts = (head, unit, times, tail)
        self.length = len(head) + len(unit) * times + len(tail)

    def blocks(self) -> Any:
        """In turn, none longer than BLOCK."""
        head, unit, times, tail = self._parts
        return (
            whole[at : at + BLOCK]
            for whole in chain((memoryview(head),), repeat(memoryview(unit), times), (memoryview(tail),))
            for at in range(0, len(whole), BLOCK)
        )


class Received(Lent):
    """As from a socket: into one block."""

    def __init__(self, body: Bodies) -> None:
        self._blocks = body.blocks()
        self._view = memoryview(bytearray(BLOCK))

    def read(self, size: int, /) -> memoryview:
        """The next block."""
        block = next(self._blocks, b"")
        self._view[: len(block)] = block
        return self._view[: len(block)]


class Read:
    """As from `wsgi.input`: fresh bytes, as many as are asked for."""

    def __init__(self, body: Bodies) -> None:
        self._blocks, self._rest = body.blocks(), memoryview(b"")

    def read(self, size: int = BLOCK, /) -> bytes:
        """The next block, or what was left of the one before."""
        self._rest = self._rest or next(self._blocks, self._rest)
        found, self._rest = bytes(self._rest[:size]), self._rest[size:]
        return found


def ours(body: Bodies) -> int:
    """Bytes of all files."""
    form = Form(
        Body(Received(body), body.length), f"multipart/form-data; boundary={BOUNDARY}", FormLimits(0, 0, 0, 10**6)
    )
    return sum(len(chunk) for part in form.files() for chunk in part.chunks)


def bare_find(body: Bodies) -> int:
    """What no parser can do without: looking for the boundary in each block. Delimiters are counted as bytes."""
    source, found = Received(body), 0
    while block := source.read(BLOCK):
        at, whole = 0, block.obj
        assert isinstance(whole, bytearray)
        while at >= 0:
            at = whole.find(DELIMITER, at + 1, len(block))
        found += len(block)
    return found


def by_multipart(body: Bodies) -> int:
    """The push parser; a block has to be bytes."""
    found, source = 0, Read(body)
    with PushMultipartParser(BOUNDARY) as parser:
        while block := source.read(BLOCK):
            found += sum(len(event) for event in parser.parse(block) if isinstance(event, (bytes, bytearray)))
    return found


def by_werkzeug(body: Bodies) -> int:
    """As Flask has it, but with nothing written: its parser and a stream that forgets."""
    from werkzeug.formparser import MultiPartParser

    class Forgetting(io.BytesIO):
        taken = 0

        def write(self, data: Any, /) -> int:
            self.taken += len(data)
            return len(data)

    parser = MultiPartParser(stream_factory=lambda *_, **__: Forgetting(), buffer_size=BLOCK)
    _, files = parser.parse(Read(body), BOUNDARY.encode(), body.length)  # type: ignore[arg-type]  # it only reads
    return sum(file.stream.taken for _, file in files.items(multi=True))  # type: ignore[attr-defined]  # Forgetting


def by_django(body: Bodies) -> int:
    """Django's parser, and a handler that forgets."""
    from django.conf import settings
    from django.core.files.uploadhandler import FileUploadHandler
    from django.http.multipartparser import MultiPartParser

    if not settings.configured:
        settings.configure(DATA_UPLOAD_MAX_NUMBER_FILES=None)

    class Forgetting(FileUploadHandler):
        taken = 0

        def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
            self.taken += len(raw_data)

        def file_complete(self, file_size: int) -> None:
            return None

    handler = Forgetting()
    handler.chunk_size = BLOCK
    meta = {"CONTENT_TYPE": f"multipart/form-data; boundary={BOUNDARY}", "CONTENT_LENGTH": body.length}
    MultiPartParser(meta, Read(body), [handler]).parse()  # type: ignore[arg-type]  # it only reads
    return handler.taken


def ours_alone(body: Bodies) -> int:
    """Without the extra `fast`."""
    with mock.patch.object(search, "by_vectors", return_value=None):
        return ours(body)


WAYS: dict[str, Callable[[Bodies], int]] = {
    "ajaxupload": ours,
    "without `fast`": ours_alone,
    "bytes.find": bare_find,
    "multipart": by_multipart,
    "Werkzeug": by_werkzeug,
    "Django": by_django,
}


def part(number: int) -> bytes:
    """Up to a file's first byte."""
    named = f'Content-Disposition: form-data; name="f"; filename="file-{number}.bin"'
    return f"--{BOUNDARY}\r\n{named}\r\nContent-Type: application/octet-stream\r\n\r\n".encode()


def one_file(unit: bytes, mib: int) -> Bodies:
    """So much of that."""
    unit *= max(1, (1 << 20) // len(unit))
    return Bodies(part(0), unit, (mib << 20) // len(unit), DELIMITER + b"--\r\n")


def small_files(count: int) -> Bodies:
    """Of a thousand bytes each."""
    content = os.urandom(1000)
    whole = b"".join(part(number) + content + b"\r\n" for number in range(count))
    return Bodies(whole, b"", 0, f"--{BOUNDARY}--\r\n".encode())


def contents(mib: int) -> dict[str, Bodies]:
    """What is looked for in what. Of the adversarial ones the last is the worst that a client can send to a search
    which skips ahead by what it knows of the boundary: its last character but one, and now and then a CR."""
    units = {
        "random": os.urandom(16 << 20),
        "zeros": bytes(1 << 20),
        "CR": b"\r",
        "CR LF": b"\r\n",
        "dashes": b"-",
        "near-boundaries": DELIMITER[:-1] + b"!",
        "the slowest": b"\r" + DELIMITER[-2:-1] * 4095,
    }
    made = {f"{name}, {mib} MiB": one_file(unit, mib) for name, unit in units.items()}
    return {**made, "2,000 small files": small_files(2000)}


def seconds(way: Callable[[Bodies], int], body: Bodies) -> float:
    """Of the processor."""
    began = time.process_time()
    assert way(body) > body.length * 0.8, "not all was found"
    return time.process_time() - began


def compare(body: Bodies, rounds: int) -> dict[str, float]:
    """Way -> median processor seconds."""
    taken: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(rounds):
        for name, way in WAYS.items():
            taken[name].append(seconds(way, body))
    return {name: statistics.median(times) for name, times in taken.items()}


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--full", action="store_true")
    words = parser.parse_args()
    # To the others' advantage: once a large block was freed, glibc keeps those of a few hundred KiB for the next time.
    bytearray(24 << 20)
    bodies = contents(words.mib)
    if words.full:
        bodies = {"random, 1024 MiB": one_file(os.urandom(16 << 20), 1024), **bodies}
    print("MB a second of processor time, and processor time as a multiple of ours")
    print(f"{'':<26}" + "".join(f"{name:>18}" for name in WAYS))
    for what, body in bodies.items():
        found = compare(body, words.rounds)
        own = found["ajaxupload"]
        rows = (f"{body.length / taken / 1e6:9.0f} {taken / own:7.2f}x" for taken in found.values())
        print(f"{what:<26}" + "".join(f"{row:>18}" for row in rows))


if __name__ == "__main__":
    main()
