"""The engine: it decides what happens to an upload, whichever protocol brought it and whichever backend keeps it.

What lives here: the verbs, one file each concern. `receive` is a whole file in one request, straight through to the
backend; `resume` has the verbs of uploads that take several (with `write`, `finish`, `sweeping`, `place`); `stored` has
those of files that are stored. What must not: HTTP status lines, headers, wire formats (protocols) and how bytes are
kept (backends, partials).
"""

from __future__ import annotations

from .digests import ALGORITHMS, Expected, ExpectedLater
from .once import OnceBatch
from .place import chosen_dir, partials_of
from .quota import Quota
from .receive import Batch, Engine
from .resume import Resumable
from .stored import Stored

__all__ = [
    "ALGORITHMS",
    "Batch",
    "Engine",
    "Expected",
    "ExpectedLater",
    "OnceBatch",
    "Quota",
    "Resumable",
    "Stored",
    "chosen_dir",
    "partials_of",
]
