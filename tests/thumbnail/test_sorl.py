"""Geometry, crop, upscale and padding mean what they mean in sorl-thumbnail: its own output, pixel by pixel.

What lives here: one table of geometries and crops, for each of a few pictures, and how alike is alike. Decoders and
scaling are not the same to the last bit: a JPEG is decoded small here, and a first reduction is done in whole steps.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image, ImageChops, ImageStat

from tests.thumbnail.pictures import photo, saved, thumbnail

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]

#: A thumbnail's pixels may differ by so much on average, and the worst by so much, of 255. (Nothing but noise is what a
#: JPEG that is decoded small shows most with.)
MEAN, MEAN_OF_NOISE, WORST = 0.6, 2.0, 12

SOURCES: dict[str, Callable[[], bytes]] = {
    "wide.png": lambda: saved(photo(640, 360), "PNG"),
    "tall.png": lambda: saved(photo(301, 453), "PNG"),
    "tiny.png": lambda: saved(photo(31, 17), "PNG"),
    "large.jpg": lambda: saved(photo(2000, 1500), "JPEG", quality=92),
    "grey.jpg": lambda: saved(photo(500, 400, "L"), "JPEG", quality=92),
    "turned.jpg": lambda: saved(photo(480, 320), "JPEG", quality=92, exif=_orientation(6)),
    "alpha.png": lambda: saved(_fading(photo(320, 320)), "PNG"),
    "noise.png": lambda: saved(_noise(500, 350), "PNG"),
    "noise.jpg": lambda: saved(_noise(1600, 1200), "JPEG", quality=92),
    "palette.gif": lambda: saved(photo(300, 200).quantize(64), "GIF"),
}

GEOMETRIES = ("100x100", "x100", "100", "60x200", "200x60", "24x15", "133x77", "450x350")
CROPS: tuple[Any, ...] = (
    False, "noop", "center", "left", "right", "top", "bottom", "0% 0%", "100% 100%", "50% 20%", "33% 66%", "10px 5px",
    "25%", "7px", "center top", "right bottom", "9999px 0px", "smart",
)  # fmt: skip


class Case(NamedTuple):
    """One thumbnail. `options` are sorl's, which are ours in capitals."""

    source: str
    geometry: str
    options: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.source} {self.geometry} " + " ".join(f"{key}={value}" for key, value in self.options.items())


def _table() -> list[Case]:
    cases = [Case(source, geometry, {"crop": "center"}) for source in SOURCES for geometry in GEOMETRIES]
    cases += [Case(source, geometry, {}) for source in SOURCES for geometry in GEOMETRIES]
    for source in ("wide.png", "tall.png", "large.jpg", "turned.jpg"):
        cases += [Case(source, geometry, {"crop": crop}) for geometry in ("100x100", "60x200") for crop in CROPS]
    for source in ("tiny.png", "wide.png"):
        for crop in (False, "center", "smart"):
            cases += [Case(source, geometry, {"crop": crop, "upscale": False}) for geometry in GEOMETRIES]
    for colour in ("#ff0000", "#fff"):
        for source in ("wide.png", "alpha.png", "grey.jpg", "tiny.png"):
            options = {"padding": True, "padding_color": colour, "upscale": False}
            cases += [Case(source, geometry, options) for geometry in ("100x100", "400x50", "x80", "45x45")]
    return cases


CASES = _table()


def _orientation(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def _noise(width: int, height: int) -> Image.Image:
    grey = Image.frombytes("L", (width, height), random.Random(7).randbytes(width * height))
    return Image.blend(grey.convert("RGB"), photo(width, height), 0.5)


def _fading(picture: Image.Image) -> Image.Image:
    picture.putalpha(Image.linear_gradient("L").resize(picture.size))
    return picture


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sources, and sorl's thumbnail of each case as `sorl-<number>.png`."""
    folder = tmp_path_factory.mktemp("sorl")
    for name, make in SOURCES.items():
        (folder / name).write_bytes(make())
    command = [sys.executable, "-m", "tests.thumbnail.sorl", str(folder)]
    subprocess.run(command, cwd=ROOT, input=json.dumps(CASES), text=True, check=True)
    return folder


def difference(ours: Image.Image, theirs: Image.Image) -> tuple[float, int]:
    """Mean and worst difference of two pictures' pixels, what is invisible in both left out."""
    ours, theirs = (Image.alpha_composite(Image.new("RGBA", each.size, "grey"), each) for each in (ours, theirs))
    found = ImageChops.difference(ours.convert("RGB"), theirs.convert("RGB"))
    return max(ImageStat.Stat(found).mean), max(ImageStat.Stat(found).extrema, key=lambda each: each[1])[1]


@pytest.mark.parametrize("source", SOURCES)
def test_every_case_of_the_table_is_as_sorl_thumbnail_makes_it(reference: Path, source: str) -> None:
    content, wrong = (reference / source).read_bytes(), []
    most = MEAN_OF_NOISE if source.startswith("noise") else MEAN
    for number, case in enumerate(CASES):
        if case.source != source:
            continue
        ours = thumbnail(content, source, dimension=case.geometry, format="png", **case.options).convert("RGBA")
        theirs = Image.open(reference / f"sorl-{number}.png").convert("RGBA")
        if ours.size != theirs.size:
            wrong.append(f"{case}: {ours.size} instead of {theirs.size}")
            continue
        mean, worst = difference(ours, theirs)
        if mean > most or worst > WORST:
            wrong.append(f"{case}: {mean:.2f} on average, {worst} at worst")
    assert not wrong, "\n".join(wrong)


def test_the_table_is_not_small() -> None:
    assert len(CASES) > 350
    assert {case.source for case in CASES} == set(SOURCES)


def test_the_comparison_sees_a_crop_that_is_off_by_a_few_pixels() -> None:
    one, other = (
        photo(100, 100).convert("RGBA"),
        photo(100, 100).convert("RGBA").transform((100, 100), Image.Transform.AFFINE, (1, 0, 3, 0, 1, 0)),
    )
    mean, worst = difference(one, other)
    assert mean > MEAN
    assert worst > WORST
