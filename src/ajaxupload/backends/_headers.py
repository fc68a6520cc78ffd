"""What remote stores are told about an object goes into headers, and clients choose some of it.

What lives here: making a client's words fit for a header. What must not: any store.
"""

from __future__ import annotations

from pathlib import PurePosixPath
from urllib.parse import quote

__all__ = ["attachment", "encoded", "header_safe"]


def encoded(name: str, most: int) -> str:
    """`name` percent-encoded in at most `most` characters; what is cut is cut between characters."""
    while len(found := quote(name)) > most:
        name = name[: min(len(name) * most // len(found), len(name) - 1)]
    return found


def header_safe(kind: str) -> str:
    """The client's word for the type, if it can stand in a header at all."""
    return kind if kind.isascii() and kind.isprintable() and len(kind) <= 255 else "application/octet-stream"


def attachment(key: str) -> str:
    """Content-Disposition (RFC 6266): to be saved under its own name, whatever its type. A store's domain must not run
    pages that somebody uploaded."""
    return f"attachment; filename*=UTF-8''{quote(PurePosixPath(key).name, safe='')}"
