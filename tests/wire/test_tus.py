"""tus 1.0.0, the core: what every request, OPTIONS, HEAD and PATCH owes. The number in a test's name is that of the
requirement in docs/reference/tus.md; those from 20 on are tested in test_tus_creation.py, test_tus_extensions.py and
test_tus_origins.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.client import Answer
from tests.wire.doors import DOORS, Door
from tests.wire.tus import HELLO, PIECE, Tus

pytestmark = pytest.mark.parametrize(
    "door",
    [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in DOORS],
    indirect=True,
)
NOWHERE = "/upload/no-such-upload"
#: What is no non-negative integer, whatever int() thinks.
NO_NUMBERS = ["+5", "-1", "1_0", "5.0", "0x5", "five", "5,5", "5 5", "9" * 19, "\xb2", ""]


@pytest.fixture
def tus(door: Door) -> Tus:
    return Tus(door)


def refused(answer: Answer, status: int, code: str) -> bool:
    """By that status, tusd's word, and with the version."""
    said = answer.body.startswith(code.encode() + b": ")
    assert (answer.status, said, answer.headers.get("tus-resumable")) == (status, True, "1.0.0"), answer
    return said


# ---- all requests ----------------------------------------------------------------------------------------------------


def test_01_every_answer_says_the_version_refusals_too(tus: Tus) -> None:
    url = tus.create(11)
    answers: list[tuple[Answer, int]] = [
        (tus.post(11), 201),
        (tus.post(), 400),
        (tus.post(2 << 20), 413),
        (tus.send("POST", "/guarded", Upload_Length="1"), 401),
        (tus.send("POST", "/guarded", Upload_Length="1", X_User="bob"), 403),
        (tus.send("POST", url, Upload_Length="1"), 405),
        (tus.send("PATCH", "/upload", Upload_Offset="0", Content_Type=PIECE), 405),
        (tus.send("PUT", url, b"x"), 405),
        (tus.send("GET", url), 404),
        (tus.head(url), 200),
        (tus.head(NOWHERE), 404),
        (tus.patch(NOWHERE, 0), 404),
        (tus.patch(url, 5), 409),
        (tus.patch(url, 0, b"x" * 12), 413),
        (tus.patch(url, 0, HELLO, Content_Type="text/plain"), 415),
        (tus.patch(url, 0, Tus_Resumable="0.2"), 412),
        (tus.patch(url, 0, HELLO), 204),
        (tus.send("DELETE", url), 204),
        (tus.send("DELETE", NOWHERE), 404),
    ]
    assert [(each.status, each.headers.get("tus-resumable")) for each, _ in answers] == [
        (status, "1.0.0") for _, status in answers
    ]


@pytest.mark.parametrize("version", [None, "0.2.2", "1.0", "2.0.0", "1.0.0, 0.2.2"])
def test_02_another_version_is_told_ours_and_nothing_is_done(tus: Tus, version: str | None) -> None:
    url = tus.create(11)
    answers = [
        tus.post(11, Tus_Resumable=version),
        tus.post(11, HELLO, Tus_Resumable=version),
        tus.patch(url, 0, HELLO, Tus_Resumable=version),
        tus.send("DELETE", url, Tus_Resumable=version),
        tus.send("POST", url, HELLO, Tus_Resumable=version, X_HTTP_Method_Override="PATCH", Content_Type=PIECE),
    ]
    for answer in answers:
        assert refused(answer, 412, "ERR_UNSUPPORTED_VERSION")
        assert answer.headers["tus-version"] == "1.0.0"
    assert tus.offset(url) == 0
    assert tus.stored() == {}


def test_02_a_head_may_go_without_a_version_but_not_with_a_wrong_one(tus: Tus) -> None:
    url = tus.create(11)
    assert tus.head(url, Tus_Resumable=None).headers["upload-offset"] == "0"
    assert tus.head(url, Tus_Resumable="2.0.0").status == 412


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_03_offset_and_length_are_digits(tus: Tus, number: str) -> None:
    url = tus.create(None, Upload_Defer_Length="1")
    assert refused(tus.post(number), 400, "ERR_INVALID_UPLOAD_LENGTH")
    assert refused(tus.patch(url, number, HELLO), 400, "ERR_INVALID_OFFSET")
    assert refused(tus.patch(url, 0, HELLO, Upload_Length=number), 400, "ERR_INVALID_UPLOAD_LENGTH")
    assert tus.offset(url) == 0


