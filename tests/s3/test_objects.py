"""One object at a store: how it gets there, what it is told about itself, what the reply says."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from collections import Counter
from typing import Any

import pytest

from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.config import BackendSpec, EndpointSettings
from ajaxupload.errors import BadGateway, BadRequest, NameTaken, NotFound
from ajaxupload.testing.driving import begin, cut, finish, noise, send
from ajaxupload.upload import Upload
from tests.s3.conftest import made
from tests.s3.proxy import Proxy
from tests.s3.stores import Bucket
from tests.s3.tools import MIB, NEEDS_CEPH, begun, upload

pytestmark = pytest.mark.stores

MULTIPART = ("CreateMultipartUpload", "CompleteMultipartUpload")


# ---- how many requests


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "unknown length"])
@pytest.mark.parametrize("size", [0, 1, 256 << 10, (256 << 10) + 1, 5 * MIB], ids=str)
def test_up_to_a_part_it_is_one_put(
    bucket: Bucket, proxy: Proxy, via: dict[str, Any], size: int, declared: bool
) -> None:
    content = noise(size)
    reply = upload(content, declared=declared, PART_SIZE=5 * MIB, **via)
    assert proxy.calls == ["PutObject"]
    assert bucket.read(reply["key"]) == content


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "unknown length"])
def test_over_a_part_it_is_a_multipart_upload(
    bucket: Bucket, proxy: Proxy, via: dict[str, Any], declared: bool
) -> None:
    content = noise(10 * MIB + 1)
    reply = upload(content, declared=declared, PART_SIZE=5 * MIB, **via)
    calls = Counter(proxy.calls)
    assert [calls["UploadPart"], *(calls[name] for name in MULTIPART)] == [3, 1, 1]
    assert not calls.keys() - {"UploadPart", "HeadObject", *MULTIPART}
    assert bucket.read(reply["key"]) == content
    assert not bucket.unfinished()


def test_a_small_file_that_waits_is_still_one_put(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    """A form of twenty icons is twenty requests, and waiting costs no part memory."""
    content = noise(200_000)
    backend, key = begun(content, **via)
    backend.upload_waits(key)
    assert not proxy.calls
    finish(backend, key)
    assert proxy.calls == ["PutObject"]
    assert bucket.read(key) == content


def test_a_larger_file_that_waits_gives_its_memory_back_to_the_process(bucket: Bucket) -> None:
    from ajaxupload.backends._pool import POOL

    content = noise(2 * MIB)
    backend, key = begun(content, **bucket.options())
    assert POOL.used == 8 * MIB
    backend.upload_waits(key)
    assert POOL.used == 0
    assert bucket.unfinished() == [key]
    finish(backend, key)
    assert bucket.read(key) == content


# ---- what the object is told


def test_metadata_are_percent_encoded_ascii(bucket: Bucket) -> None:
    """Nothing that a client or an owner writes can become a header of its own."""
    backend = S3UploadBackend(**bucket.options(METADATA={"Album": "Größe\r\nX-Evil: 1", "plain": "a b"}))
    backend.upload = Upload(name="ünï\r\n😀 100%.txt", type="text/plain\r\nX-Evil: 2")
    key = backend.update_filename(None, "safe.txt")
    backend.setup(key)
    backend.upload_complete(None, key)
    told = bucket.head(key)
    metadata = told["Metadata"]
    assert metadata["album"] == "Gr%C3%B6%C3%9Fe%0D%0AX-Evil%3A%201"
    assert metadata["plain"] == "a%20b"
    assert metadata["ajaxupload-name"] == "%C3%BCn%C3%AF%0D%0A%F0%9F%98%80%20100%25.txt"
    assert metadata["ajaxupload-id"] == backend.upload.id
    assert told["ContentType"] == "application/octet-stream"
    assert not any("evil" in name.lower() for name in told["ResponseMetadata"]["HTTPHeaders"])


@pytest.mark.parametrize("size", [10, 6 * MIB], ids=["one put", "multipart"])
def test_an_object_gets_the_options(bucket: Bucket, size: int) -> None:
    options = {"CACHE_CONTROL": "max-age=60", "TAGGING": {"kind": "a b", "more": "c=d/e+f@g"}, "PART_SIZE": 5 * MIB}
    reply = upload(noise(size), **bucket.options(**options, ACL="private", STORAGE_CLASS="STANDARD"))
    assert bucket.head(reply["key"])["CacheControl"] == "max-age=60"
    found = bucket.client().get_object_tagging(Bucket=bucket.name, Key=reply["key"])["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in found} == options["TAGGING"]


@pytest.mark.parametrize(
    ("sniffed", "claimed", "option", "told"),
    [
        ("image/png", "text/html", None, "image/png"),
        (None, "text/csv", None, "text/csv"),
        ("image/png", "text/html", "application/octet-stream", "application/octet-stream"),
        (None, "téxt", None, "application/octet-stream"),
    ],
)
def test_the_type_is_the_owners_word_or_the_contents_or_the_clients(
    bucket: Bucket, sniffed: str | None, claimed: str, option: str | None, told: str
) -> None:
    backend = S3UploadBackend(**bucket.options(CONTENT_TYPE=option))
    backend.upload = Upload(sniffed=sniffed, type=claimed)
    key = backend.update_filename(None, "a")
    backend.setup(key)
    backend.upload_complete(None, key)
    assert bucket.head(key)["ContentType"] == told


def test_the_reply_has_key_bucket_and_etag_whichever_way_it_went(bucket: Bucket) -> None:
    """Ceph 16 tells no ETag when an upload is completed: it is asked."""
    for size in (10, 6 * MIB):
        content = noise(size)
        reply = upload(content, name="x.bin", PART_SIZE=5 * MIB, **bucket.options(PREFIX="in/"))
        assert reply["bucket"] == bucket.name
        assert reply["key"].startswith("in/")
        assert reply["key"].endswith("/x.bin")
        assert reply["etag"] == bucket.head(reply["key"])["ETag"].strip('"') != ""
        md5 = hashlib.md5(content).hexdigest()
        assert reply["etag"].endswith("-2") or reply["etag"] == md5


def test_a_key_longer_than_keys_can_be_is_the_clients_mistake() -> None:
    backend = S3UploadBackend(PREFIX="p" * 900)
    with pytest.raises(BadRequest):
        backend.update_filename(None, "ü" * 60)
    assert backend.update_filename(None, "ü" * 40)


# ---- the signed URL


def fetched(url: str) -> tuple[int, bytes, str]:
    """What a browser gets there: status, content, Content-Disposition."""
    try:
        with urllib.request.urlopen(url, timeout=20) as response:
            return response.status, response.read(), response.headers.get("Content-Disposition", "")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, b"", ""


@NEEDS_CEPH
def test_the_url_opens_downloads_and_expires(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket, content = made(request, "ceph"), noise(1000)
    backend, key = begun(content, name="ünï 100% & +.html", **bucket.options(URL_EXPIRES=2.0))
    finish(backend, key)
    url = backend.url(key)
    assert url is not None
    disposition = "attachment; filename*=UTF-8''%C3%BCn%C3%AF%20100%25%20%26%20%2B.html"
    assert fetched(url) == (200, content, disposition)
    assert fetched(url.replace(backend.upload.id, backend.upload.id[::-1]))[0] == 403, "signed for another key"
    assert fetched(url.partition("?")[0])[0] == 403, "without a signature"
    from tests.s3.tools import eventually

    assert eventually(lambda: fetched(url)[0] == 403), "it holds for ever"


@pytest.mark.parametrize(
    ("style", "place"),
    [
        ("path", "https://s3.example.com/my-bucket/"),
        ("virtual", "https://my-bucket.s3.example.com/"),
        ("auto", "https://s3.example.com/my-bucket/"),  # boto3's choice where the store is not Amazon's
    ],
)
def test_the_bucket_stands_where_the_addressing_style_says(style: Any, place: str) -> None:
    keys = {"ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "s", "REGION": "us-east-1"}
    there = {"BUCKET": "my-bucket", "ENDPOINT_URL": "https://s3.example.com", "ADDRESSING_STYLE": style}
    assert str(S3UploadBackend(**keys, **there).url("a/b.txt")).startswith(f"{place}a/b.txt?")


def test_no_url_where_none_is_wanted(bucket: Bucket) -> None:
    assert S3UploadBackend(**bucket.options(URL_EXPIRES=0.0)).url("x") is None


# ---- keys that may be taken

KEPT = {"KEY": "{filename}"}


@pytest.fixture(params=["moto", pytest.param("ceph", marks=NEEDS_CEPH), "ministack"])
def store(request: pytest.FixtureRequest) -> str:
    """MiniStack as well: it alone refuses a taken key on completion."""
    return str(request.param)


@pytest.mark.parametrize("size", [100, 6 * MIB], ids=["one put", "multipart"])
def test_a_kept_key_that_is_taken_is_refused_and_stays_what_it_was(bucket: Bucket, size: int) -> None:
    first = upload(b"first", name="kept.bin", **bucket.options(**KEPT))
    assert first["key"] == "kept.bin"
    with pytest.raises(NameTaken):
        upload(noise(size), name="kept.bin", PART_SIZE=5 * MIB, **bucket.options(**KEPT))
    assert bucket.read("kept.bin") == b"first"


@pytest.mark.parametrize("size", [100, 6 * MIB], ids=["one put", "multipart"])
def test_abort_of_one_that_was_refused_leaves_the_other_alone(bucket: Bucket, size: int) -> None:
    upload(b"first", name="kept.bin", **bucket.options(**KEPT))
    backend = S3UploadBackend(**bucket.options(**KEPT, PART_SIZE=5 * MIB))
    key = begin(backend, "kept.bin")
    with pytest.raises(NameTaken):
        send(backend, cut(noise(size), [65_536]))
        finish(backend, key)
    backend.upload_aborted(key)
    assert bucket.read("kept.bin") == b"first"
    assert not bucket.unfinished()


def test_two_under_one_kept_key_at_once_have_one_winner(request: pytest.FixtureRequest) -> None:
    """Where the store refuses on completion: both looked before, and nobody was there."""
    bucket = made(request, "ministack")
    both = [
        begun(noise(6 * MIB, seed), name="kept.bin", PART_SIZE=5 * MIB, **bucket.options(**KEPT)) for seed in (1, 2)
    ]
    finish(*both[1])
    with pytest.raises(NameTaken):
        finish(*both[0])
    both[0][0].upload_aborted("kept.bin")
    assert bucket.read("kept.bin") == noise(6 * MIB, 2)
    assert not bucket.unfinished()


# ---- TLS and trailers


@NEEDS_CEPH
@pytest.mark.parametrize("checksum", ["crc32", "sha256", "md5"])
def test_a_server_that_knows_no_trailers_is_spoken_to_without_them(
    request: pytest.FixtureRequest, checksum: str
) -> None:
    """Over TLS boto3 itself would send them, and Ceph 16 answer 411 MissingContentLength to each part."""
    bucket, content = made(request, "ceph-tls"), noise(6 * MIB)
    for size in (0, 10, len(content)):
        options = bucket.options(CHECKSUM=checksum, PART_SIZE=5 * MIB)
        assert bucket.read(upload(content[:size], **options)["key"]) == content[:size]


# ---- abilities


def test_what_is_outside_the_prefix_is_not_found(bucket: Bucket) -> None:
    bucket.client().put_object(Bucket=bucket.name, Key="other/secret", Body=b"x")
    backend = S3UploadBackend(**bucket.options(PREFIX="in/"))
    for ability in (backend.open, backend.delete):
        with pytest.raises(NotFound):
            ability("other/secret")
    assert bucket.objects() == ["other/secret"]


def test_open_tells_what_breaks_while_it_reads(bucket: Bucket) -> None:
    key = upload(noise(MIB), **bucket.options())["key"]
    with S3UploadBackend(**bucket.options()).open(key) as file:
        assert file.read(10) == noise(MIB)[:10]
        file.raw._body._raw_stream.close()  # type: ignore[attr-defined]  # the connection, as if it had broken
        with pytest.raises((BadGateway, ValueError)):
            file.read()


def test_url_and_key_stand_in_the_reply_of_an_endpoint(bucket: Bucket) -> None:
    from io import BytesIO

    from ajaxupload.endpoint import Endpoint

    options = bucket.options(PREFIX="in/")
    settings = EndpointSettings(path="/upload", backend=BackendSpec("default", S3UploadBackend, options))
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "PUT", "PATH_INFO": "/a.txt", "SCRIPT_NAME": "/upload", "SERVER_NAME": "x",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.input": BytesIO(b"content"),
        "wsgi.url_scheme": "http", "wsgi.errors": BytesIO(), "CONTENT_LENGTH": "7", "HTTP_HOST": "x",
    }  # fmt: skip
    answer = Endpoint(settings)(environ, lambda status, headers: said.append(status))
    import json

    reply = json.loads(b"".join(answer))
    answer.close()  # type: ignore[attr-defined]  # as PEP 3333 has it
    assert said == ["201 Created"]
    assert reply["key"] == reply["filename"]
    assert reply["url"].startswith(f"{bucket.endpoint}/{bucket.name}/{reply['key']}?")
    assert fetched(reply["url"])[1] == b"content"
