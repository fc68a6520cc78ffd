"""Pyramid applications for tests.

What lives here: making one, and looking into its folder. What must not: facts.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import webtest
from pyramid.config import Configurator
from pyramid.session import SignedCookieSessionFactory

Configure = Callable[[Any], object]


def make(configure: Configure = lambda config: None, /, **ini: Any) -> webtest.TestApp:
    """An application with the include, `ini` as `ajaxupload.*` keys, and more that `configure` adds."""
    settings = {f"ajaxupload.{key}": value for key, value in ini.items()}
    with Configurator(settings=settings) as config:
        config.set_session_factory(SignedCookieSessionFactory("made up"))
        config.include("ajaxupload.adapters.pyramid")
        configure(config)
        app = config.make_wsgi_app()
    return webtest.TestApp(app, lint=True)


def stored(folder: Path) -> dict[str, bytes]:
    """Relative path -> content of everything in the folder."""
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in found.items() if not name.startswith(".")}
