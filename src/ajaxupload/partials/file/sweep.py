"""Clearing one folder of uploads: what expired, what cannot be read, what crashes left.

What lives here: the order of the checks, each of which holds inside the critical section too before anything goes. What
must not: how an upload is removed (partial.py).
"""

from __future__ import annotations

import logging
import os
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress

from ...errors import Busy, NotFound
from ..base import Record
from .ledger import Damaged
from .partial import FilePartial

__all__ = ["GRACE", "age_of", "sweep_folder"]

_log = logging.getLogger("ajaxupload")
#: Seconds for which files without a record are spared: their upload may be being made.
GRACE = 3600.0
#: What there is of an upload that has ended: its bytes have gone.
_ENDED = {"json", "log"}


def sweep_folder(
    folder: str, look: Callable[[str], FilePartial], older_than: float | None, spared: float
) -> Iterator[tuple[Record | None, int]]:
    """Record (None: unreadable) and offset of each upload that went. `look` opens one, whatever state it is in. Those
    that have ended, and changed in the last `spared` seconds, are not looked at: most are such."""
    there: dict[str, set[str]] = {}
    for name in os.listdir(folder):
        upload_id, _, kind = name.partition(".")
        there.setdefault(upload_id, set()).add(kind)
    for upload_id, kinds in sorted(there.items()):
        if kinds == _ENDED and age_of(os.path.join(folder, f"{upload_id}.log")) < spared:
            continue
        try:
            partial = look(upload_id)
        except FileNotFoundError:
            _sweep_orphans(folder, [f"{upload_id}.{kind}" if kind else upload_id for kind in kinds])
            continue
        except OSError as error:  # too many open files, say: that is no reason to throw anything away
            _log.warning("the upload %s cannot be looked at: %s", upload_id, error)
            continue
        with partial:
            if (found := _sweep_one(partial, older_than)) is not None:
                yield found


def _sweep_one(partial: FilePartial, older_than: float | None) -> tuple[Record | None, int] | None:
    record: Record | None = None
    try:
        record = partial.reload()
    except NotFound:
        if not partial.recording.there:  # it is being made, or half removed
            partial.remove_if(lambda: not partial.recording.there and time.time() - partial.ledger.touched > GRACE)
            return None
    except ValueError:
        pass  # it is kept as long as if it could be read: somebody may want to look at it
    if not _is_over(partial, older_than):
        if record is not None and record.state != "open":
            _drop_leftovers(partial)
        return None
    offset = _offset_of(partial)
    try:
        with partial.finishing(0):
            gone = partial.remove_if(lambda: _is_over(partial, older_than))
    except (Busy, OSError):  # somebody is finishing it, or its files are not ours: the next sweep sees it
        return None
    return (record, offset) if gone else None


def _is_over(partial: FilePartial, older_than: float | None) -> bool:
    ttl = partial.record.ttl
    return time.time() - partial.ledger.touched > (ttl if older_than is None else min(ttl, older_than))


def _offset_of(partial: FilePartial) -> int:
    try:
        return partial.offset
    except (OSError, Damaged):
        return 0


def _drop_leftovers(partial: FilePartial) -> None:
    """Whoever finished it died before its bytes went."""
    if partial.has_data:
        with suppress(Busy, OSError), partial.finishing(0):
            partial.drop_data()


def _sweep_orphans(folder: str, names: list[str]) -> None:
    """Files (and leases, which are folders) of an upload without a ledger, whose maker is long gone."""
    for path in (os.path.join(folder, name) for name in names):
        with suppress(OSError):
            if age_of(path) > GRACE:
                if stat.S_ISDIR(os.stat(path, follow_symlinks=False).st_mode):
                    shutil.rmtree(path)
                else:
                    os.unlink(path)


def age_of(path: str) -> float:
    """Seconds since it changed; 0 for what is not there."""
    try:
        return time.time() - os.stat(path, follow_symlinks=False).st_mtime
    except FileNotFoundError:
        return 0.0
