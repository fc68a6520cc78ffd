"""`thumbnail`: pictures made small, in front of any backend that stores.

One backend, a folder because it is large. `backend` has the options and hooks; `recipe` reads the options; `drawn` has
thumbnails made and says why not; `naming` and `handed` bring them to the store; `child` and `pool` are the processes
that decode, and `imaging/` is what runs in them.
"""

from __future__ import annotations

from ...errors import MissingExtra

try:
    import PIL.Image as _Image
except ImportError as error:
    raise MissingExtra("backend 'thumbnail'", "Pillow", "images") from error

from .backend import ThumbnailUploadBackend

__all__ = ["ThumbnailUploadBackend"]

del _Image
