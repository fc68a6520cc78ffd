"""Who may ask: the cross-origin check, CORS, the application's word, and what is refused before a byte is read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webob import Response

from ajaxupload.config import load, short_form
from ajaxupload.errors import CrossOrigin, Forbidden, NotAuthenticated, UploadError
from ajaxupload.guard import Guard
from ajaxupload.request import UploadRequest
from ajaxupload.upload import Upload

PARTNER = "https://partner.example"


def guard(extra: Any = None, trusts: Any = None, **options: Any) -> Guard:
    settings = load(short_form("/upload", "memory", options)).endpoints["/upload"]
    return Guard(settings, extra, trusts)


def request(method: str = "POST", host: str = "www.example", **headers: str) -> UploadRequest:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return UploadRequest.blank("/upload", method=method, headers={"Host": host, **named})


def lets_in(doorkeeper: Guard, asked: UploadRequest) -> bool:
    try:
        doorkeeper.check(asked)
    except CrossOrigin as error:
        assert error.status == 403
        return False
    return True


@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        ({}, True),  # no browser
        ({"Sec_Fetch_Site": "same-origin"}, True),
        ({"Sec_Fetch_Site": "none"}, True),
        ({"Sec_Fetch_Site": "same-site"}, False),
        ({"Sec_Fetch_Site": "cross-site"}, False),
        ({"Sec_Fetch_Site": "whatever comes next"}, False),
        ({"Sec_Fetch_Site": "same-origin", "Origin": "https://proxied.example"}, True),  # a proxy changed the Host
        ({"Sec_Fetch_Site": "cross-site", "Origin": "http://www.example"}, False),
        ({"Origin": "http://www.example"}, True),
        ({"Origin": "HTTP://WWW.EXAMPLE"}, True),
        ({"Origin": "https://www.example"}, True),  # TLS ends at the proxy before us
        ({"Origin": "https://www.example:443"}, True),
        ({"Origin": "http://www.example:443"}, False),
        ({"Origin": "http://www.example.evil.example"}, False),
        ({"Origin": "http://evil.example?www.example"}, False),
        ({"Origin": "http://www.example@evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "http://["}, False),
        ({"Referer": "http://www.example/page"}, True),
        ({"Referer": "https://evil.example/www.example"}, False),
        ({"Referer": "about:blank"}, False),
        ({"Origin": "https://evil.example", "Referer": "http://www.example/"}, False),
        ({"Origin": PARTNER}, False),
    ],
)
def test_another_sites_page_may_not_upload(headers: dict[str, str], let_in: bool) -> None:
    assert lets_in(guard(), request(**headers)) is let_in


@pytest.mark.parametrize(
    ("host", "origin", "let_in"),
    [
        ("www.example:8080", "http://www.example:8080", True),
        ("www.example:8080", "http://www.example", False),
        ("www.example", "http://www.example:8080", False),
        ("www.example:80", "http://www.example", True),
        ("www.example:443", "https://www.example", True),
        ("[::1]:8000", "http://[::1]:8000", True),
        ("[::1]:8000", "http://[::1]", False),
    ],
)
def test_the_port_is_part_of_an_origin(host: str, origin: str, let_in: bool) -> None:
    assert lets_in(guard(), request(host=host, Origin=origin)) is let_in


@given(st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), max_size=30))
def test_no_origin_is_an_error_of_ours(origin: str) -> None:
    let_in = lets_in(guard(), request(Origin=origin))
    assert not let_in or origin in ("", "http://www.example")


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_methods_that_change_nothing_may_come_from_anywhere(method: str) -> None:
    assert lets_in(guard(), request(method, Sec_Fetch_Site="cross-site"))


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
def test_all_others_may_not(method: str) -> None:
    assert not lets_in(guard(), request(method, Sec_Fetch_Site="cross-site"))


def test_the_check_can_be_switched_off_by_name() -> None:
    assert lets_in(guard(csrf=False), request(Sec_Fetch_Site="cross-site", Origin="https://evil.example"))


@pytest.mark.parametrize(
    ("allowed", "origin", "let_in"),
    [
        ([PARTNER], PARTNER, True),
        ([PARTNER], PARTNER.upper(), True),
        ([PARTNER], "https://partner.example.evil.example", False),
        ([PARTNER], "http://partner.example", False),
        ([PARTNER], "null", False),
        (["*"], "https://anybody.example", True),
        (["*"], "null", True),
    ],
)
def test_listed_origins_may(allowed: list[str], origin: str, let_in: bool) -> None:
    asked = request(Origin=origin, Sec_Fetch_Site="cross-site")
    assert lets_in(guard(allowed_origins=allowed), asked) is let_in


def test_an_origin_that_the_framework_trusts_may_upload_but_not_read() -> None:
    doorkeeper = guard(trusts=lambda origin: origin == PARTNER)
    asked = request(Origin=PARTNER, Sec_Fetch_Site="cross-site")
    assert lets_in(doorkeeper, asked)
    assert "Access-Control-Allow-Origin" not in doorkeeper.share(asked, Response()).headers


def test_the_doors_own_check_comes_after_ours_and_only_for_what_changes_something() -> None:
    asked = []

    def refuse(each: UploadRequest) -> None:
        asked.append(each.method)
        raise Forbidden("No token.", code="csrf")

    doorkeeper = guard(refuse)
    doorkeeper.check(request("GET"))
    with pytest.raises(CrossOrigin):
        doorkeeper.check(request(Origin="https://evil.example"))
    assert asked == []
    with pytest.raises(Forbidden, match="No token"):
        doorkeeper.check(request())
    assert asked == ["POST"]


# ---- CORS -----------------------------------------------------------------------------------------------------------


def cors(response: Response | None) -> dict[str, str]:
    assert response is not None
    return {
        name.lower(): value for name, value in response.headers.items() if name.lower().startswith("access-control")
    }


def preflight(doorkeeper: Guard, origin: str) -> dict[str, str]:
    asked = request("OPTIONS", Origin=origin, Access_Control_Request_Method="POST")
    response = doorkeeper.preflight(asked)
    assert response is not None
    assert response.status_code == 204
    return cors(doorkeeper.share(asked, response))


def test_a_preflight_from_a_listed_origin_gets_every_permission() -> None:
    headers = preflight(guard(allowed_origins=[PARTNER]), PARTNER)
    assert headers["access-control-allow-origin"] == PARTNER
    assert headers["access-control-allow-credentials"] == "true"
    assert {"POST", "PUT"} <= set(headers["access-control-allow-methods"].split(", "))
    assert {"X-File-Name", "Content-Type", "X-Requested-With"} <= set(
        headers["access-control-allow-headers"].split(", ")
    )


@pytest.mark.parametrize("allowed", [[], [PARTNER]])
def test_a_preflight_from_anywhere_else_gets_none(allowed: list[str]) -> None:
    assert preflight(guard(allowed_origins=allowed), "https://evil.example") == {}


def test_a_wildcard_never_comes_with_credentials() -> None:
    headers = preflight(guard(allowed_origins=["*"]), "https://anybody.example")
    assert headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("asked", [request("OPTIONS", Origin=PARTNER), request(Access_Control_Request_Method="POST")])
def test_everything_else_is_no_preflight(asked: UploadRequest) -> None:
    assert guard(allowed_origins=[PARTNER]).preflight(asked) is None


def test_answers_vary_by_origin_where_origins_are_listed_whoever_asks() -> None:
    doorkeeper = guard(allowed_origins=[PARTNER])
    assert doorkeeper.share(request(), Response()).headers["Vary"] == "Origin"
    assert "Vary" not in guard().share(request(Origin=PARTNER), Response()).headers


# ---- the application's word -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("answer", "principal"), [("ann", "ann"), (7, "7"), (None, None), (True, None), ("", "")])
def test_authorize_tells_the_principal(answer: Any, principal: str | None) -> None:
    asked = request()
    assert guard(authorize=lambda *_: answer).admit(asked, "create", Upload()) == principal
    assert asked.principal == principal


@pytest.mark.parametrize(
    ("raised", "refusal", "message"),
    [
        (PermissionError("Only on weekdays."), Forbidden, "Only on weekdays."),
        (PermissionError(), Forbidden, Forbidden.default),
        (NotAuthenticated("Log in."), NotAuthenticated, "Log in."),
    ],
)
def test_authorize_refuses_by_raising(raised: Exception, refusal: type[UploadError], message: str) -> None:
    def refuse(*_: Any) -> None:
        raise raised

    with pytest.raises(refusal) as caught:
        guard(authorize=refuse).admit(request(), "create", None)
    assert caught.value.message == message


def test_authorize_refuses_by_saying_false() -> None:
    with pytest.raises(Forbidden):
        guard(authorize=lambda *_: False).admit(request(), "create", None)


def test_authorize_is_handed_the_frameworks_own_request_the_action_and_the_upload() -> None:
    seen: list[Any] = []
    asked, upload = request(), Upload(name="a.txt")
    asked.environ["ajaxupload.native"] = native = object()
    guard(authorize=lambda *args: seen.extend(args)).admit(asked, "create", upload)
    assert seen == [native, "create", upload]


def test_without_authorize_everybody_is_anonymous() -> None:
    assert guard().admit(request(), "create", None) is None
