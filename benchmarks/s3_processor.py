"""The processor time that a gigabyte costs on its way to S3, by each of our backends and by `boto3.upload_fileobj`.

    python -m benchmarks.s3_processor [--mib 1024] [--rounds 3]

All send the same bytes from memory to the same sink (tests/s3/sink.py), a process of its own. Of the medians, only the
ratios count.
"""

from __future__ import annotations

import argparse
import io
import statistics
import time
from collections.abc import Callable
from typing import Any

import boto3

from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.object_store import ObjectStoreUploadBackend
from ajaxupload.backends.s3 import S3UploadBackend
from benchmarks.s3_latency import OPTIONS, sink

_CHUNK = 256 << 10


class Endless(io.RawIOBase):
    """So many bytes, without a length; never fewer than asked for but at the end."""

    def __init__(self, size: int) -> None:
        self._left, self._block = size, bytes(16 << 20)

    def readable(self) -> bool:
        """Yes."""
        return True

    def read(self, size: int = -1, /) -> bytes:
        """The next ones."""
        count = min(size, self._left)
        self._left -= count
        return self._block[:count]


def by_boto3(endpoint: str) -> Callable[[int], None]:
    """As the documentation of boto3 has it."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "s"}
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)
    return lambda size: client.upload_fileobj(Endless(size), "b", "k")


def by_ours(make: Callable[[], AbstractUploadBackend]) -> Callable[[int], None]:
    """The hooks, as the engine calls them with what it read from the server."""

    def once(size: int) -> None:
        backend = make()
        key = backend.update_filename(None, "big.bin") or "big.bin"
        backend.upload.filename = key
        backend.setup(key)
        buffer = bytes(_CHUNK)
        for _ in range(size // _CHUNK):
            backend.upload_chunk(memoryview(buffer) if backend.LENT_BUFFER else bytes(bytearray(buffer)))
        backend.upload_complete(None, key)

    return once


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--rounds", type=int, default=3)
    words = parser.parse_args()
    with sink(0) as endpoint:
        s3: dict[str, Any] = {**OPTIONS, "ENDPOINT_URL": endpoint}
        names = {"endpoint": endpoint, "region": "us-east-1", "access_key_id": "a", "secret_access_key": "s"}
        contenders = {
            "boto3.upload_fileobj": by_boto3(endpoint),
            "s3": by_ours(lambda: S3UploadBackend(**s3)),
            "s3, sha256": by_ours(lambda: S3UploadBackend(**s3, CHECKSUM="sha256")),
            "object_store": by_ours(lambda: ObjectStoreUploadBackend(URL="s3://b", OPTIONS=names)),
            "object_store, unsigned": by_ours(
                lambda: ObjectStoreUploadBackend(URL="s3://b", OPTIONS={**names, "unsigned_payload": "true"})
            ),
        }
        taken: dict[str, list[float]] = {name: [] for name in contenders}
        for _ in range(words.rounds):
            for name, once in contenders.items():
                start = time.process_time()
                once(words.mib << 20)
                taken[name].append((time.process_time() - start) * 1024 / words.mib)
    for name, seconds in taken.items():
        print(f"{name:<24}{statistics.median(seconds):6.2f} s of processor time per GiB")


if __name__ == "__main__":
    main()
