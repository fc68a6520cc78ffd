"""What an object is told about itself, and which options cannot be right.

What lives here: options as the parameters of PutObject and CreateMultipartUpload, and their check. What must not:
requests.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any
from urllib.parse import quote, urlencode

from ...upload import Upload
from .._headers import encoded, header_safe
from .plan import AMAZON

__all__ = ["arguments_of", "common_arguments", "faults_of"]

#: RFC 9110 section 5.6.2: what a header's name may be, and metadata become headers.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
# Amazon S3: "the user-defined metadata is limited to 2 KB in size", names included, and "up to 10 tags".
_MOST_METADATA, _MOST_TAGS = 2048, 10
#: What of that our own metadata may take: the id, the time and the client's name for the file.
_OUR_METADATA, _LONGEST_NAME = 1024, 640
#: Signatures of version 4 hold for a week at most.
_WEEK = 7 * 86400


def common_arguments(options: Any) -> dict[str, Any]:
    """What every object is told alike, by the backend's options."""
    given = {
        "StorageClass": options.STORAGE_CLASS,
        "ACL": options.ACL,
        "ServerSideEncryption": options.SERVER_SIDE_ENCRYPTION,
        "SSEKMSKeyId": options.KMS_KEY_ID,
        "CacheControl": options.CACHE_CONTROL,
        "Tagging": urlencode(options.TAGGING, quote_via=quote),
    }
    return {name: value for name, value in given.items() if value}


def arguments_of(options: Any, upload: Upload) -> dict[str, Any]:
    """What this upload's object is told. Metadata are ASCII headers, so their values are percent-encoded; the
    client's own metadata are not among them."""
    metadata = {**_encoded(options.METADATA), "ajaxupload-id": upload.id}
    metadata["ajaxupload-name"] = encoded(upload.name, _LONGEST_NAME)
    metadata["ajaxupload-created"] = datetime.fromtimestamp(upload.created, timezone.utc).isoformat()
    kind = options.CONTENT_TYPE or upload.sniffed or header_safe(upload.type)
    return {**common_arguments(options), "ContentType": kind, "Metadata": metadata}


def _encoded(metadata: Mapping[str, Any]) -> dict[str, str]:
    return {str(name): quote(str(value)) for name, value in metadata.items()}


def faults_of(options: Any) -> Iterator[str]:
    """Options that no store could make work, each with what to write instead."""
    if not options.BUCKET:
        yield 'a bucket is needed: set "bucket" to its name'
    unknown = set(re.findall(r"\{[^}]*\}", options.KEY)) - {"{uuid}", "{filename}"}
    if unknown:
        yield (
            f"key: {', '.join(sorted(unknown))} cannot stand here: {{uuid}} and {{filename}} can; other fields go into "
            'the endpoint\'s "name"'
        )
    elif "{uuid}" not in options.KEY and "{filename}" not in options.KEY:
        yield "key must contain {uuid} or {filename}, or every upload would be one object"
    if bool(options.ACCESS_KEY_ID) != bool(options.SECRET_ACCESS_KEY):
        yield "access_key_id and secret_access_key belong together: set both or none"
    if not AMAZON.smallest_part <= options.PART_SIZE <= AMAZON.largest_part:
        yield "part_size must be between 5 MiB and 5 GiB: S3 takes no others"
    for name in ("MAX_CONCURRENCY", "ATTEMPTS", "CONNECT_TIMEOUT", "READ_TIMEOUT"):
        if getattr(options, name) <= 0:
            yield f"{name.lower()} must be more than 0"
    if options.URL_EXPIRES > _WEEK:
        yield "url_expires must not be more than 7 days: signatures hold no longer"
    yield from _metadata_faults(options.METADATA)
    if len(options.TAGGING) > _MOST_TAGS:
        yield f"tagging: S3 keeps {_MOST_TAGS} tags at most"


def _metadata_faults(metadata: Mapping[str, Any]) -> Iterator[str]:
    for name in metadata:
        if not _TOKEN.fullmatch(str(name)) or str(name).lower().startswith("ajaxupload-"):
            yield f"metadata: {name!r} cannot be a name: letters, digits and hyphens can, but not ajaxupload-..."
    size = sum(len(name) + len(value) for name, value in _encoded(metadata).items())
    if size > _MOST_METADATA - _OUR_METADATA:
        yield f"metadata: {size} bytes, percent-encoded, are too many: S3 keeps {_MOST_METADATA} in all, some are ours"
