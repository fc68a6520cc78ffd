"""How hooks are called: the names from the URL reach those that take them, and never break those that do not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ajaxupload.backends.calling import call

NAMES = {"slug": "winter", "filename": "of the URL", "request": "of the URL", "self": "of the URL"}


class Hooks:
    def none(self, filename: str) -> Any:
        return filename

    def any(self, filename: str, *args: Any, **kwargs: Any) -> Any:
        return filename, args, kwargs

    def by_name(self, filename: str, slug: str = "") -> Any:
        return filename, slug

    def by_name_only(self, filename: str, *, slug: str) -> Any:
        return filename, slug

    def two(self, request: str, filename: str, **kwargs: Any) -> Any:
        return request, filename, kwargs

    def positional(self, filename: str, /, **kwargs: Any) -> Any:
        return filename, kwargs

    @staticmethod
    def static(filename: str, **kwargs: Any) -> Any:
        return filename, kwargs


OURS = {"slug": "winter"}


@pytest.mark.parametrize(
    ("hook", "args", "said"),
    [
        (Hooks().none, ("a",), "a"),
        (Hooks().any, ("a",), ("a", (), {**OURS, "request": "of the URL"})),
        (Hooks().by_name, ("a",), ("a", "winter")),
        (Hooks().by_name_only, ("a",), ("a", "winter")),
        (Hooks().two, ("r", "a"), ("r", "a", OURS)),
        (Hooks().positional, ("a",), ("a", {**OURS, **dict.fromkeys(("filename", "request", "self"), "of the URL")})),
        (Hooks.static, ("a",), ("a", {**OURS, "request": "of the URL", "self": "of the URL"})),
    ],
)
def test_a_hook_is_handed_the_names_that_it_takes_and_its_own_arguments_win(
    hook: Callable[..., Any], args: tuple[str, ...], said: Any
) -> None:
    assert call(hook, *args, names=NAMES) == said


def test_without_names_a_hook_is_called_as_it_stands() -> None:
    assert call(len, "four", names={}) == 4
