"""Fixtures of the tests about the command: the demo page over one local endpoint, without a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from webtest import TestApp

from ajaxupload.demo.site import Site
from tests.support.pages import config


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the page's endpoint stores."""
    return tmp_path / "in"


@pytest.fixture
def site(folder: Path) -> TestApp:
    """The page over one local endpoint. TestApp lints both sides (PEP 3333)."""
    return TestApp(Site(config(folder)))
