"""`S3UploadBackend`: the seed's hooks over one object at S3.

What lives here: the options, the key, the reply. What must not: parts and retries (transfer.py), errors (client.py).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Literal, cast
from urllib.parse import quote, urlencode

from botocore.exceptions import BotoCoreError, ClientError

from ...errors import ConfigError, NotFound
from ...values import Duration, Size
from ..base import AbstractUploadBackend
from .client import client_for, code_of, telling
from .plan import LARGEST_OBJECT, POOL, part_sizes
from .proof import examine
from .transfer import Destination, Transfer

__all__ = ["S3UploadBackend"]

_log = logging.getLogger("ajaxupload")

#: What a store answers when settings, not the moment, are wrong.
_WRONG = frozenset(("404", "NoSuchBucket", "403", "AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "301"))
#: Seconds that an upload waits for memory before it is refused with 503.
_PATIENCE = 30.0


class S3UploadBackend(AbstractUploadBackend):
    """Streams each upload into one object. The reply has `url` (signed, for URL_EXPIRES), `key`, `bucket` and `etag`.

    KEY is the object's key below PREFIX: `{uuid}` is random, `{filename}` the stored name. A key with a uuid is never
    taken; for one without, the store is asked to refuse a key that exists (If-None-Match), which not every server
    honours for large objects: `ajaxupload check` finds out. METADATA values are kept as percent-encoded ASCII.
    """

    LENT_BUFFER = True

    BUCKET: str = ""
    PREFIX: str = ""
    KEY: str = "{uuid}/{filename}"
    REGION: str | None = None
    ENDPOINT_URL: str | None = None
    PROFILE: str | None = None
    ACCESS_KEY_ID: str | None = None
    SECRET_ACCESS_KEY: str | None = None
    ADDRESSING_STYLE: Literal["auto", "path", "virtual"] = "auto"
    STORAGE_CLASS: str | None = None
    ACL: str | None = None
    SERVER_SIDE_ENCRYPTION: str | None = None
    KMS_KEY_ID: str | None = None
    #: None: what the content looks like, else what the client says; a type given here stands for all.
    CONTENT_TYPE: str | None = None
    CACHE_CONTROL: str | None = None
    METADATA: Mapping[str, str] = {}
    TAGGING: Mapping[str, str] = {}
    CHECKSUM: Literal["crc32", "sha256"] = "crc32"
    PART_SIZE: Size = 8 << 20
    MAX_CONCURRENCY: int = 4
    #: Bytes of part memory that all uploads of the process hold together.
    MEMORY_LIMIT: Size = 256 << 20
    #: Seconds for which the reply's signed GET URL holds; 0: no URL. Signatures of version 4 hold a week at most.
    URL_EXPIRES: Duration = 3600.0
    #: Seconds after which an unfinished multipart upload below PREFIX is taken for a dead process's.
    LEFTOVER_AGE: Duration = 86400.0

    _transfer: Transfer | None = None

    @property
    def client(self) -> Any:
        """The boto3 client, shared by all uploads with the same settings."""
        return client_for(
            profile=self.PROFILE,
            region=self.REGION,
            endpoint_url=self.ENDPOINT_URL,
            addressing_style=self.ADDRESSING_STYLE,
            access_key_id=self.ACCESS_KEY_ID,
            secret_access_key=self.SECRET_ACCESS_KEY,
            connections=max(32, self.MAX_CONCURRENCY),
        )

    # ---- once per process

    def startup(self) -> None:
        """Is there a bucket, and may we use it? That a store does not answer now is no fault of the settings."""
        if not self.BUCKET:
            raise ConfigError("backend 's3' needs a bucket: set \"bucket\" to its name")
        if "{uuid}" not in self.KEY and "{filename}" not in self.KEY:
            raise ConfigError(
                "backend 's3': key must contain {uuid} or {filename}, or every upload would be one object"
            )
        try:
            self.client.head_bucket(Bucket=self.BUCKET)
        except ClientError as error:
            if code_of(error) in _WRONG:
                raise ConfigError(
                    f"backend 's3': the bucket {self.BUCKET!r} cannot be used ({code_of(error)}); "
                    "check its name, region and endpoint_url, and the credentials"
                ) from error
            _log.warning("backend 's3': the bucket does not answer yet: %s", code_of(error))
        except BotoCoreError as error:
            if not isinstance(error, OSError) and code_of(error) in ("NoCredentialsError", "PartialCredentialsError"):
                raise ConfigError(f"backend 's3': no credentials were found ({error})") from error
            _log.warning("backend 's3': the store does not answer yet: %s", code_of(error))

    def clean(self, older_than: float = 0) -> int:
        """Abort unfinished multipart uploads below PREFIX that began more than LEFTOVER_AGE ago. Returns how many.

        A store does not know which process began an upload: age is all that tells the dead from the living.
        """
        before = time.time() - max(older_than, self.LEFTOVER_AGE)
        found = 0
        with telling():
            pages = self.client.get_paginator("list_multipart_uploads").paginate(Bucket=self.BUCKET, Prefix=self.PREFIX)
            for each in (each for page in pages for each in page.get("Uploads", [])):
                if each["Initiated"].timestamp() < before:
                    self.client.abort_multipart_upload(Bucket=self.BUCKET, Key=each["Key"], UploadId=each["UploadId"])
                    found += 1
        return found

    def examine(self) -> list[str]:
        """What is amiss with the bucket, each with what mends it: proved by really writing, reading and deleting."""
        return examine(self.client, self.BUCKET, self.PREFIX, exclusive="{uuid}" not in self.KEY)

    # ---- one upload

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
        """The object's key: PREFIX and KEY filled in."""
        return self.PREFIX + self.KEY.replace("{uuid}", self.upload.id).replace("{filename}", filename)

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Ready a transfer; the store hears of it with the first full part, or at the end of a small file."""
        self._transfer = Transfer(
            self._destination(filename),
            self._sizes(),
            concurrency=self.MAX_CONCURRENCY,
            pool=POOL,
            memory_limit=self.MEMORY_LIMIT,
            patience=_PATIENCE,
        )

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        """Fill the current part; send it when it is full."""
        with telling():
            self._sending().write(chunk)

    def upload_waits(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Hand the bytes to the store, where they stay invisible, and give the memory back."""
        with telling():
            self._sending().park()

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Make the object visible and describe it."""
        with telling():
            answer = self._sending().finish()
        facts = {"key": filename, "bucket": self.BUCKET, "etag": str(answer.get("ETag", "")).strip('"')}
        if answer.get("VersionId"):
            facts["version_id"] = answer["VersionId"]
        return facts

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Abort at the store; what cannot be told to it now, `clean` finds later."""
        transfer, self._transfer = self._transfer, None
        if transfer is not None:
            try:
                transfer.abort()
            except (BotoCoreError, ClientError) as error:
                _log.warning("an aborted upload stays at the S3 store until it is cleaned: %s", code_of(error))

    # ---- abilities

    def open(self, filename: str) -> BinaryIO:
        """The stored object as a stream. Raises NotFound."""
        with telling():
            try:
                return cast("BinaryIO", self.client.get_object(Bucket=self.BUCKET, Key=filename)["Body"])
            except ClientError as error:
                raise _not_found(error) from error

    def delete(self, filename: str) -> None:
        """Remove the stored object. Raises NotFound."""
        with telling():
            try:
                self.client.head_object(Bucket=self.BUCKET, Key=filename)
            except ClientError as error:
                raise _not_found(error) from error
            self.client.delete_object(Bucket=self.BUCKET, Key=filename)

    def url(self, filename: str) -> str | None:
        """A signed GET URL that downloads under the file's own name, or None when URL_EXPIRES is 0."""
        if not self.URL_EXPIRES:
            return None
        name = quote(PurePosixPath(filename).name, safe="")
        parameters = {
            "Bucket": self.BUCKET,
            "Key": filename,
            # RFC 6266: as an attachment, whatever its type: a store's own domain must not run uploaded pages
            "ResponseContentDisposition": f"attachment; filename*=UTF-8''{name}",
        }
        return str(self.client.generate_presigned_url("get_object", parameters, ExpiresIn=int(self.URL_EXPIRES)))

    # ---- details

    def _sending(self) -> Transfer:
        if self._transfer is None:
            raise RuntimeError("setup must be called first, and nothing after upload_complete or upload_aborted")
        return self._transfer

    def _sizes(self) -> Iterator[int]:
        largest = self.upload.size if self.upload.size is not None else self.upload.max_size
        return part_sizes(self.PART_SIZE, largest if largest is not None else LARGEST_OBJECT)

    def _destination(self, key: str) -> Destination:
        return Destination(
            client=self.client,
            bucket=self.BUCKET,
            key=key,
            arguments=self._arguments(),
            mark=self.upload.id,
            exclusive="{uuid}" not in self.KEY,
            checksum=self.CHECKSUM,
        )

    def _arguments(self) -> dict[str, Any]:
        """What PutObject and CreateMultipartUpload are told alike."""
        upload = self.upload
        metadata = {str(name): quote(str(value)) for name, value in self.METADATA.items()}
        metadata["ajaxupload-id"] = upload.id
        metadata["ajaxupload-name"] = quote(upload.name)[:1024]  # S3 keeps 2 KiB of metadata in all
        metadata["ajaxupload-created"] = datetime.fromtimestamp(upload.created, timezone.utc).isoformat()
        given = {
            "StorageClass": self.STORAGE_CLASS,
            "ACL": self.ACL,
            "ServerSideEncryption": self.SERVER_SIDE_ENCRYPTION,
            "SSEKMSKeyId": self.KMS_KEY_ID,
            "ContentType": self.CONTENT_TYPE or upload.sniffed or _header_safe(upload.type),
            "CacheControl": self.CACHE_CONTROL,
            "Tagging": urlencode(self.TAGGING) or None,
            "Metadata": metadata,
        }
        return {name: value for name, value in given.items() if value}


def _header_safe(kind: str) -> str:
    """The client's word for the type, if it can stand in a header at all (R34)."""
    return kind if kind.isascii() and kind.isprintable() and len(kind) <= 255 else "application/octet-stream"


def _not_found(error: ClientError) -> NotFound | ClientError:
    return NotFound() if code_of(error) in ("404", "NoSuchKey", "NotFound") else error
