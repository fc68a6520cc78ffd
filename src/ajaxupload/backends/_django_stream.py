"""`Storage.save` pulls, hooks push: a thread and a short queue between them.

What lives here: the stream that a Django storage reads while the request's thread writes it. What must not: which
storage, which name.
"""

from __future__ import annotations

import contextvars
import queue
import sys
import threading
from collections.abc import Callable, Iterator
from io import UnsupportedOperation

from django.core.files.base import File
from django.core.files.storage import Storage
from django.db import connections

__all__ = ["Saving"]

#: Blocks that wait between the request's thread and the storage's: enough that neither idles, few enough to be small.
_AHEAD = 4
#: Seconds between looks at whether the storage's thread is still there to take the next block.
_LOOK = 0.5


class _Broken(Exception):
    """Raised out of the stream into `Storage.save`: the upload is not going to be whole."""


class Saving:
    """`Storage.save` in a thread of its own, reading from a short queue what the request's thread writes.

    The end of the stream is held back until `finish`, so that the storage cannot finish the file before all of its
    request was seen. `unique` says that nobody else's file has this name.
    """

    def __init__(self, storage: Storage, filename: str, size: int | None, *, unique: bool) -> None:
        self._blocks: queue.Queue[bytes | _Broken | None] = queue.Queue(_AHEAD)
        self._storage, self._filename, self._size, self._unique = storage, filename, size, unique
        self._name: str | None = None
        self._failure: BaseException | None = None
        context = contextvars.copy_context()  # the language, the tenant: whatever the application keeps there
        self._thread = threading.Thread(target=context.run, args=(self._save,), name="ajaxupload-storage", daemon=True)
        self._thread.start()

    def write(self, chunk: bytes) -> None:
        self._put(chunk)

    def wait(self) -> None:
        """The storage has what was written; its thread stays."""

    def finish(self) -> str:
        self._put(None)
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        return str(self._name)

    def drop(self) -> str | None:
        """Break the stream. Returns the name to delete, if the storage may have kept something that is ours."""
        if self._thread.is_alive():
            self._put(_Broken(), quietly=True)
            self._thread.join()
        return self._name

    def _put(self, block: bytes | _Broken | None, *, quietly: bool = False) -> None:
        while self._thread.is_alive():
            try:
                self._blocks.put(block, timeout=_LOOK)
            except queue.Full:
                continue
            return
        if self._failure is not None and not quietly:
            raise self._failure

    def _save(self) -> None:
        try:
            name = self._storage.get_available_name(self._filename)
            if self._unique:
                # Settled before the first byte, so that what a broken save left can be deleted by it. Another name
                # must not be: a storage that replaces, or another upload, has a whole file there.
                self._name = name
            stream = _Stream(self._blocks.get, name, self._size)
            saved = self._storage.save(name, stream)
            if not stream.ended:
                raise RuntimeError(f"{type(self._storage).__name__}.save() did not read its file to the end")
            self._name = saved
        except BaseException as error:  # noqa: BLE001 - it is raised again in the request's thread
            self._failure = error
        finally:
            connections.close_all()  # a storage may keep files in the database, and this thread ends


class _Stream(File):  # type: ignore[type-arg]  # generic for type checkers only
    """A file to read from, once and forwards, as the blocks come."""

    def __init__(self, get: Callable[[], bytes | _Broken | None], name: str, size: int | None) -> None:
        super().__init__(None, name)
        self._get = get
        self._block, self._at = b"", 0
        self._begun = self.ended = False
        if size is not None:
            self.size = size  # otherwise asking for it is an AttributeError, as Django has it

    def readable(self) -> bool:
        """It can be read."""
        return True

    def writable(self) -> bool:
        """It cannot be written."""
        return False

    def seekable(self) -> bool:
        """It cannot be rewound."""
        return False

    def seek(self, offset: int, whence: int = 0) -> int:
        """Storages go to the start before they read: that is where it is until somebody has read."""
        if offset or whence or self._begun:
            raise UnsupportedOperation("an upload's stream cannot be rewound")
        return 0

    def multiple_chunks(self, chunk_size: int | None = None) -> bool:
        """As far as anybody knows."""
        return True

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only at the end, or all that is left for -1. Raises _Broken.

        Not what is there just now, as a socket does it: boto3 takes fewer for the end, and a part that is too small.
        """
        if size is None or size < 0:
            return b"".join(self.chunks())
        blocks = []
        while size and (block := self._take(size)):
            blocks.append(block)
            size -= len(block)
        return b"".join(blocks)

    def chunks(self, chunk_size: int | None = None) -> Iterator[bytes]:
        """The blocks as they come, whatever size is asked for."""
        while block := self._take(sys.maxsize):
            yield block

    def _take(self, most: int) -> bytes:
        """What is left of a block, or the next one, up to `most` bytes of it; nothing at the end."""
        if self._at == len(self._block) and not self.ended:
            self._block, self._at = self._next(), 0
        taken = self._block[self._at : self._at + most]
        self._at += len(taken)
        return taken

    def _next(self) -> bytes:
        self._begun = True
        block = self._get()
        if isinstance(block, _Broken):
            raise block
        self.ended = block is None
        return block or b""
