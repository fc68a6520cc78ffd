"""What `ajaxupload check` finds out about a bucket: by really writing, reading and deleting, below the prefix.

What lives here: the probes, and for each failure the permission or command that mends it. Nothing here runs while
files are uploaded.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from .client import code_of
from .plan import SMALLEST_PART

__all__ = ["examine"]

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
_CORS = {"CORSRules": [{"AllowedOrigins": ["*"], "AllowedMethods": ["GET", "HEAD"], "AllowedHeaders": ["*"]}]}


def examine(client: Any, bucket: str, prefix: str, *, exclusive: bool) -> list[str]:
    """Each thing amiss, one text with its remedy; [] when everything an upload needs has been seen working."""
    key = f"{prefix}ajaxupload-check-{secrets.token_hex(8)}"
    found = [
        *_attempt("s3:PutObject", bucket, prefix, lambda: client.put_object(Bucket=bucket, Key=key, Body=b"check")),
        *_attempt("s3:GetObject", bucket, prefix, lambda: _read_back(client, bucket, key)),
        *_attempt("s3:AbortMultipartUpload", bucket, prefix, lambda: _abort_one(client, bucket, key)),
        *_attempt("s3:ListBucketMultipartUploads", bucket, "", lambda: _list_uploads(client, bucket, prefix)),
    ]
    if not found and exclusive:
        found += _exclusive(client, bucket, key)
    found += _attempt("s3:DeleteObject", bucket, prefix, lambda: client.delete_object(Bucket=bucket, Key=key))
    return found + _rules(client, bucket)


def _attempt(permission: str, bucket: str, prefix: str, probe: Callable[[], object]) -> list[str]:
    try:
        probe()
    except (BotoCoreError, ClientError, ValueError) as error:
        place = (
            f"arn:aws:s3:::{bucket}/{prefix}*" if permission.endswith("Object") or prefix else f"arn:aws:s3:::{bucket}"
        )
        statement = {"Effect": "Allow", "Action": permission, "Resource": place}
        return [f"{permission} failed ({code_of(error)}): the credentials' policy needs {json.dumps(statement)}"]
    return []


def _read_back(client: Any, bucket: str, key: str) -> None:
    with client.get_object(Bucket=bucket, Key=key)["Body"] as body:
        if body.read() != b"check":
            raise ValueError("what was read is not what was written")


def _abort_one(client: Any, bucket: str, key: str) -> None:
    upload = client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
    client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)


def _list_uploads(client: Any, bucket: str, prefix: str) -> None:
    client.list_multipart_uploads(Bucket=bucket, Prefix=prefix, MaxUploads=1)


def _exclusive(client: Any, bucket: str, key: str) -> list[str]:
    """Does the store refuse a key that exists? Asked of both ways in which an object comes to be: a whole one, and
    one of parts, where some servers (Ceph) ignore the condition in silence and overwrite."""
    ignored = []
    if not _refuses(lambda: client.put_object(Bucket=bucket, Key=key, Body=b"again", IfNoneMatch="*")):
        ignored.append("PutObject")
    if not _refuses(lambda: _complete_over(client, bucket, key)):
        ignored.append("CompleteMultipartUpload")
    if not ignored:
        return []
    calls = " and ".join(ignored)
    return [
        (
            f"the store ignores If-None-Match on {calls}: an object whose key is taken would be overwritten. "
            'Put {uuid} into the option "key" (the default has it).'
        )
    ]


def _refuses(write: Callable[[], object]) -> bool:
    try:
        write()
    except ClientError as error:
        return code_of(error) in ("PreconditionFailed", "ConditionalRequestConflict", "412")
    return False


def _complete_over(client: Any, bucket: str, key: str) -> None:
    where = {"Bucket": bucket, "Key": key}
    upload = client.create_multipart_upload(**where)["UploadId"]
    try:
        part = client.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"check".ljust(SMALLEST_PART // 1024))
        parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
        client.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts, IfNoneMatch="*")
    finally:
        with suppress(ClientError):
            client.abort_multipart_upload(**where, UploadId=upload)


def _rules(client: Any, bucket: str) -> list[str]:
    """Bucket settings that uploads do without, but their owner should not."""
    found = []
    rules = _setting(lambda: client.get_bucket_lifecycle_configuration(Bucket=bucket).get("Rules", []))
    if not any(rule.get("AbortIncompleteMultipartUpload") and rule.get("Status") == "Enabled" for rule in rules):
        found.append(
            "no lifecycle rule aborts unfinished uploads: parts of uploads that broke off are kept and paid for. "
            f"aws s3api put-bucket-lifecycle-configuration --bucket {bucket} "
            f"--lifecycle-configuration '{json.dumps(_LIFECYCLE)}'"
        )
    if not _setting(lambda: client.get_bucket_cors(Bucket=bucket).get("CORSRules", [])):
        found.append(
            "no CORS rule: scripts of your pages cannot read stored files by their signed URLs (links and images can). "
            f"aws s3api put-bucket-cors --bucket {bucket} --cors-configuration '{json.dumps(_CORS)}'"
        )
    return found


def _setting(read: Callable[[], Any]) -> Any:
    """A bucket's setting, [] where it has none or the store knows no such thing."""
    try:
        return read()
    except (BotoCoreError, ClientError):
        return []
