"""What of tus is decided without a request: tests/wire/test_tus.py and those beside it have the protocol."""

from __future__ import annotations

import hashlib
from functools import partial

import pytest

from ajaxupload import ConfigError, upload_endpoint
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.engine import ALGORITHMS, Expected, ExpectedLater
from ajaxupload.errors import BadRequest, DigestMismatch


@pytest.mark.parametrize("name", ["creation", "checksums", ""])
def test_what_of_tus_cannot_be_switched_off_is_said_at_the_start(name: str) -> None:
    with pytest.raises(ConfigError, match="tus_disable can name creation-with-upload, "):
        upload_endpoint(MemoryUploadBackend, tus_disable=[name])


def test_a_digest_that_is_told_later_may_be_of_any_algorithm() -> None:
    for name in ALGORITHMS:
        right = ALGORITHMS[name]()
        right.update(b"hello")
        later = ExpectedLater(partial(Expected, name, right.digest()))
        later.update(b"hel")
        later.update(b"lo")
        later.check()
        later.update(b"!")
        with pytest.raises(DigestMismatch):
            later.check()


def test_a_digest_that_never_comes_refuses() -> None:
    def fetch() -> Expected:
        raise BadRequest("none came")

    with pytest.raises(BadRequest, match="none came"):
        ExpectedLater(fetch).check()


def test_an_algorithm_that_is_not_known_is_refused_with_those_that_are() -> None:
    with pytest.raises(BadRequest, match="sha1, sha256, sha512, md5, crc32"):
        Expected("sha3", hashlib.sha3_256(b"").digest())
