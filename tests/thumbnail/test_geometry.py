"""Geometry and crop as text and as arithmetic; what holds for every picture and every size."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ajaxupload.backends.thumbnail.imaging.geometry import (
    Wanted,
    offsets,
    parse_crop,
    parse_geometry,
    scaled_size,
)

sides = some.integers(1, 10_000)
pictures = some.tuples(sides, sides)
crops = some.sampled_from(["", "50% 50%", "0% 100%", "10px 3px", "smart"])


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("100x200", (100, 200)),
        ("100", (100, None)),
        ("100x", (100, None)),
        ("x200", (None, 200)),
        (" 100 X 200 ", (100, 200)),
    ],
)
def test_a_geometry_is_read(text: str, size: tuple[int | None, int | None]) -> None:
    assert parse_geometry(text) == size


@pytest.mark.parametrize(
    "text", ["", "x", "0x100", "100x0", "-1", "1.5", "100x100x100", "axb", "1000000", "\u0661\u0660"]
)
def test_what_is_no_geometry_is_told_what_one_is(text: str) -> None:
    with pytest.raises(ValueError, match="must be like '100x100'"):
        parse_geometry(text)


@pytest.mark.parametrize(
    ("value", "crop"),
    [
        (None, ""),
        (False, ""),
        ("", ""),
        ("noop", ""),
        (True, "50% 50%"),
        ("center", "50% 50%"),
        ("left", "0% 50%"),
        ("right", "100% 50%"),
        ("top", "50% 0%"),
        ("bottom", "50% 100%"),
        ("right bottom", "100% 100%"),
        ("center top", "50% 0%"),
        ("50% 20%", "50% 20%"),
        ("10px 5px", "10px 5px"),
        ("10px", "10px 10px"),
        ("Smart", "smart"),
    ],
)
def test_a_crop_is_read(value: Any, crop: str) -> None:
    assert parse_crop(value) == crop


@pytest.mark.parametrize("value", ["middle", "top left", "50", "-1px 0px", "1% 2% 3%", "smart center", "50%x50%"])
def test_what_is_no_crop_is_told_what_one_is(value: str) -> None:
    with pytest.raises(ValueError, match="must be like 'center'"):
        parse_crop(value)


@pytest.mark.parametrize(
    ("width", "height", "picture", "scaled"),
    [
        (100, 100, (400, 200), (100, 50)),
        (100, None, (400, 200), (100, 50)),
        (None, 100, (400, 200), (200, 100)),
        (100, 100, (40, 20), (100, 50)),
        (10, 10, (1, 1000), (1, 10)),
    ],
)
def test_a_picture_is_fitted_into_its_geometry(
    width: int | None, height: int | None, picture: tuple[int, int], scaled: tuple[int, int]
) -> None:
    assert scaled_size(Wanted("x", width, height), picture) == scaled


def test_a_picture_that_is_cropped_fills_its_geometry() -> None:
    assert scaled_size(Wanted("x", 100, 100, "50% 50%"), (400, 200)) == (200, 100)


def test_a_small_picture_stays_small_unless_it_may_be_scaled_up() -> None:
    assert scaled_size(Wanted("x", 100, 100, upscale=False), (40, 20)) == (40, 20)


@given(sides, sides, pictures)
def test_without_a_crop_nothing_is_larger_than_the_geometry(width: int, height: int, picture: tuple[int, int]) -> None:
    scaled = scaled_size(Wanted("x", width, height), picture)
    assert 1 <= scaled[0] <= width
    assert 1 <= scaled[1] <= height


@given(sides, sides, pictures)
def test_with_a_crop_nothing_is_smaller_than_the_geometry(width: int, height: int, picture: tuple[int, int]) -> None:
    scaled = scaled_size(Wanted("x", width, height, "50% 50%"), picture)
    assert scaled[0] >= width
    assert scaled[1] >= height


@given(some.none() | sides, sides, pictures)
def test_the_side_that_is_given_is_the_largest_it_gets(
    width: int | None, height: int, picture: tuple[int, int]
) -> None:
    scaled = scaled_size(Wanted("x", width, height if width is None else None), picture)
    assert min(scaled) >= 1
    assert scaled[1] <= height if width is None else scaled[0] <= width


@given(sides, sides, pictures, crops)
def test_nothing_grows_that_must_not(width: int, height: int, picture: tuple[int, int], crop: str) -> None:
    scaled = scaled_size(Wanted("x", width, height, crop, upscale=False), picture)
    assert scaled[0] <= picture[0]
    assert scaled[1] <= picture[1]


@given(pictures, some.data(), some.sampled_from(["0% 0%", "100% 100%", "37% 91%", "9999px 0px", "50% 12px"]))
def test_a_window_never_leaves_the_picture(picture: tuple[int, int], data: some.DataObject, crop: str) -> None:
    window = data.draw(some.tuples(some.integers(1, picture[0]), some.integers(1, picture[1])))
    left, top = offsets(crop, picture, window)
    assert 0 <= left <= picture[0] - window[0]
    assert 0 <= top <= picture[1] - window[1]
