"""`AjaxFileUploader(backend=S3UploadBackend)` where settings are for django-storages, or django-ajax-uploader."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import override_settings
from django.urls import path

from ajaxupload.adapters.django import AjaxFileUploader
from ajaxupload.backends.s3 import S3UploadBackend
from tests.s3.stores import KEY, REGION, SECRET, Bucket, moto

from .conftest import Site
from .wire import post_form, post_raw

pytestmark = pytest.mark.stores


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with moto(tmp_path_factory.mktemp("moto")) as url:
        yield Bucket(url, "my-bucket").make()


@pytest.fixture
def wild(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What stands in the settings of projects that have used django-storages for years."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return {
        "AWS_STORAGE_BUCKET_NAME": bucket.name,
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_S3_REGION_NAME": REGION,
        "AWS_S3_ENDPOINT_URL": bucket.endpoint,
        "AWS_LOCATION": "/media",
        "AWS_DEFAULT_ACL": "public-read",
        "AWS_QUERYSTRING_EXPIRE": 600,
        "AWS_QUERYSTRING_AUTH": True,
        "AWS_S3_ADDRESSING_STYLE": "path",
        "AWS_S3_SIGNATURE_VERSION": "s3v4",
        "AWS_S3_FILE_OVERWRITE": False,
        "AWS_S3_VERIFY": None,
        "AWS_S3_OBJECT_PARAMETERS": {
            "CacheControl": "max-age=86400",
            "StorageClass": "STANDARD_IA",
            "Metadata": {"project": "a b"},
            "Tagging": "kind=upload&from=web",
            "ServerSideEncryption": "AES256",
        },
    }


def test_a_view_stores_as_the_settings_say(site: Site, bucket: Bucket, wild: dict[str, Any]) -> None:
    client = site(path("upload/", AjaxFileUploader(backend=S3UploadBackend)), **wild)
    answer = post_form(client, "/upload/", ("file", "a b.txt", b"content")).json()
    assert answer["success"] is True
    assert answer["bucket"] == bucket.name
    key = answer["key"]
    assert key.startswith("media/")
    assert key.endswith("/a b.txt")
    assert bucket.read(key) == b"content"
    told = bucket.head(key)
    assert told["CacheControl"] == "max-age=86400"
    assert told["StorageClass"] == "STANDARD_IA"
    assert told["ServerSideEncryption"] == "AES256"
    assert told["Metadata"]["project"] == "a%20b"
    tags = bucket.client().get_object_tagging(Bucket=bucket.name, Key=key)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"kind": "upload", "from": "web"}
    grants = bucket.client().get_object_acl(Bucket=bucket.name, Key=key)["Grants"]
    assert any(grant["Grantee"].get("URI", "").endswith("/AllUsers") for grant in grants)
    url = urlsplit(answer["url"])
    assert url.path == f"/{bucket.name}/{key.replace(' ', '%20')}"
    assert parse_qs(url.query)["X-Amz-Expires"] == ["600"]
    with urllib.request.urlopen(answer["url"], timeout=20) as response:
        assert response.read() == b"content"


@pytest.mark.parametrize("view", [{}, {"backend": "s3"}], ids=["by default", "by name"])
def test_settings_with_a_bucket_are_enough(site: Site, bucket: Bucket, wild: dict[str, Any], view: Any) -> None:
    """django-ajax-uploader's default was S3."""
    client = site(path("upload/", AjaxFileUploader(**view)), **wild)
    answer = post_raw(client, "/upload/?qqfile=raw.txt", b"raw", X_Requested_With="XMLHttpRequest").json()
    assert bucket.read(answer["key"]) == b"raw"


def test_an_option_of_the_view_is_stronger_than_the_settings(site: Site, bucket: Bucket, wild: dict[str, Any]) -> None:
    view = AjaxFileUploader(S3UploadBackend, prefix="other/", ACL="private", key="{filename}")
    answer = post_form(site(path("upload/", view), **wild), "/upload/", ("file", "kept.txt", b"x")).json()
    assert answer["key"] == "other/kept.txt"
    grants = bucket.client().get_object_acl(Bucket=bucket.name, Key="other/kept.txt")["Grants"]
    assert len(grants) == 1


def test_what_is_not_set_is_not_lent() -> None:
    empty = {"AWS_STORAGE_BUCKET_NAME": "b", "AWS_LOCATION": "", "AWS_S3_OBJECT_PARAMETERS": {}, "AWS_S3_VERIFY": False}
    with override_settings(**empty):
        options = AjaxFileUploader().endpoint.settings.backend.options
    assert options == {"BUCKET": "b"}


def test_an_authority_and_temporary_credentials_are_lent() -> None:
    lent = {"AWS_STORAGE_BUCKET_NAME": "b", "AWS_S3_VERIFY": "/etc/ca.pem", "AWS_SESSION_TOKEN": "token"}
    with override_settings(**lent, AWS_S3_OBJECT_PARAMETERS={"ACL": "private", "ContentType": "x/y"}):
        options = AjaxFileUploader().endpoint.settings.backend.options
    assert options == {
        "BUCKET": "b", "CA_BUNDLE": "/etc/ca.pem", "SESSION_TOKEN": "token", "ACL": "private", "CONTENT_TYPE": "x/y",
    }  # fmt: skip
