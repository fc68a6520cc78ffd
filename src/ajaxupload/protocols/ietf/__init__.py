"""Resumable Uploads for HTTP, draft-ietf-httpbis-resumable-upload: the interop versions 3 to 8, and without a version.

What lives here: requests and answers. What must not: what happens to bytes (engine/), other protocols. Quotes are from
draft -12 (interop version 8) unless another one is named; what differs between versions is one table (versions.py).
"""

from __future__ import annotations

from .protocol import Ietf

__all__ = ["Ietf"]
