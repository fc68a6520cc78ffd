"""tus extensions Creation and Creation With Upload: a POST that makes an upload.

What lives here: the headers of that POST, and the record that is made of them. What must not: the data in its body
(protocol.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ...errors import BadRequest, TooLarge
from ...partials import Partial, Record
from ...request import UploadRequest
from ...upload import new_id
from ...validators import check_declared_size
from ..base import Mount
from . import concatenation
from .headers import metadata, number, text_of

__all__ = ["create", "given_up_if_it_fails"]

#: What clients call the file's name and type in their metadata: tus-js-client's and tuspy's users, and Uppy.
_NAMES, _TYPES = ("filename", "name"), ("filetype", "type", "content-type")


def create(mount: Mount, request: UploadRequest, *, may_wait: bool) -> tuple[Partial, bool]:
    """The upload that the request makes, and whether it is new: a repeat with the same Idempotency-Key finds it again.

    A final one is put together at once if its parts are complete; if not, it waits where it may (Conflict).
    """
    raw = request.headers.get("Upload-Metadata", "")
    values = text_of(metadata(raw))
    parts = _parts(mount, request)
    words: dict[str, Any] = {"metadata": raw}
    if parts is not None:
        words["concat"] = request.headers["Upload-Concat"]
    if parts:
        words["parts"] = parts
    size = None if parts else _size(request)
    _check_body(request, size, parts)
    check_declared_size(size, mount.settings.max_size)
    record = Record(
        _id(mount, request),
        mount.settings.path,
        name=_first(values, _NAMES) or "file",
        type=_first(values, _TYPES) or "application/octet-stream",
        size=size,
        metadata=values,
        words=words,
        protocol="tus",
        path_names=dict(request.path_names),
        fragment=parts == [],
    )
    partial, new = mount.open(request, record)
    if parts:
        with given_up_if_it_fails(mount, request, partial, new=new):
            concatenation.assemble(mount, request, partial, must=not may_wait)
            # What was not complete a moment ago has learnt of the final one meanwhile, and may have become complete
            # in between.
            concatenation.assemble(mount, request, partial, must=False)
    return partial, new


@contextmanager
def given_up_if_it_fails(mount: Mount, request: UploadRequest, partial: Partial, *, new: bool) -> Iterator[None]:
    """Leave nothing of a creation that fails: its client never learns the URL. One that says an Idempotency-Key does,
    when it tries again."""
    try:
        yield
    except BaseException:
        if new and "Idempotency-Key" not in request.headers:
            mount.resumable().abort(request, partial)
        partial.__exit__()
        raise


def _parts(mount: Mount, request: UploadRequest) -> list[str] | None:
    named = request.headers.get("Upload-Concat")
    return concatenation.parts_of(named, lambda upload_id: mount.url_of(request, upload_id), request.host)


def _size(request: UploadRequest) -> int | None:
    """ "The request MUST include one of the following headers: a) Upload-Length ... b) Upload-Defer-Length: 1"."""
    size = number(request.headers, "Upload-Length", "bad_length")
    defer = request.headers.get("Upload-Defer-Length")
    if defer is not None and defer.strip() != "1":
        # "If the Upload-Defer-Length header contains any other value than 1 the server should return a 400 Bad Request
        # status."
        raise BadRequest("Upload-Defer-Length can only be 1.", code="bad_defer_length")
    if (size is None) == (defer is None):
        raise BadRequest("Send one of Upload-Length and Upload-Defer-Length: 1.", code="bad_length")
    return size


def _check_body(request: UploadRequest, size: int | None, parts: list[str] | None) -> None:
    """What the request's own length says against the upload: before anything is made."""
    if request.media_type != "application/offset+octet-stream":
        return
    coming = request.upload_body.length
    if parts and coming:
        raise BadRequest("An upload that is put together from others takes no data of its own.", code="modify_final")
    if size is not None and coming is not None and coming > size:
        raise TooLarge("The request has more data than its Upload-Length says.", code="size_exceeded")


def _id(mount: Mount, request: UploadRequest) -> str:
    """A new one; for a client that says a key, what this key has always (draft-ietf-httpapi-idempotency-key-header)."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not key:
        return new_id()
    return mount.key_id(request, "tus", key)


def _first(values: dict[str, str], names: tuple[str, ...]) -> str | None:
    return next((values[name] for name in names if values.get(name)), None)
