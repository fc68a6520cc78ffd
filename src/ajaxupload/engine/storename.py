"""Which store an endpoint's files go to, in words that all workers of a site say alike, today and after a restart.

What lives here: a backend's own word for it, and what stands in for one. What must not: who is told apart by it.

Sites of one user may share a folder for unfinished uploads, and paths, principals and clients' keys are soon the same:
staging's uploads must not be production's. What changes while the store stays (credentials, sizes, timeouts) should not
be in these words, or what is under way is forgotten. Only the backend itself knows which of its options these are.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..config import BackendSpec, EndpointSettings, options_of
from .place import chosen_dir

__all__ = ["store_name"]

#: What options are called that open a store and do not say which one it is.
_SECRET = ("SECRET", "TOKEN", "PASSWORD")


def store_name(settings: EndpointSettings) -> str:
    """The endpoint's. Raises what the backend's `store_name` raises."""
    backend = settings.backend.create()
    own, scratch = getattr(backend, "store_name", None), getattr(backend, "scratch_dir", None)
    options = {name: getattr(backend, name) for name in options_of(type(backend))}
    name = str(own()) if own is not None else f"{_text(type(backend))} {_text(options)}"
    # In its private directory a store has neighbours only; elsewhere it may meet any other.
    chosen, private = chosen_dir(settings), scratch() if scratch is not None else None
    return f"{name} of {os.path.relpath(private, chosen)}" if private and chosen else name


def _text(value: Any) -> str:
    """Alike in all processes: without addresses in memory, and in order."""
    if isinstance(value, BackendSpec):
        return f"{_text(value.cls)} {_text(value.options)}"
    if isinstance(value, Mapping):
        return f"{{{', '.join(sorted(f'{key}={_text(each)}' for key, each in value.items() if _tells(str(key))))}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, (set, frozenset)):
        return _text(sorted(map(_text, value)))
    if isinstance(value, os.PathLike):
        return repr(os.fspath(value))
    if value is None or isinstance(value, (str, bytes, int, float)):
        return repr(value)
    named = value if hasattr(value, "__qualname__") else type(value)
    return f"{named.__module__}.{named.__qualname__}"


def _tells(name: str) -> bool:
    return not any(word in name.upper() for word in _SECRET)
