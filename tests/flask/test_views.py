"""What a Flask application has of the extension: views in its own manner, and bodies that nobody parses first."""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import flask
import pytest
from werkzeug.middleware.dispatcher import DispatcherMiddleware
from werkzeug.test import Client, TestResponse

from ajaxupload.adapters.flask import AjaxUploadExtension
from ajaxupload.errors import ConfigError


def form(name: str = "a.txt", content: bytes = b"hello", **fields: str) -> dict[str, Any]:
    """A form's data for the test client; the fields stand before the file."""
    return {**fields, "file": (io.BytesIO(content), name)}


def make(folder: Path, *, decorators: Any = (), **options: Any) -> flask.Flask:
    """An application with one endpoint that stores into `folder`."""
    app = flask.Flask(__name__)
    app.config.update(SECRET_KEY="made up", TESTING=True)
    app.config["AJAXUPLOAD"] = {"path": "/upload", "backend": "local", "upload_dir": folder, **options}
    AjaxUploadExtension(app, decorators=decorators)
    return app


def stored(folder: Path) -> dict[str, bytes]:
    """Relative path -> content of everything in the folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


@pytest.mark.parametrize(
    ("send", "status"),
    [
        (lambda client: client.post("/upload", data=form()), 200),
        (lambda client: client.put("/upload/a.txt", data=b"hello"), 201),
        (lambda client: client.put("/upload/", data=b"hello", headers={"X-File-Name": "a.txt"}), 201),
        (lambda client: client.post("/upload?qqfile=a.txt", data=b"hello", content_type="text/plain"), 200),
        (lambda client: client.post("/upload/", data=form()), 200),
    ],
    ids=["form", "put-tail", "put-slash", "qqfile", "form-slash"],
)
def test_every_protocol_stores_the_file(folder: Path, send: Callable[[Any], TestResponse], status: int) -> None:
    answer = send(make(folder).test_client())
    assert (answer.status_code, answer.get_json()["name"]) == (status, "a.txt")
    assert stored(folder) == {"a.txt": b"hello"}


def test_names_in_the_path_reach_hooks_and_the_name_template(folder: Path) -> None:
    seen = []
    app = make(
        folder,
        path="/album/{slug}/upload",
        name="{slug}/{name}",
        authorize=lambda request, action, upload: seen.append((upload.path_names, request.view_args["slug"])),
    )
    answer = app.test_client().post("/album/m%C3%BCnchen/upload", data=form())
    assert answer.get_json()["filename"] == "münchen/a.txt"
    assert seen == [({"slug": "münchen"}, "münchen")]
    with app.test_request_context():
        assert flask.url_for("ajaxupload.album_slug_upload", slug="x") == "/album/x/upload"


def test_hooks_run_in_the_request_context_with_the_request_behind_the_proxy(folder: Path) -> None:
    def authorize(request: flask.Request, action: str, upload: Any) -> str:
        assert type(request) is flask.Request
        assert request is flask.request._get_current_object()  # type: ignore[attr-defined]  # the proxy's own method
        assert (request.path, flask.g.tenant) == ("/upload", "t1")
        flask.session["count"] = flask.session.get("count", 0) + 1
        return f"user{flask.session['count']}"

    app = make(folder, authorize=authorize, name="{principal}/{name}")
    app.before_request(lambda: setattr(flask.g, "tenant", "t1"))
    client = app.test_client()
    assert [client.post("/upload", data=form()).get_json()["filename"] for _ in "ab"] == ["user1/a.txt", "user2/a.txt"]


def login_required(view: Callable[..., Any]) -> Callable[..., Any]:
    """As Flask's tutorial has it."""

    @wraps(view)
    def wrapped(**values: Any) -> Any:
        return view(**values) if "user" in flask.session else flask.redirect("/login")

    return wrapped


def test_a_login_decorator_stands_before_the_body_is_read(folder: Path) -> None:
    client = make(folder, decorators=[login_required]).test_client()
    assert client.post("/upload", data=form()).status_code == 302
    assert not stored(folder)
    with client.session_transaction() as session:
        session["user"] = "ann"
    assert client.post("/upload", data=form()).status_code == 200
    assert stored(folder) == {"a.txt": b"hello"}


