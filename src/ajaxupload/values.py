"""Settings come as dicts, TOML, ini lines and command-line words: this file turns each value into its declared type.

What lives here: the kinds of value (`Size`, `Duration`, `Mode`, `Backend`), their spelling, and `coerce`, which reads a
type annotation. What must not: any knowledge of which settings exist (config.py) or what they are for.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import math
import re
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, Union, get_args, get_origin

__all__ = [
    "Backend",
    "Duration",
    "Inspector",
    "Mode",
    "Quota",
    "Size",
    "coerce",
    "digests",
    "import_object",
    "is_digest",
    "parse_duration",
    "parse_mode",
    "parse_size",
]

#: Bytes, as an int; "10 MiB" and "2GB" are read.
Size = Annotated[int, "size"]
#: Seconds, as a float; "2 h" and "30 s" are read.
Duration = Annotated[float, "duration"]
#: Permission bits, as an int; "0640" and "0o640" are read as octal.
Mode = Annotated[int, "mode"]
#: A backend behind a backend: a configured one's name, a registry name, a dotted path, a class or a table. specs.py
#: makes a `BackendSpec` of it, for it takes the whole configuration to know the names.
Backend = Annotated[Any, "backend"]
#: What looks at a file before it becomes visible (see `ajaxupload.inspect`): a function, an object with `begin`, a
#: class that makes one, or the dotted path of any of these.
Inspector = Annotated[Any, "inspector"]
#: How much may be stored: a size, or a function that says how much is left, or the dotted path of one.
Quota = Annotated[Any, "quota"]

# SI prefixes are powers of 1000, IEC ones of 1024 (IEC 80000-13); a bare K, M or G is what `dd` and nginx mean by it.
_SIZE_UNITS = {"": 1, "b": 1, "byte": 1, "bytes": 1}
for _power, _letter in enumerate("kmgtp", start=1):
    _SIZE_UNITS[_letter] = _SIZE_UNITS[_letter + "ib"] = 1024**_power
    _SIZE_UNITS[_letter + "b"] = 1000**_power

_DURATION_UNITS = {"": 1.0, "ms": 0.001, "s": 1.0, "sec": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION_UNITS |= {"second": 1.0, "seconds": 1.0, "minute": 60.0, "minutes": 60.0, "hour": 3600.0, "hours": 3600.0}
_DURATION_UNITS |= {"day": 86400.0, "days": 86400.0, "w": 604800.0, "week": 604800.0, "weeks": 604800.0}

_NUMBER_UNIT = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([a-z]{0,7})\s*", re.IGNORECASE)
_TRUE = frozenset(("true", "yes", "on", "1"))
_FALSE = frozenset(("false", "no", "off", "0"))


def _quantity(value: object, units: Mapping[str, float], example: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < math.inf:
        return value
    found = _NUMBER_UNIT.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2].lower() not in units:
        raise ValueError(f"must be {example}, not {value!r}")
    number = float(found[1]) if "." in found[1] else int(found[1])
    return number * units[found[2].lower()]


def parse_size(value: object) -> int:
    """Bytes from 4096, "4096", "10 MiB" (1024 squared) or "10 MB" (1000 squared). ValueError says what is read."""
    return int(_quantity(value, _SIZE_UNITS, "a size such as '10 MiB', '2 GB' or a number of bytes"))


def parse_duration(value: object) -> float:
    """Seconds from 5, "5", "30 s", "2 h" or "1 day". ValueError says what is read."""
    return float(_quantity(value, _DURATION_UNITS, "a duration such as '30 s', '2 h' or a number of seconds"))


def parse_mode(value: object) -> int:
    """Permission bits from 0o640, "0640" or "0o640". ValueError says what is read."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 0o7777:
        return value
    if isinstance(value, str) and re.fullmatch(r"(0o)?[0-7]{3,4}", value):
        return int(value.removeprefix("0o"), 8)
    raise ValueError(f"must be permission bits such as '0640', not {value!r}")


def import_object(path: str) -> Any:
    """What "package.module:Name" or "package.module.Name" names. ValueError when there is no such thing."""
    module_name, _, attribute = path.partition(":") if ":" in path else path.rpartition(".")
    if not module_name or not attribute or module_name.startswith("."):
        raise ValueError(f"must be a dotted path such as 'package.module:name', not {path!r}")
    try:
        found: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            found = getattr(found, part)
    except (ModuleNotFoundError, AttributeError) as error:
        raise ValueError(f"cannot be imported: {path!r} ({error})") from error
    return found


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(f"must be true or false, not {value!r}")


def _integer(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,18}\s*", value):
        return int(value)
    raise ValueError(f"must be a whole number, not {value!r}")


