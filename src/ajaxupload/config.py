"""The dict that configures everything, checked whole and frozen.

What lives here: which settings exist, their types and defaults, and the check that lists every fault at once with
the nearest known name. What must not: backends' tables (specs.py), reading values (values.py), acting on them
(everything above).

    {"backends":  {"default": {"class": "local", "upload_dir": "uploads"}},     name -> class and its options
     "endpoints": {"/upload": {"backend": "default", "max_size": "2 GiB"}},     path -> an `EndpointSettings`
     "secret_key": "..."}
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, cast

from .errors import ConfigError
from .meaning import check_meaning
from .registry import nearest, resolve
from .specs import Backends, BackendSpec, checked, hints_of, options_of, takers_of
from .typelists import TypeList
from .values import Duration, Inspector, Mode, Quota, Size, parse_duration, parse_size

__all__ = [
    "BackendSpec",
    "Duration",
    "EndpointSettings",
    "Mode",
    "Settings",
    "Size",
    "load",
    "options_of",
    "parse_duration",
    "parse_size",
    "short_form",
    "slipped",
    "unflatten",
]

_PATH = re.compile(r"(/([^/{}]+|\{[A-Za-z_][A-Za-z0-9_]*\}))+")


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """One upload URL. Every field but `path` is a key of the endpoint's table.

    Sizes are bytes, durations seconds. `allow` and `deny` take MIME patterns ("image/*") and extensions (".jpg");
    an empty `allow` takes everything. `name` is the template of the stored name. `digest` names a hashlib algorithm
    to hash with while storing. `validators` are called with the `Upload` when all its bytes are here and nothing is
    visible yet, and refuse by raising an `UploadError` or returning False. `inspect` are those that look at its content
    then (see `ajaxupload.inspect`); without `inspect_required` a file that they failed to look at is let in.
    `authorize(request, action, upload)` returns the principal (a string, or None for an anonymous one), or refuses in
    the same ways. `before_create(request, upload)` may change the id, name and metadata of an upload that begins, or
    refuse it.
    `redirect` is where a plain form goes after success (303). `idle_timeout` is for how many seconds a client may send
    nothing, on servers that lend us their socket (gunicorn, Werkzeug). One that sends fewer than `min_rate` bytes a
    second for `min_rate_window` seconds is given up too (0 bytes: any rate will do). `fast_input` takes bodies
    straight from the connection, past `wsgi.input`, where a server lends it.

    `resumable` offers uploads that take several requests. They are kept for `expires` seconds after their last change,
    in `partials_dir` (None: in the backend's own private directory, or in this user's under /var/tmp). At most
    `max_unfinished` may be open, `max_unfinished_own` by one principal, of `max_unfinished_size` and
    `max_unfinished_own_size` bytes in all. `serve` lets whoever may read an upload GET what was stored;
    `allow_delete` and `allow_list` let those who stored it delete and list it, for `stored_for` seconds.
    `quota` is how many bytes one principal may have stored here, all who are anonymous together; or a function
    `quota(request, upload)` that says how many are left to `upload.principal`, None for no limit.
    `protocol_options` renames what clients of a protocol send.
    `tus_disable` names extensions of tus that are not offered. `interim` lets clients of the IETF protocol be told in
    interim responses where their upload is: None unless a reverse proxy stands in front, which may not pass them on.
    """

    path: str
    backend: BackendSpec
    max_size: Size = 100 << 20
    min_size: Size = 0
    max_files: int = 20  # enough for a photo album, few enough that one request cannot hold a worker for hours
    allow: tuple[str, ...] = ()
    deny: tuple[str, ...] = ()
    sniff: bool | None = None  # None: where `allow` or `deny` list something, for there a type is promised
    name: str = "{name}"
    digest: str | None = None
    validators: tuple[Callable[..., Any], ...] = ()
    inspect: tuple[Inspector, ...] = ()
    inspect_required: bool = True
    authorize: Callable[..., str | bool | None] | None = None
    allowed_origins: tuple[str, ...] = ()
    csrf: bool = True
    protocols: tuple[str, ...] = ()
    redirect: str | None = None
    max_fields: int = 100
    max_field_size: Size = 64 << 10
    max_fields_size: Size = 1 << 20
    idle_timeout: Duration = 30.0
    min_rate: Size = 1 << 10
    min_rate_window: Duration = 60.0
    fast_input: bool = True
    before_create: Callable[..., Any] | None = None
    resumable: bool = True
    expires: Duration = 86400.0
    partials_dir: str | None = None
    max_unfinished: int = 10_000
    max_unfinished_own: int = 200
    max_unfinished_size: Size | None = None
    max_unfinished_own_size: Size | None = None
    serve: bool = False
    allow_delete: bool = False
    allow_list: bool = False
    quota: Quota | None = None
    stored_for: Duration = 365 * 86400.0
    protocol_options: Mapping[str, Any] = field(default_factory=dict)
    tus_disable: tuple[str, ...] = ()
    interim: bool | None = None


@dataclass(frozen=True)
class Settings:
    """The whole configuration, checked."""

    backends: Mapping[str, BackendSpec]
    endpoints: Mapping[str, EndpointSettings]
    secret_key: str | None = None


def load(config: Mapping[str, Any]) -> Settings:
    """Check `config` whole. Raises one ConfigError that lists every fault."""
    problems: list[str] = []
    if not isinstance(cast("object", config), Mapping):
        raise ConfigError(f'the configuration must be a dict: {{"endpoints": {{"/upload": ...}}}}, not {config!r}')
    if "path" in config:  # the short form, as a dict
        config = unflatten(config)
    _unknown_keys("the configuration", config, ["backends", "endpoints", "secret_key"], problems)
    backends = Backends(_table(config, "backends", problems), problems)
    endpoints = _endpoints(_table(config, "endpoints", problems), backends, problems)
    if not endpoints and not problems:
        problems.append('no endpoints: add "endpoints": {"/upload": {"backend": "local"}}')
    secret = checked("secret_key", config.get("secret_key"), str | None, problems)
    if problems:
        raise ConfigError(problems)
    return Settings(backends.found, endpoints, secret)


def short_form(path: str, backend: str | type, options: Mapping[str, Any]) -> dict[str, Any]:
    """The one-endpoint spelling as the whole dict: keys that endpoints know go there, all others to the backend."""
    keys = endpoint_keys()
    endpoint = {key: value for key, value in options.items() if key in keys or slipped(key, keys, backend)}
    rest = {key: value for key, value in options.items() if key not in endpoint}
    return {
        "backends": {"default": {"class": backend, **rest}},
        "endpoints": {path: {"backend": "default", **endpoint}},
    }


def slipped(key: str, keys: list[str], backend: str | type) -> bool:
    """Is `key` more likely a slip of an endpoint's key than an option of the backend? Then the endpoint complains."""
    try:
        known = [option.lower() for option in takers_of(resolve("backend", backend), {})]
    except ConfigError:
        return False  # the backend itself is the fault
    close = get_close_matches(key.lower(), [*keys, *known], n=1, cutoff=0.6)
    return key.lower() not in known and bool(close) and close[0] in keys


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Ini lines as the dict: `endpoints./upload.max_size = 2 GiB`, `backends.photos.class = thumbnail`, or, with a
    `path` key, the short form. The last dot before a key splits, so that paths and names may hold dots."""
    if "path" in flat:
        options = {key: value for key, value in flat.items() if key not in ("path", "backend", "secret_key")}
        config = short_form(flat["path"], flat.get("backend", "local"), options)
        return config | ({"secret_key": flat["secret_key"]} if "secret_key" in flat else {})
    config = {}
    for key, value in flat.items():
        table, dot, rest = key.partition(".")
        name, inner_dot, option = rest.rpartition(".")
        if dot and inner_dot:
            config.setdefault(table, {}).setdefault(name, {})[option] = value
        else:
            config[key] = value
    return config


def endpoint_keys() -> list[str]:
    """The keys of an endpoint's table."""
    return [each.name for each in dataclasses.fields(EndpointSettings) if each.name != "path"]


