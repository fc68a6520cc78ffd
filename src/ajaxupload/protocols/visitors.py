"""Telling anonymous browsers apart, for protocols whose clients choose ids that others could choose as well.

What lives here: the signed cookie, and what stands in for it until there is one. What must not: which ids those are.

Who is logged in has a principal, and random UUIDs meet nobody: neither needs this. The cookie is set by the page, by
the answer to a widget's first question, or else by the answer to its first piece. Pieces that go out side by side
before any answer have none: what stands in for it is made of the connection and of the upload itself, and the cookie
that answers them is the same for all of them, so that the upload is not torn apart. Of several files sent so the
browser keeps one cookie: it says no more than none, and each file's pieces are known by what stood in for it.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from webob import Response

from ..request import UploadRequest

if TYPE_CHECKING:
    from .base import Mount

__all__ = ["greet", "owner_of", "returning", "show", "visitor_of"]

_COOKIE = "ajaxupload"
#: Seconds for which a browser keeps it: longer than any upload lives by default.
_AGE = 30 * 86400


def visitor_of(mount: Mount, request: UploadRequest, *upload: str) -> str:
    """Who the anonymous asker is, as far as that can be told. `upload` is what the request says of its upload: where
    that could be said by others as well, so could be the visitor, who begins with "~" then and owns nothing.

    An answer should `show` it.
    """
    found = _known(mount, request)
    if found is None or (upload and found.startswith("~")):  # of such cookies a browser keeps the last that came
        found = f"~{_stand_in(mount, request, *upload)}" if upload else secrets.token_urlsafe(16)
        request.environ["ajaxupload.visitor"] = found
    return found


def owner_of(mount: Mount, request: UploadRequest, upload_id: str) -> str | None:
    """The visitor to whom the upload with this id, which nobody can guess, belongs: pieces that go out side by side
    before any answer have the same one. None for visitors whom others could be taken for."""
    found = _known(mount, request)
    if found is None:
        found = request.environ["ajaxupload.visitor"] = _stand_in(mount, request, "owner", upload_id)
    return None if found.startswith("~") else found


def returning(mount: Mount, request: UploadRequest) -> str | None:
    """The owner whose cookie came with the request, None for whoever brought none or owns nothing."""
    found = _signed(mount, request)
    return None if found is None or found.startswith("~") else found


def _stand_in(mount: Mount, request: UploadRequest, *upload: str) -> str:
    headers = request.headers
    traits = (request.client_addr or "", headers.get("User-Agent", ""), headers.get("Accept-Language", ""))
    return mount.resumable().store.key_id("stand-in", *traits, *upload)


def greet(mount: Mount, request: UploadRequest) -> None:
    """Tell a browser apart that has come to look at the endpoint, where that matters later: before its first upload."""
    if mount.partials is not None and mount.partials.keeps and mount.settings.authorize is None:
        visitor_of(mount, request)


def show(mount: Mount, request: UploadRequest, response: Response) -> None:
    """Set the cookie if the request came without one and somebody asked who it is."""
    found = request.environ.get("ajaxupload.visitor")
    if found is not None:
        value = f"{found}.{mount.resumable().store.key_id('visitor', found)}"
        path = request.environ.get("SCRIPT_NAME", "") or "/"
        owns = mount.resumable().keeps and not found.startswith("~")
        age = max(_AGE, mount.settings.stored_for) if owns else _AGE
        secure = request.scheme == "https"
        response.set_cookie(
            _COOKIE, value, max_age=int(age), path=path, httponly=True, secure=secure, samesite="Lax", overwrite=True
        )


def _known(mount: Mount, request: UploadRequest) -> str | None:
    """The visitor that the request was taken for before, or the one of its cookie."""
    if (found := request.environ.get("ajaxupload.visitor")) is not None:
        return str(found)
    return _signed(mount, request)


def _signed(mount: Mount, request: UploadRequest) -> str | None:
    """The visitor of the request's cookie, if we have signed it."""
    visitor, _, signature = str(request.cookies.get(_COOKIE, "")).partition(".")
    if visitor and secrets.compare_digest(
        signature.encode(), mount.resumable().store.key_id("visitor", visitor).encode()
    ):
        return visitor
    return None
