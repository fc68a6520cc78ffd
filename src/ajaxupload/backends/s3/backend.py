"""`S3UploadBackend`: the hooks over one object at S3.

What lives here: the options, the key, the reply, the abilities. What must not: parts and retries (transfer.py), what
an object is told (description.py), errors (client.py).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from typing import Any, BinaryIO, Literal

from ...errors import BadRequest, ConfigError
from ...values import Duration, Size
from .._headers import attachment
from ..base import AbstractUploadBackend
from .aftermath import Destination
from .client import Store, telling
from .description import arguments_of, common_arguments, faults_of
from .plan import LARGEST_UNSAID, part_sizes
from .proof import Proof
from .stored import abort_leftovers, finding, read_object
from .transfer import Transfer

__all__ = ["S3UploadBackend"]

_log = logging.getLogger("ajaxupload")

# Amazon S3, "Object key naming guidelines": at most 1,024 bytes of UTF-8.
_LONGEST_KEY = 1024


class S3UploadBackend(AbstractUploadBackend):
    """Streams each upload into one object. The reply has `url` (signed, for URL_EXPIRES), `key`, `bucket` and `etag`.

    A key with `{uuid}` in it is never taken; for one without, the store is asked to refuse a key that exists
    (If-None-Match), which not every server honours for large objects: `ajaxupload check` finds out. Raises NameTaken,
    StorageFull, StorageUnavailable for a store that does not answer, BadGateway for one that refuses.
    """

    LENT_BUFFER = True

    BUCKET: str = ""
    #: What all keys begin with, such as "in/".
    PREFIX: str = ""
    #: The rest of the key: `{uuid}` is random, `{filename}` the stored name.
    KEY: str = "{uuid}/{filename}"
    REGION: str | None = None
    #: The URL of another store than Amazon's, and the file of its certificate's authority.
    ENDPOINT_URL: str | None = None
    CA_BUNDLE: str | None = None
    ADDRESSING_STYLE: Literal["auto", "path", "virtual"] = "auto"
    #: Credentials: by boto3's own chain, unless they are given here.
    PROFILE: str | None = None
    ACCESS_KEY_ID: str | None = None
    SECRET_ACCESS_KEY: str | None = None
    SESSION_TOKEN: str | None = None
    STORAGE_CLASS: str | None = None
    ACL: str | None = None
    SERVER_SIDE_ENCRYPTION: str | None = None
    KMS_KEY_ID: str | None = None
    #: None: what the content looks like, else what the client says; a type given here stands for all.
    CONTENT_TYPE: str | None = None
    CACHE_CONTROL: str | None = None
    #: Kept with each object; values are percent-encoded.
    METADATA: Mapping[str, str] = {}
    TAGGING: Mapping[str, str] = {}
    #: How the store compares what arrived with what was sent; "md5" is for those that know no others.
    CHECKSUM: Literal["crc32", "sha256", "md5"] = "crc32"
    #: Bytes; parts grow where 10,000 of this size do not hold the largest file allowed.
    PART_SIZE: Size = 8 << 20
    #: Parts of one upload in flight while the next one is read.
    MAX_CONCURRENCY: int = 6
    #: Bytes of part memory that all uploads of the process hold together.
    MEMORY_LIMIT: Size = 256 << 20
    #: Seconds until a store that does not answer is given up, and how often it is asked.
    CONNECT_TIMEOUT: Duration = 10.0
    READ_TIMEOUT: Duration = 60.0
    ATTEMPTS: int = 5
    #: Seconds for which the reply's signed GET URL holds, a week at most; 0: no URL.
    URL_EXPIRES: Duration = 3600.0
    #: Seconds without a new part after which an unfinished upload below PREFIX is taken for a dead process's.
    LEFTOVER_AGE: Duration = 86400.0

    #: Seconds that an upload waits for memory before it is refused with 503.
    _patience = 30.0
    _transfer: Transfer | None = None

    @property
    def store(self) -> Store:
        """The store and our name there. Its `client()` is boto3's."""
        return Store(
            profile=self.PROFILE,
            region=self.REGION,
            endpoint_url=self.ENDPOINT_URL,
            addressing_style=self.ADDRESSING_STYLE,
            ca_bundle=self.CA_BUNDLE,
            access_key_id=self.ACCESS_KEY_ID,
            secret_access_key=self.SECRET_ACCESS_KEY,
            session_token=self.SESSION_TOKEN,
            connect_timeout=self.CONNECT_TIMEOUT,
            read_timeout=self.READ_TIMEOUT,
            attempts=self.ATTEMPTS,
        )

    # ---- once per process

    def startup(self) -> None:
        """Are the options possible, and may objects be made in the bucket? Raises ConfigError with what to do."""
        if problems := list(faults_of(self)):
            raise ConfigError([f"backend 's3': {problem}" for problem in problems])
        self._proof().ready()

    def clean(self, older_than: float = 0) -> int:
        """Abort unfinished uploads below PREFIX, whoever began them, that nothing was added to for LEFTOVER_AGE.

        A store does not know which process began an upload: age is all that tells the dead from the living. Returns
        how many. Raises StorageUnavailable, BadGateway.
        """
        with telling():
            return abort_leftovers(self.store, self.BUCKET, self.PREFIX, max(older_than, self.LEFTOVER_AGE))

    def examine(self) -> list[str]:
        """What is amiss with the bucket, each with what mends it: proved by really writing, reading and deleting."""
        return list(self._proof().examine())

    def advise(self) -> list[str]:
        """Rules that the bucket should have, each with the command that sets it."""
        return list(self._proof().advise())

    # ---- one upload

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
        """The object's key: PREFIX and KEY filled in. Raises BadRequest for one that is longer than keys can be."""
        key = self.PREFIX + self.KEY.replace("{uuid}", self.upload.id).replace("{filename}", filename)
        if len(key.encode()) > _LONGEST_KEY:
            raise BadRequest("The file's name is too long. Rename the file and try again.")
        return key

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Ready a transfer; the store hears of it with the first full part, or at the end of a small file."""
        upload = self.upload
        to = Destination(
            store=self.store,
            bucket=self.BUCKET,
            key=filename,
            arguments=arguments_of(self, upload),
            mark=upload.id,
            exclusive=self._exclusive,
            checksum=self.CHECKSUM,
        )
        largest = upload.size if upload.size is not None else upload.max_size
        self._transfer = Transfer(
            to,
            self._sizes(LARGEST_UNSAID if largest is None else largest),
            expected=upload.size,
            concurrency=self.MAX_CONCURRENCY,
            memory_limit=self.MEMORY_LIMIT,
            patience=self._patience,
        )

    def upload_chunk(self, chunk: bytes | bytearray | memoryview, *args: Any, **kwargs: Any) -> None:
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
        version = answer.get("VersionId", "null")  # which is what some stores say that keep no versions
        return facts | ({"version_id": version} if version != "null" else {})

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Leave nothing at the store; what cannot be told to it now, `clean` finds later. Never raises."""
        transfer, self._transfer = self._transfer, None
        if transfer is not None:
            transfer.abort()

    # ---- abilities

    def open(self, filename: str) -> BinaryIO:
        """The stored object as a stream. Raises NotFound."""
        with telling(), finding(self.PREFIX, filename):
            return read_object(self.store.ask("get_object", Bucket=self.BUCKET, Key=filename))

    def delete(self, filename: str) -> None:
        """Remove the stored object. Raises NotFound."""
        with telling(), finding(self.PREFIX, filename):
            self.store.ask("head_object", Bucket=self.BUCKET, Key=filename)
            self.store.ask("delete_object", Bucket=self.BUCKET, Key=filename)

    def url(self, filename: str) -> str | None:
        """A signed GET URL that downloads under the file's own name, or None when URL_EXPIRES is 0."""
        if not self.URL_EXPIRES:
            return None
        parameters = {"Bucket": self.BUCKET, "Key": filename, "ResponseContentDisposition": attachment(filename)}
        client = self.store.client()
        with telling():
            return str(client.generate_presigned_url("get_object", parameters, ExpiresIn=int(self.URL_EXPIRES)))

    def store_name(self) -> str:
        """The bucket, what keys begin with there, and at whom: boto3 reads the two variables as well."""
        told = (os.environ.get(f"AWS_ENDPOINT_URL{more}") for more in ("_S3", ""))
        endpoint = self.ENDPOINT_URL or next(filter(None, told), "")
        return f"s3://{self.BUCKET}/{self.PREFIX} {endpoint} {self.PROFILE or ''}"

    # ---- details

    @property
    def _exclusive(self) -> bool:
        """May a key be somebody's already?"""
        return "{uuid}" not in self.KEY

    def _sending(self) -> Transfer:
        if self._transfer is None:
            raise RuntimeError("setup must be called first, and nothing after upload_aborted")
        return self._transfer

    def _sizes(self, largest: int) -> Iterator[int]:
        return part_sizes(self.PART_SIZE, largest)

    def _proof(self) -> Proof:
        return Proof(
            self.store,
            self.BUCKET,
            self.PREFIX,
            common_arguments(self),
            checksum=self.CHECKSUM,
            exclusive=self._exclusive,
        )