def _table(config: Mapping[str, Any], key: str, problems: list[str]) -> Mapping[str, Any]:
    value = config.get(key, {})
    if isinstance(value, Mapping):
        return value
    problems.append(f"{key} must be a table of names and settings, not {value!r}")
    return {}


def _unknown_keys(where: str, given: Iterable[str], known: list[str], problems: list[str]) -> None:
    problems.extend(f"{where}: unknown key {key!r}{nearest(str(key), known)}" for key in given if key not in known)


def _endpoints(tables: Mapping[str, Any], backends: Backends, problems: list[str]) -> dict[str, EndpointSettings]:
    shapes: dict[str, str] = {}
    for path in map(str, tables):
        first = shapes.setdefault(re.sub(r"\{\w+\}", "{}", path.rstrip("/")), path)
        if first != path:
            problems.append(f"endpoint {path!r}: takes the same requests as {first!r}")
    found = (_endpoint(str(path), table, backends, problems) for path, table in tables.items())
    return {settings.path: settings for settings in found if settings is not None}


def _endpoint(path: str, table: Any, backends: Backends, problems: list[str]) -> EndpointSettings | None:
    where, before = f"endpoint {path!r}", len(problems)
    if not isinstance(table, Mapping):
        problems.append(f"{where}: must be a table of settings, not {table!r}")
        return None
    _check_path(where, path, problems)
    unknown, hints = len(problems), hints_of(EndpointSettings)
    values: dict[str, Any] = {"path": path.rstrip("/")}
    for key in [name for name in endpoint_keys() if name in table and name != "backend"]:
        known = len(problems)
        value = checked(f"{where}: {key}", table[key], hints[key], problems)
        if key in ("allow", "deny") and value is not None:
            value = _types(f"{where}: {key}", value, problems)
        if len(problems) == known:
            values[key] = value
    values["backend"] = _endpoint_backend(where, table.get("backend", "default"), backends)
    problems[unknown:unknown] = _unknown_to(values["backend"], where, table)
    settings = EndpointSettings(**values)  # defaults stand in for what is wrong, so that the rest is checked as well
    check_meaning(where, settings, problems)
    return settings if len(problems) == before else None


