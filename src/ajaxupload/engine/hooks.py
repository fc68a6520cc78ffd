"""How backends are called.

What lives here: the name that they are told, chunks as they want them, and what their hooks' exceptions mean. What must
not: when they are called (receive.py).
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from types import TracebackType
from typing import Any

from ..backends.base import AbstractUploadBackend
from ..backends.calling import call
from ..body import Block
from ..config import EndpointSettings
from ..errors import InternalError, StorageFull, StorageUnavailable, UploadError
from ..naming import render
from ..partials import Whole
from ..upload import Upload
from ..validators import HEAD_BYTES

__all__ = [
    "ability",
    "adopted",
    "call",
    "chain",
    "feed",
    "for_backend",
    "name_for",
    "settled_name",
    "split_head",
    "storing",
]

_log = logging.getLogger("ajaxupload")
_FULL = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG))


class storing:  # noqa: N801 - it is used like a function; a class, for it stands around every call of a backend
    """Turn what a backend raises into what a client may know; the log has the rest.

    ENOSPC, EDQUOT and EFBIG become StorageFull (507), any other OSError StorageUnavailable (503), an UploadError
    stays what it is, everything else becomes InternalError (500).
    """

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None or isinstance(error, UploadError) or not isinstance(error, Exception):
            return
        if isinstance(error, OSError):
            _log.error("the store failed", exc_info=error)
            told = StorageFull if error.errno in _FULL else StorageUnavailable
            raise told from error
        _log.error("a backend failed", exc_info=error)
        raise InternalError from error


def name_for(settings: EndpointSettings, upload: Upload, name: str) -> str:
    """What an upload that the client calls `name` is to be stored as, by the endpoint's template."""
    return render(
        settings.name,
        name=name,
        upload_id=upload.id,
        now=datetime.now(timezone.utc),
        principal=upload.principal,
        path_names=upload.path_names,
    )


def settled_name(settings: EndpointSettings, upload: Upload) -> str | None:
    """What it will be stored as, where that is known before its bytes have come: where the backend does not choose, and
    the name does not tell the day on which the file was stored."""
    chooses = settings.backend.cls.update_filename is not AbstractUploadBackend.update_filename
    if chooses or any(field in settings.name for field in ("{year}", "{month}", "{day}")):
        return None
    return name_for(settings, upload, upload.name)


def ability(backend: AbstractUploadBackend, name: str) -> Any:
    """What the backend offers by that name, None for nothing. Of a class whose `upload_chunk` is another one than its
    base's, the base's offer does not hold: what is stored is not what came."""
    for cls in type(backend).__mro__:
        if name in vars(cls):
            return getattr(backend, name)
        if "upload_chunk" in vars(cls):
            return None
    return getattr(backend, name, None)


def adopted(backend: AbstractUploadBackend, whole: Whole) -> bool:
    """Whether the backend took a file that is all there as its own, without a copy."""
    adopt = ability(backend, "adopt")
    if adopt is None:
        return False
    with storing():
        return bool(adopt(whole))


def feed(backend: AbstractUploadBackend, chunks: Iterable[Block], names: Mapping[str, str]) -> None:
    """All of them, in order. What the chunks raise by themselves is not the backend's."""
    for chunk in for_backend(chunks, backend.BUFFER_SIZE, backend.LENT_BUFFER):
        with storing():
            call(backend.upload_chunk, chunk, names=names)


def for_backend(chunks: Iterable[Block], size: int | None, lent: bool) -> Iterator[Block]:
    """`chunks` as a backend wants them: each exactly `size` bytes but the last, and as bytes unless it takes `lent`."""
    if size:
        return _resized(chunks, size)
    if lent:
        return iter(chunks)
    return (chunk if isinstance(chunk, bytes) else bytes(chunk) for chunk in chunks)


def _resized(chunks: Iterable[Block], size: int) -> Iterator[bytes]:
    pending = bytearray()
    for chunk in chunks:
        pending += chunk
        while len(pending) >= size:
            yield bytes(memoryview(pending)[:size])
            del pending[:size]
    if pending:
        yield bytes(pending)


def split_head(chunks: Iterable[Block]) -> tuple[Block, Iterator[Block]]:
    """The first `HEAD_BYTES` bytes or more as one block, and the rest: a type cannot be told from one byte."""
    rest = iter(chunks)
    first = next(rest, b"")
    if len(first) >= HEAD_BYTES or not first:
        return first, rest
    head = bytearray(first)
    for chunk in rest:
        head += chunk
        if len(head) >= HEAD_BYTES:
            break
    return head, rest


def chain(head: Block, rest: Iterable[Block]) -> Iterator[Block]:
    """The two as one."""
    if head:
        yield head
    yield from rest
