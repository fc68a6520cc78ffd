"""obstore's stores, and what their errors mean to the person who uploads.

What lives here: making a store, wording its errors, looking at and reading an object. What must not: hooks, options.
"""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from functools import lru_cache
from typing import Any, BinaryIO, NamedTuple, cast

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError, PreconditionError
from obstore.store import from_url

from ...errors import BadGateway, NameTaken, NotFound, StorageFull, StorageUnavailable, UploadError

__all__ = [
    "ERRORS",
    "MARK",
    "TAKEN",
    "Seen",
    "finding",
    "first_line",
    "holders",
    "is_azure",
    "look",
    "read_object",
    "store_for",
    "telling",
]

_log = logging.getLogger("ajaxupload")

#: What obstore raises: errors of its own, and from its reader and writer OSErrors without a number.
ERRORS = (BaseError, OSError)
#: ... when the key exists and must not.
TAKEN = (AlreadyExistsError, PreconditionError)
_MISSING = (NotFoundError, FileNotFoundError)

#: The metadata that says which upload an object is of. Azure takes names that C# would take.
MARK = "ajaxupload_id"

_STATUS = re.compile(r"status code: (\d{3})")
_FULL = re.compile(r"<Code>(QuotaExceeded|InsufficientStorage|StorageFull|InsufficientAccountResources)</Code>")
_LATER = re.compile(r"<Code>(SlowDown|RequestTimeout|ExpiredToken|OperationTimedOut|ServerBusy)</Code>")

Pairs = tuple[tuple[str, Any], ...]


@lru_cache(maxsize=64)
def store_for(url: str, options: Pairs, client_options: Pairs, attempts: int, timeout: float) -> Any:
    """The store at `url`, one for all uploads: it holds the connections. Raises ValueError, obstore's errors.

    `timeout` is in seconds, for each of so many attempts.
    """
    config = dict(options)
    endpoint = str(config.get("endpoint") or config.get("aws_endpoint") or config.get("azure_storage_endpoint") or "")
    client: dict[str, Any] = {"timeout": timedelta(seconds=timeout)}
    if endpoint.startswith("http://"):
        client["allow_http"] = True  # who writes it means it
    retry: Any = {"max_retries": attempts - 1, "retry_timeout": timedelta(seconds=timeout * attempts)}
    options_of_client: Any = {**client, **dict(client_options)}
    return from_url(url, config=cast("Any", config), client_options=options_of_client, retry_config=retry)


def is_azure(url: str) -> bool:
    """Is that in one of Azure's spellings?"""
    return url.startswith(("az:", "azure:", "abfs:", "abfss:", "adl:")) or ".core.windows.net" in url


def holders(options: Mapping[str, Any]) -> list[str]:
    """Whose store that URL is at, as far as obstore's configuration says it, or the variables that it reads too: the
    server's address, and Azure's account (names of buckets are nobody else's at S3 and Google)."""
    told = {name.lower(): value for name, value in os.environ.items() if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))}
    told |= {name.lower(): str(value) for name, value in options.items()}
    return sorted(f"{name}={value}" for name, value in told.items() if "endpoint" in name or "account_name" in name)


class Seen(NamedTuple):
    """What a store says of an object: bytes, whose upload it is, and the ETag."""

    size: int
    mark: str | None
    etag: str | None


def look(store: Any, key: str) -> Seen | None:
    """The object under `key`; None where there is none, or none that we may see."""
    try:
        found = obstore.get(store, key, options={"head": True})
    except ERRORS:
        return None
    # Ceph makes hyphens of underscores
    told = {str(name).lower().replace("-", "_"): value for name, value in found.attributes.items()}
    return Seen(found.meta["size"], told.get(MARK), found.meta["e_tag"])


def first_line(error: BaseException) -> str:
    """obstore's texts go on for a page."""
    return str(error).partition("\n")[0][:300]


def meaning(error: BaseException) -> UploadError:
    """409 for a taken key, 507 for "full", 503 for no answer, "later" and credentials that are over, else 502."""
    text = str(error)
    status = int(found[1]) if (found := _STATUS.search(text)) else 0
    if isinstance(error, TAKEN):
        return NameTaken()
    if status == 507 or _FULL.search(text):
        return StorageFull()
    if (not status and not isinstance(error, _MISSING)) or status >= 500 or status == 429 or _LATER.search(text):
        return StorageUnavailable()
    return BadGateway()


@contextmanager
def telling() -> Iterator[None]:
    """Turn obstore's errors into ours; the log has the original, which may name buckets and keys."""
    try:
        yield
    except UploadError:
        raise
    except ERRORS as error:
        _log.warning("the object store failed: %s: %s", type(error).__name__, first_line(error))
        raise meaning(error) from error


@contextmanager
def finding(key: str) -> Iterator[None]:
    """Turn what says that there is no such object into NotFound; also what no key of ours can be."""
    if not key or "\0" in key:
        raise NotFound
    try:
        yield
    except (*_MISSING, ValueError) as error:  # ValueError: "../x", "/x" and "a//b" are no keys
        raise NotFound from error


class _Object(io.RawIOBase):
    """An object's bytes as they come; what breaks meanwhile is told as everywhere."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        with telling():
            block = bytes(self._file.read(len(buffer)))
        buffer[: len(block)] = block
        return len(block)

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def read_object(store: Any, key: str) -> BinaryIO:
    """The object from its start. Close it."""
    return cast("BinaryIO", io.BufferedReader(_Object(obstore.open_reader(store, key)), 1 << 20))