def _unknown_to(backend: BackendSpec | None, where: str, table: Mapping[str, Any]) -> list[str]:
    """What is wrong with the keys of an endpoint's table. The likeliest of them is an option of its backend."""
    options = {option.lower() for option in takers_of(backend.cls, {})} if backend else set()
    misplaced = [key for key in table if key not in endpoint_keys() and str(key).lower() in options]
    problems = [
        f"{where}: {key!r} is an option of the backend: put it into the backend's table, "
        f'for example "backend": {{"class": "local", "{key}": ...}}'
        for key in misplaced
    ]
    _unknown_keys(where, (key for key in table if key not in misplaced), endpoint_keys(), problems)
    return problems


def _types(where: str, entries: tuple[str, ...], problems: list[str]) -> tuple[str, ...]:
    try:
        return TypeList(entries).entries
    except ValueError as error:
        problems.append(f"{where} {error}")
        return ()


def _check_path(where: str, path: str, problems: list[str]) -> None:
    fields = re.findall(r"\{(\w+)\}", path)
    if not _PATH.fullmatch(path.rstrip("/")):
        problems.append(f"{where}: a path looks like '/upload' or '/album/{{slug}}/upload'")
    elif len(set(fields)) < len(fields):
        problems.append(f"{where}: a name stands twice in the path")


def _endpoint_backend(where: str, given: Any, backends: Backends) -> BackendSpec | None:
    if isinstance(given, str) and given == "default" and not backends.found:
        given = "local"
    return backends.find(f"{where}: backend", given)
