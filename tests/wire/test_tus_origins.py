"""tus 1.0.0 in browsers: what other origins' pages may send and read, and what makes clients try again. The number in a
test's name is the requirement's, see test_tus.py."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.wire.doors import DOORS, Door
from tests.wire.test_tus import refused
from tests.wire.tus import HELLO, Tus, checksum

pytestmark = pytest.mark.parametrize(
    "door",
    [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in DOORS],
    indirect=True,
)
PARTNER = "https://partner.example"
FROM_PARTNER: dict[str, Any] = {"Origin": PARTNER, "Sec_Fetch_Site": "cross-site"}
ASKED = (
    "Authorization", "Content-Type", "Tus-Resumable", "Upload-Length", "Upload-Offset", "Upload-Metadata",
    "Upload-Defer-Length", "Upload-Concat", "Upload-Checksum", "X-HTTP-Method-Override", "X-Requested-With",
    "X-Request-ID", "Upload-Complete", "Upload-Incomplete", "Upload-Draft-Interop-Version", "Content-Disposition",
    "Repr-Digest", "Content-Digest", "Want-Repr-Digest", "Idempotency-Key", "Prefer",
)  # fmt: skip
SHOWN = {
    "Location", "Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm",
    "Upload-Offset", "Upload-Length", "Upload-Metadata", "Upload-Defer-Length", "Upload-Concat", "Upload-Expires",
    "Upload-Complete", "Upload-Limit", "Upload-Draft-Interop-Version",
}  # fmt: skip


@pytest.fixture
def tus(door: Door) -> Tus:
    return Tus(door)


def listed(text: str) -> set[str]:
    return {name.strip() for name in text.split(",")}


@pytest.mark.parametrize("url", ["/partners", "/partners/some-upload-0"])
@pytest.mark.parametrize("method", ["POST", "PATCH", "HEAD", "DELETE", "GET"])
def test_51_a_preflight_allows_all_that_a_client_sends(tus: Tus, url: str, method: str) -> None:
    asks: dict[str, Any] = {
        "Access_Control_Request_Method": method,
        "Access_Control_Request_Headers": ",".join(ASKED).lower(),
        "Tus_Resumable": None,
    }
    headers = tus.send("OPTIONS", url, Origin=PARTNER, **asks).headers
    assert headers["access-control-allow-origin"] == PARTNER
    assert "Origin" in headers["vary"]
    assert listed(headers["access-control-allow-methods"]) >= {"POST", "HEAD", "PATCH", "OPTIONS", "DELETE", "GET"}
    assert {*map(str.lower, ASKED)} <= {*map(str.lower, listed(headers["access-control-allow-headers"]))}
    assert int(headers["access-control-max-age"]) >= 7200  # the most that Chromium remembers


def test_52_every_answer_may_be_read_with_all_its_headers(tus: Tus) -> None:
    more = FROM_PARTNER
    url = tus.create(11, to="/partners", **more)
    answers = [
        tus.post(11, to="/partners", **more),
        tus.head(url, **more),
        tus.patch(url, 0, HELLO[:5], **more),
        tus.patch(url, 0, HELLO, **more),
        tus.patch(url, 5, HELLO[5:], Upload_Checksum=checksum("sha1", HELLO), **more),
        tus.post(to="/partners", **more),
        tus.head("/partners/no-such-upload", **more),
        tus.send("GET", url, **more),
        tus.send("OPTIONS", "/partners", **more),
        tus.patch(url, 5, HELLO[5:], **more),
        tus.send("DELETE", url, **more),
        tus.post(11, to="/partners", **{**more, "Tus_Resumable": "9"}),
    ]
    assert [each.status for each in answers] == [201, 200, 204, 409, 460, 400, 404, 404, 204, 204, 204, 412]
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == PARTNER
        assert listed(answer.headers["access-control-expose-headers"]) >= SHOWN


def test_53_other_origins_are_refused(tus: Tus) -> None:
    evil: dict[str, Any] = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}
    url = tus.create(11, to="/partners")
    for answer in (
        tus.post(11, to="/partners", **evil),
        tus.patch(url, 0, HELLO, **evil),
        tus.send("DELETE", url, **evil),
        tus.send("POST", url, X_HTTP_Method_Override="DELETE", **evil),
        tus.post(11, to="/upload", **evil),
    ):
        assert refused(answer, 403, "ERR_ORIGIN_NOT_ALLOWED")
        assert "access-control-allow-origin" not in answer.headers
    assert tus.offset(url) == 0


def test_53_whoever_may_come_comes_without_credentials(tus: Tus) -> None:
    if tus.door.name == "django":
        return  # Django asks every page for its token
    answer = tus.post(11, to="/anybody", Origin="https://whoever.example", Sec_Fetch_Site="cross-site")
    assert (answer.status, answer.headers["access-control-allow-origin"]) == (201, "*")
    assert "access-control-allow-credentials" not in answer.headers


def test_54_what_may_pass_is_told_as_what_clients_try_again(tus: Tus) -> None:
    """409 for an offset; what broke off is 5xx (tests/tus/test_cuts.py); what cannot pass is any other 4xx."""
    url = tus.create(11)
    assert tus.patch(url, 3, HELLO[3:]).status == 409
    assert all(400 <= status < 409 for status in (tus.post().status, tus.head("/upload/no-such-upload").status))


def test_55_tuspy_finds_all_that_it_needs(tus: Tus) -> None:
    answer = tus.post(11, Upload_Metadata="")
    assert answer.headers["location"]
    assert tus.patch(answer.headers["location"], 0, HELLO).headers["upload-offset"] == "11"


def test_every_requirement_has_a_test(tus: Tus) -> None:
    if tus.door.name != "webtest":
        return  # one door is enough
    text = "".join(path.read_text(encoding="utf-8") for path in Path(__file__).parent.glob("test_tus*.py"))
    names = re.findall(r"^def test_((?:\d\d_)+)", text, re.MULTILINE)
    assert {int(number) for name in names for number in name.split("_") if number} == {*range(1, 56)}
