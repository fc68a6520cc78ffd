"""tus 1.0.0: checksums, termination, concatenation. The number in a test's name is the requirement's, see
test_tus.py."""

from __future__ import annotations

from typing import Any

import pytest

from ajaxupload.engine import ALGORITHMS
from tests.wire.client import FORM, Answer, ask, form, post
from tests.wire.doors import DOORS, Door, ServerDoor
from tests.wire.test_tus import refused
from tests.wire.tus import HELLO, PIECE, Tus, checksum, crc32c, metadata

pytestmark = pytest.mark.parametrize(
    "door",
    [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in DOORS],
    indirect=True,
)
A, B = b"hello ", b"world"


@pytest.fixture
def tus(door: Door) -> Tus:
    return Tus(door)


# ---- checksum --------------------------------------------------------------------------------------------------------


def test_37_the_algorithms_are_told(tus: Tus) -> None:
    told = tus.send("OPTIONS", "/upload").headers["tus-checksum-algorithm"].split(",")
    assert told == list(ALGORITHMS)
    assert told[:5] == ["sha1", "sha256", "sha512", "md5", "crc32"]
    assert crc32c(bytes(32)) == 0x8A9136AA  # RFC 3720 appendix B.4


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
def test_38_a_piece_with_its_checksum_is_taken(tus: Tus, algorithm: str) -> None:
    first = tus.post(11, A, Upload_Checksum=checksum(algorithm, A))
    assert (first.status, first.headers["upload-offset"]) == (201, "6")
    last = tus.patch(first.headers["location"], 6, B, Upload_Checksum=checksum(algorithm, B))
    assert (last.status, last.headers["upload-offset"]) == (204, "11")
    assert tus.contents() == [HELLO]


@pytest.mark.parametrize("algorithm", list(ALGORITHMS))
@pytest.mark.parametrize("chunked", [False, True])
def test_38_40_a_piece_that_is_not_what_was_sent_is_thrown_away(tus: Tus, algorithm: str, chunked: bool) -> None:
    if chunked and not tus.streams:
        return  # this server knows no end of a chunked body
    url = tus.create(11, A)
    answer = tus.patch(url, 6, b"w0rld", Upload_Checksum=checksum(algorithm, B), chunked=chunked)
    assert refused(answer, 460, "ERR_CHECKSUM_MISMATCH")
    assert answer.reason == "Checksum Mismatch"
    assert tus.offset(url) == 6
    assert tus.patch(url, 6, B, Upload_Checksum=checksum(algorithm, B), chunked=chunked).status == 204
    assert tus.contents() == [HELLO]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha1",
        "sha1 ?",
        "sha1 YQ",
        "sha1  YQ==",
        "SHA1 YQ==",
        "sha3 YQ==",
        "sha1 \xe9",
        "Kq5sNclPz7QV2+lfQIuc6R7oRu0=",
    ],
)
def test_38_what_is_no_checksum_is_refused(tus: Tus, text: str) -> None:
    url = tus.create(11, A)
    answer = tus.patch(url, 6, B, Upload_Checksum=text)
    assert (answer.status, tus.offset(url)) == ((460 if text == "sha1" else 400), 6)


def test_38_a_creation_whose_bytes_are_damaged_makes_nothing(tus: Tus) -> None:
    answer = tus.post(11, A, Upload_Checksum=checksum("sha1", B))
    assert refused(answer, 460, "ERR_CHECKSUM_MISMATCH")
    assert ("location" in answer.headers, tus.kept()) == (False, 0)


def test_39_no_byte_counts_before_it_is_verified(tus: Tus) -> None:
    """A piece of several blocks, the last of them damaged."""
    content = bytes(range(256)) * 2048
    url = tus.create(len(content))
    assert tus.patch(url, 0, content[:-1] + b"!", Upload_Checksum=checksum("sha256", content)).status == 460
    assert tus.offset(url) == 0
    assert tus.patch(url, 0, content, Upload_Checksum=checksum("sha256", content)).status == 204
    assert tus.contents() == [content]


def test_41_a_digest_of_what_was_stored_is_told_all_the_same(tus: Tus) -> None:
    url = tus.create(11)
    answer = tus.patch(url, 0, HELLO, Upload_Checksum=checksum("md5", HELLO), Prefer="return=representation")
    assert answer.json["sha256"] == "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9"


# ---- checksum-trailer ------------------------------------------------------------------------------------------------


def trailed(tus: Tus, url: str, at: int, content: bytes, trailer: str) -> Answer:
    """A PATCH whose checksum follows its body."""
    assert isinstance(tus.door, ServerDoor)
    dress = {"django": "Cookie: csrftoken={0}\r\nX-CSRFToken: {0}\r\n".format("tokentokentokentokentokentoken32")}
    head = (
        f"PATCH {url} HTTP/1.1\r\nHost: {tus.door.host}\r\nTus-Resumable: 1.0.0\r\nContent-Type: {PIECE}\r\n"
        f"Upload-Offset: {at}\r\nTransfer-Encoding: chunked\r\nTrailer: Upload-Checksum\r\nConnection: close\r\n"
        f"{dress.get(tus.door.name, '')}\r\n"
    )
    body = b"%x\r\n%s\r\n0\r\n" % (len(content), content)
    return ask(tus.door.server.port, head.encode() + body + trailer.encode() + b"\r\n")