def test_decorators_go_around_each_view_the_first_innermost(folder: Path) -> None:
    order = []

    def noting(word: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
            @wraps(view)
            def noted(**values: Any) -> Any:
                order.append(word)
                return view(**values)

            return noted

        return decorate

    make(folder, decorators=[noting("inner"), noting("outer")]).test_client().put("/upload/a.txt", data=b"x")
    assert order == ["outer", "inner"]


def test_abort_in_authorize_is_flasks_own_answer_and_stores_nothing(folder: Path) -> None:
    app = make(folder, authorize=lambda *_: flask.abort(418))
    app.register_error_handler(418, lambda error: ("short and stout", 418))
    answer = app.test_client().post("/upload", data=form())
    assert (answer.status_code, answer.text) == (418, "short and stout")
    assert not stored(folder)


def test_a_redirect_raised_in_authorize_is_followed_by_flask(folder: Path) -> None:
    app = make(folder, authorize=lambda *_: flask.abort(flask.redirect("/login")))
    assert app.test_client().post("/upload", data=form()).headers["Location"] == "/login"


def test_an_unplanned_exception_reaches_flask(folder: Path) -> None:
    def authorize(*_: Any) -> None:
        raise LookupError("planned by nobody")

    with pytest.raises(LookupError, match="planned by nobody"):
        make(folder, authorize=authorize).test_client().post("/upload", data=form())
    assert not stored(folder)


@pytest.mark.parametrize(("method", "status"), [("PATCH", 405), ("DELETE", 405), ("GET", 200), ("OPTIONS", 204)])
def test_methods_are_answered_by_the_endpoint(folder: Path, method: str, status: int) -> None:
    answer = make(folder).test_client().open("/upload", method=method, headers={"Accept": "application/json"})
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST, PUT"
    if status == 405:
        assert answer.get_json()["code"] == "method_not_allowed"


def test_an_answer_without_content_has_no_content_type(folder: Path) -> None:
    assert "Content-Type" not in make(folder).test_client().options("/upload").headers


def test_another_segment_is_not_the_endpoints(folder: Path) -> None:
    assert make(folder).test_client().post("/uploads", data=form()).status_code == 404


def test_the_answer_to_a_plain_form_is_a_redirect_as_configured(folder: Path) -> None:
    answer = (
        make(folder, redirect="/thanks?n=1")
        .test_client()
        .post("/upload", data=form(), headers={"Accept": "text/html", "Sec-Fetch-Dest": "document"})
    )
    assert (answer.status_code, answer.headers["Location"]) == (303, "/thanks?n=1")


def test_under_a_dispatcher_the_mount_point_is_in_script_name(folder: Path) -> None:
    seen = []
    app = make(folder, authorize=lambda request, action, upload: seen.append((request.script_root, request.path)))
    app.add_url_rule("/", "page", lambda: flask.render_template_string("{{ ajax_upload() }}"))
    client = Client(DispatcherMiddleware(flask.Flask("outer"), {"/shop": app}))
    assert 'action="/shop/upload"' in client.get("/shop/").text
    assert client.put("/shop/upload/a.txt", data=b"hello").status_code == 201
    assert seen == [("/shop", "/upload/a.txt")]
    assert stored(folder) == {"a.txt": b"hello"}


# ---- configuration -------------------------------------------------------------------------------------------------


def test_one_extension_serves_two_applications(tmp_path: Path) -> None:
    extension, apps = AjaxUploadExtension(), []
    for name in ("one", "two"):
        app = flask.Flask(name)
        app.config["AJAXUPLOAD"] = {"backend": "local", "upload_dir": tmp_path / name, "path": f"/{name}"}
        extension.init_app(app)
        apps.append(app)
    for name, app in zip(("one", "two"), apps, strict=True):
        assert app.test_client().put(f"/{name}/a.txt", data=name.encode()).status_code == 201
    assert stored(tmp_path)["one/a.txt"] == b"one"
    assert stored(tmp_path)["two/a.txt"] == b"two"
    assert apps[0].test_client().put("/two/a.txt", data=b"x").status_code == 404


def test_the_whole_dict_has_several_endpoints_with_a_name_each(tmp_path: Path) -> None:
    app = flask.Flask(__name__)
    disk = {"class": "local", "upload_dir": tmp_path}
    paths = ["/a/b", "/a_b", "/static", "/a/{b}"]
    app.config["AJAXUPLOAD"] = {"backends": {"disk": disk}, "endpoints": {path: {"backend": "disk"} for path in paths}}
    AjaxUploadExtension(app)
    with app.test_request_context():
        names = [
            rule.endpoint for rule in app.url_map.iter_rules() if rule.rule in ("/a/b", "/a_b", "/static", "/a/<b>")
        ]
        assert sorted(names) == ["ajaxupload.a_b", "ajaxupload.a_b_3", "ajaxupload.a_b_5", "ajaxupload.static_4"]
    assert app.test_client().put("/a/b/x.txt", data=b"x").status_code == 201


def test_every_fault_is_listed_at_start(tmp_path: Path) -> None:
    app = flask.Flask(__name__)
    app.config["AJAXUPLOAD"] = {
        "backends": {"disk": {"class": "local", "uplod_dir": "x"}},
        "endpoints": {
            "/upload": {"backend": "disc", "max_sise": "1 KB"},
            "/b": {"backend": "disk", "max_size": "much"},
        },
    }
    with pytest.raises(ConfigError) as caught:
        AjaxUploadExtension(app)
    text = str(caught.value)
    assert len(caught.value.problems) == 4
    assert all(word in text for word in ("'upload_dir'", "'max_size'", "'disk'", "much"))


def test_a_place_that_cannot_be_stored_to_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="file"):
        make(tmp_path / "file")


def test_no_configuration_says_what_one_looks_like() -> None:
    with pytest.raises(ConfigError, match=r'app\.config\["AJAXUPLOAD"\] must be a dict such as'):
        AjaxUploadExtension(flask.Flask(__name__))


def test_settings_can_come_from_the_environment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLASK_AJAXUPLOAD__max_size", "4 B")
    monkeypatch.setenv("FLASK_AJAXUPLOAD__upload_dir", os.fspath(folder))
    app = flask.Flask(__name__)
    app.config.from_prefixed_env()
    AjaxUploadExtension(app)
    assert app.test_client().put("/upload/a.txt", data=b"hello").status_code == 413
