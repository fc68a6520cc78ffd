"""Where the backend `local` keeps things, and whether it can.

What lives here: how MEDIA_ROOT, UPLOAD_DIR and PRIVATE_DIR become absolute directories, and the check at start, whose
every fault says what to do. What must not: uploads.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from ..errors import ConfigError
from ..files import Incoming, Trail, make_folders, probe, sync

__all__ = ["Place", "locate", "prepare"]


@dataclass(frozen=True)
class Place:
    """Absolute directories, symbolic links resolved.

    `root` is where finished files lie. `base` is what must be there already when an upload comes; below it folders
    are made. `private` holds what nobody may see. `served` may be open to the public.
    """

    base: str
    root: str
    private: str
    served: tuple[str, ...]


@lru_cache(maxsize=256)
def locate(start: str, media_root: str, upload_dir: str, private_dir: str | None) -> Place:
    """The place for these options, relative ones being relative to the directory `start`.

    Cached: symbolic links are resolved once, so that a link that is changed later does not tear an upload apart.
    """
    base = os.path.realpath(os.path.join(start, media_root))
    root = os.path.realpath(os.path.join(base, upload_dir))
    served = (base, root) if media_root else (root,)
    if not _inside(root, base):  # an absolute UPLOAD_DIR stands by itself
        served = served[::-1]
        base = os.path.dirname(root)
    if private_dir:
        private = os.path.realpath(os.path.join(start, private_dir))
    else:
        parent, name = os.path.split(served[0])
        private = os.path.join(parent, f".{name}.ajaxupload")
    return Place(base, root, private, served)


def prepare(place: Place, *, file_mode: int, dir_mode: int, durable: bool, unnamed: bool = True) -> Incoming:
    """Make the directories and try them out. Raises ConfigError; returns the private folder."""
    problems = [*_wrong_modes(file_mode, dir_mode), *_wrong_private(place)]
    if problems:
        raise ConfigError(problems)
    incoming = Incoming(place.private, durable=durable)
    try:
        make_folders(place.root, dir_mode, durable=durable)
    except OSError as error:
        raise ConfigError(_cannot("store to", place.root, error, "media_root or upload_dir")) from error
    try:
        incoming.make()
        incoming.claim().drop()
    except OSError as error:
        raise ConfigError(_cannot("keep unfinished uploads in", place.private, error, "private_dir")) from error
    _try_out(place, incoming, durable=durable, unnamed=unnamed)
    return incoming


def _wrong_modes(file_mode: int, dir_mode: int) -> Iterator[str]:
    if file_mode & 0o7111:
        yield f"file_mode {file_mode:04o} would make uploaded files executable: set e.g. '0600' or '0644'"
    if dir_mode & 0o700 != 0o700:
        yield f"dir_mode {dir_mode:04o} would lock this process out of its own folders: set e.g. '0700' or '0755'"


def _wrong_private(place: Place) -> Iterator[str]:
    for served in place.served:
        if _inside(place.private, served):
            yield (
                f"private_dir {place.private} lies inside {served}, which may be served to the public: "
                f"set private_dir to a directory on the same file system outside {served}"
            )
            return


def _try_out(place: Place, incoming: Incoming, *, durable: bool, unnamed: bool) -> None:
    elsewhere = (
        f"private_dir {place.private} is not on the file system of {place.root}: set private_dir to a directory on "
        f"the same file system outside {place.served[0]}; if that is the top of a volume, store to a folder inside it"
    )
    try:
        # A link tells more than device numbers, which bind mounts share and subvolumes do not.
        probe(place.root, incoming, unnamed=unnamed)
    except OSError as error:
        if error.errno == errno.EXDEV:
            raise ConfigError(elsewhere) from error
        if error.errno in (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK):
            raise ConfigError(f"the file system of {place.root} has no hard links: store to another one") from error
        raise ConfigError(_cannot("store to", place.root, error, "media_root or upload_dir")) from error
    try:
        with Trail(place.root) as trail:
            if durable:
                sync(trail.folder)
    except OSError as error:
        raise ConfigError(_cannot("store to", place.root, error, "media_root or upload_dir")) from error


def _cannot(verb: str, path: str, error: OSError, option: str) -> str:
    reason = error.strerror or str(error)
    if error.errno == errno.EINVAL:  # what fsync says where a file system does not know it for directories
        return (
            f"cannot {verb} {path} ({reason}): if its file system cannot sync directories, set {option} elsewhere, or "
            "accept that a power cut takes files with durable = false"
        )
    return f"cannot {verb} {path} ({reason}): let this process write there, or set {option} elsewhere"


def _inside(path: str, folder: str) -> bool:
    return os.path.commonpath((path, folder)) == folder
