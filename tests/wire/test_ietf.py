"""The IETF's resumable uploads in each interop version. The number in a test's name is that of the requirement in
docs/reference/ietf.md. What is the same in all versions: test_ietf_rules.py."""

from __future__ import annotations

from typing import Any

import pytest

from ajaxupload.protocols.ietf.versions import VERSIONS as TABLE
from tests.wire.client import Answer
from tests.wire.doors import DOORS, Door
from tests.wire.ietf import HELLO, PARTIAL, VERSIONS, Ietf, limits

pytestmark = pytest.mark.parametrize(
    "door",
    [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in DOORS],
    indirect=True,
)
TYPES = "https://iana.org/assignments/http-problem-types#"
each_version = pytest.mark.parametrize("version", VERSIONS, ids=lambda number: f"interop-{number}")


def kind(answer: Answer) -> str | None:
    """The problem's type, without the registry's URL."""
    assert answer.headers["content-type"] == "application/problem+json", answer
    assert (answer.json["status"], answer.json["success"]) == (answer.status, False)
    found: str | None = answer.json.get("type")
    return found and found.removeprefix(TYPES)


@each_version
def test_a_file_in_three_requests(door: Door, version: int | None) -> None:
    ietf, row = Ietf(door, version), TABLE[version]
    made = ietf.post(Content_Disposition="inline; filename*=UTF-8''gr%C3%BC%C3%9Fe.txt")
    assert (made.status, ietf.told(made), made.headers["upload-offset"]) == (201, False, "0")
    url = made.headers["location"]
    more = ietf.patch(url, 0, HELLO[:6])
    assert (more.status, ietf.told(more), more.headers["upload-offset"]) == (row.appended, False, "6")
    found = ietf.head(url)
    assert (found.status, ietf.told(found), found.headers["upload-offset"]) == (204, False, "6")
    last = ietf.patch(url, 6, HELLO[6:], complete=True)
    assert (last.status, ietf.told(last), last.headers["upload-offset"]) == (row.stored or 200, True, "11")
    assert last.json | {"size": 11, "success": True, "protocol": "ietf"} == last.json
    done = ietf.head(url)
    assert (ietf.told(done), done.headers["upload-offset"], done.headers["upload-length"]) == (True, "11", "11")
    assert ietf.stored() == {"grüße.txt": HELLO}


@each_version
def test_a_file_in_one_request_and_an_empty_one(door: Door, version: int | None) -> None:
    ietf, row = Ietf(door, version), TABLE[version]
    for method, content in (("POST", HELLO), ("PUT", HELLO[:5]), ("PUT", b"")):
        answer = ietf.post(content, complete=True, to=f"/upload/{len(content)}.txt", method=method)
        assert answer.status == (row.stored or (201 if method == "PUT" else 200)), answer
        assert (ietf.told(answer), answer.headers["upload-offset"]) == (True, str(len(content)))
        assert answer.json["files"][0]["size"] == len(content)
    assert ietf.stored() == {"11.txt": HELLO, "5.txt": HELLO[:5], "0.txt": b""}


@each_version
def test_09_a_wrong_offset_is_told_the_right_one(door: Door, version: int | None) -> None:
    ietf = Ietf(door, version)
    url = ietf.create(HELLO[:5])
    for at in (0, 3, 6):
        answer = ietf.patch(url, at, HELLO[at:], complete=True)
        assert (answer.status, ietf.told(answer), answer.headers["upload-offset"]) == (409, False, "5")
        assert kind(answer) == ("mismatching-upload-offset" if version is None or version >= 6 else None)
        assert (answer.json["expected-offset"], answer.json["provided-offset"]) == (5, at)
    assert ietf.patch(url, 5, HELLO[5:], complete=True).status < 300
    assert list(ietf.stored().values()) == [HELLO]


@each_version
def test_09_an_append_says_its_type_from_version_6_on(door: Door, version: int | None) -> None:
    ietf = Ietf(door, version)
    url = ietf.create()
    answer = ietf.patch(url, 0, HELLO, Content_Type="text/plain")
    if TABLE[version].typed:
        assert (answer.status, answer.headers["accept-patch"]) == (415, PARTIAL)
        assert ietf.offset(url) == 0
    else:
        assert (answer.status, ietf.offset(url)) == (201, 11)


