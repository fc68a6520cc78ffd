"""How large and which part: geometry and crop as sorl-thumbnail's documentation defines them.

What lives here: arithmetic on sizes. What must not: pictures.

A geometry is "100x200" (both at most, or both filled when cropped), "100" or "100x" (the width) or "x100" (the height).
A crop is "" or "noop" (none), "smart", one of left, center, right, top, bottom, "50%", "10px", or two of them, x first.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

__all__ = ["Size", "Wanted", "box_of", "offsets", "parse_crop", "parse_geometry", "scaled_size"]

Size = tuple[int, int]

_GEOMETRY = re.compile(r"([1-9][0-9]{0,5})?(?:x([1-9][0-9]{0,5})?)?")
_POSITION = re.compile(r"[0-9]{1,6}(?:%|px)")
_ACROSS = {"left": "0%", "center": "50%", "right": "100%"}
_DOWN = {"top": "0%", "center": "50%", "bottom": "100%"}


@dataclass(frozen=True)
class Wanted:
    """One thumbnail to be made. `crop` is "", "smart" or two positions such as "50% 10px"; `format` None: the source's.

    Of `width` and `height` one may be None: as the picture's proportions have it.
    """

    name: str
    width: int | None
    height: int | None
    crop: str = ""
    upscale: bool = True
    quality: int = 85
    format: str | None = None
    padding: bool = False
    padding_color: str = "#ffffff"


def parse_geometry(text: str) -> tuple[int | None, int | None]:
    """Width and height; one may be None. ValueError says what is read."""
    found = _GEOMETRY.fullmatch(text.strip().lower().replace(" ", ""))
    if found is None or not (found[1] or found[2]):
        raise ValueError(f"must be like '100x100', '100' (the width) or 'x100' (the height), not {text!r}")
    return int(found[1]) if found[1] else None, int(found[2]) if found[2] else None


def parse_crop(value: str | bool | None) -> str:
    """ "" for none, "smart", or two positions: "center" is "50% 50%". ValueError says what is read."""
    if value is True:
        return "50% 50%"
    words = (value or "").lower().split()
    if not words or words == ["noop"]:
        return ""
    if words == ["smart"]:
        return "smart"
    if len(words) == 1:
        word = words[0]
        words = ["50%", word] if word in _DOWN and word != "center" else [word, "50%" if word in _ACROSS else word]
    if len(words) == 2:
        words = [_ACROSS.get(words[0], words[0]), _DOWN.get(words[1], words[1])]
        if all(map(_POSITION.fullmatch, words)):
            return " ".join(words)
    raise ValueError(f"must be like 'center', 'left', '50% 20%', '10px 0px', 'smart' or 'noop', not {value!r}")


def box_of(wanted: Wanted, picture: Size) -> Size:
    """The geometry with both sides, for a picture of this size."""
    ratio = picture[0] / picture[1]
    width, height = wanted.width, wanted.height
    if width is None and height is not None:
        width = _whole(height * ratio)
    if height is None and width is not None:
        height = _whole(width / ratio)
    return width or 1, height or 1


def scaled_size(wanted: Wanted, picture: Size) -> Size:
    """The size to scale the whole picture to, before anything is cropped: at most the geometry, or at least it where
    there is something to crop. A small picture stays as it is unless it may be scaled up."""
    box = box_of(wanted, picture)
    factors = box[0] / picture[0], box[1] / picture[1]
    factor = max(factors) if wanted.crop else min(factors)
    if factor >= 1 and not wanted.upscale:
        return picture
    return _whole(picture[0] * factor), _whole(picture[1] * factor)


def offsets(crop: str, picture: Size, window: Size) -> Size:
    """Where the window of a crop by position begins; it never leaves the picture."""
    across, down = crop.split()
    return _offset(across, picture[0] - window[0]), _offset(down, picture[1] - window[1])


def _offset(position: str, room: int) -> int:
    if position.endswith("%"):
        return int(max(0, min(room * int(position[:-1]) / 100.0, room)))
    return max(0, min(int(position[:-2]), room))


def _whole(number: float) -> int:
    """Rounded, but never to nothing: a picture of 1x54 pixels stays one pixel wide."""
    return round(number) if number > 1 else math.ceil(number)