def _number(value: object) -> float:
    try:
        if isinstance(value, (int, float, str)) and not isinstance(value, bool):
            return float(value)
    except ValueError:
        pass
    raise ValueError(f"must be a number, not {value!r}")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if hasattr(value, "__fspath__"):
        return str(value)
    raise ValueError(f"must be text, not {value!r}")


_PLAIN: dict[object, Callable[[object], Any]] = {bool: _boolean, int: _integer, float: _number, str: _text}


def _items(value: object) -> Sequence[object]:
    """A list as it stands; a single string is a list in ini and command-line spelling, split at commas and spaces."""
    if isinstance(value, str):
        return [word for word in re.split(r"[\s,]+", value) if word]
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    return [value]


def _union(value: object, members: tuple[object, ...]) -> object:
    if type(None) in members and (value is None or value == ""):
        return None
    problems: list[ValueError] = []
    for member in members:
        if member is type(None):
            continue
        try:
            return coerce(value, member)
        except ValueError as error:
            problems.append(error)
    raise problems[0]


def _callable(value: object) -> object:
    found = import_object(value) if isinstance(value, str) else value
    if not callable(found):
        raise ValueError(f"must be a function or the dotted path of one, not {value!r}")
    if inspect.iscoroutinefunction(found) or inspect.iscoroutinefunction(type(found).__call__):
        raise ValueError(f"must be a plain function: {value!r} is async, and nothing would await what it says")
    return found


def _inspector(value: object) -> object:
    found = import_object(value) if isinstance(value, str) else value
    if isinstance(found, type):
        try:
            found = found()
        except TypeError as error:
            raise ValueError(f"must be an object, not its class, where that wants arguments: {value!r}") from error
    begin = getattr(found, "begin", None)
    if begin is None:
        _check_arguments(_callable(found), ("request", "upload", "file"))
    else:
        _check_arguments(_callable(begin), ("request", "upload"))
    return found


def _quota(value: object) -> object:
    """Sizes are told from dotted paths by their first character."""
    if isinstance(value, str) and not re.match(r"\s*[A-Za-z_]", value):
        return parse_size(value)
    if isinstance(value, (int, float)):
        return parse_size(value)
    try:
        found = _callable(value)
    except ValueError as error:
        raise ValueError(
            f"must be a size such as '10 GiB', or a function that says how many bytes are left, or its dotted path: "
            f"it {error}"
        ) from error
    _check_arguments(found, ("request", "upload"))
    return found


def _check_arguments(function: Any, given: tuple[str, ...]) -> None:
    try:
        inspect.signature(function).bind(*given)
    except TypeError as error:
        raise ValueError(f"must take the arguments ({', '.join(given)}): {function!r} does not") from error
    except ValueError:
        pass  # of a function in C nobody knows


_KINDS: dict[object, Callable[[object], Any]] = {
    "size": parse_size,
    "duration": parse_duration,
    "mode": parse_mode,
    "inspector": _inspector,
    "quota": _quota,
}


def coerce(value: object, annotation: Any) -> Any:
    """`value` as `annotation` declares it, strings of ini files and TOML included. ValueError says what is wanted.

    Read are bool, int, float, str, Size, Duration, Mode, Inspector, Quota, Literal, X | None, tuple[X, ...], Mapping
    and Callable (the dotted path of one works as well); any other annotation takes every value.
    """
    origin, members = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        reader = _KINDS.get(members[1])
        return reader(value) if reader else coerce(value, members[0])
    if origin in (Union, types.UnionType):
        return _union(value, members)
    if origin is Literal:
        if value not in members:
            raise ValueError(f"must be one of {', '.join(map(repr, members))}, not {value!r}")
        return value
    if origin is tuple:
        return tuple(coerce(item, members[0]) for item in _items(value))
    if annotation is Callable or origin is Callable or origin is getattr(Callable, "__origin__", Callable):
        return _callable(value)
    if isinstance(origin or annotation, type) and issubclass(origin or annotation, Mapping):
        if not isinstance(value, Mapping):
            raise ValueError(f"must be a table of names and values, not {value!r}")
        return value
    reader = _PLAIN.get(annotation)
    return reader(value) if reader else value


def is_digest(algorithm: str) -> bool:
    """Is it a hashlib algorithm, and of a fixed length? (The SHAKEs are not.)"""
    try:
        return bool(hashlib.new(algorithm).hexdigest())
    except (ValueError, TypeError):
        return False


def digests() -> list[str]:
    """The algorithms that every Python has."""
    return sorted(filter(is_digest, hashlib.algorithms_guaranteed))
