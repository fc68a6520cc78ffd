"""Digest fields (RFC 9530) in resumable uploads: damage is found, and nothing damaged is stored."""

from __future__ import annotations

import pytest

from tests.wire.doors import DOORS, Door
from tests.wire.ietf import HELLO, Ietf, digest

pytestmark = pytest.mark.parametrize(
    "door",
    [pytest.param(name, marks=[] if name == "webtest" else pytest.mark.servers) for name in DOORS],
    indirect=True,
)
OTHER = b"hallo welt!"
each_algorithm = pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])


@pytest.fixture
def ietf(door: Door) -> Ietf:
    """A client of the final text."""
    return Ietf(door)


@each_algorithm
def test_a_damaged_body_is_not_appended(ietf: Ietf, algorithm: str) -> None:
    url = ietf.create(HELLO[:5], Content_Digest=digest(HELLO[:5], algorithm))
    bad = ietf.patch(url, 5, b" w0rld", complete=True, Content_Digest=digest(b" world", algorithm))
    assert (bad.status, bad.json["code"], ietf.told(bad)) == (400, "digest_mismatch", False)
    assert (bad.headers["upload-offset"], ietf.offset(url), ietf.stored()) == ("5", 5, {})
    good = ietf.patch(url, 5, b" world", complete=True, Content_Digest=digest(b" world", algorithm))
    assert good.status == 200
    assert list(ietf.stored().values()) == [HELLO]


def test_a_damaged_creation_leaves_an_upload_to_begin_again(ietf: Ietf) -> None:
    bad = ietf.post(OTHER, complete=True, Content_Digest=digest(HELLO))
    assert (bad.status, bad.headers["upload-offset"], ietf.told(bad)) == (400, "0", False)
    assert ietf.patch(bad.headers["location"], 0, HELLO, complete=True).status == 200
    assert list(ietf.stored().values()) == [HELLO]


@each_algorithm
def test_a_file_with_the_digest_that_was_told_is_stored(ietf: Ietf, algorithm: str) -> None:
    url = ietf.create(HELLO[:5], Repr_Digest=digest(HELLO, algorithm))
    assert ietf.patch(url, 5, HELLO[5:], complete=True).status == 200
    assert ietf.post(HELLO, complete=True, Repr_Digest=digest(HELLO, algorithm)).status == 200
    assert list(ietf.stored().values()) == [HELLO, HELLO]


@each_algorithm
def test_a_file_with_another_digest_is_refused_for_good(ietf: Ietf, algorithm: str) -> None:
    url = ietf.create(OTHER[:5], Repr_Digest=digest(HELLO, algorithm))
    bad = ietf.patch(url, 5, OTHER[5:], complete=True)
    assert (bad.status, bad.json["code"], ietf.told(bad)) == (400, "digest_mismatch", True)
    assert [ietf.head(url).status, ietf.patch(url, 11, b"", complete=True).status] == [400, 400]
    assert ietf.stored() == {}


def test_the_digest_that_is_wanted_is_told_with_the_last_answer_and_later(ietf: Ietf) -> None:
    wish = "sha-256=3, sha-512=9, md5=10"
    url = ietf.create(HELLO[:5], Want_Repr_Digest=wish)
    assert "repr-digest" not in ietf.head(url).headers
    answers = [ietf.patch(url, 5, HELLO[5:], complete=True), ietf.head(url), ietf.patch(url, 11, b"", complete=True)]
    assert {each.headers["repr-digest"] for each in answers} == {digest(HELLO, "sha-512")}
    assert ietf.post(HELLO, complete=True, Want_Repr_Digest="sha-256=1").headers["repr-digest"] == digest(HELLO)


@pytest.mark.parametrize("wish", ["sha-256=0", "md5=10", "sha-256", "sha-256=1.5", "()", "", "sha-256=1,"])
def test_a_wish_that_cannot_be_met_is_no_fault(ietf: Ietf, wish: str) -> None:
    answer = ietf.post(HELLO, complete=True, Want_Repr_Digest=wish)
    assert (answer.status, answer.headers.get("repr-digest")) == (200, None)


def test_unknown_algorithms_are_passed_over(ietf: Ietf) -> None:
    odd = "md5=:AAAA:, unixsum=:MTA=:"
    assert ietf.post(HELLO, complete=True, Repr_Digest=odd, Content_Digest=odd).status == 200
    both = f"{odd}, {digest(HELLO)}, {digest(OTHER, 'sha-512')}"
    assert ietf.post(HELLO, complete=True, Content_Digest=both).status == 400  # the strongest that is known counts
    assert ietf.post(HELLO, complete=True, Repr_Digest=both).status == 400  # all of them do


@pytest.mark.parametrize("value", ["sha-256", "sha-256=abc", "sha-256=:!:", "sha-256=:AAAA:,", ";"])
@pytest.mark.parametrize("field", ["Repr_Digest", "Content_Digest"])
def test_a_digest_that_cannot_be_read_is_told_so_and_nothing_made(ietf: Ietf, field: str, value: str) -> None:
    answer = ietf.post(HELLO, complete=True, **{field: value})
    assert (answer.status, answer.json["code"], "location" in answer.headers) == (400, "bad_digest", False)
    assert ietf.stored() == {}
