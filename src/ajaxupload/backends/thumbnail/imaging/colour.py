"""Pixels of every mode as eight-bit grey or RGB, with alpha where there is any, in sRGB.

What lives here: modes, palettes, profiles, backgrounds. What must not: sizes (render.py), files (source.py).
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from typing import Any

from PIL import Image, ImageCms, ImageColor

__all__ = ["TRANSPARENT", "background", "flattened", "for_display", "for_scaling", "has_alpha"]

TRANSPARENT = "transparent"

#: Modes whose pixels can be averaged as they are. CMYK is converted when it is small: by its profile, if it has one.
_SCALABLE = ("L", "LA", "RGB", "RGBA", "CMYK")
#: What a profile may weigh. Those of printing presses, the largest, have 2 MB.
_LARGEST_PROFILE = 4 << 20
_TO_EIGHT_BITS = bytes((value + 128) // 257 for value in range(65536))


def has_alpha(picture: Image.Image) -> bool:
    """Has it an alpha channel?"""
    return picture.mode in ("LA", "RGBA")


def for_scaling(picture: Image.Image) -> Image.Image:
    """The picture in a mode that can be scaled: a palette's numbers and a single transparent colour cannot."""
    if picture.mode.startswith("I"):
        return _from_sixteen_bits(picture)
    transparent = picture.info.get("transparency") is not None
    if picture.mode in _SCALABLE and not (transparent and picture.mode in ("L", "RGB")):
        return picture
    if picture.mode in ("P", "PA", "RGBa") or transparent:
        return picture.convert("RGBA" if transparent or picture.mode != "P" else "RGB")
    return picture.convert({"1": "L", "La": "LA"}.get(picture.mode, "RGB"))


def _from_sixteen_bits(picture: Image.Image) -> Image.Image:
    """Grey of more than eight bits: Pillow's own conversion cuts what is brighter than 255 instead of scaling it."""
    wide = picture if picture.mode == "I" else picture.convert("I")
    grey = wide.point(_TO_EIGHT_BITS, "L")
    transparent = picture.info.get("transparency")
    if not isinstance(transparent, int):
        return grey
    seen = wide.point(bytes(255 * (value != transparent) for value in range(65536)), "L")
    return Image.merge("LA", (grey, seen))


def for_display(picture: Image.Image, profile: bytes | None) -> Image.Image:
    """What `for_scaling` gave, scaled meanwhile, as L, LA, RGB or RGBA in sRGB. A bad profile is not used."""
    if profile and len(profile) <= _LARGEST_PROFILE:
        # An embedded profile is data from outside like the pixels: anything may be wrong with it. And a Pillow built
        # without Little CMS cannot use any.
        with suppress(Exception):
            return _through(picture, profile)
    return picture if picture.mode in _SCALABLE[:4] else picture.convert("RGB")


def _through(picture: Image.Image, profile: bytes) -> Image.Image:
    alpha = picture.getchannel("A") if has_alpha(picture) else None
    grey = picture.mode in ("L", "LA")
    solid = picture.convert({"LA": "L", "RGBA": "RGB"}[picture.mode]) if alpha else picture
    source = ImageCms.ImageCmsProfile(BytesIO(profile))
    seen = ImageCms.profileToProfile(solid, source, _srgb(), outputMode="RGB")
    if seen is None:
        raise ValueError("no picture came out of the profile")
    seen = seen.convert("L") if grey else seen
    if alpha:
        seen.putalpha(alpha)
    return seen


@lru_cache(maxsize=1)
def _srgb() -> Any:
    return ImageCms.createProfile("sRGB")


def background(color: str) -> tuple[int, int, int, int]:
    """Red, green, blue, alpha of "#fff", "#ffffff", "#ffffff80", "white" or "transparent". ValueError."""
    if color.strip().lower() == TRANSPARENT:
        return 0, 0, 0, 0
    found = ImageColor.getrgb(color if not _is_bare_hex(color) else f"#{color}")
    return found if len(found) == 4 else (*found, 255)


def _is_bare_hex(color: str) -> bool:
    return len(color) in (3, 6) and all(each in "0123456789abcdefABCDEF" for each in color)


def flattened(picture: Image.Image, color: str) -> Image.Image:
    """The picture without alpha, on this colour; on white, where the colour is none."""
    if not has_alpha(picture):
        return picture
    red, green, blue, alpha = background(color)
    ground = Image.new("RGB", picture.size, (red, green, blue) if alpha else (255, 255, 255))
    ground.paste(picture.convert("RGB"), mask=picture.getchannel("A"))
    if picture.mode == "LA" and red == green == blue:
        return ground.convert("L")
    return ground
