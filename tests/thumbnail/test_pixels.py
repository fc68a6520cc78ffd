"""What is seen: upright, in sRGB, with its transparency; whatever mode and format the picture came in."""

from __future__ import annotations

import random
from typing import Any

import pytest
from PIL import Image, PngImagePlugin

from tests.thumbnail.pictures import (
    BLUE,
    GREEN,
    RED,
    YELLOW,
    chunk,
    corners,
    jpeg,
    kept,
    opened,
    photo,
    profile,
    saved,
    thumbnail,
    uploaded,
)

pytestmark = pytest.mark.usefixtures("each_way")

#: How a picture must be turned before it is saved with this orientation, so that it is upright again (Exif 2.32).
TURNED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def near(pixel: Any, colour: tuple[int, ...], tolerance: int = 12) -> bool:
    """Is it that colour, as far as JPEG goes?"""
    return all(abs(one - other) <= tolerance for one, other in zip(pixel, colour, strict=True))


def upright(picture: Image.Image) -> bool:
    """Are the corners' colours where they belong?"""
    seen, (width, height) = picture.convert("RGB"), picture.size
    places = (2, 2), (width - 3, 2), (width - 3, height - 3), (2, height - 3)
    colours = (RED, GREEN, BLUE, YELLOW)
    return all(near(seen.getpixel(place), colour) for place, colour in zip(places, colours, strict=True))


# ---- orientation


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", TURNED)
def test_a_picture_is_upright(kind: str, orientation: int) -> None:
    picture, turn, exif = corners(320, 160), TURNED[orientation], Image.Exif()
    exif[0x0112] = orientation
    file = saved(picture.transpose(turn) if turn is not None else picture, kind, exif=exif)
    reply = uploaded(file, f"x.{kind.lower()}", DIMENSION="80x80", KEEP_ORIGINAL=True)
    assert opened(kept(reply)).size == (80, 40)
    assert upright(opened(kept(reply)))
    assert (reply["original"]["width"], reply["original"]["height"]) == (320, 160)


@pytest.mark.parametrize("orientation", TURNED)
def test_the_crop_is_of_the_upright_picture(orientation: int) -> None:
    picture, turn, exif = corners(320, 160), TURNED[orientation], Image.Exif()
    exif[0x0112] = orientation
    file = saved(picture.transpose(turn) if turn is not None else picture, "JPEG", quality=95, exif=exif)
    left = thumbnail(file, DIMENSION="40x40", CROP="left")
    assert near(left.getpixel((20, 5)), RED)
    assert near(left.getpixel((20, 35)), YELLOW)