def test_42_a_checksum_may_follow_where_the_server_keeps_trailers(tus: Tus) -> None:
    offered = "checksum-trailer" in tus.send("OPTIONS", "/upload").headers["tus-extension"].split(",")
    assert offered == (tus.door.name not in ("webtest", "wsgiref", "cheroot"))
    if not offered:
        return
    url = tus.create(11)
    for algorithm in ALGORITHMS:
        wrong = trailed(tus, url, 0, A, f"Upload-Checksum: {checksum(algorithm, B)}\r\n")
        assert refused(wrong, 460, "ERR_CHECKSUM_MISMATCH")
    for trailer in ("", "X-Other: 1\r\n", "Upload-Checksum: sha9 YQ==\r\n", "Upload-Checksum: sha1 ?\r\n"):
        assert trailed(tus, url, 0, A, trailer).status == 400
    assert tus.offset(url) == 0
    good = trailed(tus, url, 0, A, f"upload-checksum: {checksum('sha1', A)}\r\n")
    assert (good.status, good.headers["upload-offset"]) == (204, "6")
    assert trailed(tus, url, 6, B, f"Upload-Checksum: {checksum('crc32', B)}\r\n").status == 204
    assert tus.contents() == [HELLO]


def test_42_where_they_are_not_kept_nothing_passes_unverified(tus: Tus) -> None:
    if tus.door.name not in ("webtest", "cheroot"):
        return  # this server keeps trailers, or takes no chunked bodies
    url = tus.create(11)
    assert tus.patch(url, 0, HELLO, chunked=True, Trailer="Upload-Checksum").status == 400
    assert tus.offset(url) == 0


# ---- termination -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("content", [b"", HELLO[:5]])
def test_43_an_upload_can_be_given_up(tus: Tus, content: bytes) -> None:
    url = tus.create(11, content)
    answer = tus.send("DELETE", url)
    assert (answer.status, answer.body, tus.kept()) == (204, b"", 0)
    later = [tus.head(url), tus.patch(url, len(content), b"x"), tus.send("DELETE", url)]
    assert [each.status for each in later] == [404, 404, 404]


def test_43_of_a_complete_upload_the_file_stays(tus: Tus) -> None:
    url = tus.create(11, HELLO)
    assert tus.send("DELETE", url).status == 204
    assert tus.head(url).status == 404
    assert tus.contents() == [HELLO]


# ---- concatenation ---------------------------------------------------------------------------------------------------


def part(tus: Tus, content: bytes, sent: bytes | None = None, **more: Any) -> str:
    """The URL of a part."""
    url = tus.create(len(content), Upload_Concat="partial", **more)
    sent = content if sent is None else sent
    assert tus.patch(url, 0, sent).status == 204
    return url


def test_44_45_47_49_parts_become_a_file(tus: Tus) -> None:
    one = part(tus, A, Upload_Metadata=metadata(filename="part.txt"))
    two = part(tus, B)
    assert tus.stored() == {}
    text = f"final;{one} http://{tus.door.host}{two}"
    answer = tus.post(Upload_Concat=text, Upload_Metadata=metadata(filename="whole.txt"))
    assert (answer.status, "upload-offset" in answer.headers) == (201, False)
    assert tus.stored() == {"whole.txt": HELLO}
    head = tus.head(answer.headers["location"]).headers
    found = [head[name] for name in ("upload-offset", "upload-length", "upload-concat", "upload-metadata")]
    assert found == ["11", "11", text, metadata(filename="whole.txt")]
    assert tus.head(one).headers["upload-concat"] == "partial"


def test_44_parts_may_be_repeated_reordered_and_used_again(tus: Tus) -> None:
    one, two, none = part(tus, A), part(tus, B), part(tus, b"")
    for urls in ((two, one), (one, one, two), (none, two, none), (none,)):
        tus.create(Upload_Concat="final;" + " ".join(urls))
    assert tus.contents() == sorted([B + A, A + A + B, B, b""])


def test_45_a_length_that_comes_with_a_final_upload_is_ignored(tus: Tus) -> None:
    url = tus.create(99, Upload_Concat=f"final;{part(tus, A)}")
    assert tus.head(url).headers["upload-length"] == "6"


def test_46_a_final_upload_takes_no_data(tus: Tus) -> None:
    one = part(tus, A)
    assert tus.post(None, B, Upload_Concat=f"final;{one}").status == 400
    url = tus.create(Upload_Concat=f"final;{one}")
    for at in (0, 6):
        assert refused(tus.patch(url, at, B), 403, "ERR_MODIFY_FINAL")
    assert tus.contents() == [A]


