"""Digest fields (RFC 9530): Content-Digest for one request, Repr-Digest and Want-Repr-Digest for the whole file.

What lives here: which digests a client gives or wants, and those of what has come. What must not: hashing itself
(engine/digests.py).

Only the two algorithms that RFC 9530 section 7.2 lists as "Active" are spoken; all others are unknown here, and of
those it says (section 2) "A recipient MAY ignore any or all digests".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ...engine import ALGORITHMS, Expected
from ...errors import BadRequest
from ...partials import Partial
from . import fields

__all__ = ["computed", "content_digest", "given", "wanted", "written"]

#: As RFC 9530 calls them -> as the engine does; the strongest first.
_NAMES = {"sha-512": "sha512", "sha-256": "sha256"}
_BLOCK = 1 << 20


def given(headers: Mapping[str, str], name: str) -> dict[str, bytes]:
    """The digests in that header, of algorithms that are known. BadRequest for what is no digest field: RFC 9651
    section 4.2 lets a message be "treated as malformed", and a check that is asked for must not be left out silently.
    """
    found = {key: value for key, value in _members(headers, name).items() if key in _NAMES}
    if not all(isinstance(value, bytes) for value in found.values()):
        raise BadRequest(f"The {name} header is no digest: sha-256=:base64: is.", code="bad_digest")
    return found


def content_digest(headers: Mapping[str, str]) -> Expected | None:
    """What the body of this request must have: the strongest that is given."""
    found = given(headers, "Content-Digest")
    return next((Expected(ours, found[name]) for name, ours in _NAMES.items() if name in found), None)


def wanted(headers: Mapping[str, str]) -> str | None:
    """The algorithm that Want-Repr-Digest prefers of those that are known: RFC 9530 section 4, "an Integer ... 0 means
    not acceptable. 1 is least preferred, and 10 is most preferred"."""
    try:
        members = _members(headers, "Want-Repr-Digest")
    except BadRequest:
        return None  # a wish only
    weights = {name: members[name] for name in _NAMES if type(members.get(name)) is int and members[name] > 0}
    return max(weights, key=lambda name: weights[name], default=None)


def computed(partial: Partial, names: Iterable[str]) -> dict[str, bytes]:
    """The digests of all that has come: reads it once, whatever its length, when nobody may write any more. Raises
    OSError."""
    hashes = {name: ALGORITHMS[_NAMES[name]]() for name in names}
    partial.status()
    with partial.whole().open() as file:
        while hashes and (block := file.read(_BLOCK)):
            for each in hashes.values():
                each.update(block)
    return {name: each.digest() for name, each in hashes.items()}


def written(digests: Mapping[str, bytes]) -> str:
    """As a header's value."""
    return fields.dictionary(digests)


def _members(headers: Mapping[str, str], name: str) -> dict[str, Any]:
    try:
        return fields.parse_dictionary(headers.get(name, ""))
    except fields.FieldError as error:
        raise BadRequest(f"The {name} header cannot be read: {error}.", code="bad_digest") from error