@pytest.mark.parametrize("value", [0, 9, 255, 65535])
def test_an_orientation_that_is_nonsense_is_none(value: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = value
    assert upright(thumbnail(saved(corners(), "JPEG", exif=exif)))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_exif_that_is_garbage_is_no_reason_to_refuse_a_picture() -> None:
    rng = random.Random(5)
    for size in (6, 40, 500):
        file = saved(corners(), "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0" + rng.randbytes(size))
        assert upright(thumbnail(file))


# ---- modes


@pytest.mark.parametrize("kind", ["png", "webp", "gif", "avif"])
@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparency_stays_where_the_format_has_it(mode: str, kind: str) -> None:
    picture = corners(60, 60).convert("RGBA")
    picture.putalpha(Image.new("L", (60, 60), 255))
    picture.paste((0, 0, 0, 0), (0, 0, 30, 60))
    file = saved(picture, "GIF") if mode == "P" else saved(picture.convert(mode), "PNG")
    seen = thumbnail(file, DIMENSION="30x30", FORMAT=kind).convert("RGBA")
    assert seen.getpixel((5, 15))[3] == 0  # type: ignore[index]  # four bands
    assert seen.getpixel((25, 5))[3] == 255  # type: ignore[index]  # four bands


@pytest.mark.parametrize(
    ("options", "colour"),
    [
        ({}, (255, 255, 255)),
        ({"PADDING": True, "PADDING_COLOR": "#102030"}, (16, 32, 48)),
        ({"PADDING_COLOR": "#102030"}, (255, 255, 255)),
        ({"PADDING": True, "PADDING_COLOR": "transparent"}, (255, 255, 255)),
    ],
)
def test_a_jpeg_of_something_transparent_has_a_ground(options: dict[str, Any], colour: tuple[int, int, int]) -> None:
    picture = Image.new("RGBA", (60, 30), (*RED, 0))
    seen = thumbnail(saved(picture, "PNG"), FORMAT="jpeg", DIMENSION="60x60", **options)
    assert seen.mode == "RGB"
    assert near(seen.getpixel((seen.width // 2, seen.height // 2)), colour)


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_single_transparent_colour_is_transparency(mode: str) -> None:
    picture = Image.new("L", (40, 40), 7)
    picture.paste(200, (20, 0, 40, 40))
    seen = thumbnail(saved(picture, "PNG", transparency=7), DIMENSION="20x20").convert("RGBA")
    assert [seen.getpixel(place)[3] for place in ((2, 10), (17, 10))] == [0, 255]  # type: ignore[index]  # four bands


def test_padding_that_is_transparent_is_transparent() -> None:
    seen = thumbnail(jpeg(80, 40), FORMAT="png", DIMENSION="40x40", PADDING=True, PADDING_COLOR="transparent")
    assert (seen.size, seen.mode) == ((40, 40), "RGBA")
    assert seen.getpixel((20, 2))[3] == 0  # type: ignore[index]  # four bands
    assert seen.getpixel((20, 20))[3] == 255  # type: ignore[index]  # four bands


def test_cmyk_becomes_what_it_looks_like() -> None:
    seen = thumbnail(saved(corners(320, 160).convert("CMYK"), "JPEG", quality=95), FORMAT="png")
    assert seen.mode == "RGB"
    assert upright(seen)


def test_grey_stays_grey() -> None:
    for picture in (photo(200, 100, "L"), photo(200, 100, "1")):
        assert thumbnail(saved(picture, "PNG"), FORMAT="jpeg").mode == "L"


def test_sixteen_bits_keep_their_brightness() -> None:
    picture = Image.new("I;16", (256, 4))
    for x in range(256):
        for y in range(4):
            picture.putpixel((x, y), x * 257)
    seen = thumbnail(saved(picture, "PNG"), DIMENSION="256", FORMAT="png")
    assert [seen.getpixel((x, 1)) for x in range(256)] == list(range(256))


def test_a_transparent_grey_of_sixteen_bits_is_transparent() -> None:
    picture = Image.new("I;16", (20, 20), 5000)
    for x in range(10, 20):
        for y in range(20):
            picture.putpixel((x, y), 60000)
    content = saved(picture, "PNG")
    at = content.index(b"IDAT") - 4
    content = content[:at] + chunk(b"tRNS", (5000).to_bytes(2, "big")) + content[at:]
    seen = thumbnail(content, DIMENSION="20").convert("LA")
    assert [seen.getpixel((2, 5))[1], seen.getpixel((17, 5))] == [0, (233, 255)]  # type: ignore[index]  # two bands


def test_a_picture_of_one_pixel_is_a_picture() -> None:
    assert thumbnail(saved(Image.new("RGB", (1, 1), RED), "PNG"), DIMENSION="10x10").size == (10, 10)
    assert thumbnail(saved(Image.new("RGB", (1, 1), RED), "PNG"), UPSCALE=False).size == (1, 1)


# ---- profiles and what else is written in a file


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_profile_is_applied_and_dropped(kind: str) -> None:
    seen = thumbnail(saved(Image.new("RGB", (90, 90), (255, 0, 0)), kind, icc_profile=profile()), FORMAT="png")
    assert near(seen.getpixel((20, 20)), (0, 255, 0))
    assert "icc_profile" not in seen.info


def test_a_profile_is_applied_under_transparency_too() -> None:
    picture = Image.new("RGBA", (90, 90), (255, 0, 0, 128))
    seen = thumbnail(saved(picture, "PNG", icc_profile=profile()))
    assert near(seen.getpixel((20, 20)), (0, 255, 0, 128))


@pytest.mark.parametrize("wrong", [b"no profile", profile()[:200], profile().replace(b"RGB ", b"CMYK"), b"\0" * 4096])
def test_a_profile_that_is_wrong_is_ignored(wrong: bytes) -> None:
    assert upright(thumbnail(saved(corners(), "JPEG", quality=95, icc_profile=wrong)))
    assert upright(thumbnail(saved(corners(), "PNG", icc_profile=wrong)))


SECRET = b"Ann was here: 59.9139 N, 10.7522 E"


def told() -> dict[str, bytes]:
    """Files that tell where they were taken, in every place where one can write."""
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()
    exif[0x8825] = {1: "N", 2: (59.0, 54.0, 50.0), 29: SECRET.decode()}
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", SECRET.decode())
    text.add_text("Packed", SECRET.decode(), zip=False)
    more = {"exif": exif, "xmp": b"<x>" + SECRET + b"</x>"}
    return {
        "a.jpg": saved(corners(), "JPEG", comment=SECRET, icc_profile=profile() + SECRET, **more) + SECRET,
        "a.png": saved(corners(), "PNG", pnginfo=text, exif=exif) + b"<html>" + SECRET,
        "a.gif": saved(corners(), "GIF", comment=SECRET) + SECRET,
        "a.webp": saved(corners(), "WEBP", **more),
    }


@pytest.mark.parametrize("options", [{}, {"FORMAT": "jpeg"}, {"FORMAT": "webp", "UPSCALE": False}, {"DIMENSION": "80"}])
@pytest.mark.parametrize("name", told())
def test_a_thumbnail_holds_nothing_of_the_original_but_pixels(name: str, options: dict[str, Any]) -> None:
    """No place, no comment, no bytes behind the end; also where it is as large as the original."""
    file = told()[name]
    assert SECRET in file
    found = kept(uploaded(file, name, **options))
    assert SECRET not in found
    for mark in (b"Exif", b"http://ns.adobe.com", b"ICC_PROFILE", b"iCCP", b"tEXt", b"<html>", b"GPS", b"XMP "):
        assert mark not in found, mark
    assert not set(opened(found).info) & {"exif", "icc_profile", "comment", "xmp", "Comment"}