def test_47_48_a_final_upload_waits_for_its_parts(tus: Tus) -> None:
    one, two = part(tus, A, A[:2]), tus.create(None, Upload_Concat="partial", Upload_Defer_Length="1")
    url = tus.create(Upload_Concat=f"final;{one} {two}", Upload_Metadata=metadata(filename="a.txt"))
    head = tus.head(url).headers
    assert [name in head for name in ("upload-offset", "upload-length", "upload-defer-length")] == [False] * 3
    assert tus.patch(two, 0, B[:1], Upload_Length="5").status == 204
    head = tus.head(url).headers
    assert ("upload-offset" in head, head["upload-length"]) == (False, "11")
    assert tus.patch(one, 2, A[2:]).status == 204
    assert tus.stored() == {}
    assert tus.patch(two, 1, B[1:]).status == 204
    assert tus.stored() == {"a.txt": HELLO}  # though nobody has asked for it
    assert tus.offset(url) == 11


def test_48_where_it_may_not_wait_it_is_refused(tus: Tus) -> None:
    one = tus.create(6, to="/whole-parts", Upload_Concat="partial")
    answer = tus.post(to="/whole-parts", Upload_Concat=f"final;{one}")
    assert refused(answer, 400, "ERR_UPLOAD_NOT_FINISHED")
    assert tus.kept() == 1
    tus.patch(one, 0, A)
    assert tus.post(to="/whole-parts", Upload_Concat=f"final;{one}").status == 201
    assert tus.contents() == [A]


@pytest.mark.parametrize(
    "text", ["", "final", "final;", "partial;", "Partial", "final /upload/x", "parts;/upload/x", ";"]
)
def test_48_what_is_no_concatenation_is_refused(tus: Tus, text: str) -> None:
    assert refused(tus.post(11, Upload_Concat=text), 400, "ERR_INVALID_CONCAT")


@pytest.mark.parametrize(
    "url",
    ["/upload/no-such-upload", "http://evil.example{}", "//evil.example{}", "/public{}", "ftp://x{}", "{}?x=1", "{}/",
     "http://["],
)  # fmt: skip
def test_48_a_part_that_is_not_ours_is_not_found(tus: Tus, url: str) -> None:
    one = part(tus, A)
    wanted = url.format(one.removeprefix("/upload") if url.startswith("/public") else one)
    answer = tus.post(Upload_Concat=f"final;{one} {wanted}")
    assert answer.status == (400 if "[" in url else 404)
    assert tus.kept() == 1
    assert tus.stored() == {}


def test_49_only_parts_become_part_of_something_and_only_ones_own(tus: Tus) -> None:
    whole = tus.create(6, A[:3])
    assert tus.post(Upload_Concat=f"final;{whole}").status == 403
    anns = tus.create(6, to="/guarded", X_User="ann", Upload_Concat="partial")
    assert tus.patch(anns, 0, A, X_User="ann").status == 204
    assert tus.post(to="/guarded", X_User="eve", Upload_Concat=f"final;{anns}").status == 404
    assert tus.post(to="/guarded", X_User="ann", Upload_Concat=f"final;{anns}").status == 201
    assert tus.contents() == [A]


def test_49_a_part_is_not_judged_as_a_file_and_the_whole_is(tus: Tus) -> None:
    """/photos takes pictures, by name and content, of at least four bytes."""
    picture = b"\x89PNG\r\n\x1a\n" + bytes(40_000)
    parts = []
    for content in (picture[:3], picture[3:]):
        url = tus.create(len(content), to="/photos", Upload_Concat="partial")
        assert tus.patch(url, 0, content).status == 204
        parts.append(url)
    good = tus.post(to="/photos", Upload_Concat="final;" + " ".join(parts), Upload_Metadata=metadata(filename="a.png"))
    assert (good.status, tus.stored()) == (201, {"a.png": picture})
    more: dict[str, Any] = {"Upload_Metadata": metadata(filename="b.png")}
    bad = tus.post(to="/photos", Upload_Concat="final;" + " ".join(reversed(parts)), **more)
    assert (bad.status, tus.stored()) == (422, {})
    assert (
        tus.post(to="/photos", Upload_Concat=f"final;{parts[0]}", Upload_Metadata=metadata(filename="x.exe")).status
        == 415
    )


def test_50_more_than_the_limit_is_refused_before_it_is_copied(tus: Tus) -> None:
    one = part(tus, bytes(600_000))
    assert refused(tus.post(Upload_Concat=f"final;{one} {one}"), 413, "ERR_MAX_SIZE_EXCEEDED")
    many = tus.post(Upload_Concat="final;" + " ".join([one] * 251))
    assert many.status in (400, 431)  # the latter by servers to which the header is too long
    assert tus.kept() == 1


def test_a_form_that_says_tus_is_no_upload(tus: Tus) -> None:
    if not isinstance(tus.door, ServerDoor) or tus.door.name in ("django", "flask", "pyramid"):
        return  # one door is enough
    request = post("/upload", form(("f", "a.txt", b"x")), FORM, "Tus-Resumable: 1.0.0", "Connection: close")
    assert ask(tus.door.server.port, request).status == 400
