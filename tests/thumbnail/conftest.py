"""Fixtures of the thumbnails' tests.

What lives here: empty stores for each test. What must not: pictures (pictures.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
from tests.thumbnail.pictures import Shelf
from tests.thumbnail.pools import pool_of
from tests.thumbnail.telling import Telling


@pytest.fixture(autouse=True)
def shelf() -> dict[str, bytes]:
    """What the store of the tests' own holds: nothing yet."""
    Shelf.clear()
    Telling.forget()
    return Shelf.files


@pytest.fixture
def own(request: pytest.FixtureRequest) -> Iterator[dict[str, Any]]:
    """Options that no other test shares, and so a pool of the test's own; its children are ended afterwards."""
    limits = {"MEMORY_LIMIT": (200 << 20) + abs(hash(request.node.name)) % 10_000_000, "PROCESSES": 1}
    yield limits
    pool_of(limits).end()


@pytest.fixture(params=[True, False], ids=["in a child", "in this process"])
def each_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once with the decoder in a process of its own, once without: what is seen must be the same."""
    monkeypatch.setattr(ThumbnailUploadBackend, "SANDBOX", request.param)
