"""What is read, what is written, and what is never opened; animations."""

from __future__ import annotations

import logging
from io import BytesIO
from typing import Any

import pillow_heif
import pytest
from PIL import Image

from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
from ajaxupload.backends.thumbnail.imaging.source import draft
from ajaxupload.errors import ConfigError, Unprocessable
from tests.thumbnail.pictures import (
    animated,
    corners,
    gif_with_frames,
    jpeg,
    kept,
    opened,
    photo,
    saved,
    thumbnail,
    uploaded,
)

pytestmark = pytest.mark.usefixtures("each_way")

FOUR = ("JPEG", "PNG", "GIF", "WEBP")
OTHERS = ("BMP", "TIFF", "ICO", "PPM", "TGA", "JPEG2000", "PCX", "SGI", "DDS", "MSP")


@pytest.mark.parametrize("kind", FOUR)
def test_a_thumbnail_has_its_sources_format_and_extension(kind: str) -> None:
    extension = {"JPEG": "jpg"}.get(kind, kind.lower())
    reply = uploaded(saved(photo(300, 200), kind), f"x.{extension}")
    assert reply["filename"] == f"x.{extension}"
    assert reply["thumbnails"]["thumbnail"]["type"] == f"image/{kind.lower()}"
    assert (opened(kept(reply)).format, opened(kept(reply)).size) == (kind, (100, 67))


@pytest.mark.parametrize("wanted", ["jpeg", "JPG", "png", "webp", "gif", "avif"])
@pytest.mark.parametrize("kind", FOUR)
def test_every_format_becomes_every_other(kind: str, wanted: str) -> None:
    reply = uploaded(saved(photo(60, 40), kind), "a/b/x.bin", FORMAT=wanted, DIMENSION="30")
    name = {"JPG": "JPEG"}.get(wanted.upper(), wanted.upper())
    assert (opened(kept(reply)).format, opened(kept(reply)).size) == (name, (30, 20))
    assert reply["filename"] == "a/b/x." + ("jpg" if name == "JPEG" else wanted)


def test_quality_is_heard() -> None:
    for kind in ("jpeg", "webp", "avif"):
        small, large = (len(kept(uploaded(jpeg(), FORMAT=kind, QUALITY=quality))) for quality in (10, 95))
        assert small * 2 < large, kind


# ---- what is opened


@pytest.mark.parametrize("kind", OTHERS)
def test_other_formats_are_never_opened(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """They are not tried, so it does not matter whether they are sound."""
    mode = "1" if kind == "MSP" else "RGB"
    with caplog.at_level(logging.INFO, "ajaxupload"), pytest.raises(Unprocessable) as caught:
        uploaded(saved(photo(40, 40, mode), kind), "photo.jpg")
    assert "no picture that can be read here (JPEG, PNG, GIF, WEBP)" in caught.value.message
    assert "cannot identify" in caplog.text


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"x" * 70000]
)
def test_what_is_no_picture_is_refused(content: bytes, shelf: dict[str, bytes]) -> None:
    with pytest.raises(Unprocessable) as caught:
        uploaded(content, KEEP_ORIGINAL=True)
    assert caught.value.permanent
    assert shelf == {}


def test_only_listed_formats_are_opened() -> None:
    assert thumbnail(jpeg(), FORMATS=("JPEG",)).format == "JPEG"
    with pytest.raises(Unprocessable):
        uploaded(saved(photo(40, 40), "PNG"), FORMATS=("JPEG",))


def test_a_jpeg_with_more_pictures_behind_it_is_its_first_picture() -> None:
    """MPO, as some phones write it."""
    first, second = corners(400, 200), Image.new("RGB", (400, 200), "black")
    content = saved(first, "MPO", save_all=True, append_images=[second])
    for most in (1, 10):
        seen = thumbnail(content, MAX_FRAMES=most)
        assert (seen.format, seen.size) == ("JPEG", (100, 50))
        assert seen.convert("RGB").getpixel((5, 5))[0] > 200  # type: ignore[index]  # three bands


def test_avif_is_read_where_it_is_listed() -> None:
    content = saved(corners(200, 100), "AVIF")
    seen = thumbnail(content, FORMATS=("AVIF",), DIMENSION="80x80")
    assert (seen.format, seen.size) == ("AVIF", (80, 40))
    with pytest.raises(Unprocessable):
        uploaded(content)


def heic(picture: Image.Image) -> bytes:
    """As phones write it."""
    file = BytesIO()
    pillow_heif.from_pillow(picture).save(file, quality=95)
    return file.getvalue()


@pytest.mark.parametrize("word", ["HEIC", "heif"])
def test_heic_is_read_where_it_is_listed_and_becomes_a_jpeg(word: str) -> None:
    content = heic(corners(200, 100))
    reply = uploaded(content, "IMG_1.HEIC", FORMATS=("JPEG", word), DIMENSION="80x80")
    assert reply["filename"] == "IMG_1.jpg"
    assert (opened(kept(reply)).format, opened(kept(reply)).size) == ("JPEG", (80, 40))
    with pytest.raises(Unprocessable):
        uploaded(content)


