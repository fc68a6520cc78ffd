"""Thumbnails drawn, in a child process or here, and what is said when they cannot be.

What lives here: the way from a recipe and a file to facts that can be trusted, and the words for a person whose picture
is refused. What must not: processes (pool.py), stores.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

from ...cleaning import log_name
from ...errors import Unprocessable
from .child import Gone
from .imaging.drawing import Job, draw
from .imaging.source import Refused, load_formats
from .pool import Pool
from .recipe import KINDS

__all__ = ["Drawn", "Thumbnail", "draw_here", "draw_in"]

_log = logging.getLogger("ajaxupload")


@dataclass(frozen=True)
class Thumbnail:
    """One that was written: `size` bytes of the output, after those of the ones before it. `kind` is a key of KINDS."""

    name: str
    kind: str
    width: int
    height: int
    size: int

    def facts(self) -> dict[str, int]:
        """What the reply says of it."""
        return {"width": self.width, "height": self.height, "size": self.size}


@dataclass(frozen=True)
class Drawn:
    """What became of a picture that is `width` pixels wide and `height` high when it is upright."""

    width: int
    height: int
    thumbnails: Sequence[Thumbnail]


def draw_in(pool: Pool, job: Job, source: int, output: BinaryIO) -> Drawn:
    """Let a child do it; it gets the descriptor `source` for reading.

    Raises Unprocessable for all that is the picture's fault, OSError and StorageUnavailable for what is not.
    """
    try:
        answer = pool.run(job.packed(), source, output.fileno())
    except Gone as error:
        _log.warning("a picture was refused: the process that decoded it has gone (%s)", error)
        raise _refusal(error.why, {}, job) from error
    # The child has read what a stranger wrote: its word is worth no more than the stranger's.
    try:
        return _understood(answer, job, output)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        _log.warning("a picture was refused: the process that decoded it answered nonsense (%s)", error)
        raise _refusal("crash", {}, job) from error


def _understood(answer: Mapping[str, Any], job: Job, output: BinaryIO) -> Drawn:
    if "failed" in answer:
        code = _count(answer["failed"])
        raise OSError(code, os.strerror(code))
    if "refused" in answer:
        why, reason, facts = answer["refused"]
        _log.info("a picture was refused: %s, %s", log_name(why), log_name(reason))
        raise _refusal(why, facts, job)
    return _believed(answer["done"], job, os.fstat(output.fileno()).st_size)


def draw_here(job: Job, source: BinaryIO, output: BinaryIO) -> Drawn:
    """Do it in this process. Raises as `draw_in`."""
    load_formats(job.plugins())
    try:
        done = draw(job, source, output)
    except Refused as error:
        _log.info("a picture was refused: %s, %s", error.code, log_name(error.reason))
        raise _refusal(error.code, error.facts, job) from error
    return _believed(done, job, os.fstat(output.fileno()).st_size)


def _believed(done: Mapping[str, Any], job: Job, written: int) -> Drawn:
    thumbnails = []
    for wanted, facts in zip(job.sizes, done["thumbnails"], strict=True):
        kind = facts["format"]
        if kind not in KINDS or (wanted.format and kind != wanted.format) or facts["name"] != wanted.name:
            raise ValueError("not what was asked for")
        thumbnails.append(Thumbnail(wanted.name, kind, *(_count(facts[key]) for key in ("width", "height", "size"))))
    if sum(each.size for each in thumbnails) != written:
        raise ValueError("not as many bytes as were written")
    return Drawn(_count(done["width"]), _count(done["height"]), thumbnails)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError("not a number of anything")
    return value


#: Why -> what a person is told, and a program.
_WORDS = {
    "unknown": ("This is no picture that can be read here ({formats}), or it is damaged.", "bad_image"),
    "damaged": (
        "The picture is damaged and cannot be read. Open it in an image program, save it again, and try that one.",
        "bad_image",
    ),
    "narrow": ("The picture is too long and narrow to make a small one of it.", "bad_image"),
    "pixels": (
        "The picture has {found}too many pixels: at most {most:.4g} megapixels are accepted here (max_pixels).",
        "image_too_large",
    ),
    "side": (
        "The picture is too long: at most {side} pixels on a side are accepted here (max_side).",
        "image_too_large",
    ),
    "memory": ("The picture takes too much memory to be read here. Make it smaller, and try again.", "image_too_large"),
    "time": ("The picture takes too long to be read here. Make it smaller, and try again.", "image_too_slow"),
}


def _refusal(why: str, facts: Mapping[str, Any], job: Job) -> Unprocessable:
    words, code = _WORDS.get(why, _WORDS["damaged"])
    found = facts.get("pixels")
    values = {
        "formats": ", ".join(job.formats),
        "found": f"{found / 1e6:.4g} megapixels, " if isinstance(found, int) else "",
        "most": job.limits.pixels / 1e6,
        "side": job.limits.side,
    }
    error = Unprocessable(words.format(**values), code=code)
    error.permanent = why != "time"  # it may have been the machine, busy with others
    return error
