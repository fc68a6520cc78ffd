"""Whether a place can be written to, read from and deleted from, found out by doing it.

What lives here: the probes of `ajaxupload check`, and what each of them needs. Nothing here runs while files are
uploaded. What must not: hooks, options.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import obstore

from .client import ERRORS, TAKEN, first_line

__all__ = ["proved"]

#: Step -> what the credentials must be allowed, in the words of Amazon, Azure and Google.
_NEEDS = {
    "written to": ("s3:PutObject", "Storage Blob Data Contributor", "storage.objects.create"),
    "read from": ("s3:GetObject", "Storage Blob Data Contributor", "storage.objects.get"),
    "deleted from": ("s3:DeleteObject", "Storage Blob Data Contributor", "storage.objects.delete"),
}


def proved(store: Any, url: str, key: str, attributes: Any, *, exclusive: bool) -> Iterator[str]:
    """Each thing amiss with `store`, tried with an object under `key`, which is gone afterwards.

    `exclusive` says that keys may be taken: does the store refuse those?
    """
    told = _attempt(url, "written to", lambda: obstore.put(store, key, b"check", attributes=attributes))
    if told:
        yield told
        return
    same: list[bool] = []
    told = _attempt(url, "read from", lambda: same.append(bytes(obstore.get(store, key).bytes()) == b"check"))
    if told:
        yield told
    if same == [False]:
        yield f"what is read from {url} is not what was written: is there a cache between?"
    if exclusive and not _refuses(store, key):
        yield 'the store overwrites a key that is taken: put {uuid} into "key"'
    if told := _attempt(url, "deleted from", lambda: obstore.delete(store, key)):
        yield told


def _attempt(url: str, what: str, probe: Callable[[], object]) -> str | None:
    try:
        probe()
    except (ValueError, *ERRORS) as error:
        amazon, azure, google = _NEEDS[what]
        needs = f"is the place right, and may we (S3: {amazon}, Azure: the role {azure}, Google: {google})?"
        return f"{url} cannot be {what}: {first_line(error)} - {needs}"
    return None


def _refuses(store: Any, key: str) -> bool:
    try:
        obstore.put(store, key, b"again", mode="create")
    except TAKEN:
        return True
    except ERRORS:
        return False
    return False
