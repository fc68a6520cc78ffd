"""The stores of the S3 tests: started when the first test asks, once in each process of the run.

What lives here: fixtures. What must not: how a store is started (stores.py, ceph.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.s3.ceph import Ceph, ceph
from tests.s3.proxy import Proxy, proxied
from tests.s3.stores import Bucket, ministack, moto
from tests.s3.tools import NEEDS_CEPH, eventually, pool_is_empty

_numbers = count()


@pytest.fixture(scope="session", autouse=True)
def _nobodys_credentials() -> Iterator[None]:
    """Neither this machine's credentials nor a cloud's: the tests bring their own."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        patch.setenv("AWS_CONFIG_FILE", "/nonexistent")
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
        yield


@pytest.fixture(autouse=True)
def _no_memory_is_kept() -> Iterator[None]:
    """Whatever an upload's end was: what it took of the process's part memory has been given back."""
    yield
    assert eventually(pool_is_empty), "part memory was not given back"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Ceph]:
    """Ceph. Tests that ask for it carry the marker NEEDS_CEPH."""
    with ceph() as running:
        yield running


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """moto's server, which takes parts of any size."""
    with moto(tmp_path_factory.mktemp("moto"), S3_UPLOAD_PART_MIN_SIZE="1") as url:
        yield url


@pytest.fixture(scope="session")
def ministack_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """MiniStack."""
    with ministack(tmp_path_factory.mktemp("ministack")) as url:
        yield url


@pytest.fixture(params=["moto", pytest.param("ceph", marks=NEEDS_CEPH)])
def store(request: pytest.FixtureRequest) -> str:
    """The name of the store that `bucket` is in: each test runs on both."""
    return str(request.param)


def made(request: pytest.FixtureRequest, store: str) -> Bucket:
    """A new bucket at that store."""
    name = f"tests-{next(_numbers)}"
    if store == "ceph":
        return Bucket(request.getfixturevalue("cluster").http, name).make()
    if store == "ceph-tls":
        running = request.getfixturevalue("cluster")
        return Bucket(running.https, name, ca=running.ca).make()
    return Bucket(request.getfixturevalue(f"{store}_url"), name).make()


@pytest.fixture
def bucket(request: pytest.FixtureRequest, store: str) -> Bucket:
    """An empty bucket."""
    return made(request, store)


@pytest.fixture
def proxy(bucket: Bucket) -> Iterator[Proxy]:
    """A proxy before that bucket's store."""
    with proxied(bucket.endpoint) as running:
        yield running


@pytest.fixture
def via(bucket: Bucket, proxy: Proxy) -> dict[str, Any]:
    """What leads the library to the bucket through the proxy, with little patience."""
    return bucket.behind(proxy.port).options(ATTEMPTS=2, CONNECT_TIMEOUT=2.0, READ_TIMEOUT=2.0)


@pytest.fixture(scope="session")
def here() -> Path:
    """This folder."""
    return Path(__file__).parent
