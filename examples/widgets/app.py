"""Thirteen upload widgets on one page, and one URL for all of them.

The upload is configured at the end: a single endpoint, which is told nothing about who is going to talk to it. The rest
hands out the page and what `npm install` has brought.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from webob import Request
from webob.static import DirectoryApp

from ajaxupload import AjaxUpload

HERE = Path(__file__).resolve().parent
STORE = Path(os.environ.get("UPLOADS") or HERE / "uploads").resolve()
MODULES = Path(os.environ.get("NODE_MODULES") or HERE / "node_modules").resolve()

page = DirectoryApp(str(HERE / "page"))
modules = DirectoryApp(str(MODULES), index_page=None)


def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The page and its scripts: what is no upload."""
    request = Request(environ)
    if request.path_info_peek() == "node_modules":
        request.path_info_pop()
        return modules(environ, start_response)
    return page(environ, start_response)


application = AjaxUpload(
    site,
    path="/upload",
    upload_dir=str(STORE),  # of the backend "local", which is the default
    max_size="2 GiB",
    deny=[".exe"],  # to see how each widget shows a refusal
    serve=True,  # GET of what was stored
    allow_delete=True,  # by who has stored it: here a browser, known by a signed cookie
    allow_list=True,
    redirect="/",  # after the plain form
)
