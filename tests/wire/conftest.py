"""The doors of the wire tests: each is opened once for a run of tests and stays open, as in life.

What lives here: fixtures. What must not: what a door is (doors.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.wire import store
from tests.wire.doors import Door, ServerDoor, opened
from tests.wire.servers import Server


@pytest.fixture(scope="session")
def open_door(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Door]]:
    """Opens a door by its name the first time it is asked for; all are closed at the end."""
    with ExitStack() as stack:
        found: dict[str, Door] = {}

        def find(name: str) -> Door:
            if name not in found:
                found[name] = stack.enter_context(opened(name, tmp_path_factory.mktemp(name)))
            return found[name]

        yield find


@pytest.fixture
def door(request: pytest.FixtureRequest, open_door: Callable[[str], Door]) -> Iterator[Door]:
    """The door that the test is parametrized with, its folder empty; what went wrong behind it fails the test."""
    found = open_door(request.param)
    store.take(found.root)
    yield found
    store.take(found.root)
    complaints = found.complaints()
    store.forget(found.root)
    assert not complaints


@pytest.fixture
def server(door: Door) -> Server:
    """The server behind the door."""
    assert isinstance(door, ServerDoor)
    return door.server
