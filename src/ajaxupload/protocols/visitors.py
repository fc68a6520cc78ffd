"""Telling anonymous browsers apart, for protocols whose clients choose ids that others could choose as well.

What lives here: the signed cookie, and what stands in for it until there is one. What must not: which ids those are.

Who is logged in has a principal, and random UUIDs meet nobody: neither needs this. The cookie is set when a page looks
at the endpoint, by the answer to a widget's first question, or else by the answer to its first piece.

A browser that was told apart by the page may be believed at once. One that gets its cookie in the middle of uploading
may not: requests that left side by side before any answer get several cookies, of which it keeps one, and pieces that
have none are still on their way. Its cookie is not settled for a minute. What is begun meanwhile is shared: it is known
by what stands in for a cookie, the connection and what the client says of its upload. The cookie lists what its browser
has taken part in, so that nobody is told of pieces that somebody else has sent.
"""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from webob import Response

from ..request import UploadRequest

if TYPE_CHECKING:
    from .base import Mount

__all__ = ["Visitor", "greet", "known", "owner_of", "returning", "show", "stand_in", "took_part", "visitor_of"]

_COOKIE = "ajaxupload"
#: Seconds for which a browser keeps it: longer than any upload lives by default.
_AGE = 30 * 86400
#: Seconds after which a cookie that was set in the middle of uploading is the only one, and has reached all requests.
_SETTLING = 60.0
#: Shared uploads that a cookie lists, the newest last. What falls out is sent again after a reload, and compared.
_MOST_SHARED = 20
_WORD = 8


@dataclass(frozen=True)
class Visitor:
    """An anonymous browser: `id` is its own, `since` (seconds since the epoch) is when its cookie is settled, `shared`
    what it has taken part in."""

    id: str
    since: float
    shared: tuple[str, ...] = ()

    @property
    def settled(self) -> bool:
        """Is what it begins now its own?"""
        return time.time() >= self.since

    def takes_part(self, upload: str) -> bool:
        """Has it sent pieces of this shared upload? `upload` is its key."""
        return upload[:_WORD] in self.shared

    @property
    def text(self) -> str:
        """As the cookie has it, but for the signature."""
        return ".".join((f"{int(self.since * 1000):x}", self.id, *self.shared))


def known(mount: Mount, request: UploadRequest) -> Visitor | None:
    """The visitor that the request was taken for before, or the one of its cookie; None for one who has none."""
    found: Visitor | None = request.environ.get("ajaxupload.visitor")
    return found if found is not None else _signed(mount, request)


def visitor_of(mount: Mount, request: UploadRequest, *, settling: bool = False) -> Visitor:
    """Who the anonymous asker is: somebody new if there is no cookie, who is not settled yet if it is `settling`. The
    answer will `show` it."""
    found = known(mount, request)
    if found is None:
        found = Visitor(secrets.token_urlsafe(16), time.time() + (_SETTLING if settling else 0))
        request.environ["ajaxupload.visitor"] = found
    return found


def took_part(mount: Mount, request: UploadRequest, upload: str) -> None:
    """The asker has sent a piece of this shared upload: let its cookie say so."""
    found, word = visitor_of(mount, request, settling=True), upload[:_WORD]
    if word not in found.shared:
        shared = (*found.shared, word)[-_MOST_SHARED:]
        request.environ["ajaxupload.visitor"] = replace(found, shared=shared)


def owner_of(mount: Mount, request: UploadRequest, upload_id: str) -> str | None:
    """The visitor to whom the upload with this id, which nobody can guess, belongs: pieces that go out side by side
    before any answer have the same one. None for visitors whom others could be taken for."""
    found = known(mount, request)
    if found is None:
        key = stand_in(mount, request, "owner", upload_id)
        found = request.environ["ajaxupload.visitor"] = Visitor(key, time.time())
    return found.id if found.settled else None


def returning(mount: Mount, request: UploadRequest) -> str | None:
    """The owner whose cookie came with the request, None for whoever brought none or owns nothing."""
    found = _signed(mount, request)
    return found.id if found is not None and found.settled else None


def stand_in(mount: Mount, request: UploadRequest, *upload: str) -> str:
    """What is known of an asker without a cookie: others may have the same."""
    headers = request.headers
    traits = (request.client_addr or "", headers.get("User-Agent", ""), headers.get("Accept-Language", ""))
    return mount.resumable().store.key_id("stand-in", *traits, *upload)


def greet(mount: Mount, request: UploadRequest) -> None:
    """Tell a browser apart that has come to look at the endpoint: before its first upload."""
    if mount.partials is not None and mount.settings.authorize is None and mount.partials.keyed():
        visitor_of(mount, request)


def show(mount: Mount, request: UploadRequest, response: Response) -> None:
    """Set the cookie if there is something new to say in it."""
    found: Visitor | None = request.environ.get("ajaxupload.visitor")
    if found is None or not mount.resumable().keyed():
        return
    value = f"{found.text}.{_signature(mount, found.text)}"
    path = request.environ.get("SCRIPT_NAME", "") or "/"
    age = max(_AGE, mount.settings.stored_for) if mount.resumable().keeps else _AGE
    secure = request.scheme == "https"
    response.set_cookie(
        _COOKIE, value, max_age=int(age), path=path, httponly=True, secure=secure, samesite="Lax", overwrite=True
    )


def _signed(mount: Mount, request: UploadRequest) -> Visitor | None:
    """The visitor of the request's cookie, if we have signed it: which is not known where nothing can be kept."""
    if _COOKIE not in request.cookies or not mount.resumable().keyed():
        return None
    text, _, signature = str(request.cookies[_COOKIE]).rpartition(".")
    if "." not in text or not secrets.compare_digest(signature.encode(), _signature(mount, text).encode()):
        return None
    since, visitor, *shared = text.split(".")
    return Visitor(visitor, int(since, 16) / 1000, tuple(shared))


def _signature(mount: Mount, text: str) -> str:
    return mount.resumable().store.key_id("visitor", text)