def test_04_the_extensions_and_limits_are_told(tus: Tus) -> None:
    headers = tus.send("OPTIONS", "/upload").headers
    offered = headers["tus-extension"].split(",")
    trailers = tus.door.name not in ("webtest", "wsgiref", "cheroot")
    assert offered == [
        "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum", "termination",
        "concatenation", "concatenation-unfinished", *(["checksum-trailer"] if trailers else []),
    ]  # fmt: skip
    assert (headers["tus-version"], headers["tus-max-size"]) == ("1.0.0", str(1 << 20))


def test_04_what_is_switched_off_is_not_told_and_refused(tus: Tus) -> None:
    headers = tus.send("OPTIONS", "/core").headers
    assert (headers["tus-extension"], "tus-checksum-algorithm" in headers) == ("creation", False)
    needs: list[dict[str, Any]] = [{"Upload_Concat": "partial"}, {"Upload_Checksum": "sha1 YQ=="}]
    for more in needs:
        assert refused(tus.post(11, to="/core", **more), 400, "ERR_UPLOAD_REJECTED")
    assert tus.post(to="/core", Upload_Defer_Length="1").status == 400
    answer = tus.post(11, HELLO, to="/core")
    url = answer.headers["location"]
    assert ("upload-offset" in answer.headers, "upload-expires" in answer.headers) == (False, False)
    assert (tus.offset(url), tus.send("DELETE", url).status) == (0, 405)
    assert refused(tus.patch(url, 0, HELLO, Upload_Checksum="sha1 YQ=="), 400, "ERR_UPLOAD_REJECTED")
    assert tus.patch(url, 0, HELLO).status == 204
    assert tus.contents() == [HELLO]


def test_05_a_post_may_stand_for_another_method(tus: Tus) -> None:
    url = tus.create(11)
    more: dict[str, Any] = {"Upload_Offset": "0", "Content_Type": PIECE}
    answer = tus.send("POST", url, HELLO[:5], X_HTTP_Method_Override="PATCH", **more)
    assert (answer.status, answer.headers["upload-offset"]) == (204, "5")
    head = tus.send("POST", url, X_HTTP_Method_Override="HEAD")
    assert (head.status, head.headers["upload-offset"], head.body) == (200, "5", b"")
    assert tus.send("POST", url, X_HTTP_Method_Override="PUT").status == 405
    assert tus.send("POST", url, X_HTTP_Method_Override="DELETE").status == 204
    assert tus.head(url).status == 404


def test_05_nothing_but_a_post_stands_for_another_method(tus: Tus) -> None:
    url = tus.create(11)
    assert tus.send("GET", url, X_HTTP_Method_Override="DELETE").status == 404
    assert tus.head(url, X_HTTP_Method_Override="DELETE").status == 200


def test_06_what_came_counts_and_the_rest_follows(tus: Tus) -> None:
    """A body that ends early, cut at every byte by FIN and RST: tests/tus/test_cuts.py."""
    url = tus.create(11)
    assert tus.patch(url, 0, HELLO[:4]).headers["upload-offset"] == "4"
    assert tus.patch(url, 4, HELLO[4:]).headers["upload-offset"] == "11"
    assert tus.contents() == [HELLO]


# ---- OPTIONS, HEAD ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["/upload", "/upload/", "/upload/some-upload-0"])
def test_07_08_09_options_answers_everywhere_and_to_any_version(tus: Tus, url: str) -> None:
    for version in ("1.0.0", "9.9.9", None):
        answer = tus.send("OPTIONS", url, Tus_Resumable=version)
        assert (answer.status, answer.headers["tus-version"]) == (204, "1.0.0")
        assert answer.headers["tus-checksum-algorithm"].startswith("sha1,sha256,sha512,md5,crc32")


def test_10_head_tells_the_offset_always(tus: Tus) -> None:
    url = tus.create(11)
    for at, end in ((0, 5), (5, 11), (11, 11)):
        answer = tus.head(url)
        found = [answer.headers.get(name) for name in ("upload-offset", "upload-length", "cache-control")]
        assert (answer.status, found) == (200, [str(at), "11", "no-store"])
        tus.patch(url, at, HELLO[at:end])


