"""`ThumbnailUploadBackend`: the seed's hooks in front of a store.

What lives here: the options, the hooks, the reply. What must not: pictures (imaging/), processes (pool.py).
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO, cast

from ...errors import ConfigError, UploadError
from ...registry import nearest
from ...specs import BackendSpec, options_of, spec_of
from ...upload import new_id
from ...values import Backend, Duration, Size
from ..base import AbstractUploadBackend
from .child import Limits, interpreter
from .drawn import Drawn, Thumbnail, draw_here, draw_in
from .handed import Handed
from .imaging.drawing import Job
from .naming import thumbnail_name
from .pool import pool_for
from .recipe import KINDS, THE_ONE, read_recipe

__all__ = ["ThumbnailUploadBackend"]

_log = logging.getLogger("ajaxupload")
_BLOCK = 256 << 10


class ThumbnailUploadBackend(AbstractUploadBackend):
    """Makes a picture small, once or in several sizes, and hands what comes out to the store that STORE names.

    The reply is the store's for the first thumbnail, and has `thumbnails` (name -> filename, width, height, size, type
    and the store's words, such as path and url) and, with KEEP_ORIGINAL, `original`. Thumbnails are upright, in sRGB,
    and hold nothing of the original but pixels. A file that is no picture of FORMATS, is beyond the limits or cannot be
    decoded raises Unprocessable, and nothing of it is kept. Options of a STORE that is only a class may be set here.
    """

    #: The backend that keeps what is made: a configured one's name, a registry name, a dotted path, a class, a table.
    STORE: Backend = "local"
    #: "100x100", "100" (the width) or "x100" (the height).
    DIMENSION: str = "100x100"
    #: Several sizes: name -> dimension, or -> a table of dimension, crop, upscale, quality, format, padding, padding_color.
    DIMENSIONS: Mapping[str, Any] | str | tuple[int, ...] | None = None
    #: Fill the dimension and cut off the rest: true is "center"; "left", "top", "50% 20%", "10px 0px", "smart".
    CROP: bool | str | None = None
    #: May a small picture be made larger?
    UPSCALE: bool = True
    #: Of JPEG, WebP and AVIF, from 1 to 100.
    QUALITY: int = 85
    #: "jpeg", "png", "webp", "gif", "avif"; None: the source's.
    FORMAT: str | None = None
    #: Fill what is missing of the dimension with PADDING_COLOR ("#ffffff", "white", "transparent").
    PADDING: bool = False
    PADDING_COLOR: str = "#ffffff"
    #: Store the file as it came, too.
    KEEP_ORIGINAL: bool = False
    #: What is opened at all. "AVIF" and "HEIC" may be added where Pillow or pillow-heif reads them.
    FORMATS: tuple[str, ...] = ("JPEG", "PNG", "GIF", "WEBP")
    #: Of all frames that are decoded; told from the header.
    MAX_PIXELS: int = 40_000_000
    MAX_SIDE: int = 10_000
    #: An animation of up to so many frames stays one, where the format can hold it; of others the first frame is taken.
    MAX_FRAMES: int = 1
    #: Decode in child processes with these limits each; false: in this process, without.
    SANDBOX: bool = True
    PROCESSES: int = 2
    MEMORY_LIMIT: Size = 512 << 20
    CPU_LIMIT: Duration = 10.0
    TIME_LIMIT: Duration = 15.0
    #: Where a picture waits until it is decoded. Default: the system's folder for temporary files.
    TEMP_DIR: str | None = None
    LENT_BUFFER = True

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._store = self._spec()
        # Its abilities are the store's: that of an instance of its own, for they do not depend on an upload.
        keeper = self._store.create()
        self.open, self.delete, self.url = keeper.open, keeper.delete, keeper.url
        self._request: Any = None
        self._names: Mapping[str, str] = {}
        self._source: BinaryIO | None = None
        self._original: Handed | None = None
        self._made: list[tuple[Thumbnail, Handed]] | None = None
        self._drawn: Drawn | None = None
        self._handed: list[Handed] = []

    # ---- once per process

    def startup(self) -> None:
        """Are the options right, and can the store be stored to? No child is started yet: the server may fork."""
        read_recipe(self._options())
        if self.SANDBOX:
            interpreter()
        try:
            with self._temporary():
                pass
        except OSError as error:
            place = self.TEMP_DIR or tempfile.gettempdir()
            raise ConfigError(
                f"cannot keep pictures in {place} while they come in ({error.strerror or error}): set temp_dir elsewhere"
            ) from error
        self._store.create().startup()

    def examine(self) -> list[str]:
        """What is amiss with the store, and whether a picture can be decoded: one is."""
        return [*self._store.create().examine(), *self._rehearsed()]

    def clean(self, older_than: float = 0) -> int:
        """As the store does it; nothing of ours has a name."""
        return int(self._store.create().clean(older_than))

    # ---- one upload

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str | None:
        """Keep what the store's own hook will be asked with."""
        self._request, self._names = request, kwargs
        return None

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Ready a file without a name; and the store, for the original."""
        self._source = self._temporary()
        if self.KEEP_ORIGINAL:
            self._original = self._hand_over(filename, {"id": new_id()})

    def upload_chunk(self, chunk: bytes | bytearray | memoryview, *args: Any, **kwargs: Any) -> None:
        """Keep it for the decoder."""
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._received().write(rest) :]
        if self._original is not None:
            self._original.send(chunk)

    def upload_waits(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Make the thumbnails now, so that a file that is no picture is refused before others become visible."""
        self._make(filename)
        for handed in self._handed:
            handed.wait()

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Make all of it visible."""
        if self._made is None:
            self._make(filename)
        made, drawn = self._made, self._drawn
        if made is None or drawn is None:
            raise RuntimeError("nothing was made")
        thumbnails = {}
        for thumbnail, handed in made:
            facts = {"width": thumbnail.width, "height": thumbnail.height, "size": thumbnail.size}
            facts["type"] = KINDS[thumbnail.kind].type
            thumbnails[thumbnail.name] = handed.complete(request), facts
        first = next(iter(thumbnails.values()))[0]
        self.upload.filename = first["filename"]
        reply = {**first, "thumbnails": {name: {**said, **facts} for name, (said, facts) in thumbnails.items()}}
        if self._original is not None:
            size = {"width": drawn.width, "height": drawn.height, "size": self._original.upload.size}
            reply["original"] = self._original.complete(request) | size
        return reply

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Leave nothing behind, in the store neither."""
        self._close()
        for handed in reversed(self._handed):
            handed.abort()
