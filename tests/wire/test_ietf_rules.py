"""The IETF's resumable uploads: what is the same in all versions. A number in a test's name is that of the requirement
in docs/reference/ietf.md. Versions: test_ietf.py; digests: test_ietf_digests.py; interim responses and clients that
break off: test_ietf_interim.py."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire.doors import DOORS, FRAMEWORKS, Door
from tests.wire.ietf import HELLO, PARTIAL, VERSIONS, Ietf, limits

pytestmark = pytest.mark.parametrize(
    "door",
    [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in DOORS],
    indirect=True,
)
NOWHERE = "/upload/no-such-upload"


@pytest.fixture
def ietf(door: Door) -> Ietf:
    """A client of the final text."""
    return Ietf(door)


def test_02_without_a_way_to_announce_it_the_answer_names_the_upload(ietf: Ietf) -> None:
    answer = ietf.post(HELLO, complete=True)
    assert answer.headers["location"].startswith("/upload/")
    assert ietf.told(ietf.head(answer.headers["location"])) is True


def test_04_a_creation_may_bring_the_first_bytes_and_the_length_is_recorded(ietf: Ietf) -> None:
    answer = ietf.post(HELLO[:4], Upload_Length="11")
    assert (answer.status, answer.headers["upload-offset"], ietf.told(answer)) == (201, "4", False)
    assert ietf.head(answer.headers["location"]).headers["upload-length"] == "11"
    assert "upload-length" not in ietf.head(ietf.create()).headers


def test_05_and_10_the_answer_is_that_of_the_target(ietf: Ietf) -> None:
    for method, status in (("POST", 200), ("PUT", 201)):
        url = ietf.create(HELLO, to="/upload/a.txt", method=method)
        answer = ietf.patch(url, 11, b"", complete=True)
        assert (answer.status, answer.json["name"]) == (status, "a.txt")


def test_07_complete_is_what_was_said_to_be_not_what_has_the_length(ietf: Ietf) -> None:
    url = ietf.create(HELLO, Upload_Length="11")
    assert ietf.told(ietf.head(url)) is False
    assert ietf.stored() == {}
    assert ietf.patch(url, 11, b"", complete=True).status == 200
    assert list(ietf.stored().values()) == [HELLO]


def test_07_what_tus_js_client_forgets_to_say_is_not_asked_of_it(ietf: Ietf) -> None:
    for version in (5, 6):
        client = Ietf(ietf.door, version)
        url = client.create(HELLO[:5], Upload_Length="11", Upload_Metadata="filename YS50eHQ=")
        assert client.told(client.patch(url, 5, HELLO[5:])) is True
        assert client.told(client.patch(url, 11, b"", complete=True)) is True  # who does say it is answered again
        assert client.stored() == {"a.txt": HELLO}


def test_08_head_tells_all_there_is_and_is_not_cached(ietf: Ietf) -> None:
    url = ietf.create(HELLO[:5], Upload_Length="11")
    for answer in (ietf.head(url), Ietf(ietf.door, 8).send("GET", url)):
        assert (answer.status, answer.body, answer.headers["cache-control"]) == (204, b"", "no-store")
        assert (answer.headers["upload-offset"], answer.headers["upload-length"]) == ("5", "11")
        assert (ietf.told(answer), "max-age" in answer.headers["upload-limit"]) == (False, True)
    assert [ietf.head(NOWHERE).status, Ietf(ietf.door, 6).head(NOWHERE).status] == [404, 404]


def test_11_a_file_that_grows_over_the_limit_is_refused_for_good(ietf: Ietf) -> None:
    if not ietf.streams:
        return  # the server does not know where a chunked body ends
    url = ietf.create()
    answer = ietf.patch(url, 0, bytes(1 << 20 | 1), chunked=True)
    assert (answer.status, limits(answer)["max-size"]) == (413, 1 << 20)
    assert ietf.head(url).status == 413


def test_a_length_that_nobody_knew_is_that_of_what_came(ietf: Ietf) -> None:
    if not ietf.streams:
        assert ietf.post(HELLO, complete=True, chunked=True).status == 411
        return
    url = ietf.create(HELLO[:5], chunked=True)
    answer = ietf.patch(url, 5, HELLO[5:], complete=True, chunked=True)
    assert (answer.status, answer.json["size"]) == (200, 11)
    assert list(ietf.stored().values()) == [HELLO]


def test_14_a_cancelled_upload_is_gone(ietf: Ietf) -> None:
    for version in VERSIONS:
        each = Ietf(ietf.door, version)
        url = each.create(HELLO)
        assert each.send("DELETE", url).status == 204
        assert [each.head(url).status, each.patch(url, 11, b"x").status] == [404, 404]
        assert each.send("DELETE", url).status == (404 if version else 412)  # nothing says any more whose it was


def test_14_cancelling_a_complete_upload_keeps_the_file(ietf: Ietf) -> None:
    url = ietf.post(HELLO, complete=True).headers["location"]
    assert ietf.send("DELETE", url).status == 204
    assert list(ietf.stored().values()) == [HELLO]


def test_16_options_says_that_uploads_are_taken_and_within_which_limits(ietf: Ietf) -> None:
    answer = ietf.send("OPTIONS", "/photos")
    assert answer.headers["accept-patch"] == PARTIAL
    assert limits(answer) == {"max-size": 1 << 20, "min-size": 4, "max-age": 86_400}


def test_17_too_large_says_how_large_is_not(ietf: Ietf) -> None:
    for answer in (ietf.post(Upload_Length="1048577"), ietf.post(bytes(1 << 20 | 1), complete=True)):
        assert (answer.status, limits(answer)["max-size"], "location" in answer.headers) == (413, 1 << 20, False)


def test_19_each_request_is_authorised_and_strangers_uploads_are_none(ietf: Ietf) -> None:
    url = ietf.create(HELLO, to="/guarded", X_User="ann")
    mine: dict[str, Any] = {"X_User": "ann"}
    refused: list[tuple[dict[str, Any], int]] = [({}, 401), ({"X_User": "bob"}, 403), ({"X_User": "eve"}, 404)]
    for more, status in refused:
        answers = [
            Ietf(ietf.door, 6).head(url, **more),
            ietf.head(url, **more),
            ietf.patch(url, 11, b"", complete=True, **more),
            ietf.send("DELETE", url, **more),
        ]
        assert [each.status for each in answers] == [status] * 4
    assert ietf.head(url, **mine).headers["upload-offset"] == "11"
    assert ietf.post(to="/guarded").status == 401
    assert ietf.patch(url, 11, b"", complete=True, **mine).json["principal"] == "ann"


def test_19_urls_cannot_be_guessed(ietf: Ietf) -> None:
    names = {ietf.create().rpartition("/")[2] for _ in range(3)}
    assert {len(each) for each in names} == {22}
    assert len(names) == 3


@pytest.mark.parametrize(
    ("to", "headers", "name"),
    [
        ("/upload/p%C3%A4th.txt", {}, "päth.txt"),
        ("/upload?filename=query.txt", {}, "query.txt"),
        ("/upload", {"Content_Disposition": 'inline; filename="plain.txt"'}, "plain.txt"),
        ("/upload", {"Content_Disposition": "inline; filename=\"x\"; filename*=UTF-8''st%C3%A4r.txt"}, "stär.txt"),
        ("/upload", {"Upload_Metadata": "filename w6QudHh0"}, "ä.txt"),
        ("/upload", {"Content_Disposition": 'inline; filename="../../etc/passwd"'}, "passwd"),
        ("/upload", {"Content_Type": "image/gif"}, "file.gif"),
        ("/upload", {"Content_Type": PARTIAL}, "file"),
    ],
)
def test_19_names_are_taken_from_where_clients_put_them_and_cleaned(
    ietf: Ietf, to: str, headers: dict[str, Any], name: str
) -> None:
    content = b"GIF89a..." if name.endswith("gif") else HELLO
    answer = ietf.post(content, complete=True, to=to, **headers)
    assert answer.status == 200, answer
    assert ietf.stored() == {name: content}


def test_19_what_the_file_is_refused_with_is_the_final_answer(ietf: Ietf) -> None:
    url = ietf.create(b"abc", to="/photos?filename=a.txt")
    answer = ietf.patch(url, 3, b"", complete=True)
    assert (answer.status, ietf.told(answer), answer.json["code"]) == (422, True, "too_small")
    assert answer.headers["content-type"].startswith("application/json")
    assert ietf.head(url).status == 422
    assert ietf.post(to="/photos?filename=a.exe").status == 415
    assert ietf.stored() == {}


def test_21_content_codings_are_kept_and_offsets_count_coded_bytes(ietf: Ietf) -> None:
    coded = b"\x1f\x8b\x08no gzip at all"
    url = ietf.create(coded[:7], to="/upload?filename=a.gz", Content_Encoding="gzip")
    assert ietf.offset(url) == 7
    assert ietf.patch(url, 7, coded[7:], complete=True).status == 200
    assert ietf.stored() == {"a.gz": coded}


# ---- whose a request is ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["yes", "1", "?2", "true", "?1, ?1", '"?1"', ""])
def test_a_completeness_that_is_none_is_ignored_and_the_request_an_ordinary_one(ietf: Ietf, value: str) -> None:
    answer = ietf.post(HELLO, to="/upload?filename=a.txt", complete=None, Upload_Complete=value)
    assert (answer.status, "upload-complete" in answer.headers) == (200, False)
    assert answer.json["protocol"] == "raw"


@pytest.mark.parametrize("value", ["-1", "1.0", "ten", "5 5", "5, 5", "9" * 16, "", "?1"])
def test_an_offset_or_length_that_is_none_is_ignored(ietf: Ietf, value: str) -> None:
    url = ietf.create(Upload_Length=value)
    assert "upload-length" not in ietf.head(url).headers
    assert ietf.patch(url, value, HELLO).status == 400
    assert ietf.offset(url) == 0


def test_values_may_have_parameters(ietf: Ietf) -> None:
    url = ietf.create(Upload_Length="11;about=this", Upload_Complete="?0;q")
    assert ietf.patch(url, "0;x=1", HELLO, complete=None, Upload_Complete="?1;a;b=2").status == 200


def test_a_whole_form_is_an_ordinary_form_and_a_piece_of_one_is_refused(ietf: Ietf) -> None:
    body = b'--B\r\nContent-Disposition: form-data; name="f"; filename="a.txt"\r\n\r\nhello\r\n--B--\r\n'
    form: dict[str, Any] = {"Content_Type": "multipart/form-data; boundary=B"}
    whole = ietf.post(body, complete=True, **form)
    assert (whole.status, whole.json["protocol"]) == (200, "form")
    # Frameworks' doors look for a token in the form, and find that it is cut.
    assert ietf.post(body[:40], complete=False, **form).status == (400 if ietf.door.name in FRAMEWORKS else 415)
    assert ietf.stored() == {"a.txt": b"hello"}


def test_versions_from_before_upload_urls_are_refused_and_later_ones_taken_for_the_final_text(ietf: Ietf) -> None:
    assert Ietf(ietf.door, 2).post(HELLO).status == 400
    later = Ietf(ietf.door, 99)
    url = later.create(HELLO)
    assert later.patch(url, 11, b"", complete=True).status == 200


def test_uploads_of_tus_are_none_of_ours_nor_is_a_request_of_tus(ietf: Ietf) -> None:
    made = ietf.send("POST", "/upload", Tus_Resumable="1.0.0", Upload_Length="11")
    url = made.headers["location"]
    assert made.headers["tus-resumable"] == "1.0.0"
    answers = [
        Ietf(ietf.door, 6).head(url),
        ietf.patch(url, 0, HELLO, complete=True),
        Ietf(ietf.door, 6).send("DELETE", url),
    ]
    assert [each.status for each in answers] == [404, 404, 404]
    assert ietf.send("HEAD", url, Tus_Resumable="1.0.0").headers["upload-offset"] == "0"


def test_what_has_no_place_is_told_so(ietf: Ietf) -> None:
    assert ietf.patch("/upload", 0, HELLO).status == 405
    assert ietf.post(HELLO, complete=None, Content_Type=PARTIAL).status == 400
    assert ietf.post(HELLO, Upload_Offset="5").status == 400
    assert ietf.post(HELLO, Upload_Metadata="filename *").status == 400
    assert ietf.send("PATCH", ietf.create(), HELLO, Content_Type=PARTIAL).status == 400


def test_a_repeated_creation_with_the_same_key_finds_its_upload(ietf: Ietf) -> None:
    key: dict[str, Any] = {"Idempotency_Key": "k1", "to": "/upload?filename=a.txt"}
    url = ietf.create(HELLO[:5], Upload_Length="11", **key)
    again = ietf.post(HELLO[:5], Upload_Length="11", **key)
    assert (again.status, again.headers["location"], again.headers["upload-offset"]) == (409, url, "5")
    last = ietf.patch(url, 5, HELLO[5:], complete=True)
    whole = ietf.post(HELLO, complete=True, **key)
    assert (whole.status, whole.json) == (200, last.json)
    assert ietf.stored() == {"a.txt": HELLO}
