"""tus 1.0.0: creation, metadata, lengths that are known later, first bytes with the creation, expiry. The number in a
test's name is the requirement's, see test_tus.py."""

from __future__ import annotations

import time
from email.utils import parsedate_to_datetime

import pytest

from tests.wire.doors import DOORS, Door, ServerDoor
from tests.wire.test_tus import NO_NUMBERS, refused
from tests.wire.tus import HELLO, Tus, metadata

pytestmark = pytest.mark.parametrize(
    "door",
    [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in DOORS],
    indirect=True,
)


@pytest.fixture
def tus(door: Door) -> Tus:
    return Tus(door)


# ---- creation --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("defer", ["0", "2", "true", "1, 1"])
def test_20_a_creation_says_one_of_length_and_defer_length(tus: Tus, defer: str) -> None:
    assert refused(tus.post(), 400, "ERR_INVALID_UPLOAD_LENGTH")
    assert refused(tus.post(11, Upload_Defer_Length="1"), 400, "ERR_INVALID_UPLOAD_LENGTH")
    assert refused(tus.post(Upload_Defer_Length=defer), 400, "ERR_INVALID_UPLOAD_DEFER_LENGTH")


@pytest.mark.parametrize("number", NO_NUMBERS)
def test_20_a_creation_of_no_length_makes_nothing(tus: Tus, number: str) -> None:
    assert refused(tus.post(number, HELLO), 400, "ERR_INVALID_UPLOAD_LENGTH")
    assert tus.kept() == 0


def test_21_a_creation_tells_where_the_upload_is(tus: Tus) -> None:
    urls = {tus.create(11) for _ in range(3)}
    assert len(urls) == 3
    assert all(url.startswith("/upload/") and len(url) >= len("/upload/") + 22 for url in urls)


def test_21_more_than_the_limit_is_refused(tus: Tus) -> None:
    assert tus.post(1 << 20).status == 201
    assert refused(tus.post((1 << 20) + 1), 413, "ERR_MAX_SIZE_EXCEEDED")
    assert refused(tus.post(10**17), 413, "ERR_MAX_SIZE_EXCEEDED")


def test_22_an_upload_of_nothing_is_complete_at_once(tus: Tus) -> None:
    url = tus.create(0, Upload_Metadata=metadata(filename="empty.txt"))
    assert tus.stored() == {"empty.txt": b""}
    assert tus.offset(url) == 0
    assert tus.patch(url, 0).status == 204


@pytest.mark.parametrize("path", ["/upload", "/album/a%20b/upload"])
def test_23_the_location_is_a_path(tus: Tus, path: str) -> None:
    url = tus.create(11, to=path, X_Forwarded_Host="evil.example")
    assert url.startswith(f"{path}/")
    assert tus.offset(url) == 0


# ---- metadata --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["a MQ==,b,c ,d Mg==", "filename ZmlsZQ== , x", "k" * 255, "a " + "QUFB" * 1000])
def test_24_the_syntax_is_taken_as_the_protocol_has_it(tus: Tus, text: str) -> None:
    assert tus.post(3, Upload_Metadata=text).status == 201


def test_25_what_real_clients_send_is_taken(tus: Tus) -> None:
    for text in ("", " ", "empty ", "relativePath bnVsbA==,name YQ==,type ,filename YQ==,filetype "):
        url = tus.create(3, Upload_Metadata=text)
        assert tus.head(url).headers.get("upload-metadata", "").strip() == text.strip()


@pytest.mark.parametrize(
    "text",
    ["a ?", "a MQ=", "a MQ", "a MQ== MQ==", "a MQ==,a Mg==", "a MQ==,", ",a MQ==", "é MQ==", "a é", "a,,b", ",",
     ",".join(f"k{number}" for number in range(101))],
)  # fmt: skip
def test_26_27_what_is_no_metadata_is_refused(tus: Tus, text: str) -> None:
    assert refused(tus.post(3, HELLO[:3], Upload_Metadata=text), 400, "ERR_INVALID_METADATA")
    assert tus.kept() == 0


def test_27_a_value_is_no_header_and_no_path(tus: Tus) -> None:
    name = "../../a\r\nSet-Cookie: x=1\r\n\r\n<b>.txt"
    answer = tus.post(3, b"abc", Upload_Metadata=metadata(filename=name))
    assert (answer.status, "set-cookie" in answer.headers) == (201, False)
    assert [(found.endswith(".txt"), "/" in found) for found in tus.stored()] == [(True, False)]


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("słońce.txt".encode(), "słońce.txt"),
        (b"\xff\xfe.txt", "__.txt"),
        (b"", "file"),
        (b"\x00\x01.txt", "txt"),
    ],
)
def test_28_values_are_bytes_and_utf_8_by_custom(tus: Tus, value: bytes, stored: str) -> None:
    tus.create(3, b"abc", Upload_Metadata=metadata(filename=value))
    assert list(tus.stored()) == [stored]


@pytest.mark.parametrize("key", ["filename", "name"])
def test_28_the_name_is_where_clients_say_it(tus: Tus, key: str) -> None:
    tus.create(3, b"abc", Upload_Metadata=metadata(**{"album": "7", key: "a.txt"}))
    assert tus.stored() == {"a.txt": b"abc"}


# ---- a length that is known later ------------------------------------------------------------------------------------


