"""Where an endpoint's unfinished uploads are kept.

What lives here: the choice of the directory. What must not: what is kept there.

The best place is the backend's own private directory: on its file system, finishing is a link. A backend that stores
elsewhere (S3, a Django storage) has none; then it is this user's directory under /var/tmp, which is on a disk and
outlives a restart, where /tmp often is memory.
"""

from __future__ import annotations

import os
import tempfile

from ..config import EndpointSettings
from ..partials.file import FilePartials
from ..partials.file.tally import Caps

__all__ = ["chosen_dir", "partials_of", "scratch_parent"]


def partials_of(settings: EndpointSettings) -> FilePartials:
    """The place that the settings name, or the one above. Nothing is made yet."""
    backend = settings.backend.create()
    scratch = getattr(backend, "scratch_dir", None)
    found = scratch() if scratch is not None else None
    root = chosen_dir(settings) or (os.path.join(found, "partials") if found else _own_dir())
    caps = Caps(
        settings.max_unfinished,
        settings.max_unfinished_own,
        settings.max_unfinished_size,
        settings.max_unfinished_own_size,
    )
    durable = bool(getattr(backend, "DURABLE", True))
    kept = min(settings.expires, settings.stored_for)
    return FilePartials(root, durable=durable, caps=caps, unknown=settings.max_size, ttl=settings.expires, spared=kept)


def chosen_dir(settings: EndpointSettings) -> str | None:
    """The directory that the settings name, absolute."""
    return os.path.abspath(settings.partials_dir) if settings.partials_dir else None


def _own_dir() -> str:
    return os.path.join(scratch_parent(), f"ajaxupload-{os.geteuid()}", "partials")


def scratch_parent() -> str:
    """Where large things may lie for a while."""
    usual = "/var/tmp"  # noqa: S108 - a folder of our own below it, whose owner is checked
    told = "TMPDIR" in os.environ  # its owner has said where such things go
    return tempfile.gettempdir() if told or not os.access(usual, os.W_OK | os.X_OK) else usual
