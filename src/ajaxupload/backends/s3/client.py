"""The connection to the store, and what its errors mean to the person who uploads.

What lives here: everything that is botocore. What must not: parts, keys, hooks.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from ...errors import BadGateway, NameTaken, StorageFull, StorageUnavailable, UploadError

__all__ = ["client_for", "code_of", "meaning", "telling"]

_log = logging.getLogger("ajaxupload")

#: Seconds. A store that says nothing for this long is not going to.
_CONNECT_TIMEOUT, _READ_TIMEOUT = 10, 60
#: Tries in all, with exponential back-off and jitter between them (botocore's "standard" mode).
_ATTEMPTS = 5

_FULL = frozenset(("QuotaExceeded", "InsufficientStorage", "EntityTooLarge", "StorageFull"))
_BUSY = frozenset(("SlowDown", "ServiceUnavailable", "RequestTimeout", "Throttling", "ThrottlingException"))
_TAKEN = frozenset(("PreconditionFailed", "ConditionalRequestConflict"))

_clients: dict[tuple[Any, ...], Any] = {}
_lock = threading.Lock()


def client_for(
    *,
    profile: str | None,
    region: str | None,
    endpoint_url: str | None,
    addressing_style: str | None,
    access_key_id: str | None,
    secret_access_key: str | None,
    connections: int,
) -> Any:
    """The boto3 client for these settings: one per process, for making one costs 50 ms, and a fork shares no sockets.

    Credentials come by boto3's own chain unless both keys are given.
    """
    given = (profile, region, endpoint_url, addressing_style, access_key_id, secret_access_key, connections)
    with _lock:
        here = (os.getpid(), *given)
        found = _clients.get(here)
        if found is None:
            session = boto3.session.Session(
                profile_name=profile,
                region_name=region,
                aws_access_key_id=access_key_id,
                aws_secret_access_key=secret_access_key,
            )
            found = session.client("s3", endpoint_url=endpoint_url, config=_config(addressing_style, connections))
            _clients[here] = found
        return found


def _config(addressing_style: str | None, connections: int) -> Config:
    return Config(
        signature_version="s3v4",
        connect_timeout=_CONNECT_TIMEOUT,
        read_timeout=_READ_TIMEOUT,
        retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
        max_pool_connections=connections,
        # We send each part's checksum as a header ourselves. boto3's own default over https is a trailer in
        # aws-chunked coding, which older servers (Ceph before 18) answer with 411.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        # The checksum covers the content; signing it as well takes four times all the rest of the processor's time.
        s3={"addressing_style": addressing_style or "auto", "payload_signing_enabled": False},
    )


def code_of(error: BaseException) -> str:
    """The store's own error code, or the exception's name where there was no answer."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def meaning(error: BotoCoreError | ClientError) -> UploadError:
    """502 for an answer that makes no sense here, 503 for none and for "later", 507 for "full", 409 for a taken key."""
    code = code_of(error)
    status = (
        error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) if isinstance(error, ClientError) else 0
    )
    if code in _TAKEN or status == 412:
        return NameTaken()
    if code in _FULL or status == 507:
        return StorageFull()
    if isinstance(error, HTTPClientError) or code in _BUSY or status in (500, 503):
        return StorageUnavailable()
    return BadGateway()


@contextmanager
def telling() -> Iterator[None]:
    """Turn botocore's errors into ours; the log has the original, which may name buckets and keys."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        _log.warning("the S3 store failed: %s: %.300s", code_of(error), error)
        raise meaning(error) from error
