"""What Django's settings say about a view: its configuration as the dict that `ajaxupload.config.load` takes.

What lives here: which backend a view without one gets, which of Django's settings lend themselves to a backend, and
what overrides what: an option of the view, then a class constant that somebody set, then Django's settings, then the
backend's own default. All is read when it is asked for, so that `override_settings` and constants set late count.

    AJAXUPLOAD = {"backends": {"default": {"class": "local", "upload_dir": "in"}, "photos": {"class": "...", ...}}}
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.urls import get_script_prefix

from ajaxupload.config import endpoint_keys, slipped
from ajaxupload.errors import ConfigError, MissingExtra
from ajaxupload.naming import FIELDS
from ajaxupload.registry import names, nearest, resolve
from ajaxupload.specs import stores_of, takers_of

from . import aws

__all__ = ["BUILT_IN", "BackendName", "configured", "plan"]

#: What may stand for a backend: a class, a registry name, a dotted path, or a table {"class": ..., option: value}.
BackendName = str | type[Any] | Mapping[str, Any]

#: What our classes say before anybody has changed them (a test compares). A constant with another value, or one in a
#: class that is not ours, is somebody's word and stronger than Django's settings.
BUILT_IN: Mapping[str, Mapping[str, Any]] = {
    "LocalUploadBackend": {
        "MEDIA_ROOT": "",
        "MEDIA_URL": None,
        "UPLOAD_DIR": "uploads",
        "FILE_MODE": 0o600,
        "DIR_MODE": 0o700,
    },
    "DjangoStorageUploadBackend": {"UPLOAD_DIR": ""},
    "S3UploadBackend": {
        **dict.fromkeys(aws.LENDERS),
        "BUCKET": "",
        "PREFIX": "",
        "ADDRESSING_STYLE": "auto",
        "URL_EXPIRES": 3600.0,
        "METADATA": {},
        "TAGGING": {},
    },
}
_DEFAULT_PATH = "/upload"


def configured() -> Mapping[str, Any]:
    """`settings.AJAXUPLOAD`, empty where there is none. Raises ConfigError when it is not a dict."""
    found = getattr(settings, "AJAXUPLOAD", None) or {}
    if not isinstance(found, Mapping):
        raise ConfigError(f'settings.AJAXUPLOAD must be a dict such as {{"backends": {{...}}}}, not {found!r}')
    return found


def plan(backend: BackendName | None, path: str | None, options: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of one view. `options` are the endpoint's and the backend's, these in either case.

    Raises ConfigError for a backend that names nothing; what else is wrong `load` finds.
    """
    name, table = _table(backend, {key.lower(): value for key, value in options.items()})
    cls = found if isinstance(found := table.get("class"), (str, type)) else ""
    endpoint = {key: value for key, value in options.items() if _is_endpoints(key, cls)}
    own = {key.lower(): value for key, value in options.items() if key not in endpoint}
    table = {str(key).lower(): value for key, value in table.items()} | own
    return {
        "backends": _tables(name, table, configured().get("backends") or {}),
        "endpoints": {path or _path(str(endpoint.get("name", ""))): {"backend": name, **endpoint}},
        "secret_key": configured().get("secret_key") or settings.SECRET_KEY,
    }


@lru_cache(maxsize=256)  # asked for each option at each request
def _is_endpoints(key: str, backend: str | type) -> bool:
    """Is `key` one of the endpoint's, or a slip of one?"""
    keys = endpoint_keys()
    return key in keys or slipped(key, keys, backend)


