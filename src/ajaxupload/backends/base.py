"""What a backend is: hooks in the order they are called, and abilities that it may offer.

What lives here: the contract, empty. What must not: any store.

The upper-case class attributes of a backend are its options; their lower-case names are the keys of its table in the
configuration. They are read when they are used, so that setting them on the class works at any time before an upload
(`LocalUploadBackend.UPLOAD_DIR = "tmp"`). A type annotation (`Size`, `Mode`, `Duration`, `Literal[...]`, `X | None`)
says how the configuration reads them. `ajaxupload.testing.BackendContract` proves an implementation.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property, lru_cache
from typing import Any, BinaryIO

from ..config import options_of
from ..registry import nearest
from ..specs import is_option
from ..upload import Upload
from ..values import Size

__all__ = ["AbstractUploadBackend"]


class AbstractUploadBackend:
    """Base of all backends. One instance is made for each upload; only `upload_chunk` must be written.

    A hook may raise any `UploadError`, which the client is told. An `OSError` means that the store fails: 507 for
    ENOSPC, EDQUOT and EFBIG, else 503. Anything else is a fault of the program: 500, and the log has the traceback.
    `request` is the web framework's own, or an `UploadRequest` where none is there. `**kwargs` are what the endpoint's
    path matched; an implementation may leave `*args, **kwargs` out, or name those that it wants. `filename` is
    relative to the store's root, with "/" between folders, and the same for all hooks.
    """

    #: If set, every chunk is exactly this many bytes long but the last.
    BUFFER_SIZE: Size | None = None
    #: No option: True says that chunks may be lent (memoryviews and bytearrays, good until `upload_chunk` returns).
    #: Otherwise they are always bytes.
    LENT_BUFFER = False
    #: No option: True says that chunks may also be `ajaxupload.piped.Piped`, which have a length and go `into` a file,
    #: by its descriptor, and no more than that. A class with an `upload_chunk` of its own does not inherit it.
    PIPED_CHUNKS = False

    #: Optional abilities. A backend that has one defines the method; what it lacks is not offered to clients. A class
    #: with an `upload_chunk` of its own does not inherit `adopt` and `reread`: what it stores may not be what came.
    #: `open(filename)` reads a stored file from its start, `delete(filename)` removes it (both raise NotFound),
    #: `url(filename)` is where browsers get it, or None. `adopt(whole)` takes over the bytes of an upload that came in
    #: several requests (see `ajaxupload.partials.Whole`) instead of being fed them by `upload_chunk`: it comes after
    #: `setup`, which finds the same in `self.whole`, and returns False to be fed after all. `scratch_dir()` is a
    #: private directory of the store's own file system for such uploads, or None. `reread()` opens what came by
    #: `upload_chunk` from its start, before `upload_complete`: a store without it has its files written a second time
    #: where inspectors want to read them. `store_name()` says which store it is, in words that stay the same while the
    #: store does: sites that keep unfinished uploads in one folder tell theirs apart by it. Without it, all options do
    #: that but for secrets. With a `scratch_dir` it need only differ from those of stores that have the same one.
    open: Callable[[str], BinaryIO] | None = None
    delete: Callable[[str], None] | None = None
    url: Callable[[str], str | None] | None = None
    adopt: Callable[[Any], bool] | None = None
    scratch_dir: Callable[[], str | None] | None = None
    reread: Callable[[], BinaryIO] | None = None
    store_name: Callable[[], str] | None = None

    #: Can others see the file, or some of it, before `upload_complete`? A backend that cannot help that says so: where
    #: there are inspectors, all its hooks from `setup` on come when they have seen the whole file.
    shows_early: bool = False

    def __init__(self, **options: Any) -> None:
        """Options override the class's for this instance, by upper-case or lower-case name. TypeError names the
        nearest known one."""
        cls: type = type(self)
        for name, value in zip(_attributes(cls, tuple(options)), options.values(), strict=True):
            setattr(self, name, value)
        #: What `adopt` will be asked to take over; None where `upload_chunk` is all that comes.
        self.whole: Any = None

    @cached_property
    def upload(self) -> Upload:
        """What is being uploaded; the engine sets it before the first hook."""
        return Upload()

    def startup(self) -> None:
        """May the place be stored to? Called on an instance of its own once per process, before the first request.

        Raises ConfigError with what to do. Clears what dead processes left.
        """

    def examine(self) -> list[str]:
        """What is amiss with the place, each text with what mends it: `ajaxupload check` asks, after `startup`.

        Prove it by really writing, reading and deleting; leave nothing behind.
        """
        return []

    def advise(self) -> list[str]:
        """What uploads do without and the place's owner should not, each text with what sets it. No fault: `check`
        says it and is content.
        """
        return []

    def clean(self, older_than: float = 0) -> int:
        """Remove what dead processes left, unless it changed in the last `older_than` seconds. Returns how many.

        Must not touch the uploads of living processes. May be called at any time, on an instance of its own.
        """
        return 0

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str | None:
        """The first hook: another name to store it as, or None to keep this one, which is clean and rendered."""
        return None

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Before the first byte: name, type and declared size have been checked, and somebody may upload here.

        Take what storing needs, so that a store that fails is told before the client has sent everything.
        """

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        """Bytes in order, none of them empty; see BUFFER_SIZE and LENT_BUFFER. An empty file has no chunk at all."""
        raise NotImplementedError(f"{type(self).__name__} does not define upload_chunk")

    def upload_waits(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """All bytes came and passed every check, but more files of the same request are still to come.

        Give back what is scarce, such as file descriptors: a form may hold thousands of files. Stay invisible.
        """

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        """The last hook: make the file durable and visible. The bytes are as many as were declared.

        The dict is merged into the reply, which is JSON. A backend that stores under another name than `filename` sets
        `self.upload.filename` and returns `{"filename": that}`. What raises here leaves nothing visible.
        """
        return None

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Leave nothing behind. Comes after any hook from `setup` on, also when that hook itself raised, and after
        `upload_complete` returned when another file of the same request failed.

        Must not raise; may be called again.
        """


@lru_cache(maxsize=256)
def _attributes(cls: type, options: tuple[str, ...]) -> tuple[str, ...]:
    """The attributes that stand for them. TypeError names the nearest known one of what is no option.

    Remembered, for an instance is made for each upload.
    """
    for name in options:
        if not is_option(cls, name.upper()):
            suggestion = nearest(name, [each.lower() for each in options_of(cls)])
            raise TypeError(f"{cls.__name__} has no option {name!r}{suggestion}")
    return tuple(name.upper() for name in options)
