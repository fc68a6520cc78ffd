"""A decoded picture scaled, turned, cropped, coloured and written.

What lives here: what is done to pixels, in which order. What must not: files from outside (source.py), modes
(colour.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image

from .colour import background, flattened, for_display, has_alpha
from .geometry import Size, Wanted, box_of, offsets, scaled_size
from .source import Box, upright

__all__ = ["ANIMATED", "Frame", "Original", "encoded", "made"]

#: Formats that can hold more than one frame, and those without transparency.
ANIMATED = frozenset(("GIF", "WEBP", "PNG"))
_OPAQUE = frozenset(("JPEG",))
#: With this gap a first, cheap reduction cannot be told from one good scaling of all pixels (Pillow, `Image.resize`).
_REDUCING_GAP = 4.0
_STRIP = 10  # pixels that the smart crop takes away at once

_TURN = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Frame(NamedTuple):
    """One finished picture, and for how many milliseconds an animation shows it."""

    picture: Image.Image
    duration: float = 0


class Original(NamedTuple):
    """What is known of the file: its size when it is upright, how it is turned, its profile."""

    size: Size
    orientation: int
    profile: bytes | None


def made(picture: Image.Image, box: Box | None, original: Original, wanted: Wanted, kind: str) -> Image.Image:
    """One thumbnail of `picture`, which is decoded and in a mode for scaling; `box` is the part that counts.

    Scaled first and turned then: turning a small picture is cheap, and no second large one is in memory.
    """
    size = scaled_size(wanted, original.size)
    raw = upright(size, original.orientation)
    if raw != picture.size or box is not None:
        picture = picture.resize(raw, Image.Resampling.LANCZOS, box=box, reducing_gap=_REDUCING_GAP)
    else:
        picture = picture.copy()  # what is written must not be what was read, with all that hangs on it
    if original.orientation in _TURN:
        picture = picture.transpose(_TURN[original.orientation])
    window = box_of(wanted, original.size)
    picture = for_display(_cropped(picture, wanted.crop, window), original.profile)
    if kind in _OPAQUE:
        picture = flattened(picture, wanted.padding_color if wanted.padding else "#ffffff")
    if wanted.padding:
        picture = _padded(picture, window, wanted.padding_color, kind)
    # Pillow writes grey with alpha as grey without, where a format has only colours.
    return picture.convert("RGBA") if picture.mode == "LA" and kind != "PNG" else picture


def _cropped(picture: Image.Image, crop: str, window: Size) -> Image.Image:
    if not crop:
        return picture
    if crop == "smart":
        return _smart(picture, window)
    width, height = min(picture.width, window[0]), min(picture.height, window[1])
    left, top = offsets(crop, picture.size, (width, height))
    return picture.crop((left, top, left + width, top + height))


def _smart(picture: Image.Image, window: Size) -> Image.Image:
    """As sorl-thumbnail's "smart": of the two ends, the one with less entropy goes, strip by strip, until the
    proportions are the window's."""
    ratio = window[0] / window[1]
    width = max(min(picture.width, round(picture.height * ratio)), 1)
    height = max(min(picture.height, round(picture.width / ratio)), 1)
    left, top, right, bottom = 0, 0, picture.width, picture.height
    while (rest := right - left - width) > 0:
        step = min(rest, _STRIP)
        first = picture.crop((left, top, left + step, bottom)).entropy()
        last = picture.crop((right - step, top, right, bottom)).entropy()
        left, right = (left + step, right) if first < last else (left, right - step)
    while (rest := bottom - top - height) > 0:
        step = min(rest, _STRIP)
        first = picture.crop((left, top, right, top + step)).entropy()
        last = picture.crop((left, bottom - step, right, bottom)).entropy()
        top, bottom = (top, bottom - step) if last < first else (top + step, bottom)
    return picture.crop((left, top, right, bottom))


def _padded(picture: Image.Image, window: Size, color: str, kind: str) -> Image.Image:
    if picture.size == window:
        return picture
    red, green, blue, alpha = background(color)
    see_through = has_alpha(picture) or (alpha < 255 and kind not in _OPAQUE)
    if see_through:
        ground = Image.new("RGBA", window, (red, green, blue, alpha))
    else:
        ground = Image.new("RGB", window, (red, green, blue) if alpha else (255, 255, 255))
    place = int((window[0] - picture.width) / 2), int((window[1] - picture.height) / 2)
    ground.paste(picture.convert(ground.mode), place)
    return ground


def encoded(frames: Sequence[Frame], kind: str, quality: int, loop: int | None) -> bytes:
    """The file. Nothing of the original goes into it but pixels: no Exif, no profile, no comment, no trailing bytes."""
    for frame in frames:
        frame.picture.info = {}
    options: dict[str, Any] = {
        "JPEG": {"quality": quality, "optimize": True, "progressive": True},
        "WEBP": {"quality": quality},
        "AVIF": {"quality": quality, "max_threads": 1},
    }.get(kind, {})
    if len(frames) > 1:
        options |= _animation(frames, kind, loop)
    file = BytesIO()
    frames[0].picture.save(file, kind, **options)
    return file.getvalue()


def _animation(frames: Sequence[Frame], kind: str, loop: int | None) -> dict[str, Any]:
    options = {
        "save_all": True,
        "append_images": [frame.picture for frame in frames[1:]],
        "duration": [round(frame.duration) for frame in frames],
        "loop": loop,
    }
    if kind == "GIF":
        options["disposal"] = 2  # each frame is whole: what was there before would shine through transparent pixels
        if loop is None:
            del options["loop"]  # a GIF that does not say is shown once
    elif loop is None:
        options["loop"] = 1
    return options
