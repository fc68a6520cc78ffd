"""The ini blocks of the documents are whole and right: they are loaded, and uploaded to."""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path
from typing import Any

import pytest
import webtest
from paste.deploy import appconfig, loadapp
from pyramid.config import Configurator

HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to"


def ini_blocks(name: str) -> list[str]:
    """Every fenced ini block of the document."""
    return re.findall(r"```ini\n(.*?)```", (HOW_TO / name).read_text(encoding="utf-8"), re.DOTALL)


@pytest.mark.parametrize("block", ini_blocks("any-wsgi.md"))
def test_the_paste_blocks_take_an_upload_and_serve_the_site(tmp_path: Path, block: str) -> None:
    (tmp_path / "app.ini").write_text(block, encoding="utf-8")
    client = webtest.TestApp(loadapp(f"config:{tmp_path}/app.ini"))
    assert client.put("/upload/a.pdf", b"%PDF-1.7\n", status=201).json["name"] == "a.pdf"
    assert client.get("/elsewhere").status_int == 200
    assert (tmp_path / "uploads" / "a.pdf").is_file()


@pytest.fixture
def myapp(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the block names as the reader's own."""
    modules: Any = {name: types.ModuleType(name) for name in ("myapp", "myapp.security")}
    modules["myapp.security"].may_upload = lambda request, action, upload: "reader"
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)


ONE, SEVERAL = ini_blocks("pyramid.md")


@pytest.mark.parametrize(("block", "path"), [(ONE, "/upload"), (SEVERAL, "/album/x/upload")], ids=["one", "several"])
def test_the_pyramid_blocks_take_an_upload(tmp_path: Path, myapp: None, block: str, path: str) -> None:
    (tmp_path / "app.ini").write_text(f"[app:main]\nuse = egg:Paste#test\n{block}", encoding="utf-8")
    settings = dict(appconfig(f"config:{tmp_path}/app.ini"))
    with Configurator(settings=settings) as config:
        config.include("ajaxupload.adapters.pyramid")
        if "disk" in block:
            config.add_ajax_upload("/third", "disk")
        app = webtest.TestApp(config.make_wsgi_app(), lint=True)
    app.put(f"{path}/a.pdf", b"%PDF-1.7\n", status=201)
    assert [found.name for found in (tmp_path / "uploads").rglob("*.pdf")] == ["a.pdf"]
