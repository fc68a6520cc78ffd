"""Paste Deployment: ini files that put the middleware around an application, or an endpoint among others."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
import webtest
from paste.deploy import loadapp
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from ajaxupload import AjaxUpload, Endpoint, upload_endpoint
from ajaxupload.adapters.paste import app_factory, filter_app_factory
from ajaxupload.errors import ConfigError, Forbidden

FILE = [("file", "a.txt", b"hello")]


def site_factory(global_conf: Any, **local_conf: str) -> Callable[..., Iterable[bytes]]:
    """What stands behind the middleware: says what it was asked for."""

    def site(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [f"site: {environ.get('SCRIPT_NAME', '')}|{environ['PATH_INFO']}".encode("latin-1")]

    return site


def authorize(request: Any, action: str, upload: Any) -> str:
    """Named in an ini file."""
    if upload.name == "secret.txt":
        raise Forbidden
    return "ini"


def load(folder: Path, ini: str, **more: Any) -> Any:
    """The application of an ini file in `folder`."""
    (folder / "app.ini").write_text(textwrap.dedent(ini), encoding="utf-8")
    return loadapp(f"config:{folder}/app.ini", **more)


def stored(folder: Path) -> dict[str, bytes]:
    """Relative path -> content of everything in the folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(("group", "function"), [("filter_app", filter_app_factory), ("app", app_factory)])
def test_the_installed_package_has_the_entry_point(group: str, function: object) -> None:
    (found,) = (
        entry for entry in entry_points(group=f"paste.{group}_factory") if entry.module.startswith("ajaxupload")
    )
    assert found.name == "main"
    assert found.load() is function


USES = {
    "egg": "use = egg:ajaxupload",
    "entry point": "use = egg:ajaxupload#main",
    "protocol": "paste.filter_app_factory = ajaxupload.adapters.paste:filter_app_factory",
}


@pytest.mark.parametrize("use", USES.values(), ids=USES)
def test_a_filter_catches_its_paths_and_hands_on_all_others(tmp_path: Path, use: str) -> None:
    app = load(
        tmp_path,
        f"""
        [pipeline:main]
        pipeline = upload site

        [filter:upload]
        {use}
        path = /album/{{slug}}/upload
        backend = local
        upload_dir = %(here)s/files
        name = {{principal}}/{{slug}}/{{name}}
        max_size = 5 B
        allow = .txt .png
        authorize = {__name__}.authorize

        [app:site]
        paste.app_factory = {__name__}:site_factory
        """,
    )
    assert isinstance(app, AjaxUpload)
    client = webtest.TestApp(app, lint=True)
    assert client.post("/album/x/upload", upload_files=FILE).json["filename"] == "ini/x/a.txt"
    assert client.put("/album/x/upload/a.exe", b"hello", status=415).json["code"] == "unsupported_type"
    assert client.put("/album/x/upload/a.txt", b"longer", status=413).json["code"] == "too_large"
    assert client.put("/album/x/upload/secret.txt", b"x", status=403).json["code"] == "forbidden"
    assert client.get("/album/x/uploads").text == "site: |/album/x/uploads"
    assert stored(tmp_path / "files") == {"ini/x/a.txt": b"hello"}


def test_several_endpoints_and_backends_in_one_filter(tmp_path: Path) -> None:
    app = load(
        tmp_path,
        f"""
        [app:main]
        paste.app_factory = {__name__}:site_factory
        filter-with = upload

        [filter:upload]
        use = egg:ajaxupload
        backends.disk.class = local
        backends.disk.upload_dir = %(here)s/disk
        backends.disk.file_mode = 0640
        backends.ram.class = memory
        endpoints./upload.backend = disk
        endpoints./upload.max_size = 2 GiB
        endpoints./v1.0/photo.backend = ram
        endpoints./v1.0/photo.allow = image/*, .txt
        secret_key = made up
        """,
    )
    assert app.settings.secret_key == "made up"
    assert {path: (each.backend.name, each.max_size, each.allow) for path, each in app.settings.endpoints.items()} == {
        "/upload": ("disk", 2 << 30, ()),
        "/v1.0/photo": ("ram", 100 << 20, ("image/*", ".txt")),
    }
    client = webtest.TestApp(app, lint=True)
    client.put("/upload/a.txt", b"hello", status=201)
    client.put("/v1.0/photo/b.txt", b"hello", status=201)
    assert stored(tmp_path / "disk") == {"a.txt": b"hello"}
    assert (tmp_path / "disk" / "a.txt").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("use", ["egg:ajaxupload", "call:ajaxupload.adapters.paste:app_factory"])