def test_29_the_length_may_come_later_once(tus: Tus) -> None:
    url = tus.create(None, Upload_Defer_Length="1")
    assert tus.patch(url, 0, HELLO[:5]).status == 204
    head = tus.head(url).headers
    assert (head["upload-defer-length"], "upload-length" in head, head["upload-offset"]) == ("1", False, "5")
    assert refused(tus.patch(url, 5, Upload_Length="4"), 400, "ERR_INVALID_UPLOAD_LENGTH")
    assert refused(tus.patch(url, 5, Upload_Length=str(2 << 20)), 413, "ERR_MAX_SIZE_EXCEEDED")
    assert tus.patch(url, 5, b" wor", Upload_Length="11").status == 204
    head = tus.head(url).headers
    assert (head["upload-length"], "upload-defer-length" in head) == ("11", False)
    assert refused(tus.patch(url, 9, b"ld", Upload_Length="12"), 400, "ERR_INVALID_UPLOAD_LENGTH")
    assert tus.patch(url, 9, b"ld", Upload_Length="11").status == 204
    assert tus.contents() == [HELLO]


def test_29_an_empty_patch_with_the_length_completes(tus: Tus) -> None:
    url = tus.create(None, Upload_Defer_Length="1")
    tus.patch(url, 0, HELLO)
    assert tus.stored() == {}
    assert tus.patch(url, 11, Upload_Length="11").status == 204
    assert tus.contents() == [HELLO]


def test_29_more_than_the_limit_is_refused_whatever_the_length_will_be(tus: Tus) -> None:
    url = tus.create(None, Upload_Defer_Length="1")
    tus.patch(url, 0, bytes(1 << 20))
    assert refused(tus.patch(url, 1 << 20, b"x"), 413, "ERR_MAX_SIZE_EXCEEDED")
    assert tus.offset(url) == 1 << 20


# ---- first bytes with the creation -----------------------------------------------------------------------------------


def test_30_only_a_body_of_that_type_is_data(tus: Tus) -> None:
    answer = tus.post(11, HELLO, Content_Type="application/octet-stream")
    assert (answer.status, "upload-offset" in answer.headers) == (201, False)
    assert tus.offset(answer.headers["location"]) == 0
    assert tus.stored() == {}


@pytest.mark.parametrize("chunked", [False, True])
def test_31_the_first_bytes_come_with_the_creation(tus: Tus, chunked: bool) -> None:
    if chunked and not tus.streams:
        assert tus.post(11, HELLO[:5], chunked=True).status == 411
        return
    answer = tus.post(11, HELLO[:5], chunked=chunked)
    assert (answer.status, answer.headers["upload-offset"]) == (201, "5")
    url = answer.headers["location"]
    assert tus.patch(url, 5, HELLO[5:]).status == 204
    assert tus.contents() == [HELLO]


def test_31_all_bytes_may_come_with_the_creation(tus: Tus) -> None:
    assert tus.post(11, HELLO).headers["upload-offset"] == "11"
    assert tus.contents() == [HELLO]


@pytest.mark.parametrize("chunked", [False, True])
def test_31_more_than_the_length_makes_nothing(tus: Tus, chunked: bool) -> None:
    answer = tus.post(10, HELLO, chunked=chunked)
    assert answer.status == (413 if tus.streams or not chunked else 411)
    assert ("location" in answer.headers, tus.kept(), tus.stored()) == (False, 0, {})


def test_32_a_client_may_ask_first(tus: Tus) -> None:
    answer = tus.post(11, HELLO, Expect="100-continue")
    assert (answer.status, answer.headers["upload-offset"]) == (201, "11")
    assert tus.contents() == [HELLO]


def test_33_first_bytes_of_a_length_that_comes_later(tus: Tus) -> None:
    answer = tus.post(None, HELLO, Upload_Defer_Length="1")
    assert (answer.status, answer.headers["upload-offset"], tus.stored()) == (201, "11", {})
    assert tus.patch(answer.headers["location"], 11, Upload_Length="11").status == 204
    assert tus.contents() == [HELLO]


# ---- expiry ----------------------------------------------------------------------------------------------------------


def test_34_36_every_answer_about_an_open_upload_says_when_it_expires(tus: Tus) -> None:
    answer = tus.post(11)
    url = answer.headers["location"]
    for each in (answer, tus.patch(url, 0, HELLO[:5]), tus.head(url)):
        text = each.headers["upload-expires"]
        assert text.endswith(" GMT")
        assert 86400 - 60 < parsedate_to_datetime(text).timestamp() - time.time() <= 86400
    assert "upload-expires" not in tus.patch(url, 5, HELLO[5:]).headers
    assert "expiration" in tus.send("OPTIONS", "/upload").headers["tus-extension"]


@pytest.mark.slow
def test_35_what_has_expired_is_gone_and_what_is_complete_is_not(tus: Tus) -> None:
    urls = [tus.create(11, HELLO[:5], to="/short"), tus.create(11, to="/short")]
    done, other = tus.create(3, b"abc", to="/short"), tus.create(11, HELLO[:5])
    time.sleep(2.2)
    for url in urls:
        assert tus.head(url).status == 404
        assert tus.patch(url, 5, HELLO[5:]).status == 404
    time.sleep(1.5 if isinstance(tus.door, ServerDoor) else 0)  # two processes sweep once a second
    tus.create(1, to="/short")  # in case nobody has asked that process yet
    assert tus.offset(other) == 5
    assert tus.contents() == [b"abc"]
    assert tus.head(done).status == 404  # its record too has had its time
