"""What a backend's table means: its class, its options, and the store behind it.

What lives here: `BackendSpec`, the options of a class by introspection, and the check of the tables of "backends". What
must not: endpoints (config.py), reading single values (values.py), acting on them (backends/).

A backend may stand in front of another: an option annotated as `Backend` names its store. Where that is a backend with
a table of its own, it is this one; where it is only a class, its options are given in the table of the one in front.

    {"photos":  {"class": "thumbnail", "dimension": "200x200", "media_root": "media"},   in front of `local`
     "small":   {"class": "thumbnail", "store": "archive"},                              in front of the next line
     "archive": {"class": "s3", "bucket": "my-bucket"}}
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, get_type_hints

from .errors import ConfigError
from .registry import names, nearest, resolve
from .values import Backend, coerce

__all__ = [
    "BackendSpec",
    "Backends",
    "checked",
    "hints_of",
    "is_option",
    "options_of",
    "spec_of",
    "stores_of",
    "takers_of",
]

#: Upper-case attributes of a backend class that tell the engine how to call it and are not the user's to set.
_CONTRACT_FLAGS = frozenset(("LENT_BUFFER", "PIPED_CHUNKS"))
#: What the engine calls.
_HOOKS = (
    "startup", "update_filename", "setup", "upload_chunk", "upload_waits", "upload_complete", "upload_aborted",
)  # fmt: skip


@dataclass(frozen=True)
class BackendSpec:
    """A configured backend: its class and checked options (upper-case names, the class's own constants left out)."""

    name: str
    cls: type[Any]
    options: Mapping[str, Any]

    def create(self) -> Any:
        """A fresh instance: one per upload."""
        return self.cls(**self.options)


@lru_cache(maxsize=256)
def hints_of(cls: type) -> Mapping[str, Any]:
    """The class's annotations, the inherited ones included; none where they cannot be read."""
    try:
        return get_type_hints(cls, include_extras=True)
    except Exception:  # noqa: BLE001 - a class may name types that exist for its type checker only: defaults decide
        return {}


def is_option(cls: type, name: str) -> bool:
    """Is this the name of an option of a backend class?"""
    return name.isupper() and not name.startswith("_") and name not in _CONTRACT_FLAGS and hasattr(cls, name)


def options_of(cls: type) -> dict[str, Any]:
    """Option name -> its declared type: the upper-case attributes of a backend class are its options."""
    hints = hints_of(cls)
    found: dict[str, Any] = {}
    for name in dir(cls):
        if is_option(cls, name):
            default = getattr(cls, name)
            found[name] = hints.get(name, type(default) if default is not None else Any)
    return found


def stores_of(cls: type, table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The options of `cls` that name a store, each with what `table` says, or else the class."""
    given = {str(key).upper(): value for key, value in table.items()}
    for option, kind in options_of(cls).items():
        if kind == Backend:
            yield option, given.get(option, getattr(cls, option))


def takers_of(cls: type, table: Mapping[str, Any], configured: Collection[str] = ()) -> dict[str, type]:
    """Option name -> the class whose option it is, for all that the `table` of a `cls` may hold.

    These are the options of `cls` and, where it stands in front of a store that is only a class, the store's. The names
    `configured` are those of backends with tables of their own.
    """
    found: dict[str, type] = {}
    for _option, value in stores_of(cls, table):
        if (store := _bare(value, configured)) is not None:
            found |= takers_of(store, {}, configured)
    return found | dict.fromkeys(options_of(cls), cls)


def checked(where: str, value: Any, annotation: Any, problems: list[str]) -> Any:
    """`value` as declared; where it cannot be, None, and the problem in words."""
    try:
        return coerce(value, annotation)
    except ValueError as error:
        problems.append(f"{where} {error}")
        return None


def spec_of(value: Any, where: str = "store") -> BackendSpec:
    """A store without a configuration: a registry name, a dotted path, a class or a table. Raises ConfigError."""
    problems: list[str] = []
    spec = Backends({}, problems).find(where, value)
    if spec is None or problems:
        raise ConfigError(problems)
    return spec


class Backends:
    """The tables of "backends", read: `found` has those that are right, `problems` what is wrong with the others."""

    def __init__(self, tables: Mapping[str, Any], problems: list[str]) -> None:
        self._tables = {str(name): table for name, table in tables.items()}
        self._problems = problems
        self._read_before: dict[str, BackendSpec | None] = {}
        self._being_read: list[str] = []
        specs = [self._configured(name) for name in self._tables]
        self.found: dict[str, BackendSpec] = {spec.name: spec for spec in specs if spec is not None}

    def find(self, where: str, given: Any) -> BackendSpec | None:
        """A configured backend by name; else a class, a registry name, a dotted path or a table of its own.

        None, and a problem that begins with `where`, if there is none.
        """
        if isinstance(given, BackendSpec):
            return given
        if isinstance(given, str):
            known = names("backend")
            if given in self._in_reach():
                return self._configured(given, where)
            if given not in known and "." not in given and ":" not in given:
                self._problems.append(f"{where}: unknown backend {given!r}{nearest(given, [*self._tables, *known])}")
                return None
        return self._read(given if isinstance(given, str) else "default", given, where)

    def _in_reach(self) -> set[str]:
        """The tables that a name means here. One may have its class's name: {"local": {"class": "thumbnail"}} is in
        front of the class `local`, not of itself."""
        known = names("backend") if self._being_read else ()
        return {name for name in self._tables if name not in self._being_read or name not in known}

    def _configured(self, name: str, where: str = "") -> BackendSpec | None:
        if name in self._being_read:
            ring = " -> ".join([*self._being_read[self._being_read.index(name) :], name])
            self._problems.append(f"{where}: {name!r} stands behind itself ({ring})")
            return None
        if name not in self._read_before:
            self._being_read.append(name)
            self._read_before[name] = self._read(name, self._tables[name], f"backend {name!r}")
            self._being_read.pop()
        return self._read_before[name]

    def _read(self, name: str, table: Any, where: str) -> BackendSpec | None:
        if isinstance(table, (str, type)):
            table = {"class": table}
        given = table.get("class") if isinstance(table, Mapping) else table
        if not isinstance(given, (str, type)):
            known = ", ".join(names("backend"))
            self._problems.append(f'{where}: needs a "class", itself or by name, not {given!r} (known: {known})')
            return None
        try:
            cls = resolve("backend", given)
        except ConfigError as error:
            self._problems.extend(f"{where}: {text}" for text in error.problems)
            return None
        if not all(callable(getattr(cls, hook, None)) for hook in _HOOKS):
            self._problems.append(f"{where}: {cls.__name__} is no backend: derive it from AbstractUploadBackend")
            return None
        if later := [hook for hook in _HOOKS if inspect.iscoroutinefunction(getattr(cls, hook))]:
            self._problems.append(f"{where}: {', '.join(later)} of {cls.__name__} must be plain functions, not async")
            return None
        return BackendSpec(name, cls, self._options(cls, table, where))

    def _options(self, cls: type, table: Mapping[str, Any], where: str) -> dict[str, Any]:
        own, takers = options_of(cls), takers_of(cls, table, self._in_reach())
        options: dict[str, Any] = {}
        handed_on: dict[str, Any] = {}
        for key, value in table.items():
            option = str(key).upper()
            if option in own and own[option] != Backend:
                options[option] = checked(f"{where}: {key}", value, own[option], self._problems)
            elif option in takers and option not in own:
                handed_on[key] = value
            elif option not in own and key != "class":
                suggestion = nearest(str(key), [each.lower() for each in takers])
                self._problems.append(f"{where}: unknown option {key!r}{suggestion}")
        for option, value in stores_of(cls, table):
            options[option] = self._store(f"{where}: {option.lower()}", value, handed_on)
        return options

    def _store(self, where: str, value: Any, handed_on: Mapping[str, Any]) -> BackendSpec | None:
        store = _bare(value, self._in_reach())
        if store is None or not handed_on:
            return self.find(where, value)
        taken = takers_of(store, {}, self._in_reach())
        mine = {key: each for key, each in handed_on.items() if str(key).upper() in taken}
        return self._read(value if isinstance(value, str) else "default", {"class": store, **mine}, where)


def _bare(value: Any, configured: Collection[str]) -> type | None:
    """The class, where a store is given as nothing but a class."""
    if not isinstance(value, (str, type)) or value in configured:
        return None
    try:
        return resolve("backend", value)
    except ConfigError:
        return None  # whoever reads it says what is wrong
