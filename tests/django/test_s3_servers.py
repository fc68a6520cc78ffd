"""A Django project whose settings name a bucket, under gunicorn with two workers, on real stores.

What lives here: what browsers send and what is in the bucket afterwards. Which settings are lent is in test_s3.py.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ajaxupload.testing.driving import noise
from tests.s3.ceph import ceph
from tests.s3.stores import KEY, REGION, SECRET, Bucket, moto
from tests.s3.tools import MIB, NEEDS_CEPH, eventually
from tests.wire.servers import faults

from .servers import Browser, Server, gunicorn, running
from .wire import FORM, encoded

pytestmark = [pytest.mark.stores, pytest.mark.servers]

#: What django-ajax-uploader read, and what django-storages reads.
NAMES = {"moto": "AWS_BUCKET_NAME", "ceph": "AWS_STORAGE_BUCKET_NAME"}


@pytest.fixture(scope="module", params=["moto", pytest.param("ceph", marks=NEEDS_CEPH)])
def bucket(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    if request.param == "ceph":
        with ceph() as cluster:
            yield Bucket(cluster.http, "ceph-bucket").make()
    else:
        with moto(tmp_path_factory.mktemp("moto")) as url:
            yield Bucket(url, "moto-bucket").make()


@pytest.fixture(scope="module")
def server(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    root = tmp_path_factory.mktemp("project")
    (root / "tmp").mkdir()
    settings = {
        "ROOT_URLCONF": "tests.django.urls_s3",
        NAMES[bucket.name.partition("-")[0]]: bucket.name,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_S3_ENDPOINT_URL": bucket.endpoint,
        "AWS_S3_REGION_NAME": REGION,
        "AWS_LOCATION": "media",
        "AWS_QUERYSTRING_EXPIRE": 600,
        "AWS_S3_OBJECT_PARAMETERS": {"CacheControl": "max-age=86400"},
    }
    added = json.dumps(settings)
    command = gunicorn("tests.django.wsgi")
    with running(command, root, AJAXUPLOAD_TEST_ROOT=str(root), AJAXUPLOAD_TEST_SETTINGS=added) as server:
        yield server
    assert not faults(server.said), server.said


@pytest.fixture(autouse=True)
def _nothing_is_left(bucket: Bucket) -> Iterator[None]:
    yield
    assert not bucket.unfinished()


def test_a_page_of_the_project_uploads_into_the_bucket(server: Server, bucket: Bucket) -> None:
    """With its CSRF token, as a browser's form and as the old widget send it."""
    browser = Browser(server.port)
    token = browser.token("/start")
    origin = {"Origin": f"http://127.0.0.1:{server.port}", "X-Requested-With": "XMLHttpRequest"}
    form = encoded(("csrfmiddlewaretoken", token), ("file", "a b.txt", b"content"))
    widget = {**origin, "X-CSRFToken": token, "Content-Type": "application/octet-stream"}
    replies = (
        browser.ask("POST", "/ajax-upload", form, {**origin, "Content-Type": FORM}),
        browser.ask("POST", "/ajax-upload?qqfile=a%20b.txt", b"content", widget),
    )
    for reply in replies:
        assert reply.status == 200, reply.text
        told = reply.json
        assert told["success"] is True
        assert told["bucket"] == bucket.name
        assert told["key"].startswith("media/")
        assert bucket.read(told["key"]) == b"content"
        assert bucket.head(told["key"])["CacheControl"] == "max-age=86400"


def test_a_view_without_a_backend_takes_the_bucket_of_the_settings(server: Server, bucket: Bucket) -> None:
    reply = Browser(server.port).ask("POST", "/by-default?filename=a.bin", b"content", {"Content-Type": "x/y"})
    assert bucket.read(reply.json["key"]) == b"content"


def test_both_workers_store_many_at_once_under_one_name(server: Server, bucket: Bucket) -> None:
    contents = [noise(size, number) for number, size in enumerate([0, 10, 300_000, 6 * MIB] * 3)]

    def send(content: bytes) -> Any:
        body = encoded(("file", "same.bin", content))
        return Browser(server.port).ask("POST", "/free", body, {"Content-Type": FORM}).json

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(send, contents))
    assert len({reply["key"] for reply in replies}) == len(contents)
    for reply, content in zip(replies, contents, strict=True):
        assert bucket.read(reply["key"]) == content


def test_without_a_token_nothing_is_stored(server: Server, bucket: Bucket) -> None:
    before = bucket.objects()
    reply = Browser(server.port).ask("POST", "/ajax-upload?filename=a.bin", b"x", {"Content-Type": "x/y"})
    assert (reply.status, reply.json["code"]) == (403, "csrf")
    assert bucket.objects() == before


def test_a_client_that_hangs_up_leaves_nothing(server: Server, bucket: Bucket) -> None:
    before = sorted(bucket.objects())
    head = f"POST /free?filename=gone.bin HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nContent-Type: x/y\r\n"
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head.encode() + b"Content-Length: 99000000\r\n\r\n" + noise(12 * MIB))
        assert eventually(bucket.unfinished)
    assert eventually(lambda: not bucket.unfinished())
    assert sorted(bucket.objects()) == before
