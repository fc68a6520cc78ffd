"""How a file gets onto a POSIX file system whole, visible only when durable, and never over another one.

What lives here: `folders` (directories by descriptor), `private` (the folder of files that nobody may see yet, and
who clears it), `draft` (one such file being written), `publish` (how it becomes visible, and how that is undone).
What must not: options, URLs, requests. Whoever keeps files on disk, finished or unfinished, builds on these.
"""

from __future__ import annotations

from ..errors import ConfigError

try:
    import fcntl as _fcntl  # noqa: F401 - asked for here so that the reason is told once and clearly
except ImportError as error:  # Windows
    raise ConfigError("storing files on disk needs a POSIX system such as Linux, macOS or a BSD") from error

from .draft import Draft, probe
from .folders import Trail, make_empty, make_folders, segments, start_write_back, sync, synced_together
from .private import Incoming, Slot
from .publish import Published, Target, publish

__all__ = [
    "Draft",
    "Incoming",
    "Published",
    "Slot",
    "Target",
    "Trail",
    "make_empty",
    "make_folders",
    "probe",
    "publish",
    "segments",
    "start_write_back",
    "sync",
    "synced_together",
]
