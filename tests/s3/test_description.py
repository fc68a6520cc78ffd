"""What options mean to an object, and which of them can never work: said before the first upload."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ajaxupload import ConfigError
from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.backends.s3.description import arguments_of
from ajaxupload.config import load
from ajaxupload.endpoint import upload_endpoint
from ajaxupload.upload import Upload

FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"BUCKET": ""}, "bucket is needed"),
    ({"KEY": "fixed"}, "must contain {uuid} or {filename}"),
    ({"KEY": "{year}/{filename}"}, 'key: {year} cannot stand here.*endpoint\'s "name"'),
    ({"ACCESS_KEY_ID": "a"}, "belong together"),
    ({"SECRET_ACCESS_KEY": "a"}, "belong together"),
    ({"PART_SIZE": 1 << 20}, "between 5 MiB and 5 GiB"),
    ({"PART_SIZE": 6 << 30}, "between 5 MiB and 5 GiB"),
    ({"MAX_CONCURRENCY": 0}, "max_concurrency must be more than 0"),
    ({"ATTEMPTS": 0}, "attempts must be more than 0"),
    ({"READ_TIMEOUT": 0.0}, "read_timeout must be more than 0"),
    ({"URL_EXPIRES": 8 * 86400.0}, "7 days"),
    ({"METADATA": {"ä": "x"}}, "cannot be a name"),
    ({"METADATA": {"ajaxupload-id": "x"}}, "cannot be a name"),
    ({"METADATA": {"x": "ä" * 300}}, "1801 bytes"),
    ({"TAGGING": {str(number): "x" for number in range(11)}}, "10 tags at most"),
]


@pytest.mark.parametrize(("options", "text"), FAULTS, ids=[text for _, text in FAULTS])
def test_startup_tells_what_can_never_work(options: dict[str, Any], text: str) -> None:
    backend = S3UploadBackend(**{"BUCKET": "b", "ENDPOINT_URL": "http://127.0.0.1:9", **options})
    with pytest.raises(ConfigError, match=re.escape(text) if "*" not in text else text):
        backend.startup()


def test_startup_tells_all_of_it_at_once() -> None:
    with pytest.raises(ConfigError) as raised:
        S3UploadBackend(KEY="x", ATTEMPTS=-1).startup()
    assert len(raised.value.problems) == 3


@given(st.text(max_size=300))
def test_metadata_stay_below_what_a_store_keeps_and_decode(name: str) -> None:
    """Whatever the client calls its file: ASCII, at most 2 KiB in all, and nothing torn apart."""
    upload = Upload(name=name.encode("utf-8", "ignore").decode())
    backend = S3UploadBackend(METADATA={"x" * 100: "ö" * 100})
    metadata = arguments_of(backend, upload)["Metadata"]
    assert all(value.isascii() and value.isprintable() for value in metadata.values())
    assert sum(len(name) + len(value) for name, value in metadata.items()) <= 2048
    told = unquote(metadata["ajaxupload-name"], errors="strict")
    assert upload.name.startswith(told)
    assert told == upload.name or len(metadata["ajaxupload-name"]) > 600


def test_options_are_spelled_as_in_toml_and_ini() -> None:
    table = {
        "class": "s3", "bucket": "b", "prefix": "in/", "part_size": "16 MiB", "max_concurrency": "8",
        "url_expires": "2 h", "read_timeout": "5 s", "attempts": "3", "metadata": {"a": "b"}, "checksum": "sha256",
        "addressing_style": "path", "memory_limit": "1 GiB", "leftover_age": "2 days",
    }  # fmt: skip
    spec = load({"endpoints": {"/upload": {"backend": table}}}).endpoints["/upload"].backend
    backend = spec.create()
    assert (backend.PART_SIZE, backend.MAX_CONCURRENCY, backend.URL_EXPIRES) == (16 << 20, 8, 7200.0)
    assert (backend.READ_TIMEOUT, backend.ATTEMPTS, backend.LEFTOVER_AGE) == (5.0, 3, 172_800.0)


def test_a_slip_of_the_pen_is_told_with_the_nearest_option() -> None:
    with pytest.raises(ConfigError, match="did you mean 'bucket'"):
        upload_endpoint("s3", buckett="b")
    with pytest.raises(ConfigError, match="must be one of 'crc32', 'sha256', 'md5'"):
        upload_endpoint("s3", bucket="b", checksum="crc64")


def test_secrets_are_not_in_the_text_of_anything() -> None:
    store = S3UploadBackend(ACCESS_KEY_ID="known", SECRET_ACCESS_KEY="hidden", SESSION_TOKEN="hidden").store
    assert "known" in repr(store)
    assert "hidden" not in repr(store)
