"""What an endpoint's settings mean beyond their types: templates, names of protocols, limits that exclude each other.

What lives here: those checks. What must not: which settings exist, and their types (config.py).
"""

from __future__ import annotations

import re
from typing import Any

from .errors import ConfigError
from .naming import check_template
from .options import check_options
from .registry import nearest, resolve
from .values import digests, is_digest

__all__ = ["check_meaning"]


def check_meaning(where: str, settings: Any, problems: list[str]) -> None:
    """Add what is wrong with an endpoint's settings (config.EndpointSettings) to `problems`."""
    try:
        check_template(settings.name, re.findall(r"\{(\w+)\}", settings.path))
    except ValueError as error:
        problems.append(f"{where}: name {error}")
    for protocol in settings.protocols:
        try:
            found = resolve("protocol", protocol)
        except ConfigError as error:
            problems.append(f"{where}: protocols: {error}")
        else:
            if not (hasattr(found, "matches") and hasattr(found, "handle")):
                problems.append(f"{where}: protocols: {protocol!r} is no protocol")
    check_options(where, settings.protocol_options, problems)
    if settings.digest is not None and not is_digest(settings.digest):
        problems.append(
            f"{where}: digest {settings.digest!r} is no hash algorithm here{nearest(settings.digest, digests())}"
        )
    if settings.redirect is not None and not re.fullmatch(r"[!-~]+", settings.redirect):
        problems.append(f"{where}: redirect {settings.redirect!r} must be a percent-encoded URL or path")
    least = (("max_size", 1), ("max_files", 1), ("max_fields", 0), ("max_unfinished", 1), ("max_unfinished_own", 1))
    problems.extend(f"{where}: {key} must be at least {n}" for key, n in least if getattr(settings, key) < n)
    problems.extend(
        f"{where}: {key} must be longer than no time at all, such as '60 s'"
        for key in ("expires", "idle_timeout", "min_rate_window", "stored_for")
        if getattr(settings, key) <= 0
    )
    if (settings.allow_delete or settings.allow_list) and not settings.resumable:
        problems.append(f"{where}: allow_delete and allow_list need what resumable = true keeps of an upload")
    if not callable(settings.quota) and settings.quota is not None and settings.quota < 1:
        problems.append(f"{where}: quota must be at least 1; without one there is no limit")
    if settings.min_size > settings.max_size:
        problems.append(f"{where}: min_size is larger than max_size")
    problems.extend(
        f"{where}: allowed_origins: {origin!r} must look like 'https://www.example.com'"
        for origin in settings.allowed_origins
        if origin != "*" and not re.fullmatch(r"https?://[^/\s]+", origin)
    )