def test_an_application_among_others_in_a_urlmap(tmp_path: Path, use: str) -> None:
    app = load(
        tmp_path,
        f"""
        [composite:main]
        use = egg:Paste#urlmap
        / = site
        /in/box = box

        [app:box]
        use = {use}
        upload_dir = %(here)s/files
        redirect = /

        [app:site]
        paste.app_factory = {__name__}:site_factory
        """,
    )
    client = webtest.TestApp(app, lint=True)
    assert client.put("/in/box/a.txt", b"hello", status=201).json["name"] == "a.txt"
    assert client.post("/in/box", upload_files=[("file", "b.txt", b"x")]).json["name"] == "b.txt"
    assert client.get("/in/boxes").text == "site: |/in/boxes"
    assert stored(tmp_path / "files") == {"a.txt": b"hello", "b.txt": b"x"}


def test_every_fault_is_listed_when_the_ini_file_is_loaded(tmp_path: Path) -> None:
    ini = """
        [app:main]
        use = egg:ajaxupload
        upload_dirr = x
        max_size = much
        allow = image/*
        digest = sha257
        """
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, ini)
    assert "'upload_dir'" in str(caught.value)
    assert "not 'much'" in str(caught.value)


def test_an_application_is_one_endpoint() -> None:
    lines = {"endpoints./a.backend": "memory", "endpoints./b.backend": "memory"}
    with pytest.raises(ConfigError, match="one endpoint, here are 2"):
        app_factory({}, **lines)
    assert isinstance(app_factory({}, **{"endpoints./a.backend": "memory"}), Endpoint)


def test_without_a_path_the_filter_is_at_upload(tmp_path: Path) -> None:
    app = filter_app_factory(site_factory({}), {}, upload_dir=str(tmp_path))
    webtest.TestApp(app, lint=True).put("/upload/a.txt", b"hello", status=201)
    assert stored(tmp_path)["a.txt"] == b"hello"


# ---- an endpoint wherever something mounts one ----------------------------------------------------------------------


def test_an_endpoint_in_werkzeugs_dispatcher(tmp_path: Path) -> None:
    mounts: dict[str, Any] = {
        "/in": upload_endpoint(upload_dir=tmp_path, max_size="5 B"),
        "/in/other": upload_endpoint("memory"),
    }
    client = webtest.TestApp(DispatcherMiddleware(site_factory({}), mounts), lint=True)
    client.put("/in/a.txt", b"hello", status=201)
    client.put("/in/b.txt", b"longer", status=413)
    client.put("/in/other/c.txt", b"longer", status=201)
    assert client.get("/into").text == "site: |/into"
    assert client.get("/in", headers={"Accept": "application/json"}).json["max_size"] == 5
    assert stored(tmp_path) == {"a.txt": b"hello"}


@pytest.mark.parametrize("script", ["", "/", "/shop", "/shop/v2"])
def test_an_endpoint_sees_only_what_is_below_its_mount_point(tmp_path: Path, script: str) -> None:
    client = webtest.TestApp(
        upload_endpoint(upload_dir=tmp_path), extra_environ={"SCRIPT_NAME": script.rstrip("/")}, lint=True
    )
    answer = client.put("/a.txt", b"hello", status=201)
    assert answer.json["name"] == "a.txt"


def test_the_middleware_inside_a_mounted_application(tmp_path: Path) -> None:
    seen = []

    def hook(request: Any, action: str, upload: Any) -> None:
        seen.append((request.script_name, request.path_info, request.path))

    inner = AjaxUpload(site_factory({}), path="/up", upload_dir=tmp_path, authorize=hook)
    client = webtest.TestApp(DispatcherMiddleware(site_factory({}), {"/shop": inner}), lint=True)
    client.put("/shop/up/a.txt", b"hello", status=201)
    assert client.get("/shop/page").text == "site: /shop|/page"
    assert seen == [("/shop/up", "/a.txt", "/shop/up/a.txt")]
