"""Objects that are at the store, and uploads that never became one.

What lives here: finding and reading one object, and aborting what dead processes left. What must not: uploads that
live.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, BinaryIO, cast

from botocore.exceptions import ClientError

from ...errors import NotFound
from .client import Store, code_of, telling

__all__ = ["abort_leftovers", "finding", "read_object"]

_NOWHERE = frozenset(("404", "NoSuchKey", "NotFound", "NoSuchUpload"))


@contextmanager
def finding(prefix: str, key: str) -> Iterator[None]:
    """Turn what says that there is no such object into NotFound; also what no key of ours can be."""
    if not key.startswith(prefix) or key in (prefix, "") or "\0" in key:
        raise NotFound
    try:
        yield
    except ClientError as error:
        if code_of(error) in _NOWHERE:
            raise NotFound from error
        raise


class _Object(io.RawIOBase):
    """An object's bytes as they come; what breaks meanwhile is told as everywhere."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with telling():
            block = self._body.read(len(buffer))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        self._body.close()
        super().close()


def read_object(answer: Mapping[str, Any]) -> BinaryIO:
    """The object that GetObject's answer holds, from its start. Close it: it holds a connection."""
    return cast("BinaryIO", io.BufferedReader(_Object(answer["Body"]), 256 << 10))


def abort_leftovers(store: Store, bucket: str, prefix: str, age: float) -> int:
    """Abort multipart uploads below `prefix` that nothing was added to for `age` seconds. Returns how many."""
    before = time.time() - age
    pages = store.client().get_paginator("list_multipart_uploads").paginate(Bucket=bucket, Prefix=prefix)
    found = 0
    for each in [each for page in pages for each in page.get("Uploads", [])]:
        this = {"Bucket": bucket, "Key": each["Key"], "UploadId": each["UploadId"]}
        try:
            if each["Initiated"].timestamp() < before and _newest_part(store, this) < before:
                store.ask("abort_multipart_upload", **this)
                found += 1
        except ClientError as error:
            if code_of(error) not in _NOWHERE:  # somebody else has ended it meanwhile
                raise
    return found


def _newest_part(store: Store, upload: Mapping[str, Any]) -> float:
    """When something was added last, in seconds since the epoch; 0 for an upload without parts."""
    pages = store.client().get_paginator("list_parts").paginate(**upload)
    return max((part["LastModified"].timestamp() for page in pages for part in page.get("Parts", [])), default=0.0)
