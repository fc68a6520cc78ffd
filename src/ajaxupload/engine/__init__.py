"""The engine: it decides what happens to an upload, whichever protocol brought it and whichever backend keeps it.

What lives here: the verbs, one file each concern. `receive` is a whole file in one request, straight through to the
backend. What must not: HTTP status lines, headers, wire formats (protocols) and how bytes are kept (backends).
"""

from __future__ import annotations

from .receive import Batch, Engine

__all__ = ["Batch", "Engine"]
