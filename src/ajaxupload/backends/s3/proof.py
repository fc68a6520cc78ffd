"""What a bucket can do and what it lacks, found out by really writing, reading and deleting below the prefix.

What lives here: the probes, and for each failure the permission or command that mends it. Nothing here runs while
files are uploaded.
"""

from __future__ import annotations

import json
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, SSLError

from ...errors import ConfigError
from .client import Store, code_of, is_unreachable, status_of
from .content import CHECKSUMS, Content
from .plan import AMAZON

__all__ = ["Proof"]

_log = logging.getLogger("ajaxupload")

#: Seconds that a start waits for the store.
_SOON = 8.0
_REFUSED = frozenset(("PreconditionFailed", "ConditionalRequestConflict", "412"))
_LIFECYCLE = {
    "Rules": [
        {
            "ID": "abort-unfinished-uploads",
            "Status": "Enabled",
            "Filter": {"Prefix": ""},
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
        }
    ]
}
_CORS = {"CORSRules": [{"AllowedOrigins": ["https://YOUR.SITE"], "AllowedMethods": ["GET", "HEAD"]}]}
_OPTIONAL = "what is set of storage_class, acl, server_side_encryption, kms_key_id, cache_control and tagging"
#: Store's code -> what to look at, where its own words do not tell.
_HINTS = {
    "NoSuchBucket": "there is no such bucket: check bucket, region and endpoint_url",
    "InvalidAccessKeyId": "the store does not know this access key: check the credentials",
    "SignatureDoesNotMatch": "the secret key does not belong to the access key: check the credentials",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
    "PermanentRedirect": "the bucket is in another region: set region",
    "AuthorizationHeaderMalformed": "the bucket is in another region: set region",
    "InvalidStorageClass": "the store has no such storage_class",
    "InvalidArgument": f"the store does not take {_OPTIONAL}",
    "InvalidRequest": f"the store does not take {_OPTIONAL}",
    "SSLError": "the store's certificate is not trusted: set ca_bundle to the file of its authority",
    "NoCredentialsError": "no credentials were found: see boto3's chain, or set access_key_id and secret_access_key",
}


