"""`Upload`: one file on its way, as plain data.

What lives here: the record that protocols, hooks, validators, listeners and backends share. No behaviour beyond
reading it, no I/O, nothing of HTTP.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as _new
from typing import Any

__all__ = ["Upload", "new_id"]


def new_id() -> str:
    """22 URL-safe characters from 128 random bits: unguessable, never a path."""
    return secrets.token_urlsafe(16)


@dataclass(slots=True)
class Upload:
    """One file on its way.

    `name` is what the client called it (cleaned for display, never a path), `filename` what it is stored as,
    relative to the backend's root, with "/" between folders. `type` is the client's claim; `sniffed` is what the
    content looks like. `size` is None until it is known, `max_size` the endpoint's limit, `offset` is how many bytes
    have come. `fields` are the form's fields (all of them once the request's end was seen), `path_names` what the
    endpoint's path matched (`/album/{slug}/upload`). `metadata` are the client's own words: never merged with ours.
    `result` is what the backend's `upload_complete` returned. Times are seconds since the epoch.
    """

    id: str = _new(default_factory=new_id)
    name: str = "file"
    filename: str = "file"
    size: int | None = None
    max_size: int | None = None
    offset: int = 0
    type: str = "application/octet-stream"
    sniffed: str | None = None
    field: str | None = None
    fields: Mapping[str, str] = _new(default_factory=dict)
    path_names: Mapping[str, str] = _new(default_factory=dict)
    metadata: Mapping[str, str] = _new(default_factory=dict)
    principal: str | None = None
    protocol: str = ""
    state: str = "open"  # open -> complete | refused | aborted
    digest: str | None = None  # "sha256:<hex>" where the endpoint asks for one
    result: dict[str, Any] = _new(default_factory=dict)
    url: str | None = None
    created: float = _new(default_factory=time.time)
    completed: float | None = None
