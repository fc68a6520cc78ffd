"""How a backend's hooks are called.

What lives here: the calling convention of the seed's hooks. What must not: when they are called, and what their
exceptions mean (engine/).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

__all__ = ["call"]


@lru_cache(maxsize=1024)
def _takes_keywords(function: Callable[..., Any]) -> bool:
    parameters = inspect.signature(function).parameters.values()
    return any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters)


def call(hook: Callable[..., Any], *args: Any, names: Mapping[str, str]) -> Any:
    """Call one hook. The seed's view handed the URL's names to each hook as keywords: so do we, where it takes any."""
    if names and _takes_keywords(getattr(hook, "__func__", hook)):
        return hook(*args, **names)
    return hook(*args)
