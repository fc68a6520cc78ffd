"""Who reads the body: we do, as it comes; and whoever else touches the request finds something sensible.

The server is werkzeug's: reading past a body's end there waits for ever, so a test that ends has shown that nothing
did. Pyramid's own CSRF option is on in the tests that say so.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import webtest
from pyramid.config import Configurator
from pyramid.events import NewRequest, NewResponse
from pyramid.httpexceptions import HTTPUnauthorized
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory

from tests.support.browsing import Visitor
from tests.support.threads import served
from tests.wire.client import FORM, ask, connected, form, post, read_answer

#: A field, two files, an input that was left empty, a field behind them.
PARTS = form(
    ("album", None, b"cats"),
    ("f", "a.txt", b"one"),
    ("f", "b.txt", b"two" * 50_000),
    ("f", "", b""),
    ("last", None, b"x"),
)


@contextmanager
def site(folder: Path, before: Callable[[Any], Any] | None = None, **options: Any) -> Iterator[int]:
    """The port of an application with one endpoint; `before` sees each request before the view."""
    kept: list[Any] = []

    def touch(event: Any) -> None:
        kept.append(event.request)
        if before is not None:
            before(event.request)

    with Configurator() as config:
        config.include("ajaxupload.adapters.pyramid")
        config.add_ajax_upload("/up", "local", upload_dir=folder, **options)
        config.add_subscriber(touch, NewRequest)
        app = config.make_wsgi_app()
    with served(app) as port:
        yield port
    for request in kept:  # WebOb leaves the file of its copy to the garbage collector, and warnings are errors here
        request.body_file_raw.close()


def stored(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "files"


TOUCHES: dict[str, Callable[[Any], Any] | None] = {
    "nothing": None,
    "POST": lambda request: request.POST,
    "params": lambda request: request.params.keys(),
    "body": lambda request: request.body,
    "body, POST": lambda request: (request.body, request.POST),
    "POST, read": lambda request: [each.file.read() for each in request.POST.getall("f") if hasattr(each, "file")],
    "body_file": lambda request: request.body_file,
}


@pytest.mark.parametrize("before", TOUCHES.values(), ids=TOUCHES)
@pytest.mark.parametrize("size", [50_000, 10_000], ids=["in a file", "in memory"])
def test_a_form_is_stored_whatever_touched_it_before(folder: Path, before: Any, size: int) -> None:
    """WebOb copies bodies over 10 KiB into a file, smaller ones into memory."""
    body = PARTS.replace(b"two" * 50_000, b"two" * (size // 10))
    seen: list[Any] = []
    with site(folder, before, authorize=lambda request, action, upload: seen.append(dict(upload.fields))) as port:
        answer = ask(port, post("/up", body, FORM))
    assert (answer.status, [file["name"] for file in answer.json["files"]]) == (200, ["a.txt", "b.txt"])
    assert stored(folder) == {"a.txt": 3, "b.txt": 3 * (size // 10)}
    assert [fields["album"] for fields in seen] == ["cats", "cats"]


@pytest.mark.parametrize("before", [None, TOUCHES["body"], TOUCHES["params"]], ids=["nothing", "body", "params"])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_raw_body_is_stored_whatever_touched_it_before(folder: Path, before: Any, framing: str) -> None:
    body = b"x" * 100_000
    request = post("/up/a.bin", body, "Content-Type: application/octet-stream", method="PUT")
    if framing == "chunked":
        request = request.replace(b"Content-Length: 100000", b"Transfer-Encoding: chunked")
        request = request[: -len(body)] + b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    with site(folder, before) as port:
        assert ask(port, request).status == 201
    assert stored(folder) == {"a.bin": 100_000}


def test_a_body_that_somebody_ate_is_incomplete_and_nobody_waits(folder: Path) -> None:
    with site(folder, lambda request: request.body_file.read(5)) as port:
        answer = ask(port, post("/up/a", b"x" * 10, method="PUT"))
    assert (answer.status, answer.json["code"]) == (400, "incomplete")
    assert not stored(folder)


@pytest.mark.parametrize("before", [None, TOUCHES["body"]], ids=["nothing", "body"])
def test_hooks_find_the_fields_before_the_first_file_and_can_ask_for_anything(folder: Path, before: Any) -> None:
    seen: list[Any] = []

    def authorize(request: Any, action: str, upload: Any) -> None:
        seen.append((request.POST["album"], len(request.body), request.body_file.read(1)))

    with site(folder, before, authorize=authorize) as port:
        assert ask(port, post("/up", PARTS, FORM)).status == 200
    assert seen[0] == (("cats", 0, b"") if before is None else ("cats", len(PARTS), b"-"))
    assert stored(folder) == {"a.txt": 3, "b.txt": 150_000}


def test_whoever_asks_for_the_form_afterwards_does_not_wait_for_the_client(folder: Path) -> None:
    seen = []
    with Configurator() as config:
        config.include("ajaxupload.adapters.pyramid")
        config.add_ajax_upload("/up", "local", upload_dir=folder)
        config.add_subscriber(lambda event: seen.append(dict(event.request.POST)), NewResponse)
        app = config.make_wsgi_app()
    with served(app) as port:
        assert ask(port, post("/up", PARTS, FORM)).status == 200
        assert ask(port, post("/up/a", b"x", method="PUT")).status == 201
    assert seen == [{"album": "cats"}, {}]


# ---- refusals are seen, though the body was still coming ------------------------------------------------------------


def refuse(*_: Any) -> None:
    raise HTTPUnauthorized("who are you?")


REFUSALS: dict[str, dict[str, Any]] = {
    "limit": {"max_size": "1 KB"},
    "hook": {"authorize": refuse},
    "view never ran": {"permission": "nobody has it"},
}


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_client_that_sends_all_before_it_reads_sees_the_refusal(folder: Path, refusal: dict[str, Any]) -> None:
    class Nobody:
        def permits(self, request: Any, context: Any, permission: str) -> bool:
            return False

        def identity(self, request: Any) -> None:
            return None

    with Configurator(security_policy=Nobody()) as config:
        config.include("ajaxupload.adapters.pyramid")
        config.add_ajax_upload("/up", "local", upload_dir=folder, **refusal)
        app = config.make_wsgi_app()
    with served(app) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(
            "POST", "/up?qqfile=a", b"x" * 900_000, {"Content-Type": "text/plain", "Accept": "application/json"}
        )
        response = connection.getresponse()
        said = response.read()
        connection.close()
    assert response.status in (401, 403, 413)
    assert len(said) == int(response.headers["Content-Length"]) > 0
    assert not stored(folder)


def test_a_stalled_client_of_a_refused_upload_sees_the_answer_at_once(folder: Path) -> None:
    with site(folder, authorize=refuse) as port, connected(port) as connection:
        connection.sendall(post("/up/a", b"x" * 10, "Connection: close", method="PUT", length=50 << 20))
        assert b"who are you?" in read_answer(connection, "PUT").body


# ---- set_default_csrf_options ---------------------------------------------------------------------------------------


def page(request: Any) -> Response:
    """The widget, and what the session holds."""
    return Response(str(request.ajax_upload()))


@contextmanager
def protected(folder: Path, **csrf: Any) -> Iterator[Visitor]:
    """A visitor of a site whose forms need a token; `csrf` are Pyramid's options."""
    with Configurator() as config:
        config.set_session_factory(SignedCookieSessionFactory("made up"))
        config.set_default_csrf_options(**{"require_csrf": True, **csrf})
        config.include("ajaxupload.adapters.pyramid")
        config.add_ajax_upload("/up", "local", upload_dir=folder)
        config.add_ajax_upload("/api", "local", upload_dir=folder, csrf=False)
        config.add_route("page", "/")
        config.add_view(lambda request: Response(str(request.ajax_upload("/up"))), route_name="page")
        app = config.make_wsgi_app()
    with served(app) as port:
        yield Visitor(port)


