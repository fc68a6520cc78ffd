"""Pictures for the tests, made here, and a way to have them uploaded.

What lives here: files of every kind that cameras, programs and attackers make, as bytes. What must not: tests.
"""

from __future__ import annotations

import random
import struct
import zlib
from io import BytesIO
from typing import Any, ClassVar

from PIL import Image, ImageCms, ImageDraw

from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
from ajaxupload.testing.driving import begin, cut, finish, send

RED, GREEN, BLUE, YELLOW = (220, 30, 30), (30, 180, 30), (40, 40, 220), (230, 220, 40)


class Shelf(MemoryUploadBackend):
    """A store of the tests' own."""

    files: ClassVar[dict[str, bytes]] = {}


# ---- uploading


def uploaded(content: bytes, name: str = "photo.jpg", **options: Any) -> dict[str, Any]:
    """Upload it as the engine would. The reply; when it fails, the store is told as well."""
    backend = ThumbnailUploadBackend(**{"STORE": Shelf, **options})
    filename = begin(backend, name, len(content))
    try:
        send(backend, cut(content, [65536]))
        return finish(backend, filename)
    except BaseException:
        backend.upload_aborted(filename)
        raise


def kept(reply: dict[str, Any]) -> bytes:
    """What the shelf holds under the reply's name."""
    return Shelf.files[reply["filename"]]


def opened(content: bytes) -> Image.Image:
    """As Pillow reads it, decoded."""
    picture = Image.open(BytesIO(content))
    picture.load()
    return picture


def thumbnail(content: bytes, name: str = "photo.jpg", **options: Any) -> Image.Image:
    """Upload it, and what came out."""
    return opened(kept(uploaded(content, name, **options)))


# ---- pictures


def photo(width: int, height: int, mode: str = "RGB") -> Image.Image:
    """Something like a photograph: soft areas, a few edges, no noise; the same for the same size."""
    seed = random.Random(f"{width}x{height}")
    small = Image.new("RGB", (9, 7))
    for x in range(9):
        for y in range(7):
            small.putpixel((x, y), tuple(seed.randrange(256) for _ in range(3)))
    picture = small.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(picture)
    for _ in range(4):
        x, y = seed.randrange(width), seed.randrange(height)
        colour = tuple(seed.randrange(256) for _ in range(3))
        draw.ellipse((x - width // 8, y - height // 8, x + width // 8, y + height // 8), fill=colour)
    return picture.convert(mode)


def corners(width: int = 80, height: int = 40) -> Image.Image:
    """Red, green, blue, yellow: clockwise from the top left."""
    picture = Image.new("RGB", (width, height))
    halves = (0, 0), (width // 2, 0), (width // 2, height // 2), (0, height // 2)
    for (left, top), colour in zip(halves, (RED, GREEN, BLUE, YELLOW), strict=True):
        picture.paste(colour, (left, top, left + width // 2, top + height // 2))
    return picture


def saved(picture: Image.Image, kind: str, **options: Any) -> bytes:
    """The file."""
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def jpeg(width: int = 400, height: int = 300, **options: Any) -> bytes:
    """A photograph as JPEG."""
    return saved(photo(width, height), "JPEG", **{"quality": 90, **options})


def png(width: int = 400, height: int = 300, **options: Any) -> bytes:
    """A photograph as PNG."""
    return saved(photo(width, height), "PNG", **options)


def animated(kind: str, count: int, size: tuple[int, int] = (60, 40), *, loop: int | None = 0) -> bytes:
    """An animation whose frames go from black to red."""
    frames = [Image.new("RGB", size, (255 * number // max(count - 1, 1), 0, 0)) for number in range(count)]
    more: dict[str, Any] = {"lossless": True} if kind == "WEBP" else {}
    more |= {"loop": loop} if loop is not None else {}
    return saved(frames[0], kind, save_all=True, append_images=frames[1:], duration=80, **more)


def profile() -> bytes:
    """An ICC profile that is not sRGB: red and green change places."""
    swapped = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = swapped.index(b"rXYZ"), swapped.index(b"gXYZ")
    swapped[red : red + 4], swapped[green : green + 4] = b"gXYZ", b"rXYZ"
    return bytes(swapped)


# ---- attacks


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG (PNG specification, 5.3)."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_claiming(width: int, height: int, more: bytes = b"", rows: int = 0) -> bytes:
    """A PNG whose header says this size, and that has `rows` rows of grey, compressed a thousandfold."""
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(b"\0" * (width + 1)) for _ in range(rows)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    parts = chunk(b"IHDR", header), more, chunk(b"IDAT", data), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def gif_with_frames(count: int) -> bytes:
    """A GIF of one pixel and very many frames."""
    head = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff"
    frame = b"\x21\xf9\x04\x00\x01\x00\x00\x00\x2c\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02\x44\x01\x00"
    return head + frame * count + b"\x3b"


def png_of(patches: bytes, padding: int = 0) -> bytes:
    """A PNG of 64x64 pixels in four by four patches of these greys, made longer by a chunk that nobody reads."""
    small = Image.frombytes("L", (4, 4), patches)
    content = saved(small.resize((64, 64), Image.Resampling.NEAREST), "PNG")
    end = content.index(b"IEND") - 4
    return content[:end] + chunk(b"ruBb", b"x" * padding) + content[end:]