def test_heic_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ajaxupload.backends.thumbnail.recipe.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"needs pillow-heif: pip install .*ajaxupload\[heic\]"):
        ThumbnailUploadBackend(STORE="memory", FORMATS=("HEIC",)).startup()


def test_a_pillow_without_webp_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("PIL.features.check", lambda name: False)
    with pytest.raises(ConfigError, match="'WEBP' is not read by this installation of Pillow"):
        ThumbnailUploadBackend(STORE="memory").startup()
    with pytest.raises(ConfigError, match="'webp' is not written by this installation of Pillow"):
        ThumbnailUploadBackend(STORE="memory", FORMATS=("JPEG",), FORMAT="webp").startup()


# ---- animations


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_of_an_animation_the_first_frame_is_taken(kind: str) -> None:
    seen = thumbnail(animated(kind, 5))
    assert not getattr(seen, "is_animated", False)
    assert seen.convert("RGB").getpixel((10, 10)) == (0, 0, 0)


@pytest.mark.parametrize("wanted", ["gif", "webp", "png"])
@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_stays_one_where_it_may(kind: str, wanted: str) -> None:
    seen: Any = thumbnail(animated(kind, 4), FORMAT=wanted, MAX_FRAMES=4, DIMENSION="30x30")
    assert (seen.format, seen.n_frames, seen.size) == (wanted.upper(), 4, (30, 20))
    assert seen.info["loop"] == 0
    reds = []
    for number in range(4):
        seen.seek(number)
        seen.load()
        assert seen.info["duration"] == 80
        reds.append(seen.convert("RGB").getpixel((10, 10))[0])
    assert all(abs(found - 85 * number) < 8 for number, found in enumerate(reds)), reds


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_that_is_shown_once_is_still_shown_once(kind: str) -> None:
    seen = thumbnail(animated(kind, 3, loop=None if kind == "GIF" else 1), MAX_FRAMES=5, FORMAT="webp")
    assert seen.info["loop"] == 1


def test_an_animation_with_transparent_frames_leaves_no_trails() -> None:
    frames = []
    for left in (0, 20, 40):
        frame = Image.new("RGBA", (60, 60), (0, 0, 0, 0))
        frame.paste((200, 0, 0, 255), (left, 0, left + 20, 60))
        frames.append(frame)
    content = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=50, disposal=2)
    seen = thumbnail(content, MAX_FRAMES=9, DIMENSION="30x30", FORMAT="gif")
    seen.seek(2)
    picture = seen.convert("RGBA")
    assert [picture.getpixel((x, 15))[3] > 128 for x in (5, 15, 25)] == [False, False, True]  # type: ignore[index]  # four bands


@pytest.mark.parametrize(
    "options",
    [
        {"MAX_FRAMES": 3},
        {"MAX_FRAMES": 9, "MAX_PIXELS": 60 * 40 * 3},
        {"MAX_FRAMES": 9, "MAX_PIXELS": 60 * 40 * 4, "DIMENSIONS": {"a": "30x30", "b": "120"}},
        {"MAX_FRAMES": 9, "FORMAT": "jpeg"},
    ],
)
def test_an_animation_beyond_the_limits_or_without_a_place_is_a_still(options: dict[str, Any]) -> None:
    seen = thumbnail(animated("GIF", 4), **options, DIMENSION="30x30")
    assert not getattr(seen, "is_animated", False)
    assert seen.size == (30, 20)


@pytest.mark.parametrize("kind", ["GIF", "PNG"])
def test_an_animation_that_breaks_off_is_a_still(kind: str) -> None:
    content = animated(kind, 6)
    for share in (0.6, 0.8):
        seen = thumbnail(content[: int(len(content) * share)], MAX_FRAMES=9, DIMENSION="30x30")
        assert not getattr(seen, "is_animated", False)
        assert seen.size == (30, 20)


def test_fifty_thousand_frames_are_one() -> None:
    """C08."""
    assert thumbnail(gif_with_frames(50_000), UPSCALE=False).size == (1, 1)


@pytest.mark.parametrize(
    ("needed", "decoded"),
    [([(100, 75)], (200, 150)), ([(100, 75), (400, 300)], (800, 600)), ([(500, 375)], (1600, 1200))],
    ids=str,
)
def test_a_large_jpeg_is_decoded_small_and_never_smaller_than_twice_what_is_made_of_it(
    needed: list[tuple[int, int]], decoded: tuple[int, int]
) -> None:
    with Image.open(BytesIO(jpeg(1600, 1200))) as picture:
        draft(picture, needed)
        picture.load()
        assert picture.size == decoded
