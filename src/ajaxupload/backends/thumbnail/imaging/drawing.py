"""From one file to all thumbnails that are wanted of it.

What lives here: the order of the steps, and a job and its outcome as plain data, for they travel between processes.
What must not: how they travel (worker.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from io import BytesIO
from typing import Any, BinaryIO

from PIL import Image, ImageCms

from .colour import for_scaling
from .geometry import Wanted, box_of, scaled_size
from .render import ANIMATED, Frame, Original, encoded, made
from .source import FORMATS, Limits, check_size, draft, frames, opened, orientation_of, refusing, upright

__all__ = ["Job", "draw", "rehearse"]

#: What a thumbnail becomes that is to have its source's format.
_SAME = {"JPEG": "JPEG", "MPO": "JPEG", "HEIF": "JPEG", "PNG": "PNG", "GIF": "GIF", "WEBP": "WEBP", "AVIF": "AVIF"}


@dataclass(frozen=True)
class Job:
    """What is to be made of a file: thumbnails `sizes`, if it is one of `formats` and within `limits`."""

    formats: Sequence[str]
    limits: Limits
    sizes: Sequence[Wanted]

    def plugins(self) -> list[str]:
        """The formats that are read or written, sorted."""
        return sorted({*self.formats, *(wanted.format for wanted in self.sizes if wanted.format)})

    def packed(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def unpacked(cls, data: Mapping[str, Any]) -> Job:
        """The job that `packed` packed."""
        return cls(data["formats"], Limits(**data["limits"]), [Wanted(**each) for each in data["sizes"]])


def draw(job: Job, source: BinaryIO, output: BinaryIO) -> dict[str, Any]:
    """Write the thumbnails to `output`, one after the other. Raises Refused, OSError of the output.

    Returns {"width", "height", "format"} of the source, upright, and "thumbnails": for each, in the order wanted, its
    "name", "format", "width", "height", and the "size" in bytes of its part of the output.
    """
    with refusing():
        picture = opened(source, job.formats, job.limits)
        with picture:
            original = _look(picture, job)
            done = [(each, each.content()) for each in _make(picture, original, job)]
        width, height = original.size
        facts = {"width": width, "height": height, "format": picture.format}
    output.writelines(content for _each, content in done)
    return facts | {"thumbnails": [each.facts(len(content)) for each, content in done]}


def rehearse(formats: Sequence[str]) -> None:
    """Go once through all that these formats take, so that nothing is left to be loaded when no file can be opened any
    more. What cannot be rehearsed (a format that is read only) is left out."""
    sizes = [Wanted("a", 4, 4, "smart", padding=True), Wanted("b", 2, None, "50% 50%", format="PNG")]
    for name in formats:
        file, exif = BytesIO(), Image.Exif()
        exif[0x0112] = 6
        with suppress(Exception):
            profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
            Image.new("RGB", (16, 9), "red").save(file, FORMATS[name][0], exif=exif, icc_profile=profile)
            draw(Job([name], Limits(1000, 100, 2), sizes), file, BytesIO())


@dataclass(frozen=True)
class _Made:
    wanted: Wanted
    kind: str
    frames: Sequence[Frame]
    loop: int | None

    def content(self) -> bytes:
        return encoded(self.frames, self.kind, self.wanted.quality, self.loop)

    def facts(self, size: int) -> dict[str, Any]:
        width, height = self.frames[0].picture.size
        return {"name": self.wanted.name, "format": self.kind, "width": width, "height": height, "size": size}


def _look(picture: Image.Image, job: Job) -> Original:
    """What must be known before anything is decoded, the sizes to come included."""
    orientation = orientation_of(picture)
    size = upright(picture.size, orientation)
    for wanted in job.sizes:
        # A strip of 1x9000 pixels, scaled up to a width of 100, would be a bomb of our own making.
        check_size(scaled_size(wanted, size), job.limits, "narrow")
        check_size(box_of(wanted, size), job.limits, "narrow")
    profile = picture.info.get("icc_profile")
    return Original(size, orientation, profile if isinstance(profile, bytes) else None)


def _make(picture: Image.Image, original: Original, job: Job) -> list[_Made]:
    kinds = [wanted.format or _SAME.get(str(picture.format), "PNG") for wanted in job.sizes]
    sizes = [upright(scaled_size(wanted, original.size), original.orientation) for wanted in job.sizes]
    box = draft(picture, sizes)
    shown: list[list[Frame]] = [[] for _ in kinds]
    try:
        for number, frame in enumerate(frames(picture, job.limits, max(width * height for width, height in sizes))):
            ready = for_scaling(frame)
            for wanted, kind, done in zip(job.sizes, kinds, shown, strict=True):
                if number == 0 or kind in ANIMATED:
                    done.append(Frame(made(ready, box, original, wanted, kind), picture.info.get("duration") or 0))
    except MemoryError:
        raise
    except Exception:
        if not all(shown):
            raise
        shown = [done[:1] for done in shown]  # an animation that is damaged further on still has its first frame
    loop = picture.info.get("loop")
    return [_Made(*each, loop) for each in zip(job.sizes, kinds, shown, strict=True)]