def token_of(visitor: Visitor, field: str = "csrf_token") -> str:
    """As the page's hidden field has it."""
    text = visitor.ask("GET", "/").body.decode()
    found = re.search(rf'<input type="hidden" name="{field}" value="([0-9a-f]+)"><ajax-upload', text)
    assert found, text
    return found[1]


def test_a_token_in_a_field_before_the_file_lets_the_form_in(folder: Path) -> None:
    with protected(folder) as visitor:
        answer = visitor.send_files("/up", ("csrf_token", None, token_of(visitor).encode()), ("f", "a.txt", b"one"))
    assert answer.status == 200
    assert stored(folder) == {"a.txt": 3}


def test_a_token_in_the_header_lets_the_widget_in(folder: Path) -> None:
    with protected(folder) as visitor:
        page = visitor.ask("GET", "/").body.decode()
        assert 'csrf-header="X-CSRF-Token"' in page
        answer = visitor.ask("POST", "/up?qqfile=a.txt", b"one", X_CSRF_Token=token_of(visitor))
    assert answer.json["success"] is True
    assert stored(folder) == {"a.txt": 3}


@pytest.mark.parametrize(
    "parts",
    [
        [("f", "a.txt", b"one")],
        [("csrf_token", None, b"wrong"), ("f", "a.txt", b"one")],
        [("f", "a.txt", b"one"), ("csrf_token", None, b"TOKEN")],
    ],
    ids=["none", "wrong", "behind the file"],
)
def test_without_the_token_before_the_file_nothing_is_stored(folder: Path, parts: list[Any]) -> None:
    with protected(folder) as visitor:
        token = token_of(visitor).encode()
        answer = visitor.send_files(
            "/up", *((name, file, content.replace(b"TOKEN", token)) for name, file, content in parts)
        )
        raw = visitor.ask("PUT", "/up/a.txt", b"one")
    assert answer.status == 403
    assert b"(CSRF) is missing or wrong in the field csrf_token before the file" in answer.body
    assert (raw.status, raw.json["code"]) == (403, "csrf")
    assert not stored(folder)


