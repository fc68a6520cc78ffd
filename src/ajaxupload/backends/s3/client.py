"""The connection to the store, and what its errors mean to the person who uploads.

What lives here: everything that is botocore. What must not: parts, keys, hooks.
"""

from __future__ import annotations

import logging
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError  # noqa: A004 - botocore's own
from botocore.loaders import create_loader

from ...errors import BadGateway, BadRequest, NameTaken, StorageFull, StorageUnavailable, TooLarge, UploadError

__all__ = [
    "CONNECTIONS",
    "Store",
    "code_of",
    "is_unreachable",
    "may_be_done",
    "meaning",
    "status_of",
    "telling",
    "tries",
]

_log = logging.getLogger("ajaxupload")

#: Connections that are kept open: one for each thread that sends parts (transfer.py) and as many requests of their own.
CONNECTIONS = 64

_FULL = frozenset(("QuotaExceeded", "InsufficientStorage", "StorageFull", "XMinioStorageFull"))
_BUSY = frozenset(("SlowDown", "ServiceUnavailable", "RequestTimeout", "Throttling", "ThrottlingException"))
_TAKEN = frozenset(("PreconditionFailed", "ConditionalRequestConflict"))
#: Temporary credentials that are over. Another process may have written new ones to where the old were read.
_EXPIRED = frozenset(
    ("ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "InvalidToken", "RequestExpired")
)

_clients: dict[Store, Any] = {}
#: botocore's description of S3, by where it is looked for. Each session would read it anew and keep it: 12 MB a store.
_loaders: dict[str | None, Any] = {}
_making = threading.Lock()


@dataclass(frozen=True)
class Store:
    """Which store, and who we are there: what boto3's client is made of. Credentials come by boto3's own chain unless
    both keys are given. Times are seconds; `attempts` counts the first one."""

    profile: str | None
    region: str | None
    endpoint_url: str | None
    addressing_style: str
    ca_bundle: str | None
    access_key_id: str | None
    secret_access_key: str | None = field(repr=False)
    session_token: str | None = field(repr=False)
    connect_timeout: float
    read_timeout: float
    attempts: int

    def client(self) -> Any:
        """The process's boto3 client for this store: making one costs 15 ms. Raises BotoCoreError, ValueError."""
        with _making:
            found = _clients.get(self)
            if found is None:
                found = _clients[self] = self._new_client()
            return found

    def ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """One request, tried again by botocore where that helps. Raises BotoCoreError, ClientError.

        Where the credentials turn out to have expired, they are read anew, once: a long upload may outlive them.
        """
        client = self.client()
        try:
            return dict(getattr(client, operation)(**parameters))
        except ClientError as error:
            if code_of(error) not in _EXPIRED:
                raise
            _log.warning("the S3 credentials have expired (%s): reading them anew", code_of(error))
        self._forget(client)
        if "Body" in parameters:
            parameters["Body"].seek(0)
        return dict(getattr(self.client(), operation)(**parameters))

    def _forget(self, client: Any) -> None:
        with _making:
            if _clients.get(self) is client:
                del _clients[self]

    def _new_client(self) -> Any:
        core = botocore.session.Session(profile=self.profile)
        path = core.get_config_variable("data_path")
        core.register_component("data_loader", _loaders.setdefault(path, create_loader(path)))
        session = boto3.session.Session(
            botocore_session=core,
            region_name=self.region,
            aws_access_key_id=self.access_key_id,
            aws_secret_access_key=self.secret_access_key,
            aws_session_token=self.session_token,
        )
        client = session.client("s3", endpoint_url=self.endpoint_url, verify=self.ca_bundle, config=self._config())
        # A round trip for each part, and a second of waiting where a server knows nothing of it.
        client.meta.events.register_last("before-call.s3", _expect_nothing)
        return client

    def _config(self) -> Config:
        return Config(
            signature_version="s3v4",
            connect_timeout=self.connect_timeout,
            read_timeout=self.read_timeout,
            # "standard": exponential back-off with jitter, and a quota that ends retrying when all of it fails
            retries={"mode": "standard", "total_max_attempts": self.attempts},
            max_pool_connections=CONNECTIONS,
            # We send each part's checksum as a header ourselves. boto3's own default over https is a trailer in
            # aws-chunked coding, which older servers (Ceph before 18) answer with 411.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
            # The signature covers the checksum, which covers the content: signing that as well takes four times all
            # the rest of the processor's time.
            s3={"addressing_style": self.addressing_style, "payload_signing_enabled": False},
        )


def _expect_nothing(params: dict[str, Any], **_: Any) -> None:
    params["headers"].pop("Expect", None)


def _after_fork() -> None:
    """Sockets are not shared between processes, and a lock may have been copied while it was held."""
    global _making  # noqa: PLW0603 - the one lock of the module
    _clients.clear()
    _making = threading.Lock()


os.register_at_fork(after_in_child=_after_fork)


# ---- errors ----------------------------------------------------------------------------------------------------------


def code_of(error: BaseException) -> str:
    """The store's own error code, or the exception's name where there was no answer."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", ""))
    return type(error).__name__


def status_of(error: BaseException) -> int:
    """The HTTP status of the store's answer, 0 where there was none."""
    metadata: Mapping[str, Any] = error.response.get("ResponseMetadata", {}) if isinstance(error, ClientError) else {}
    return int(metadata.get("HTTPStatusCode", 0))


def tries(answer: Mapping[str, Any]) -> int:
    """How often the request was sent until this answer came."""
    return 1 + int(answer.get("ResponseMetadata", {}).get("RetryAttempts", 0))


def is_unreachable(error: BaseException) -> bool:
    """Did the store not answer, or only to say "later"? Then nothing is known of it, good or bad."""
    if isinstance(error, ClientError):
        return code_of(error) in _BUSY or status_of(error) >= 500
    return isinstance(error, (HTTPClientError, ConnectionError))


def may_be_done(error: BotoCoreError | ClientError) -> bool:
    """Could the store have done what it was asked, although this is all we heard?"""
    return not isinstance(error, ClientError) or is_unreachable(error) or tries(error.response) > 1


def meaning(error: BotoCoreError | ClientError) -> UploadError:
    """409 for a taken key, 413 and 507 for what does not fit, 503 for no answer, "later" and credentials that are over,
    502 for any other answer."""
    code, status = code_of(error), status_of(error)
    if code in _TAKEN or status == 412:
        return NameTaken()
    if code == "EntityTooLarge":
        return TooLarge("The file is larger than the storage service takes.")
    if code == "KeyTooLongError":
        return BadRequest("The file's name is too long.")
    if code in _FULL or status == 507:
        return StorageFull()
    if is_unreachable(error) or code in _EXPIRED:
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