class Proof:
    """One bucket, looked at with the backend's own credentials and `arguments`."""

    def __init__(
        self, store: Store, bucket: str, prefix: str, arguments: dict[str, Any], *, checksum: str, exclusive: bool
    ) -> None:
        self._store, self._bucket, self._prefix = store, bucket, prefix
        self._arguments, self._checksum, self._exclusive = arguments, CHECKSUMS[checksum], exclusive
        self._key = f"{prefix}ajaxupload-check-{secrets.token_hex(8)}"
        self._silent = False

    def _ask(self, operation: str, **parameters: Any) -> dict[str, Any]:
        return self._store.ask(operation, Bucket=self._bucket, Key=self._key, **parameters)

    # ---- before the first upload

    def ready(self) -> None:
        """May objects be made here? Begins an upload, which nobody sees, and aborts it. Raises ConfigError.

        That a store does not answer now is no fault of the settings. HeadBucket would not do: it needs a permission
        that uploads do not, and its refusal does not say why.
        """
        # A server starts its workers anew that take half a minute for it
        self._store = replace(self._store, attempts=1, connect_timeout=_SOON, read_timeout=_SOON)
        try:
            upload = self._ask("create_multipart_upload", **self._arguments)["UploadId"]
            self._ask("abort_multipart_upload", UploadId=upload)
        except (BotoCoreError, ClientError, ValueError) as error:
            later = is_unreachable(error) or code_of(error).startswith("Expired")
            if later and not isinstance(error, SSLError):
                _log.warning("backend 's3': the store does not answer yet: %s: %.300s", code_of(error), error)
                return
            raise ConfigError(f"backend 's3': the bucket {self._bucket!r} cannot be used: {_told(error)}") from error

    # ---- `ajaxupload check`

    def examine(self) -> Iterator[str]:
        """Each thing amiss, one text with its remedy; nothing when all that uploads need has been seen working."""
        found = self._attempt("s3:PutObject", self._write)
        if self._silent:  # the other probes would only wait for it again
            yield from found
            return
        found += [
            *self._attempt("s3:GetObject", self._read),
            *self._try_upload(),
            *self._attempt("s3:ListBucketMultipartUploads", self._list_uploads),
        ]
        yield from found
        if self._exclusive and not found:
            yield from self._overwrites()
        yield from self._attempt("s3:DeleteObject", lambda: self._ask("delete_object"))

    def _attempt(self, permission: str, probe: Callable[[], object]) -> list[str]:
        try:
            probe()
        except (BotoCoreError, ClientError, ValueError) as error:
            self._silent = is_unreachable(error)
            if status_of(error) != 403:
                return [f"{permission} failed: {_told(error)}"]
            place = "" if permission.startswith("s3:ListBucket") else f"/{self._prefix}*"
            resource = f"arn:aws:s3:::{self._bucket}{place}"
            statement = json.dumps({"Effect": "Allow", "Action": permission, "Resource": resource})
            return [f"{permission} is refused ({code_of(error)}): the credentials' policy needs {statement}"]
        return []

    def _write(self) -> None:
        content = Content(memoryview(b"check"))
        checksum = {self._checksum.field: self._checksum.of(content)}
        answer = self._ask("put_object", Body=content, **self._arguments, **checksum)
        if not self._checksum.proves(answer, checksum[self._checksum.field], content):
            raise ValueError('its ETags are no MD5 sums and it knows no checksums: set "checksum" to "md5"')

    def _read(self) -> None:
        with self._ask("get_object")["Body"] as body:
            if body.read() != b"check":
                raise ValueError("what was read is not what was written")

    def _try_upload(self) -> Iterator[str]:
        try:
            upload = self._ask("create_multipart_upload", **self._arguments)["UploadId"]
        except (BotoCoreError, ClientError):
            return  # with the same permission as PutObject, which has said why
        part = {"PartNumber": 1, "Body": b"check"}
        yield from self._attempt("s3:PutObject", lambda: self._ask("upload_part", UploadId=upload, **part))
        yield from self._attempt("s3:ListMultipartUploadParts", lambda: self._ask("list_parts", UploadId=upload))
        yield from self._attempt(
            "s3:AbortMultipartUpload", lambda: self._ask("abort_multipart_upload", UploadId=upload)
        )

    def _list_uploads(self) -> None:
        self._store.ask("list_multipart_uploads", Bucket=self._bucket, Prefix=self._prefix, MaxUploads=1)

    def _overwrites(self) -> Iterator[str]:
        """Does the store refuse a key that exists? Asked of both ways in which an object comes to be: a whole one, and
        one of parts, where some servers (Ceph) ignore the condition in silence and overwrite."""
        again = {"put_object": self._put_again, "complete_multipart_upload": self._complete_again}
        calls = [name for name, write in again.items() if not _refuses(write)]
        if calls:
            yield (
                f"the store overwrites a key that is taken: it ignores If-None-Match on {' and '.join(calls)}. "
                'Put {uuid} into "key" (the default has it), or into the endpoint\'s "name", which is as good'
            )

    def _put_again(self) -> None:
        self._ask("put_object", Body=b"again", IfNoneMatch="*")

    def _complete_again(self) -> None:
        upload = self._ask("create_multipart_upload")["UploadId"]
        try:
            # As large as a first part must be: some servers look at that before they look at the condition
            part = self._ask("upload_part", UploadId=upload, PartNumber=1, Body=bytes(AMAZON.smallest_part))
            parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
            self._ask("complete_multipart_upload", UploadId=upload, MultipartUpload=parts, IfNoneMatch="*")
        finally:
            with suppress(ClientError):
                self._ask("abort_multipart_upload", UploadId=upload)

    # ---- what uploads do without, but a bucket's owner should not

    def advise(self) -> Iterator[str]:
        """Rules that the bucket lacks, each with the command that sets it."""
        rules = self._setting("get_bucket_lifecycle_configuration", "Rules")
        if rules is not None and not any(map(_aborts, rules)):
            yield (
                "no lifecycle rule aborts unfinished uploads: what crashed processes leave is kept and paid for until "
                "`ajaxupload clean` runs. aws s3api put-bucket-lifecycle-configuration "
                f"--bucket {self._bucket} --lifecycle-configuration '{json.dumps(_LIFECYCLE)}'"
            )
        if self._setting("get_bucket_cors", "CORSRules") == []:
            yield (
                "no CORS rule: links and images work, but scripts of your pages cannot read stored files by signed "
                f"URLs. aws s3api put-bucket-cors --bucket {self._bucket} --cors-configuration '{json.dumps(_CORS)}'"
            )

    def _setting(self, operation: str, field: str) -> list[Any] | None:
        """A bucket's rules; [] where it has none, None where we may not see them or the store has no such thing."""
        try:
            return list(self._store.ask(operation, Bucket=self._bucket).get(field, []))
        except ClientError as error:
            return [] if status_of(error) == 404 else None
        except BotoCoreError:
            return None


def _aborts(rule: dict[str, Any]) -> bool:
    return bool(rule.get("AbortIncompleteMultipartUpload")) and rule.get("Status") == "Enabled"


def _refuses(write: Callable[[], object]) -> bool:
    """Does the store refuse, and for this reason? One that does not know the condition may refuse it with 501."""
    try:
        write()
    except ClientError as error:
        return code_of(error) in _REFUSED
    except BotoCoreError:
        return False
    return False


def _told(error: BaseException) -> str:
    code = code_of(error)
    return f"{_HINTS.get(code) or error} ({code})"
