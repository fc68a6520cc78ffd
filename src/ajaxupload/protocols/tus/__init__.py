"""tus 1.0.0, the resumable upload protocol of https://tus.io: the core and every extension of it.

What lives here: requests and answers. What must not: what happens to bytes (engine/), other protocols. The extensions
that are more than a header have files of their own. Quotes are from the protocol text, version 1.0.0 (2016-03-25).
"""

from __future__ import annotations

from .protocol import Tus

__all__ = ["Tus"]
