"""Several files whose first pieces leave a browser before it has any cookie are each put together.

What lives here: the one cookie that a browser keeps of several answers. What must not: pieces of one file.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.wire import store
from tests.wire.client import Answer
from tests.wire.doors import DOORS, Door
from tests.wire.visiting import Visit, blueimp, resumable

FILES = {f"{letter}.txt": letter.encode() * 31 for letter in "abc"}
PIECE = Callable[[Visit, str, int], Answer]


def _resumable(prefix: str, visit: Visit, name: str, k: int) -> Answer:
    return resumable(visit, k, 10, FILES[name], name, prefix)


def _blueimp(visit: Visit, name: str, k: int) -> Answer:
    start, end = (k - 1) * 10, 31 if k == 3 else k * 10
    return blueimp(visit, start, 31, FILES[name][start:end], name)


PIECES: dict[str, PIECE] = {
    "resumable": partial(_resumable, "resumable"),
    "flow": partial(_resumable, "flow"),
    "blueimp": _blueimp,
}
rows: list[Any] = [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in DOORS]


@pytest.mark.parametrize("door", rows, indirect=True)
@pytest.mark.parametrize("client", PIECES)
def test_whichever_answers_cookie_the_browser_keeps(door: Door, client: str) -> None:
    piece = PIECES[client]
    browsers = {name: Visit(door) for name in FILES}
    for name, browser in browsers.items():  # one browser, that had no cookie yet when each of these left
        assert piece(browser, name, 1).status == 200
    kept = browsers["b.txt"]
    for name in FILES:
        assert [piece(kept, name, k).json["complete"] for k in (2, 3)] == [False, True]
    assert store.take(door.root) == FILES


@pytest.mark.parametrize("door", rows, indirect=True)
def test_what_its_browser_cannot_delete_is_answered_without_a_delete_url(door: Door) -> None:
    """Pieces under a name, from a browser that others could be taken for: until it has looked at its list."""
    stranger, guest = Visit(door), Visit(door)
    guest.send("GET", "/kept", Accept="application/json, text/javascript, */*", X_Requested_With="XMLHttpRequest")
    answers = {}
    for name, browser in {"a.txt": stranger, "b.txt": guest}.items():
        for k in (1, 2, 3):
            answers[name] = resumable(browser, k, 10, FILES[name], name, "flow", "/kept").json
    assert "deleteUrl" not in answers["a.txt"]
    assert "deleteUrl" not in answers["a.txt"]["files"][0]
    assert guest.send("DELETE", answers["b.txt"]["deleteUrl"]).status in (200, 204)
    assert list(store.take(door.root)) == ["a.txt"]
