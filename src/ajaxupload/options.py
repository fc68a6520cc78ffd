"""What may be set for one protocol: the `protocol_options` of an endpoint, checked like everything else.

What lives here: reading that table. What must not: what any option does (each protocol's own).

    "protocol_options": {"fineuploader": {"uuidName": "upload_id"}, "resumablejs": {"parameterNamespace": "r_"}}

A protocol says in its class attribute `options` which names it has, each with its default; all values are text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .errors import ConfigError
from .registry import names, nearest, resolve

__all__ = ["check_options", "options_for"]


def check_options(where: str, tables: Mapping[str, Any], problems: list[str]) -> None:
    """Add what is wrong with the tables to `problems`: unknown protocols and options with the nearest known name."""
    for protocol, table in tables.items():
        at = f"{where}: protocol_options: {protocol}"
        try:
            known: Mapping[str, str] = getattr(resolve("protocol", protocol), "options", {})
        except ConfigError as error:
            problems.append(f"{where}: protocol_options: {error}")
            continue
        if not isinstance(table, Mapping):
            problems.append(f"{at} must be a table of names and values, not {table!r}")
            continue
        if not known:
            having = [name for name in names("protocol") if getattr(resolve("protocol", name), "options", None)]
            problems.append(f"{at} has no options (these have: {', '.join(having)})")
            continue
        problems.extend(
            f"{at}: unknown key {key!r}{nearest(str(key), list(known))}" for key in table if key not in known
        )
        problems.extend(
            f"{at}: {key} must be text without spaces, not {value!r}"
            for key, value in table.items()
            if key in known and not (isinstance(value, str) and value.isprintable() and " " not in value)
        )


def options_for(tables: Mapping[str, Any], protocol: str, known: Mapping[str, str]) -> dict[str, str]:
    """All options of the protocol: what the endpoint sets, and the defaults."""
    return {**known, **tables.get(protocol, {})}
