"""`ThumbnailUploadBackend`: hooks that make pictures small, in front of a store.

What lives here: the options, the hooks, the reply. What must not: pictures (imaging/), processes (pool.py).
"""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO, cast

from PIL import Image

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
    #: Several sizes: name -> dimension, or -> a table with keys dimension, crop, upscale, quality, format, padding,
    #: padding_color.
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
        own = options_of(type(self))
        super().__init__(**{name: value for name, value in options.items() if name.upper() in own})
        self._store = self._spec({name: value for name, value in options.items() if name.upper() not in own})
        # Its abilities are the store's: those of an instance of its own, for they do not depend on an upload.
        keeper = self._store.create()
        self.open, self.delete, self.url, self.scratch_dir, self.store_name = (
            getattr(keeper, name, None) for name in ("open", "delete", "url", "scratch_dir", "store_name")
        )
        self._request: Any = None
        self._names: Mapping[str, str] = {}
        self._source: BinaryIO | None = None
        self._original: Handed | None = None
        self._drawn: Drawn | None = None
        self._thumbnails: list[Handed] = []

    @property
    def shows_early(self) -> bool:  # type: ignore[override]  # read by the engine, never set
        """As the store does it: an original goes there while it comes."""
        return bool(getattr(self._store.create(), "shows_early", False))

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
            why = error.strerror or str(error)
            raise ConfigError(
                f"cannot keep pictures in {place} while they come in ({why}): set temp_dir to another folder"
            ) from error
        self._store.create().startup()

    def examine(self) -> list[str]:
        """What is amiss with the store, and whether a picture can be decoded: one is."""
        return [*self._store.create().examine(), *self._rehearsed()]

    def advise(self) -> list[str]:
        """As the store does it."""
        return list(self._store.create().advise())

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
            self._original = self._copy(id=new_id())
            self._original.begin(filename)

    def upload_chunk(self, chunk: bytes | bytearray | memoryview, *args: Any, **kwargs: Any) -> None:
        """Keep it for the decoder."""
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._received().write(rest) :]
        if self._original is not None:
            self._original.send(chunk)

    def upload_waits(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Make the thumbnails now: a file that is no picture is refused before others become visible."""
        self._make(filename)
        for handed in self._all():
            handed.wait()

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Make all of it visible."""
        drawn = self._drawn or self._make(filename)
        said = [handed.complete(request) for handed in self._thumbnails]
        self.upload.filename = said[0]["filename"]
        reply = {
            **said[0],
            "thumbnails": {
                each.name: {**words, "type": KINDS[each.kind].type, **each.facts()}
                for each, words in zip(drawn.thumbnails, said, strict=True)
            },
        }
        if (original := self._original) is not None:
            facts = {"width": drawn.width, "height": drawn.height, "size": original.upload.size}
            kind = original.upload.sniffed or original.upload.type
            reply["original"] = {**original.complete(request), "type": kind, **facts}
        return reply

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Leave nothing behind, in the store neither."""
        self._close()
        for handed in reversed(self._all()):
            handed.abort()

    # ---- details

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in _OURS}

    def _spec(self, more: Mapping[str, Any]) -> BackendSpec:
        """The store, with what was said of it here: `more`, and constants of a subclass (UPLOAD_DIR = "in")."""
        spec = self.STORE if isinstance(self.STORE, BackendSpec) else spec_of(self.STORE)
        known = options_of(spec.cls).keys() - _OURS
        for name in more:
            if name.upper() not in known:
                suggestion = nearest(name, sorted(each.lower() for each in {*options_of(type(self)), *known}))
                raise TypeError(f"{type(self).__name__} has no option {name!r}{suggestion}")
        here = {name: getattr(self, name) for name in known if hasattr(self, name)}
        return replace(spec, options={**spec.options, **here, **{name.upper(): value for name, value in more.items()}})

    def _temporary(self) -> BinaryIO:
        """A file that is gone with its descriptor."""
        return cast("BinaryIO", tempfile.TemporaryFile(dir=self.TEMP_DIR, buffering=0))

    def _received(self) -> BinaryIO:
        if self._source is None:
            raise RuntimeError("setup must be called first, and nothing after upload_waits, _complete or _aborted")
        return self._source

    def _close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()

    def _all(self) -> list[Handed]:
        return [*([self._original] if self._original else []), *self._thumbnails]

    def _copy(self, **facts: Any) -> Handed:
        """One more file of this upload; the store gives it a life of its own."""
        return Handed(self._store, replace(self.upload, **facts), self._request, self._names)

    def _make(self, filename: str) -> Drawn:
        with self._temporary() as output:
            drawn = self._draw(read_recipe(self._options()), self._received(), output)
            self._close()
            if self._original is not None:
                self._original.sent()
            output.seek(0)
            for thumbnail in drawn.thumbnails:
                self._store_one(thumbnail, filename, output)
        self._drawn = drawn
        return drawn

    def _store_one(self, thumbnail: Thumbnail, filename: str, output: BinaryIO) -> None:
        kind = KINDS[thumbnail.kind].type
        facts = {} if not self._thumbnails else {"id": new_id()}  # the first is what this upload becomes
        handed = self._copy(type=kind, sniffed=kind, size=thumbnail.size, **facts)
        name = None if thumbnail.name == THE_ONE and not self.KEEP_ORIGINAL else thumbnail.name
        taken = {each.wish for each in self._all()}
        self._thumbnails.append(handed)
        handed.begin(thumbnail_name(filename, thumbnail.kind, name, taken))
        rest = thumbnail.size
        while rest:
            block = output.read(min(rest, _BLOCK))
            if not block:
                raise OSError(errno.EIO, "a thumbnail is shorter than it was")
            handed.send(block)
            rest -= len(block)
        handed.sent()

    def _draw(self, job: Job, source: BinaryIO, output: BinaryIO, plugins: Sequence[str] = ()) -> Drawn:
        """`plugins` are what the process has loaded, where that is not what the job takes."""
        with _reader(source) as reader:
            if not self.SANDBOX:
                return draw_here(job, reader, output)
            limits = Limits(self.MEMORY_LIMIT, self.CPU_LIMIT, self.TIME_LIMIT)
            return draw_in(pool_for(limits, plugins or job.plugins(), self.PROCESSES), job, reader.fileno(), output)

    def _rehearsed(self) -> list[str]:
        """Decode a picture, as an upload would. What hinders."""
        try:
            with self._temporary() as source, self._temporary() as output:
                Image.new("RGB", (8, 8)).save(source, "PNG")
                job = read_recipe(self._options())
                self._draw(replace(job, formats=("PNG",)), source, output, job.plugins())
        except (OSError, UploadError, ConfigError) as error:
            return [f"no picture can be decoded: {error}"]
        return []


#: The options that are ours, taken before anybody sets one of the store's on the class.
_OURS = frozenset(options_of(ThumbnailUploadBackend))


def _reader(file: BinaryIO) -> BinaryIO:
    """The file from its start, for reading only: who decodes it must not be able to change what is stored of it."""
    try:
        return open(f"/proc/self/fd/{file.fileno()}", "rb")
    except OSError:  # no /proc
        reader = os.fdopen(os.dup(file.fileno()), "rb")
        reader.seek(0)
        return reader