@each_version
def test_20_up_to_version_6_head_and_delete_say_nothing_of_the_state(door: Door, version: int | None) -> None:
    ietf = Ietf(door, version)
    url = ietf.create(HELLO)
    for method in ("HEAD", "DELETE"):
        said: dict[str, Any]
        for said in ({"Upload_Offset": "11"}, ietf.completeness(False)):
            answer = ietf.send(method, url, **said)
            assert (answer.status == 400) == TABLE[version].bare, answer
            if not TABLE[version].bare and method == "DELETE":
                url = ietf.create(HELLO)
    assert ietf.offset(url) == 11


@each_version
def test_limits_are_told_as_the_version_calls_them(door: Door, version: int | None) -> None:
    ietf, row = Ietf(door, version), TABLE[version]
    made = ietf.post()
    url = made.headers["location"]
    answers = [made, ietf.head(url), ietf.send("OPTIONS", "/upload"), ietf.post(b"x" * (1 << 20 | 1))]
    assert [each.status for each in answers] == [201, 204, 204, 413]
    for answer in answers:
        if row.lifetime is None:
            assert "upload-limit" not in answer.headers
        else:
            found = limits(answer)
            assert 86_000 < found.pop(row.lifetime) <= 86_400
            assert found == {"max-size": 1 << 20}


@each_version
def test_appending_to_a_complete_upload_is_refused_and_asking_again_is_answered(
    door: Door, version: int | None
) -> None:
    ietf = Ietf(door, version)
    url = ietf.create(HELLO[:5])
    first = ietf.patch(url, 5, HELLO[5:], complete=True)
    again = ietf.patch(url, 11, b"", complete=True)
    assert (again.status, again.json, ietf.told(again)) == (first.status, first.json, True)
    more = ietf.patch(url, 11, b"!", complete=True)
    wanted = {6: "completed-upload", 7: "completed-upload"}.get(version or 0)
    assert (more.status, kind(more)) == (
        400,
        wanted or ("inconsistent-upload-length" if TABLE[version].spoils else None),
    )
    late = ietf.patch(url, 5, HELLO[5:], complete=True)
    assert (late.status, late.headers["upload-offset"], ietf.told(late)) == (409, "11", None)
    assert ietf.patch(url, 11, b"", complete=False).status == 400
    assert list(ietf.stored().values()) == [HELLO]


@each_version
def test_12_lengths_that_contradict_each_other_are_refused(door: Door, version: int | None) -> None:
    ietf = Ietf(door, version)
    answers = [
        ietf.post(HELLO, complete=True, Upload_Length="12"),
        ietf.post(HELLO, complete=False, Upload_Length="10"),
    ]
    url = ietf.create(HELLO[:5], Upload_Length="11")
    answers += [
        ietf.patch(url, 5, HELLO[5:8], complete=True),
        ietf.patch(url, 5, HELLO[5:8], Upload_Length="12"),
        ietf.patch(url, 5, b"x" * 7),
        ietf.patch(url, 5, b"", complete=True),
    ]
    has_type = version is None or version >= 7
    for answer in answers:
        assert (answer.status, kind(answer)) == (400, "inconsistent-upload-length" if has_type else None), answer
    assert (ietf.offset(url), ietf.stored()) == (5, {})
    assert ietf.patch(url, 5, HELLO[5:], complete=True).status < 300
    assert list(ietf.stored().values()) == [HELLO]


@each_version
def test_11_more_bytes_than_the_length_are_not_taken_though_nobody_declared_them(
    door: Door, version: int | None
) -> None:
    ietf = Ietf(door, version)
    if not ietf.streams:
        return  # the server does not know where a chunked body ends
    url = ietf.create(HELLO[:5], Upload_Length="9")
    assert ietf.patch(url, 5, HELLO[5:], chunked=True).status == 400
    after = ietf.head(url)
    if TABLE[version].spoils:
        assert after.status == 400
        assert [ietf.patch(url, 9, b"", complete=True).status, ietf.patch(url, 5, b"abcd").status] == [400, 400]
        assert ietf.stored() == {}
    else:
        assert (after.status, after.headers["upload-offset"]) == (204, "9")
