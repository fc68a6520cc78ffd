"""Unfinished uploads: what has come so far, kept from one request to the next.

What lives here: `base` (what a partial upload is and can do) and, one folder each, the places that keep them: `file`.
What must not: when bytes are taken and when an upload is finished (engine/), and what clients are told (protocols/).
"""

from __future__ import annotations

from .base import Partial, Partials, Record, Turn, Whole

__all__ = ["Partial", "Partials", "Record", "Turn", "Whole"]
