"""How a draft becomes visible, and how that is taken back.

What lives here: the order that makes success mean durable, the race for names, the undo.
What must not: which names are tried; that is the caller's policy.

    sync the data -> link it under a name nobody has -> sync the folder, and folders above it that are new

`link` never replaces anything, so that no check before it is needed and none can be raced. What is in the way of a
name is told by EEXIST, be it a file, a folder or a symbolic link that somebody planted.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import NamedTuple

from ..errors import NameTaken, UploadError
from .draft import Draft
from .folders import Trail, make_folders
from .private import Incoming, Slot

__all__ = ["Published", "Target", "publish"]

#: Another upload's undo may remove a new folder under our feet; each time it does, one upload more has ended.
_TRIES = 10


class Target(NamedTuple):
    """Where to: a root (absolute), the folders below it, and the mode of those that must be made. `base` is around the
    root, or is it, and must be there already."""

    root: str
    folders: tuple[bytes, ...]
    mode: int
    durable: bool
    base: str

    def make_root(self) -> None:
        """Where it went missing. Raises OSError."""
        make_folders(self.root, self.mode, durable=self.durable, below=self.base)


class Published:
    """A file that has become visible as `name` in its target's folder."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.name: bytes | None = None
        self._identity: tuple[int, int] | None = None
        self._made: set[int] = set()
        self._replaced: Slot | None = None

    def attempt(self, draft: Draft, names: Iterable[bytes], replace: Incoming | None) -> None:
        """Walk to the folder and put the sealed draft there. FileNotFoundError means that the folder went meanwhile."""
        with Trail(self.target.root, self.target.folders, make=self.target.mode) as trail:
            self._made |= trail.made
            try:
                if replace is None:
                    self._link(draft, trail, names)
                else:
                    self._replace(draft, trail, next(iter(names)), replace)
            except BaseException:
                self._undo_on(trail)  # while its directories are open: there may be no descriptor for a second walk
                raise

    def undo(self) -> None:
        """Take it back: what it replaced returns, folders made for it go. Never raises; may be called again.

        It is left alone when its name stands for another file by now.
        """
        if self.name is not None or self._made:
            with suppress(OSError, UploadError), Trail(self.target.root, self.target.folders) as trail:
                self._undo_on(trail)

    def _undo_on(self, trail: Trail) -> None:
        with suppress(OSError):
            if self.name is not None:
                self._take_back(trail.folder, self.name)
                self.name = None
                if self.target.durable:
                    trail.sync()
        trail.made |= self._made
        trail.unmake()
        if self.name is None:
            self._made.clear()

    def _take_back(self, folder: int, name: bytes) -> None:
        with suppress(FileNotFoundError):
            if self._identity not in (None, _identity(folder, name)):
                return  # another file by now
            if self._replaced is not None:
                os.rename(self._replaced.path, name, dst_dir_fd=folder)
            else:
                os.unlink(name, dir_fd=folder)

    def _link(self, draft: Draft, trail: Trail, names: Iterable[bytes]) -> None:
        for name in names:
            try:
                draft.link_to(trail.folder, name)
            except FileExistsError:
                if not draft.is_at(trail.folder, name):
                    continue
            self._settle(trail, name)
            return
        raise NameTaken

    def _replace(self, draft: Draft, trail: Trail, name: bytes, incoming: Incoming) -> None:
        """Put it in the place of what has that name, which is kept aside for as long as this may be undone."""
        backup = incoming.claim()
        try:
            os.link(name, backup.path, src_dir_fd=trail.folder, follow_symlinks=False)
            self._replaced = backup
        except BaseException as error:
            backup.drop()
            # Nothing is there; or it is a folder or another user's file, which may be replaced but not linked.
            if not isinstance(error, OSError) or error.errno not in (errno.ENOENT, errno.EPERM):
                raise
        try:
            draft.rename_to(trail.folder, name)
        except IsADirectoryError as error:
            raise NameTaken from error
        self._settle(trail, name)

    def _settle(self, trail: Trail, name: bytes) -> None:
        self.name = name
        self._identity = _identity(trail.folder, name)
        if self.target.durable:
            trail.sync()

    def __del__(self) -> None:
        # The request has been answered: what was replaced is not wanted back any more.
        if self._replaced is not None:
            self._replaced.drop()


def publish(
    draft: Draft, target: Target, names: Callable[[], Iterable[bytes]], replace: Incoming | None = None
) -> Published:
    """Make `draft` durable and visible under the first of `names` that nobody has, or with `replace` (the private
    folder that keeps what is replaced) under the first in any case.

    Raises NameTaken, OSError or what `names` raises; then nothing is visible, and the draft is to be dropped.
    """
    draft.seal()
    published = Published(target)
    try:
        for left in reversed(range(_TRIES)):
            try:
                published.attempt(draft, names(), replace)
                break
            except FileNotFoundError:
                if not left:
                    raise
                target.make_root()
        draft.finish()
    except BaseException:
        published.undo()
        raise
    return published


def _identity(folder: int, name: bytes) -> tuple[int, int]:
    info = os.stat(name, dir_fd=folder, follow_symlinks=False)
    return info.st_dev, info.st_ino
