"""What all of Flask's tests share."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def a_boundary_within_the_rules(monkeypatch: pytest.MonkeyPatch) -> None:
    """Werkzeug's test client draws its boundaries: once in four hundred forms, where the number drawn has many digits
    ("9.1234567890123456e-05"), they have 71 or 72 characters, and RFC 2046 section 5.1.1 allows 70."""
    monkeypatch.setattr("werkzeug.test.random", lambda: 0.5)