@pytest.mark.parametrize("url", [NOWHERE, "/upload/abc", "/upload/a.b", "/upload/" + "a" * 65, "/upload/x/y-z-12345"])
def test_11_what_is_not_there_has_no_offset(tus: Tus, url: str) -> None:
    answer = tus.head(url)
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
    assert "upload-offset" not in answer.headers
    assert refused(tus.patch(url, 0, HELLO), 404, "ERR_UPLOAD_NOT_FOUND")


@pytest.mark.parametrize("text", ["filename YS50eHQ=,is_confidential", "a MQ==,b,c ,d Mg==", "relativePath bnVsbA=="])
def test_12_metadata_comes_back_as_it_was_given(tus: Tus, text: str) -> None:
    url = tus.create(3, Upload_Metadata=text)
    assert tus.head(url).headers["upload-metadata"] == text
    assert "upload-metadata" not in tus.head(tus.create(3)).headers


def test_13_head_promises_no_body(tus: Tus) -> None:
    url = tus.create(11, HELLO)
    assert tus.head(url).headers.get("content-length", "0") == "0"


# ---- PATCH -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [None, "application/octet-stream", "text/plain", "application/x-www-form-urlencoded"])
def test_14_a_patch_of_another_type_is_refused_before_it_is_read(tus: Tus, kind: str | None) -> None:
    url = tus.create(11)
    assert refused(tus.patch(url, 0, HELLO, Content_Type=kind), 415, "ERR_INVALID_CONTENT_TYPE")
    assert tus.offset(url) == 0
    assert tus.patch(url, 0, HELLO, Content_Type=f"{PIECE}; charset=x").status == 204


@pytest.mark.parametrize("at", [0, 4, 6, 11, 12, 1 << 40])
def test_15_another_offset_changes_nothing_and_is_told_the_right_one(tus: Tus, at: int) -> None:
    url = tus.create(11)
    tus.patch(url, 0, HELLO[:5])
    answer = tus.patch(url, at, b"X")
    if at < 11:
        assert refused(answer, 409, "ERR_MISMATCHED_OFFSET")
        assert answer.headers["upload-offset"] == "5"
    assert answer.status in (409, 413)
    assert tus.patch(url, 5, HELLO[5:]).status == 204
    assert tus.contents() == [HELLO]


def test_15_no_offset_is_no_patch(tus: Tus) -> None:
    url = tus.create(11)
    assert refused(tus.send("PATCH", url, HELLO, Content_Type=PIECE), 400, "ERR_INVALID_OFFSET")


def test_16_each_patch_is_answered_with_the_new_offset(tus: Tus) -> None:
    url = tus.create(11)
    for at in range(11):
        answer = tus.patch(url, at, HELLO[at : at + 1])
        assert (answer.status, answer.headers["upload-offset"], answer.body) == (204, str(at + 1), b"")
    assert tus.contents() == [HELLO]


def test_17_more_than_the_length_is_refused_unread_where_it_is_declared(tus: Tus) -> None:
    url = tus.create(11)
    assert refused(tus.patch(url, 0, HELLO + b"!"), 413, "ERR_UPLOAD_SIZE_EXCEEDED")
    assert tus.offset(url) == 0


def test_17_more_than_the_length_is_taken_up_to_it_where_it_is_not(tus: Tus) -> None:
    if not tus.streams:
        return  # this server knows no end of a chunked body
    url = tus.create(11)
    assert refused(tus.patch(url, 0, HELLO + b"!", chunked=True), 413, "ERR_UPLOAD_SIZE_EXCEEDED")
    assert tus.offset(url) == 11
    assert tus.contents() == [HELLO]


def test_18_an_empty_patch_changes_nothing(tus: Tus) -> None:
    url = tus.create(11)
    assert tus.patch(url, 0).headers["upload-offset"] == "0"
    tus.patch(url, 0, HELLO)
    for body in (b"", b"more"):
        answer = tus.patch(url, 11, body)
        assert (answer.status, answer.headers["upload-offset"]) == (204, "11")
    assert tus.contents() == [HELLO]


def test_19_a_patch_may_be_chunked(tus: Tus) -> None:
    url = tus.create(11)
    answer = tus.patch(url, 0, HELLO, chunked=True)
    if not tus.streams:
        assert (answer.status, tus.offset(url)) == (411, 0)
        return
    assert (answer.status, answer.headers["upload-offset"]) == (204, "11")
    assert tus.contents() == [HELLO]
