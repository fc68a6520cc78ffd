"""F22: ten thousand parts, as many as S3 allows, really sent: to Ceph and moto, whose least part is made small for it.
The object is the same bytes, and one byte more than ten thousand parts hold is refused and leaves nothing.

What lives here: Amazon's number of parts with sizes scaled down. What must not: other limits (tests/s3/test_plan.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.backends.s3.plan import Limits, part_sizes
from ajaxupload.errors import TooLarge
from ajaxupload.testing.driving import begin, cut, finish, send
from tests.faults.rig import Content
from tests.s3.ceph import ceph
from tests.s3.stores import Bucket, moto
from tests.s3.tools import NEEDS_CEPH, aborting, eventually
from tests.support.tally import Tally

pytestmark = [pytest.mark.stores, pytest.mark.slow]

FULL = pytest.mark.faults
SMALLEST, LARGEST = 100, 20_000


def scaled(parts: int) -> type[S3UploadBackend]:
    """`s3` for a store that takes so many parts of 100 to 20,000 bytes."""

    class Scaled(S3UploadBackend):
        def _sizes(self, largest: int) -> Iterator[int]:
            return part_sizes(SMALLEST, largest, Limits(parts, SMALLEST, LARGEST))

    return Scaled


@pytest.fixture
def bucket(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Bucket]:
    """An empty one at the store that the test is parametrized with."""
    with ExitStack() as stack:
        if request.param == "ceph":
            where = stack.enter_context(ceph()).http
        else:
            where = stack.enter_context(moto(tmp_path, S3_UPLOAD_PART_MIN_SIZE="1"))
        yield Bucket(where, "parts").make()


def sent(bucket: Bucket, content: Content, parts: int, most: int) -> str:
    """Upload it, of a size that is not known before. The key."""
    backend = scaled(parts)(**bucket.options(MAX_CONCURRENCY=8))
    name = begin(backend, "a.bin")
    backend.upload.max_size = most
    backend.setup(name)
    with aborting(backend, name):
        for block in content.blocks():
            send(backend, cut(block, [7_777]))
        return str(finish(backend, name)["key"])


@pytest.mark.parametrize(
    ("bucket", "parts"),
    [
        ("moto", 60),
        pytest.param("moto", 10_000, marks=FULL),
        pytest.param("ceph", 10_000, marks=[FULL, NEEDS_CEPH]),
    ],
    indirect=["bucket"],
)
def test_as_many_parts_as_the_store_takes_and_not_a_byte_more(bucket: Bucket, tally: Tally, parts: int) -> None:
    most = 1_000 * parts
    whole = Content(22, sum(part_sizes(SMALLEST, most, Limits(parts, SMALLEST, LARGEST))))
    assert whole.size >= most
    key = sent(bucket, whole, parts, most=whole.size)
    assert hashlib.sha256(bucket.read(key)).hexdigest() == whole.sha256()
    assert bucket.head(key)["ETag"].strip('"').endswith(f"-{parts}"), "which counts the parts"
    with pytest.raises(TooLarge):
        sent(bucket, Content(23, LARGEST * parts + 1), parts, most=0)
    assert bucket.objects() == [key]
    assert eventually(lambda: bucket.unfinished() == [], 300), (
        "a store that is slow to forget is told in the background"
    )
    tally("F22", "parts of one object, sent to real servers", runs=2, faults=parts)
