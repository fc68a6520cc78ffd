"""A file from outside as a picture: identified, measured by its header, and only then decoded.

What lives here: which formats are opened, the limits, and what everything that goes wrong means. What must not: what is
made of the picture (render.py).
"""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from PIL import Image, UnidentifiedImageError

from .geometry import Size

__all__ = [
    "FORMATS",
    "Box",
    "Limits",
    "Refused",
    "check_size",
    "draft",
    "frames",
    "guard_pillow",
    "load_formats",
    "opened",
    "orientation_of",
    "refusing",
    "upright",
    "use_one_thread",
]

Box = tuple[float, float, float, float]

#: What may be listed -> the plugin that reads it, and the module to be loaded for it. MPO is a JPEG with more pictures
#: behind the first, as some phones write it: the plugin for the one hands over to the other.
FORMATS = {
    "JPEG": ("JPEG", "PIL.MpoImagePlugin"),
    "PNG": ("PNG", "PIL.PngImagePlugin"),
    "GIF": ("GIF", "PIL.GifImagePlugin"),
    "WEBP": ("WEBP", "PIL.WebPImagePlugin"),
    "AVIF": ("AVIF", "PIL.AvifImagePlugin"),
    "HEIC": ("HEIF", "pillow_heif"),
}
_ORIENTATION = 0x0112  # Exif 2.32, table 4
_TURNED = frozenset((5, 6, 7, 8))  # width and height change places
#: Decoded at least twice as large as needed: the quality of Pillow's own `thumbnail`.
_DRAFT_GAP = 2


@dataclass(frozen=True)
class Limits:
    """Pixels of all frames that are decoded together, pixels of the longer side, frames."""

    pixels: int
    side: int
    frames: int


class Refused(Exception):
    """A picture that no thumbnail is made of.

    `code` is "unknown" (no listed format), "pixels", "side", "narrow" (scaled, it would be beyond a limit), "damaged"
    or "memory"; `facts` may have "pixels", how many they are, `reason` is for the log.
    """

    def __init__(self, code: str, reason: str = "", **facts: int) -> None:
        self.code = code
        self.reason = reason[:300]
        self.facts = facts
        super().__init__(f"{code}: {self.reason or facts}")


@contextmanager
def refusing() -> Iterator[None]:
    """Whatever a decoder raises as `Refused`: a list of classes would be never complete."""
    try:
        yield
    except Refused:
        raise
    except UnidentifiedImageError as error:
        raise Refused("unknown", str(error)) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        found = re.search(r"\((\d{1,18}) pixels", str(error))  # Pillow says it in words only
        raise Refused("pixels", str(error), **({"pixels": int(found[1])} if found else {})) from error
    except MemoryError as error:
        raise Refused("memory") from error
    except Exception as error:
        raise Refused("damaged", f"{type(error).__name__}: {error}") from error


def load_formats(names: Sequence[str]) -> list[str]:
    """Load the plugins of these listed formats, so that nothing needs to be opened later. Returns those that work."""
    found = []
    for name in names:
        module = FORMATS[name][1]
        try:
            plugin = __import__(module, fromlist=["_"])
        except ImportError:
            continue
        if module == "pillow_heif":
            plugin.register_heif_opener(thumbnails=False)
        if getattr(plugin, "SUPPORTED", True):
            found.append(name)
    return found


def use_one_thread() -> None:
    """In a process of our own only: it is given no others."""
    for module, holder, name in (
        ("PIL.AvifImagePlugin", "", "DEFAULT_MAX_THREADS"),
        ("pillow_heif", "options", "DECODE_THREADS"),
    ):
        if plugin := sys.modules.get(module):
            setattr(getattr(plugin, holder) if holder else plugin, name, 1)


def guard_pillow(limits: Limits) -> None:
    """In a process of our own only: let Pillow itself refuse what is beyond the limit, and be quiet otherwise."""
    Image.MAX_IMAGE_PIXELS = limits.pixels
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def opened(file: BinaryIO, formats: Sequence[str], limits: Limits) -> Image.Image:
    """The picture of the file, identified and measured; nothing of it is decoded. Raises Refused."""
    with refusing():
        picture = Image.open(file, formats=[FORMATS[name][0] for name in formats])
        check_size(picture.size, limits)
        return picture


def check_size(size: Size, limits: Limits, code: str = "") -> None:
    """Raises Refused with "pixels" or "side", or with `code`."""
    if size[0] * size[1] > limits.pixels:
        raise Refused(code or "pixels", pixels=size[0] * size[1])
    if max(size) > limits.side:
        raise Refused(code or "side")


def orientation_of(picture: Image.Image) -> int:
    """1 to 8, as Exif defines them; 1 where the picture does not say or says nonsense."""
    if picture.format == "PNG":
        picture.load()  # its Exif may come last; not inside the try, where a decoder's fault would be lost
    try:
        found = picture.getexif().get(_ORIENTATION, 1)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - written by anybody: whatever reading it raises, there is no orientation
        return 1
    return found if found in range(1, 9) else 1


def upright(size: Size, orientation: int) -> Size:
    """The size after the picture was turned."""
    return size[::-1] if orientation in _TURNED else size


def draft(picture: Image.Image, needed: Sequence[Size]) -> Box | None:
    """Let a JPEG be decoded at a half, a quarter or an eighth where that is enough for all sizes `needed` (as the file
    has them, not yet turned): twice as fast, and a fraction of the memory. Returns which part of what is decoded then
    is the picture."""
    largest = max(size[0] for size in needed), max(size[1] for size in needed)
    whole = picture.size
    done = picture.draft(None, (largest[0] * _DRAFT_GAP, largest[1] * _DRAFT_GAP))
    return done[1] if done and picture.size != whole else None


def frames(picture: Image.Image, limits: Limits, largest: int) -> Iterator[Image.Image]:
    """The frames of an animation that is within the limits; else the first alone. `largest` is how many pixels a frame
    has that is made of one: scaled up, they all must be within the limits too."""
    count = _frame_count(picture, limits, largest)
    for number in range(count):
        picture.seek(number)
        check_size(picture.size, limits)  # a frame of a GIF may be larger than the screen it is drawn on
        picture.load()
        yield picture


def _frame_count(picture: Image.Image, limits: Limits, largest: int) -> int:
    animated: Any = picture
    if limits.frames <= 1 or picture.format == "MPO" or not getattr(animated, "is_animated", False):
        return 1
    count = int(animated.n_frames)
    most = max(picture.width * picture.height, largest)
    return count if count <= limits.frames and count * most <= limits.pixels else 1
