"""`s3`: Amazon S3 and every server that speaks its API, by boto3.

One backend, a folder because it is large: `backend` the hooks and options, `description` what options mean to an
object, `client` the connection and what its errors mean, `plan` how large parts are, `content` bytes and their
checksums, `transfer` one object on its way, `aftermath` what must not remain of it, `stored` what does remain, `proof`
what `ajaxupload check` finds out about a bucket.
"""

from __future__ import annotations

from ...errors import MissingExtra

try:
    import boto3 as _boto3
except ImportError as error:
    raise MissingExtra("backend 's3'", "boto3", "s3") from error

from .backend import S3UploadBackend

__all__ = ["S3UploadBackend"]

del _boto3
