"""tus extension Concatenation: several uploads made one, in a given order.

What lives here: Upload-Concat, which uploads may be parts, and when a final one is put together. What must not: how
bytes are copied (partials/) or published (engine/).

A final upload whose parts are not complete yet waits (concatenation-unfinished): its parts know of it, and the request
that completes the last of them puts it together; or, should that fail, any that asks for the final one's state.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import ExitStack, suppress
from urllib.parse import urlsplit

from ...errors import BadRequest, Forbidden, NotFound, UploadError
from ...partials import Partial, Record
from ...request import UploadRequest
from ..base import Mount

__all__ = ["assemble", "is_part", "part_completed", "parts_of", "refuse_final"]

#: Each is a descriptor while they are put together; and a header line of 8 KiB, most servers' longest, has no more.
_MOST_PARTS = 250


def parts_of(text: str | None, url_of: Callable[[str], str], host: str) -> list[str] | None:
    """Upload-Concat: None for no concatenation, [] for "partial", and the parts' ids for "final;<url> <url>...".

    "The value ... MUST be a space-separated list of the partial upload URLs. These URLs MAY be absolute or relative".
    Raises BadRequest, and NotFound for a URL that is not what `url_of` has for an id, at `host`.
    """
    if text is None:
        return None
    if text.strip() == "partial":
        return []
    kind, _, urls = text.strip().partition(";")
    found = urls.split()
    if kind.strip() != "final" or not found or len(found) > _MOST_PARTS:
        raise BadRequest('The Upload-Concat header is neither "partial" nor "final;" and URLs.', code="bad_concat")
    return [_id_of(url, url_of, host) for url in found]


def _id_of(url: str, url_of: Callable[[str], str], host: str) -> str:
    try:
        split = urlsplit(url)
        if split.netloc and (split.scheme not in ("http", "https") or split.netloc.lower() != host.lower()):
            raise NotFound
    except ValueError as error:
        raise BadRequest("A URL in Upload-Concat cannot be read.", code="bad_concat") from error
    target = f"{split.path}?{split.query}" if split.query else split.path
    upload_id = re.split("[/=]", target)[-1]
    if split.scheme not in ("", "http", "https") or target not in (upload_id, f"/{upload_id}", url_of(upload_id)):
        raise NotFound
    return upload_id


def is_part(record: Record) -> bool:
    """ "The Server SHOULD NOT process these partial uploads until they are concatenated to form a final upload." """
    return record.words.get("concat") == "partial"


def refuse_final(record: Record) -> None:
    """ "The Server MUST respond with the 403 Forbidden status to PATCH requests against a final upload URL and MUST NOT
    modify the final or its partial uploads." """
    if "parts" in record.words:
        raise Forbidden("This upload is put together from others and takes no data of its own.", code="modify_final")


def assemble(mount: Mount, request: UploadRequest, final: Partial, *, must: bool) -> bool:
    """Put the final upload together if its parts are complete, and say whether it is. With `must`, BadRequest if not:
    of a Conflict tus-js-client thinks that it passes.

    Raises NotFound for a part that is none of this endpoint and person, TooLarge for a sum that is.
    """
    record = final.record
    if record.state != "open" or record.words.get("assembled"):
        return True
    with ExitStack() as stack:
        opened = {each: _part(mount, request, each, stack) for each in dict.fromkeys(record.words["parts"])}
        parts = [opened[each] for each in record.words["parts"]]
        sizes = [part.record.size for part in parts if part.record.size is not None]
        if len(sizes) == len(parts):
            # "The length of the final upload MUST be the sum of the length of all partial uploads."
            mount.resumable().declare(request, final, sum(sizes), list(opened.values()))
        if len(sizes) == len(parts) and all(part.offset == part.record.size for part in parts):
            mount.resumable().append(final, parts)
            return True
        if must:
            raise BadRequest("Not all parts of this upload are complete.", code="not_finished")
        for part in opened.values():
            mount.resumable().remember(part, "finals", record.id)
    return False


def _part(mount: Mount, request: UploadRequest, upload_id: str, stack: ExitStack) -> Partial:
    part = stack.enter_context(mount.find(request, upload_id, "status"))
    if not is_part(part.record):
        raise Forbidden("Only uploads that were created as parts can be put together.", code="bad_concat")
    return part


def part_completed(mount: Mount, request: UploadRequest, part: Partial) -> None:
    """Finish those final uploads that have waited for this part alone. What goes wrong with one is no fault of the
    part: a request for the final one is told."""
    for upload_id in mount.resumable().remembered(part, "finals"):
        with suppress(UploadError), mount.find(request, upload_id, "write") as final:
            if assemble(mount, request, final, must=False):
                mount.finish(request, final)