def test_an_endpoint_without_csrf_asks_for_no_token(folder: Path) -> None:
    with protected(folder) as visitor:
        assert visitor.ask("PUT", "/api/a.txt", b"one").status == 201


def test_pyramids_own_names_are_used(folder: Path) -> None:
    with protected(folder, token="tok", header="X-Tok") as visitor:
        assert 'csrf-header="X-Tok"' in visitor.ask("GET", "/").body.decode()
        token = token_of(visitor, "tok")
        assert visitor.ask("PUT", "/up/a.txt", b"one", X_Tok=token).status == 201
        assert visitor.send_files("/up", ("tok", None, token.encode()), ("f", "b.txt", b"one")).status == 200
        assert visitor.ask("PUT", "/up/c.txt", b"one", X_CSRF_Token=token).status == 403
    assert stored(folder) == {"a.txt": 3, "b.txt": 3}


def test_a_callback_that_excuses_the_request_is_heard(folder: Path) -> None:
    with protected(folder, callback=lambda request: "X-Api-Key" not in request.headers) as visitor:
        assert visitor.ask("PUT", "/up/a.txt", b"one", X_Api_Key="k").status == 201
        assert visitor.ask("PUT", "/up/a.txt", b"one").status == 403


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://site.example", 201),
        ("https://partner.example", 201),
        ("https://sub.trusted.example", 201),
        (None, 403),
        ("http://partner.example", 403),
        ("https://evil.example", 403),
    ],
)
def test_over_https_pyramid_asks_where_the_request_comes_from(folder: Path, origin: str | None, status: int) -> None:
    with Configurator(settings={"pyramid.csrf_trusted_origins": "partner.example .trusted.example"}) as config:
        config.set_session_factory(SignedCookieSessionFactory("made up"))
        config.set_default_csrf_options(require_csrf=True)
        config.include("ajaxupload.adapters.pyramid")
        config.add_ajax_upload("/up", "local", upload_dir=folder)
        config.add_route("token", "/")
        config.add_view(lambda request: Response(request.session.get_csrf_token()), route_name="token")
        https = {"wsgi.url_scheme": "https", "HTTP_HOST": "site.example", "SERVER_PORT": "443"}
        app = webtest.TestApp(config.make_wsgi_app(), extra_environ=https, lint=True)
    headers = {"X-CSRF-Token": app.get("/").text} | ({"Origin": origin} if origin else {})
    app.put("/up/a.txt", b"one", headers=headers, status=status)
    assert folder.joinpath("a.txt").exists() == (status == 201)
