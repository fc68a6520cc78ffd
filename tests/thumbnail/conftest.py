"""Fixtures of the thumbnails' tests.

What lives here: an empty shelf for each test. What must not: pictures (pictures.py).
"""

from __future__ import annotations

import pytest

from tests.thumbnail.pictures import Shelf


@pytest.fixture(autouse=True)
def shelf() -> dict[str, bytes]:
    """What the store of the tests' own holds: nothing yet."""
    Shelf.clear()
    return Shelf.files
