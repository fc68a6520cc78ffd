"""Name -> class, for backends and protocols.

Three ways to name one: ours by its short name ("local"), anybody's by its dotted path ("package.module:Class"), and
an installed package's by the entry point it declares (groups `ajaxupload.backends` and `ajaxupload.protocols`). What
must not live here: importing any of them before it is asked for, because each may need a package of its own.
"""

from __future__ import annotations

from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from .errors import ConfigError
from .values import import_object

__all__ = ["names", "nearest", "resolve"]

_OURS: dict[str, dict[str, str]] = {
    "backend": {
        "local": "ajaxupload.backends.local:LocalUploadBackend",
        "django_storage": "ajaxupload.backends.django_storage:DjangoStorageUploadBackend",
        "s3": "ajaxupload.backends.s3:S3UploadBackend",
        "object_store": "ajaxupload.backends.object_store:ObjectStoreUploadBackend",
        "memory": "ajaxupload.backends.memory:MemoryUploadBackend",
        "thumbnail": "ajaxupload.backends.thumbnail:ThumbnailUploadBackend",
    },
    "protocol": {
        "ietf": "ajaxupload.protocols.ietf:Ietf",
        "tus": "ajaxupload.protocols.tus:Tus",
        "fineuploader": "ajaxupload.protocols.fineuploader:FineUploader",
        "dropzone": "ajaxupload.protocols.dropzone:Dropzone",
        "resumablejs": "ajaxupload.protocols.resumablejs:ResumableJs",
        "flow": "ajaxupload.protocols.resumablejs:Flow",
        "filepond": "ajaxupload.protocols.filepond:FilePond",
        "plupload": "ajaxupload.protocols.plupload:Plupload",
        "blueimp": "ajaxupload.protocols.blueimp:Blueimp",
        "valums": "ajaxupload.protocols.valums:Valums",
        "form": "ajaxupload.protocols.form:Form",
        "raw": "ajaxupload.protocols.raw:Raw",
    },
}


def nearest(word: str, known: list[str]) -> str:
    """ "; did you mean 'x'?" when something known is close, else the list of what is known."""
    close = get_close_matches(word.lower(), known, n=2, cutoff=0.6)
    if close:
        return f"; did you mean {' or '.join(map(repr, close))}?"
    return f" (known: {', '.join(known)})" if known else ""


def _installed(kind: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"ajaxupload.{kind}s")}


def names(kind: str) -> list[str]:
    """The short names known for "backend" or "protocol", ours first, then those of installed packages."""
    return [*_OURS[kind], *sorted(set(_installed(kind)) - set(_OURS[kind]))]


def resolve(kind: str, name: str | type) -> type[Any]:
    """The class that `name` stands for. Raises ConfigError naming the nearest, or MissingExtra with what to install."""
    if isinstance(name, type):
        return name
    if not isinstance(cast("object", name), str):
        raise ConfigError(f"a {kind} is a class or the name of one, not {name!r}")
    if name in _OURS[kind]:
        found = _load(kind, _OURS[kind][name])
    elif "." in name or ":" in name:
        found = _load(kind, name)
    elif name in (installed := _installed(kind)):
        try:
            found = installed[name].load()
        except (ImportError, AttributeError) as error:
            raise ConfigError(f"{kind} {name!r} of an installed package cannot be imported: {error}") from error
    else:
        raise ConfigError(f"unknown {kind} {name!r}{nearest(name, names(kind))}")
    if not isinstance(found, type):
        raise ConfigError(f"{kind} {name!r} is not a class")
    return found


def _load(kind: str, path: str) -> Any:
    try:
        return import_object(path)
    except ValueError as error:
        raise ConfigError(f"{kind} {path!r} {error}") from error