def _table(backend: BackendName | None, own: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """The backend's name and its table, by the order of the file's docstring."""
    known = configured().get("backends") or {}
    if not isinstance(known, Mapping):
        raise ConfigError(f'settings.AJAXUPLOAD["backends"] must be a dict of names and tables, not {known!r}')
    if backend is None:
        backend = "default" if "default" in known else "s3" if aws.bucket() or "bucket" in own else "local"
    if isinstance(backend, str) and backend in known:
        name, found = backend, known[backend]
    else:  # a view's own; it may stand in front of the configured "default"
        name, found = ("default" if "default" not in known else "of the view"), backend
    if isinstance(found, (str, type)):
        return name, {"class": _class(found, known)}
    if isinstance(found, Mapping):
        return name, found
    raise ConfigError(f'a backend is a class, a name, a dotted path or a dict with a "class", not {found!r}')


def _class(name: Any, known: Mapping[str, Any]) -> type[Any]:
    """The class. Raises ConfigError naming the nearest, the configured ones included."""
    try:
        return _resolved(name)
    except MissingExtra:
        raise
    except ConfigError as error:
        if isinstance(name, str) and name.isidentifier():
            raise ConfigError(f"unknown backend {name!r}{nearest(name, [*known, *names('backend')])}") from error
        raise


def _path(template: str) -> str:
    """What stands for the path of a view that did not tell its own: a name template may use what the URL captures.

    A field that is no field of ours is taken for a name in the URL, unless it looks like a slip of the pen; the system
    check compares it with the URLconf.
    """
    fields = dict.fromkeys(re.findall(r"\{([A-Za-z_]\w*)\}", template))
    return _DEFAULT_PATH + "".join(f"/{{{field}}}" for field in fields if not _is_ours(field))


def _is_ours(field: str) -> bool:
    return bool(difflib.get_close_matches(field, FIELDS, n=1, cutoff=0.8))


def _tables(name: str, table: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """The table under its name, and those of the configured backends that it stands in front of; Django's settings lent
    to each."""
    found: dict[str, Any] = {}
    waiting = [(name, table)]
    while waiting:
        name, table = waiting.pop()
        found[name] = {**_lent(table, known), **table}
        for option, store in _stores(table):
            if isinstance(store, Mapping):
                found[name][option.lower()] = {**_lent(store, known), **store}
            elif isinstance(store, str) and store in known and store not in found:
                given = known[store]
                waiting.append((store, given if isinstance(given, Mapping) else {"class": given}))
    return found


def _stores(table: Mapping[str, Any]) -> list[tuple[str, Any]]:
    try:
        return list(stores_of(_resolved(table["class"]), table))
    except (KeyError, ConfigError, TypeError):
        return []  # `load` says what is wrong with it


def _lent(table: Mapping[str, Any], known: Mapping[str, Any]) -> dict[str, Any]:
    """Django's settings for those options of the backend's class that nobody has set. Keys are lower-case."""
    try:
        cls = _resolved(table["class"])
        takers = takers_of(cls, table, known)
    except (KeyError, ConfigError, TypeError):
        return {}  # `load` says what is wrong with it
    lent = {
        option.lower(): value
        for option, read in _LENDERS.items()
        if option in takers and _is_built_in(takers[option], option) and (value := read()) is not None
    }
    constant = getattr(cls, "UPLOAD_DIR", None) or getattr(takers.get("UPLOAD_DIR"), "UPLOAD_DIR", None)
    given = {option.lower(): value for option, value in table.items()}
    if not _is_shown({"upload_dir": constant, **lent, **given}.get("upload_dir")):
        lent.pop("media_url", None)
    return lent


def _is_shown(folder: Any) -> bool:
    """Would MEDIA_URL show what is stored in this UPLOAD_DIR? The address of a file in an absolute one is MEDIA_URL and
    the file's name: of all absolute folders, inside MEDIA_ROOT or not, that is right for MEDIA_ROOT itself."""
    if not isinstance(folder, str | os.PathLike) or not Path(folder).is_absolute():
        return True
    return Path(folder) == Path(settings.MEDIA_ROOT or "")


@lru_cache(maxsize=64)
def _resolved(name: Any) -> type[Any]:
    return resolve("backend", name)


def _is_built_in(cls: type[Any], option: str) -> bool:
    owner = next(each for each in cls.__mro__ if option in vars(each))
    ours = BUILT_IN.get(owner.__name__, {}) if owner.__module__.startswith("ajaxupload.") else {}
    return option in ours and vars(owner)[option] == ours[option]


def _media_root() -> str | None:
    # Django's own default is "", which would be the working directory
    return os.fspath(settings.MEDIA_ROOT or "") or None


def _media_url() -> str | None:
    # Django turns an unset MEDIA_URL into the prefix of the whole site, where no file is served
    return settings.MEDIA_URL if settings.MEDIA_URL not in ("", get_script_prefix()) else None


def _dir_mode() -> int | None:
    """Folders are as open as the files in them, where Django leaves them to the umask: the web server that may read
    a file must also be able to get to it."""
    files: int | None = settings.FILE_UPLOAD_PERMISSIONS
    folders: int | None = settings.FILE_UPLOAD_DIRECTORY_PERMISSIONS
    if folders is not None or files is None:
        return folders
    readable = files & 0o044
    return 0o700 | readable | readable >> 2


_LENDERS: Mapping[str, Callable[[], Any]] = {
    "MEDIA_ROOT": _media_root,
    "MEDIA_URL": _media_url,
    "UPLOAD_DIR": aws.first("UPLOAD_DIR"),
    "FILE_MODE": lambda: settings.FILE_UPLOAD_PERMISSIONS,
    "DIR_MODE": _dir_mode,
    **aws.LENDERS,
}
