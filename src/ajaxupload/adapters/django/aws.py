"""The AWS_* settings of Django projects, as options of the backend `s3`.

What lives here: reading them, by the names that django-storages gave them, and boto and django-ajax-uploader before it.
What must not: which view they are lent to (settings.py).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from django.conf import settings

__all__ = ["LENDERS", "bucket", "first"]

#: django-storages' setting, and the one that django-ajax-uploader's S3 backend read.
_BUCKETS = ("AWS_STORAGE_BUCKET_NAME", "AWS_BUCKET_NAME")


def first(*settings_names: str) -> Callable[[], Any]:
    """Reads the first of these settings that is there."""
    return lambda: next((found for name in settings_names if (found := getattr(settings, name, None))), None)


def bucket() -> str | None:
    """The bucket that the settings or the environment name."""
    return first(*_BUCKETS)() or next((found for name in _BUCKETS if (found := os.environ.get(name))), None)


def _parameter(name: str) -> Callable[[], Any]:
    """Reads one of the parameters that django-storages hands to PutObject."""

    def read() -> Any:
        given = getattr(settings, "AWS_S3_OBJECT_PARAMETERS", None)
        return given.get(name) or None if isinstance(given, Mapping) else None

    return read


def _prefix() -> str | None:
    location = str(getattr(settings, "AWS_LOCATION", "") or "").strip("/")
    return f"{location}/" if location else None


def _authority() -> str | None:
    verify = getattr(settings, "AWS_S3_VERIFY", None)
    return verify if isinstance(verify, str) else None


def _tags() -> dict[str, str] | None:
    tags = _parameter("Tagging")()
    return dict(parse_qsl(tags)) if isinstance(tags, str) else tags


def _acl() -> Any:
    return first("AWS_DEFAULT_ACL")() or _parameter("ACL")()


#: Option -> its reader; None where nothing is set.
LENDERS: Mapping[str, Callable[[], Any]] = {
    "BUCKET": bucket,
    "PREFIX": _prefix,
    "REGION": first("AWS_S3_REGION_NAME"),
    "ENDPOINT_URL": first("AWS_S3_ENDPOINT_URL"),
    "CA_BUNDLE": _authority,
    "ADDRESSING_STYLE": first("AWS_S3_ADDRESSING_STYLE"),
    "PROFILE": first("AWS_S3_SESSION_PROFILE"),
    "ACCESS_KEY_ID": first("AWS_S3_ACCESS_KEY_ID", "AWS_ACCESS_KEY_ID"),
    "SECRET_ACCESS_KEY": first("AWS_S3_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY"),
    "SESSION_TOKEN": first("AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"),
    "URL_EXPIRES": first("AWS_QUERYSTRING_EXPIRE"),
    "ACL": _acl,
    "CACHE_CONTROL": _parameter("CacheControl"),
    "CONTENT_TYPE": _parameter("ContentType"),
    "STORAGE_CLASS": _parameter("StorageClass"),
    "SERVER_SIDE_ENCRYPTION": _parameter("ServerSideEncryption"),
    "KMS_KEY_ID": _parameter("SSEKMSKeyId"),
    "METADATA": _parameter("Metadata"),
    "TAGGING": _tags,
}
