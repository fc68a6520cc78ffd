"""What a Pyramid application has of the include: ini keys, a directive, views in its own manner."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import webtest
from pyramid.config import Configurator
from pyramid.httpexceptions import HTTPForbidden, HTTPFound
from pyramid.response import Response
from pyramid.security import Allowed, Denied
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from tests.pyramid.made import make, stored

FILE = [("file", "a.txt", b"hello")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda app: app.post("/upload", upload_files=FILE), 200),
        (lambda app: app.put("/upload/a.txt", b"hello"), 201),
        (lambda app: app.put("/upload/", b"hello", headers={"X-File-Name": "a.txt"}), 201),
        (lambda app: app.post("/upload?qqfile=a.txt", b"hello", content_type="text/plain"), 200),
    ],
    ids=["form", "put-tail", "put-slash", "qqfile"],
)
def test_every_protocol_stores_the_file(folder: Path, send: Callable[[Any], Any], status: int) -> None:
    answer = send(make(path="/upload", upload_dir=str(folder)))
    assert (answer.status_int, answer.json["name"]) == (status, "a.txt")
    assert stored(folder) == {"a.txt": b"hello"}


def test_names_in_the_path_reach_hooks_and_the_name_template(folder: Path) -> None:
    seen = []

    def authorize(request: Any, action: str, upload: Any) -> None:
        seen.append(
            (upload.path_names, request.matchdict["slug"], request.route_path("ajaxupload.album_slug", slug="x"))
        )

    ini = {"endpoints./album/{slug}.backend": "disk", "endpoints./album/{slug}.name": "{slug}/{name}"}
    app = make(
        **ini,
        **{"endpoints./album/{slug}.authorize": authorize, "backends.disk.class": "local"},
        **{"backends.disk.upload_dir": str(folder)},
    )
    assert app.put("/album/m%C3%BCnchen/a.txt", b"hello").json["filename"] == "münchen/a.txt"
    assert seen == [({"slug": "münchen"}, "münchen", "/album/x")]


def test_hooks_get_pyramids_request_with_its_session(folder: Path) -> None:
    def authorize(request: Any, action: str, upload: Any) -> str:
        request.session["count"] = request.session.get("count", 0) + 1
        return f"user{request.session['count']}"

    app = make(
        lambda config: config.add_ajax_upload("/up", upload_dir=folder, authorize=authorize, name="{principal}/{name}")
    )
    assert [app.post("/up", upload_files=FILE).json["filename"] for _ in "ab"] == ["user1/a.txt", "user2/a.txt"]


@pytest.mark.parametrize(
    ("raised", "status", "text"),
    [(HTTPForbidden("members only"), 403, "members only"), (HTTPFound("/login"), 302, "/login")],
)
def test_http_exceptions_of_hooks_are_pyramids_answers(folder: Path, raised: Exception, status: int, text: str) -> None:
    def authorize(*_: Any) -> None:
        raise raised

    app = make(lambda config: config.add_ajax_upload("/up", upload_dir=folder, authorize=authorize))
    answer = app.post("/up", upload_files=FILE, status=status)
    assert text in answer.text
    assert not stored(folder)


def test_an_exception_view_answers_for_hooks_too(folder: Path) -> None:
    def authorize(*_: Any) -> None:
        raise LookupError("planned by nobody")

    def configure(config: Any) -> None:
        config.add_ajax_upload("/up", upload_dir=folder, authorize=authorize)
        config.add_exception_view(
            lambda error, request: Response(f"sorry: {error.args[0]}", status=500), context=LookupError
        )

    assert make(configure).put("/up/a", b"x", status=500).text == "sorry: planned by nobody"
    assert not stored(folder)


class Policy:
    """Ann may do everything."""

    def identity(self, request: Any) -> str | None:
        """As the header says."""
        return request.headers.get("X-User")  # type: ignore[no-any-return]  # pyramid ships no types

    def permits(self, request: Any, context: Any, permission: str) -> Any:
        """Is it Ann, and which permission was asked for?"""
        return Allowed("") if self.identity(request) == "ann" else Denied(f"{permission} wanted")


@pytest.mark.parametrize(
    "configure",
    [
        lambda config, **options: config.add_ajax_upload("/up", permission="upload", **options),
        lambda config, **options: (config.set_default_permission("upload"), config.add_ajax_upload("/up", **options)),
    ],
    ids=["option", "default"],
)
def test_a_permission_is_asked_before_the_body_is_read(folder: Path, configure: Callable[..., Any]) -> None:
    def prepare(config: Any) -> None:
        config.set_security_policy(Policy())
        configure(config, upload_dir=folder)

    app = make(prepare)
    app.put("/up/a.txt", b"hello", status=403)
    assert not stored(folder)
    app.put("/up/a.txt", b"hello", headers={"X-User": "ann"}, status=201)
    assert app.get("/ajaxupload/static/ajax-upload.js").status_int == 200


def test_the_permission_of_an_ini_files_endpoints(folder: Path) -> None:
    ini = {"permission": "upload", "endpoints./a.backend": "disk", "endpoints./b.backend": "disk"}
    disk = {"endpoints./b.permission": "__no_permission_required__", "backends.disk.class": "local"}
    app = make(
        lambda config: config.set_security_policy(Policy()), **ini, **disk, **{"backends.disk.upload_dir": str(folder)}
    )
    app.put("/a/x", b"x", status=403)
    app.put("/b/x", b"x", status=201)


@pytest.mark.parametrize(("method", "status"), [("PATCH", 405), ("DELETE", 405), ("GET", 200), ("OPTIONS", 204)])
def test_methods_are_answered_by_the_endpoint(folder: Path, method: str, status: int) -> None:
    request = webtest.TestRequest.blank("/up", method=method, accept="application/json")
    answer = make(path="/up", upload_dir=str(folder)).do_request(request, status=status)
    if status != 200:
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST, PUT"


def test_another_segment_is_not_the_endpoints(folder: Path) -> None:
    make(path="/up", upload_dir=str(folder)).put("/upload", b"x", status=404)


def test_location_stays_as_it_was_configured(folder: Path) -> None:
    app = make(path="/up", upload_dir=str(folder), redirect="/thanks?n=1")
    answer = app.post(
        "/up", upload_files=FILE, headers={"Accept": "text/html", "Sec-Fetch-Dest": "document"}, status=303
    )
    assert dict(answer.headerlist)["Location"] == "/thanks?n=1"


@pytest.mark.parametrize("prefix", ["/api", "api/v1/"])
def test_a_route_prefix_of_the_include_stands_before_the_path(folder: Path, prefix: str) -> None:
    with Configurator(settings={"ajaxupload.path": "/up", "ajaxupload.upload_dir": str(folder)}) as config:
        config.include("ajaxupload.adapters.pyramid", route_prefix=prefix)
        config.add_route("page", "/")
        config.add_view(lambda request: Response(request.ajax_upload()), route_name="page")
        app = webtest.TestApp(config.make_wsgi_app())
    base = f"/{prefix.strip('/')}/up"
    assert app.put(f"{base}/a.txt", b"hello", status=201).json["name"] == "a.txt"
    assert app.post(base, upload_files=[("file", "b.txt", b"x")]).json["name"] == "b.txt"
    assert f'endpoint="{base}"' in app.get("/").text


def test_names_in_a_route_prefix_are_names_like_any(folder: Path) -> None:
    def configure(config: Any) -> None:
        def included(config: Any) -> None:
            config.add_ajax_upload("/up", upload_dir=folder, name="{tenant}/{name}")

        config.include(included, route_prefix="/{tenant}")
        config.add_route("page", "/")
        config.add_view(lambda request: Response(request.ajax_upload("/{tenant}/up", tenant="t1")), route_name="page")

    app = make(configure)
    assert app.put("/t1/up/a.txt", b"hello").json["filename"] == "t1/a.txt"
    assert 'endpoint="/t1/up"' in app.get("/").text


def test_under_a_dispatcher_the_mount_point_is_in_script_name(folder: Path) -> None:
    seen = []

    def configure(config: Any) -> None:
        def hook(request: Any, action: str, upload: Any) -> None:
            seen.append((request.script_name, request.path_info))

        config.add_ajax_upload("/up", upload_dir=folder, authorize=hook)
        config.add_route("page", "/")
        config.add_view(lambda request: Response(request.ajax_upload()), route_name="page")

    app = webtest.TestApp(DispatcherMiddleware(lambda *_: [], {"/shop": make(configure).app}))
    assert 'action="/shop/up"' in app.get("/shop/").text
    app.put("/shop/up/a.txt", b"hello", status=201)
    assert seen == [("/shop", "/up/a.txt")]
