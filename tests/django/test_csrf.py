"""Django's CSRF protection stays in force, and does not read the file to find the token."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import CsrfViewMiddleware
from django.test import Client
from django.urls import path
from django.views.decorators.csrf import csrf_exempt, csrf_protect, ensure_csrf_cookie

from ajaxupload.adapters.django import AjaxFileUploader

from .conftest import Site
from .wire import post_form, post_raw

FILE = ("file", "a.txt", b"content" * 1000)


def token_of(request: HttpRequest) -> HttpResponse:
    from django.middleware.csrf import get_token

    return HttpResponse(get_token(request))


def page() -> Any:
    return path("page", ensure_csrf_cookie(token_of))


@pytest.fixture
def client(site: Site) -> Client:
    return site(page(), path("upload/", AjaxFileUploader()), strict=True)


def token(client: Client) -> str:
    found: str = client.get("/page").content.decode()
    return found


def field(value: str) -> tuple[str, str]:
    return ("csrfmiddlewaretoken", value)


WAYS: dict[str, tuple[Callable[[Client, str], Any], int]] = {
    "raw, header": (lambda c, t: post_raw(c, "/upload/?qqfile=a.txt", b"x", X_CSRFToken=t), 200),
    "raw, the cookie's own secret in the header": (
        lambda c, t: post_raw(c, "/upload/?qqfile=a.txt", b"x", X_CSRFToken=c.cookies["csrftoken"].value),
        200,
    ),
    "put, header": (
        lambda c, t: c.put("/upload/?filename=a.txt", b"x", content_type="text/plain", headers={"X-CSRFToken": t}),
        201,
    ),
    "form, header": (lambda c, t: post_form(c, "/upload/", FILE, X_CSRFToken=t), 200),
    "form, leading field": (lambda c, t: post_form(c, "/upload/", field(t), FILE), 200),
    "form, field and header": (lambda c, t: post_form(c, "/upload/", field(t), FILE, X_CSRFToken=t), 200),
    "form, right field and wrong header": (lambda c, t: post_form(c, "/upload/", field(t), FILE, X_CSRFToken="x"), 200),
    "raw, none": (lambda c, t: post_raw(c, "/upload/?filename=a.txt", b"x"), 403),
    "put, none": (lambda c, t: c.put("/upload/?filename=a.txt", b"x", content_type="text/plain"), 403),
    "put, as a form that has the field": (
        lambda c, t: c.put("/upload/?filename=a.txt", f"csrfmiddlewaretoken={t}", content_type="text/plain"),
        403,
    ),
    "form, none": (lambda c, t: post_form(c, "/upload/", FILE), 403),
    "form, wrong field": (lambda c, t: post_form(c, "/upload/", field("a" * 64), FILE), 403),
    "form, empty field": (lambda c, t: post_form(c, "/upload/", field(""), FILE), 403),
    "form, wrong header": (lambda c, t: post_form(c, "/upload/", FILE, X_CSRFToken="a" * 64), 403),
    "form, field behind the file": (lambda c, t: post_form(c, "/upload/", FILE, field(t)), 403),
    "form, token in the query": (lambda c, t: post_form(c, f"/upload/?csrfmiddlewaretoken={t}", FILE), 403),
    "form, wrong field and right header": (
        lambda c, t: post_form(c, "/upload/", field("a" * 64), FILE, X_CSRFToken=t),
        403,
    ),
}


@pytest.mark.parametrize("way", WAYS)
def test_who_gets_in(client: Client, uploads: Path, way: str) -> None:
    send, status = WAYS[way]
    reply = send(client, token(client))
    assert reply.status_code == status
    if status == 403:
        assert reply.json()["code"] == "csrf"
        assert list(uploads.iterdir()) == []
    else:
        assert len(list(uploads.iterdir())) == 1


def test_without_the_cookie_no_token_helps(client: Client) -> None:
    old = token(client)
    client.cookies.clear()
    assert post_raw(client, "/upload/?filename=a.txt", b"x", X_CSRFToken=old).status_code == 403


def test_the_reason_is_said_in_the_clients_dialect(client: Client) -> None:
    """django-ajax-uploader's script reads a body with status 200 only; a plain form gets a page."""
    old = post_raw(client, "/upload/?qqfile=a.txt", b"x", X_Requested_With="XMLHttpRequest")
    assert (old.status_code, old.json()["success"], old.json()["code"]) == (200, False, "csrf")
    plain = post_form(client, "/upload/", FILE, Accept="text/html", Sec_Fetch_Dest="document")
    assert (plain.status_code, plain["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "reload the page" in plain.content.decode()


def test_debug_says_what_is_wrong(site: Site) -> None:
    client = site(page(), path("upload/", AjaxFileUploader()), strict=True, DEBUG=True)
    late = post_form(client, "/upload/", FILE, field(token(client))).json()["error"]
    assert "CSRF token missing." in late
    assert "csrfmiddlewaretoken must stand before the file" in late
    assert "HTTP_X_CSRFTOKEN" in post_raw(client, "/upload/?filename=a.txt", b"x").json()["error"]


def test_a_refusal_is_told_to_djangos_security_log(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    token(client)
    post_raw(client, "/upload/?filename=a.txt", b"x")
    told = [record.getMessage() for record in caplog.records if record.name == "django.security.csrf"]
    assert told == ["Forbidden (CSRF token missing.): /upload/"]


def test_tokens_in_the_session_work(site: Site) -> None:
    client = site(page(), path("upload/", AjaxFileUploader()), strict=True, CSRF_USE_SESSIONS=True)
    good = token(client)
    assert "csrftoken" not in client.cookies
    assert post_form(client, "/upload/", field(good), FILE).status_code == 200
    assert post_raw(client, "/upload/?filename=a.txt", b"x", X_CSRFToken=good).status_code == 200
    assert post_form(client, "/upload/", FILE).status_code == 403


def test_another_header_name_is_honoured(site: Site) -> None:
    client = site(page(), path("upload/", AjaxFileUploader()), strict=True, CSRF_HEADER_NAME="HTTP_X_XSRF_TOKEN")
    good = token(client)
    assert post_raw(client, "/upload/?filename=a.txt", b"x", X_XSRF_Token=good).status_code == 200
    assert post_raw(client, "/upload/?filename=a.txt", b"x", X_CSRFToken=good).status_code == 403


@pytest.mark.parametrize(
    ("origin", "trusted", "status", "code"),
    [
        ("http://testserver", [], 200, None),
        ("https://www.example.com", [], 403, "cross_origin"),
        ("https://www.example.com", ["https://www.example.com"], 200, None),
        ("https://www.example.com", ["https://*.example.com"], 200, None),
        ("https://example.com", ["https://*.example.com"], 200, None),
        ("http://www.example.com", ["https://*.example.com"], 403, "cross_origin"),
        ("https://www.example.com.evil", ["https://*.example.com"], 403, "cross_origin"),
        ("https://other.example.com", ["https://www.example.com"], 403, "cross_origin"),
        ("null", ["https://www.example.com"], 403, "cross_origin"),
    ],
)
def test_trusted_origins_are_djangos(
    site: Site, origin: str, trusted: list[str], status: int, code: str | None
) -> None:
    client = site(page(), path("upload/", AjaxFileUploader()), strict=True, CSRF_TRUSTED_ORIGINS=trusted)
    good = token(client)
    reply = post_raw(client, "/upload/?filename=a.txt", b"x", X_CSRFToken=good, Origin=origin)
    assert (reply.status_code, reply.json().get("code")) == (status, code)
    assert "Access-Control-Allow-Origin" not in reply.headers


def test_an_allowed_origin_needs_djangos_trust_too(site: Site) -> None:
    view = AjaxFileUploader(allowed_origins=["https://www.example.com"])
    client = site(page(), path("upload/", view), strict=True)
    headers = {"X_CSRFToken": token(client), "Origin": "https://www.example.com"}
    refused = post_raw(client, "/upload/?filename=a.txt", b"x", **headers)
    assert (refused.status_code, refused.json()["code"]) == (403, "csrf")
    assert refused["Access-Control-Allow-Origin"] == "https://www.example.com"


def test_over_https_djangos_referer_rule_holds(client: Client) -> None:
    good = token(client)
    ask: Any = {"content_type": "application/octet-stream", "secure": True}
    headers = {"X-CSRFToken": good}
    assert client.post("/upload/?filename=a.txt", b"x", headers=headers, **ask).json()["code"] == "csrf"
    headers["Referer"] = "https://testserver/page"
    assert client.post("/upload/?filename=a.txt", b"x", headers=headers, **ask).status_code == 200


def test_csrf_false_asks_for_nothing(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader(csrf=False)), strict=True)
    assert post_raw(client, "/upload/?filename=a.txt", b"x", Origin="https://anywhere.example").status_code == 200


def test_csrf_exempt_around_it_changes_nothing(site: Site) -> None:
    client = site(path("upload/", csrf_exempt(AjaxFileUploader())), strict=True)
    assert post_raw(client, "/upload/?filename=a.txt", b"x").status_code == 403


def test_a_project_without_the_middleware_asks_for_no_token(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader()), strict=True, MIDDLEWARE=[])
    assert post_raw(client, "/upload/?filename=a.txt", b"x").status_code == 200
    refused = post_raw(client, "/upload/?filename=a.txt", b"x", Origin="https://anywhere.example")
    assert refused.json()["code"] == "cross_origin"


class Stricter(CsrfViewMiddleware):
    """A project's own, made from Django's."""


def function_middleware(get_response: Any) -> Any:
    return get_response


def test_a_middleware_made_from_djangos_counts(site: Site) -> None:
    middleware = [f"{__name__}.function_middleware", f"{__name__}.Stricter"]
    client = site(path("upload/", AjaxFileUploader()), strict=True, MIDDLEWARE=middleware)
    assert post_raw(client, "/upload/?filename=a.txt", b"x").status_code == 403


def test_csrf_protect_without_the_middleware_checks(site: Site) -> None:
    patterns = [path("page", csrf_protect(token_of)), path("upload/", csrf_protect(AjaxFileUploader()))]
    client = site(*patterns, strict=True, MIDDLEWARE=[])
    good = token(client)
    assert post_raw(client, "/upload/?filename=a.txt", b"x").status_code == 403
    assert post_raw(client, "/upload/?filename=a.txt", b"x", X_CSRFToken=good).status_code == 200


def test_the_form_that_the_view_itself_shows_can_be_sent(client: Client) -> None:
    page = client.get("/upload/", headers={"accept": "text/html"}).content.decode()
    found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
    assert found is not None
    assert page.index("csrfmiddlewaretoken") < page.index('type="file"')
    assert post_form(client, "/upload/", field(found[1]), FILE).status_code == 200


def test_without_the_check_the_form_has_no_token(site: Site) -> None:
    client = site(path("upload/", AjaxFileUploader(csrf=False)), strict=True)
    assert "csrfmiddlewaretoken" not in client.get("/upload/", headers={"accept": "text/html"}).content.decode()
