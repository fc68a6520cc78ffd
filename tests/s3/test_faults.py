"""Networks and stores that fail, seen from a browser: the object is whole or absent, nothing is left, and it is said.

Requests go to gunicorn with two workers, which store through a proxy that fails (faults.py), on moto and on Ceph.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.testing.driving import noise
from tests.s3.conftest import made
from tests.s3.faults import answer, confirming, error_in_success, flipped, lost, reset, stall, wrong_etag
from tests.s3.proxy import Fault, Proxy, proxied
from tests.s3.serving import put, put_at_once, serving, states
from tests.s3.stores import Bucket
from tests.s3.tools import MIB, NEEDS_CEPH, eventually
from tests.support.tally import Tally
from tests.wire.client import Answer
from tests.wire.servers import Server, faults

pytestmark = [pytest.mark.stores, pytest.mark.servers]
counted = pytest.mark.faults(always=True)

CONTENTS = [noise(MIB // 2, 1), noise(11 * MIB, 2), noise(11 * MIB, 3)]  # one put, and two multipart uploads
OPTIONS = {"PART_SIZE": 5 * MIB, "ATTEMPTS": 2, "CONNECT_TIMEOUT": 2.0, "READ_TIMEOUT": 2.0}


class Rig(NamedTuple):
    """A server that stores into a bucket through a proxy."""

    store: str
    bucket: Bucket
    proxy: Proxy
    server: Server

    def send(self) -> list[Answer]:
        """All contents at once."""
        return put_at_once(self.server, CONTENTS)

    def stored(self) -> list[bytes]:
        """All objects."""
        return [self.bucket.read(key) for key in self.bucket.objects()]

    def is_tidy(self) -> bool:
        """No unfinished upload at the store, no part memory held by any worker."""
        return not self.bucket.unfinished() and not any(state["pool"] for state in states(self.server))


@pytest.fixture(scope="module", params=["moto", pytest.param("ceph", marks=NEEDS_CEPH)])
def started(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    bucket = made(request, request.param)
    with proxied(bucket.endpoint) as proxy:
        options = bucket.behind(proxy.port).options(**OPTIONS)
        with serving(tmp_path_factory.mktemp("gunicorn"), options) as server:
            yield Rig(request.param, bucket, proxy, server)
            assert not faults(server.said)


@pytest.fixture
def rig(started: Rig) -> Iterator[Rig]:
    started.proxy.heal()
    yield started
    started.proxy.heal()
    assert eventually(started.is_tidy), "something is left"
    started.bucket.empty()


def expect(answers: list[Answer], contents: list[bytes], status: int) -> None:
    """Every client was told `status`, and a reason that names none of our places."""
    assert [each.status for each in answers] == [status] * len(contents), [each.body for each in answers]
    for each in answers:
        told = each.json
        assert told["success"] is False
        assert told["message"].endswith((".", "later."))
        assert not any(word in each.body.decode() for word in ("tests-", "127.0.0.1", "AKIA", "Traceback"))
        assert status != 503 or int(each.headers["retry-after"]) > 0


BY_ALL: dict[str, tuple[Fault, int]] = {
    "500": (answer(500, "InternalError"), 503),
    "503 SlowDown": (answer(503, "SlowDown"), 503),
    "400 RequestTimeout": (answer(400, "RequestTimeout"), 503),
    "400 ExpiredToken": (answer(400, "ExpiredToken"), 503),
    "403 ExpiredToken": (answer(403, "ExpiredToken"), 503),
    "403 AccessDenied": (answer(403, "AccessDenied"), 502),
    "403 QuotaExceeded": (answer(403, "QuotaExceeded"), 507),
    "507": (answer(507, "InsufficientStorage"), 507),
    "reset at once": (reset(), 503),
    "reset in the middle": (reset(300_000), 503),
}
OF_SOME: list[tuple[str, str, Fault, int]] = [
    ("stall of parts", "UploadPart", stall(5), 503),
    ("stall of the completion", "CompleteMultipartUpload", stall(5), 503),
    ("stall of the beginning", "CreateMultipartUpload", stall(5), 503),
    ("404 NoSuchUpload for parts", "UploadPart", answer(404, "NoSuchUpload"), 502),
    ("404 NoSuchUpload for the completion", "CompleteMultipartUpload", answer(404, "NoSuchUpload"), 502),
    ("200 with an error in it", "CompleteMultipartUpload", error_in_success, 503),
]


@counted
@pytest.mark.parametrize("name", BY_ALL)
def test_a_store_that_fails_for_good(rig: Rig, name: str, tally: Tally) -> None:
    """Each writing request fails so, whatever is tried: the client hears it, the store and the memory are clean."""
    fault, status = BY_ALL[name]
    for operation in ("PutObject", "UploadPart"):
        rig.proxy.fail(operation, fault)
    expect(rig.send(), CONTENTS, status)
    assert eventually(lambda: not rig.stored())
    tally("F09", f"{rig.store} fails for good", runs=3, faults=3)


@counted
@pytest.mark.parametrize(("operation", "fault", "status"), [case[1:] for case in OF_SOME], ids=[c[0] for c in OF_SOME])
def test_a_request_that_fails_for_good(rig: Rig, operation: str, fault: Fault, status: int, tally: Tally) -> None:
    rig.proxy.fail(operation, fault)
    answers = rig.send()
    assert answers[0].status == 201, "the small file needs no such request"
    expect(answers[1:], CONTENTS[1:], status)
    assert eventually(lambda: rig.stored() == CONTENTS[:1])
    tally("F09", f"{rig.store} fails for good", runs=3, faults=2)


MOMENTARY = {name: fault for name, (fault, status) in BY_ALL.items() if status == 503} | {
    "stall": stall(4),
    "lost": lost,
}


@counted
@pytest.mark.parametrize("fault", MOMENTARY.values(), ids=MOMENTARY)
def test_a_store_that_fails_once_is_asked_again(rig: Rig, fault: Fault, tally: Tally) -> None:
    for operation in ("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"):
        rig.proxy.fail(operation, fault, times=1)
    answers = rig.send()
    assert [each.status for each in answers] == [201, 201, 201], [each.body for each in answers]
    assert sorted(rig.stored()) == sorted(CONTENTS)
    tally("F09", f"{rig.store} fails once", runs=3, faults=4)


@counted
@pytest.mark.parametrize("operation", ["PutObject", "CompleteMultipartUpload"])
def test_an_answer_that_is_always_lost_is_found_to_be_a_success(rig: Rig, operation: str, tally: Tally) -> None:
    """The object is there, once, and it is ours: its metadata say so."""
    rig.proxy.fail(operation, lost)
    answers = rig.send()
    assert [each.status for each in answers] == [201, 201, 201], [each.body for each in answers]
    for each, content in zip(answers, CONTENTS, strict=True):
        assert rig.bucket.read(each.json["key"]) == content
        assert each.json["etag"] == rig.bucket.head(each.json["key"])["ETag"].strip('"')
    assert len(rig.stored()) == 3
    tally("F10", f"the answer of {rig.store} is lost", runs=3, faults=1 if operation == "PutObject" else 2)


def test_where_nobody_can_tell_whether_it_is_there_it_is_taken_away(rig: Rig) -> None:
    for operation in ("PutObject", "CompleteMultipartUpload"):
        rig.proxy.fail(operation, lost)
    rig.proxy.fail("HeadObject", answer(403, "AccessDenied"))
    expect(rig.send(), CONTENTS, 503)
    assert eventually(lambda: not rig.stored())


@pytest.mark.parametrize(
    "fault",
    [flipped, wrong_etag, confirming(right=False), confirming(right=True, then=answer(403, "AccessDenied"))],
    ids=["other bytes arrive", "wrong ETag", "wrong checksum", "right checksum of a refusal"],
)
@counted
def test_what_did_not_arrive_as_it_was_sent_is_not_stored(rig: Rig, fault: Fault, tally: Tally) -> None:
    """End to end: neither of these stores looks at checksums, so that we look at what they say of what they have."""
    for operation in ("PutObject", "UploadPart"):
        rig.proxy.fail(operation, fault)
    expect(rig.send(), CONTENTS, 502)
    assert eventually(lambda: not rig.stored())
    tally("F09", f"other bytes reach {rig.store}", runs=3, faults=3)


def test_a_confirmed_checksum_outweighs_an_etag_that_is_no_md5(rig: Rig) -> None:
    """As with objects that a KMS encrypts."""
    rig.proxy.fail("PutObject", confirming(right=True, then=wrong_etag))
    assert put(rig.server, "small.bin", CONTENTS[0]).status == 201
    assert rig.stored() == CONTENTS[:1]


def test_what_a_dead_store_could_not_be_told_is_cleaned_later(rig: Rig) -> None:
    """All fails but the beginning: the upload stays, until `ajaxupload clean` comes with the store back."""
    rig.proxy.fail("CreateMultipartUpload", lambda call: b"".join(call.forward()))
    rig.proxy.fail("*", reset())
    expect(rig.send(), CONTENTS, 503)
    rig.proxy.heal()
    left = len(rig.bucket.unfinished())
    backend = S3UploadBackend(**rig.bucket.options(LEFTOVER_AGE=0.0))
    assert left > 0
    assert eventually(lambda: backend.clean() or not rig.bucket.unfinished())
    assert not rig.stored()


def test_a_client_that_goes_away_leaves_nothing(rig: Rig) -> None:
    from tests.wire.client import connected, hang_up

    for reset_it in (False, True):
        with connected(rig.server.port) as connection:
            head = f"PUT /upload/gone.bin HTTP/1.1\r\nHost: {rig.server.host}\r\nContent-Length: {20 * MIB}\r\n\r\n"
            connection.sendall(head.encode() + CONTENTS[1])
            hang_up(connection, reset=reset_it)
            assert eventually(lambda: rig.is_tidy() and not rig.stored())


def test_files_of_one_form_are_stored_together_or_not_at_all(rig: Rig) -> None:
    """The second file fails at its end, when the first is already complete: that is taken back."""
    from tests.wire.client import FORM, form

    body = form(("a", "a.bin", CONTENTS[1]), ("b", "b.bin", CONTENTS[2]))
    head = f"POST /upload HTTP/1.1\r\nHost: {rig.server.host}\r\nConnection: close\r\n{FORM}\r\n"
    request = head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
    from tests.wire.client import ask

    rig.proxy.fail("CompleteMultipartUpload", answer(403, "AccessDenied"), skip=1)
    assert ask(rig.server.port, request, timeout=60).status == 502
    assert eventually(lambda: not rig.stored())
    rig.proxy.heal()
    told: Any = ask(rig.server.port, request, timeout=60)
    assert told.status == 200
    assert [rig.bucket.read(each["key"]) for each in told.json["files"]] == CONTENTS[1:]
