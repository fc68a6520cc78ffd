"""How a backend's hooks are called.

What lives here: the calling convention of django-ajax-uploader's hooks. What must not: when they are called, and what
their exceptions mean (engine/).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

__all__ = ["call"]


@lru_cache(maxsize=1024)
def _parameters(function: Callable[..., Any], given: int) -> tuple[frozenset[str], frozenset[str], bool]:
    """Of a hook called with `given` arguments: the names that these fill, the others, and whether it takes any name."""
    by_name = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    parameters = list(inspect.signature(function).parameters.values())
    filled = frozenset(each.name for each in parameters[:given] if each.kind is by_name[0])
    free = frozenset(each.name for each in parameters if each.kind in by_name) - filled
    return filled, free, any(each.kind is each.VAR_KEYWORD for each in parameters)


def call(hook: Callable[..., Any], *args: Any, names: Mapping[str, str]) -> Any:
    """Call one hook. django-ajax-uploader handed it the URL's names as keywords: so do we, those that it takes.

    A name that is also the hook's own argument, "filename" say, is not handed on: it is in `Upload.path_names`.
    """
    if not names:
        return hook(*args)
    function = getattr(hook, "__func__", hook)
    filled, free, any_name = _parameters(function, len(args) + (function is not hook))
    return hook(*args, **{name: names[name] for name in names if name in free or (any_name and name not in filled)})
