"""The options of the backend `thumbnail`, read: which thumbnails, of which files, within which limits.

What lives here: what the words of the configuration mean, and what is wrong with them. What must not: pictures.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from PIL import features

from ...errors import ConfigError, MissingExtra
from ...registry import nearest
from ...values import coerce
from .imaging.colour import background
from .imaging.drawing import Job
from .imaging.geometry import Wanted, parse_crop, parse_geometry
from .imaging.source import FORMATS, Limits

__all__ = ["KINDS", "THE_ONE", "Kind", "read_recipe"]


@dataclass(frozen=True)
class Kind:
    """A format that thumbnails are written in: its MIME type and its extension."""

    type: str
    extension: str


KINDS = {
    "JPEG": Kind("image/jpeg", ".jpg"),
    "PNG": Kind("image/png", ".png"),
    "WEBP": Kind("image/webp", ".webp"),
    "GIF": Kind("image/gif", ".gif"),
    "AVIF": Kind("image/avif", ".avif"),
}
_ALSO = {"JPG": "JPEG", "HEIF": "HEIC"}
#: What Pillow may have been built without.
_FEATURES = {"WEBP": "webp", "AVIF": "avif"}

#: What the only thumbnail is called.
THE_ONE = "thumbnail"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}")
_ROW = re.compile(r"([^=\s,]+)=([^=\s,]+)")
#: The keys of a size's own table, and their types.
_OWN = {
    "dimension": str,
    "crop": bool | str | None,
    "upscale": bool,
    "quality": int,
    "format": str | None,
    "padding": bool,
    "padding_color": str,
}
_LEAST_MEMORY = 96 << 20  # an interpreter with Pillow takes 40 MiB before it has seen a picture


def read_recipe(options: Mapping[str, Any]) -> Job:
    """The job that these options (upper-case names, all of them) ask for. Raises ConfigError with every fault."""
    problems: list[str] = []
    limits = Limits(int(options["MAX_PIXELS"]), int(options["MAX_SIDE"]), int(options["MAX_FRAMES"]))
    defaults = {key: options[key.upper()] for key in _OWN}
    sizes = []
    for name, table in _tables(options, problems):
        try:
            sizes.append(_wanted(name, {**defaults, **table}, limits))
        except ValueError as error:
            problems.append(f"dimensions: {name}: {error}" if options["DIMENSIONS"] else str(error))
    formats = list(_formats(options["FORMATS"], problems))
    problems.extend(_amiss(options, limits))
    if len({wanted.name.lower() for wanted in sizes}) < len(sizes):
        problems.append("dimensions: two names differ in case only")
    if problems:
        raise ConfigError(problems)
    return Job(formats, limits, sizes)


def _tables(options: Mapping[str, Any], problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name -> what is said about it. DIMENSIONS wins; text is one geometry or `small=100x100 large=800`."""
    given = options["DIMENSIONS"]
    if not given:
        given = {THE_ONE: options["DIMENSION"]}
    elif isinstance(given, str):
        rows = dict(_ROW.findall(given))
        given = rows or {THE_ONE: given}
    elif not isinstance(given, Mapping):
        given = {THE_ONE: "x".join(str(number or "") for number in given)}  # (100, 0): 100 wide
    for name, table in given.items():
        if not _NAME.fullmatch(str(name)):
            problems.append(f"dimensions: {name!r} must be a short name of letters, digits, '-' and '_'")
        if not isinstance(table, Mapping):
            yield str(name), {"dimension": table}
            continue
        if "dimension" not in table:
            problems.append(f'dimensions: {name}: needs a "dimension"')
        unknown = [key for key in table if key not in _OWN]
        problems.extend(f"dimensions: {name}: unknown key {key!r}{nearest(str(key), list(_OWN))}" for key in unknown)
        yield str(name), {key: value for key, value in table.items() if key in _OWN}


def _wanted(name: str, table: Mapping[str, Any], limits: Limits) -> Wanted:
    values: dict[str, Any] = {}
    for key, kind in _OWN.items():
        try:
            value = coerce(table[key], kind)
            values[key] = _READERS[key](value) if key in _READERS else value
        except ValueError as error:
            raise ValueError(f"{key} {error}") from error
    width, height = values.pop("dimension")
    if max(width or 1, height or 1) > limits.side or (width or 1) * (height or 1) > limits.pixels:
        raise ValueError(f"dimension {table['dimension']!r} is beyond max_side or max_pixels")
    return Wanted(name, width, height, **values)


def _quality(value: int) -> int:
    if not 1 <= value <= 100:
        raise ValueError(f"must be from 1 to 100, not {value}")
    return value


def _kind(value: str | None) -> str | None:
    if not value:
        return None
    name = _ALSO.get(value.upper(), value.upper())
    if name not in KINDS:
        raise ValueError(f"{value!r} is not written{nearest(value, [each.lower() for each in KINDS])}")
    if not _built_in(name):
        raise ValueError(f"{value!r} is not written by this installation of Pillow: it was built without it")
    return name


def _color(value: str) -> str:
    try:
        background(value)
    except ValueError:
        raise ValueError(f"must be like '#ffffff', 'white' or 'transparent', not {value!r}") from None
    return value


_READERS: dict[str, Callable[[Any], Any]] = {
    "dimension": parse_geometry,
    "crop": parse_crop,
    "quality": _quality,
    "format": _kind,
    "padding_color": _color,
}


def _formats(given: Sequence[str], problems: list[str]) -> Iterator[str]:
    """The names of FORMATS as `imaging.source.FORMATS` knows them."""
    if not given:
        problems.append("formats: at least one must be listed, or no picture could be read")
    for word in given:
        name = _ALSO.get(str(word).upper(), str(word).upper())
        if name not in FORMATS:
            problems.append(f"formats: {word!r} is not read{nearest(str(word), [each.lower() for each in FORMATS])}")
        elif name == "HEIC" and find_spec("pillow_heif") is None:
            problems.append(str(MissingExtra("format 'HEIC'", "pillow-heif", "heic")))
        elif not _built_in(name):
            problems.append(f"formats: {word!r} is not read by this installation of Pillow: it was built without it")
        else:
            yield name


def _built_in(name: str) -> bool:
    feature = _FEATURES.get(name)
    return feature is None or (feature in features.modules and bool(features.check(feature)))


def _amiss(options: Mapping[str, Any], limits: Limits) -> Iterator[str]:
    if min(limits.pixels, limits.side, limits.frames) < 1:
        yield "max_pixels, max_side and max_frames must be at least 1"
    if options["PROCESSES"] < 1:
        yield "processes must be at least 1; to decode in the server's own process set sandbox = false"
    if options["MEMORY_LIMIT"] < _LEAST_MEMORY:
        yield f"memory_limit must be at least {_LEAST_MEMORY >> 20} MiB, or no process could start"
    if min(options["CPU_LIMIT"], options["TIME_LIMIT"]) <= 0:
        yield "cpu_limit and time_limit must be more than 0 s"
