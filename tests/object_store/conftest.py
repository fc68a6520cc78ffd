"""The stores of the tests of `object_store`: Ceph, as in the tests of `s3`, and Azurite.

What lives here: fixtures. What must not: how a store is started.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from tests.object_store.azurite import PROGRAM, Container, azurite
from tests.s3.ceph import Ceph, ceph
from tests.s3.proxy import Proxy, proxied
from tests.s3.stores import REGION, Bucket, moto
from tests.s3.tools import MIB, NEEDS_CEPH, eventually, pool_is_empty

_numbers = count()


class S3Bucket(Bucket):
    """A bucket as this backend is led to it."""

    def options(self, **more: Any) -> dict[str, Any]:
        """URL and obstore's own words."""
        config = {"endpoint": self.endpoint, "region": REGION, "access_key_id": self.key}
        return {"URL": f"s3://{self.name}", "OPTIONS": {**config, "secret_access_key": self.secret}, **more}


Place = S3Bucket | Container


def through(bucket: Place, proxy: Proxy, **more: Any) -> dict[str, Any]:
    """What leads the library to the bucket through the proxy, with little patience."""
    options = bucket.options(**{"PART_SIZE": 5 * MIB, "ATTEMPTS": 2, "TIMEOUT": 2.0, **more})
    port = f"http://127.0.0.1:{proxy.port}"
    there = options["OPTIONS"]["endpoint"]
    options["OPTIONS"]["endpoint"] = port + there[there.index("/", 8) :] if there.count("/") > 2 else port
    return options


@pytest.fixture(autouse=True)
def _no_memory_is_kept() -> Iterator[None]:
    """Whatever an upload's end was: what it took of the process's memory has been given back."""
    yield
    assert eventually(pool_is_empty), "memory was not given back"


@pytest.fixture(scope="session")
def cluster() -> Iterator[Ceph]:
    with ceph() as running:
        yield running


@pytest.fixture(scope="session")
def moto_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with moto(tmp_path_factory.mktemp("moto")) as url:
        yield url


@pytest.fixture(scope="session")
def azurite_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not PROGRAM.is_file() or not shutil.which("node"):
        pytest.skip(f"no Azurite: make {PROGRAM.parents[4].relative_to(PROGRAM.parents[6])}/.stamp")
    with azurite(tmp_path_factory.mktemp("azurite")) as url:
        yield url


@pytest.fixture(params=["moto", pytest.param("ceph", marks=NEEDS_CEPH), "azurite"])
def store(request: pytest.FixtureRequest) -> str:
    """Each test runs on all of them."""
    return str(request.param)


def made(request: pytest.FixtureRequest, store: str) -> Place:
    """A new bucket or container at that store."""
    name = f"tests-{next(_numbers)}"
    if store == "azurite":
        return Container(request.getfixturevalue("azurite_url"), name).make()
    url = request.getfixturevalue("cluster").http if store == "ceph" else request.getfixturevalue("moto_url")
    bucket = S3Bucket(url, name)
    bucket.make()
    return bucket


@pytest.fixture
def bucket(request: pytest.FixtureRequest, store: str) -> Place:
    return made(request, store)


@pytest.fixture
def proxy(bucket: Place) -> Iterator[Proxy]:
    with proxied(bucket.endpoint) as running:
        yield running
