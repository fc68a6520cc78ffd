"""`ajaxupload check` and `clean` at real stores: what is amiss with a bucket, and what mends it, tried."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest

from ajaxupload import ConfigError
from ajaxupload.backends.s3 import S3UploadBackend
from ajaxupload.cli import main
from ajaxupload.testing.driving import noise
from tests.s3.ceph import OTHER
from tests.s3.conftest import made
from tests.s3.faults import answer, reset
from tests.s3.proxy import Proxy
from tests.s3.stores import Bucket, free_ports
from tests.s3.tools import NEEDS_CEPH, TinyParts, begun

pytestmark = pytest.mark.stores
Said = pytest.CaptureFixture[str]


def config(path: Path, options: dict[str, Any]) -> list[str]:
    """The words of a command line that name a TOML file with these options."""
    lines = [f"{name.lower()} = {json.dumps(value)}" for name, value in options.items() if value is not None]
    backend = "\n".join(['[backends.archive]\nclass = "s3"', *lines])
    path = path / "upload.toml"
    path.write_text(f'{backend}\n[endpoints."/upload"]\nbackend = "archive"\n', encoding="utf-8")
    return ["--config", str(path)]


@pytest.fixture(autouse=True)
def _stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command changes the working directory: that is undone."""
    monkeypatch.chdir(tmp_path)


def test_a_good_bucket_is_proved_and_left_as_it_was(bucket: Bucket, tmp_path: Path, capsys: Said) -> None:
    assert main(["check", *config(tmp_path, bucket.options(PREFIX="in/"))]) == 0
    said = capsys.readouterr()
    assert "All is well" in said.out
    assert not said.err
    assert "secret_access_key=***" in said.out
    assert not bucket.objects()
    assert not bucket.unfinished()


def test_the_advice_is_good(bucket: Bucket, tmp_path: Path, capsys: Said) -> None:
    """What the commands would set is set: then there is nothing left to advise."""
    words = ["check", *config(tmp_path, bucket.options())]
    assert main(words) == 0
    told = dict(re.findall(r"Advice: .*aws s3api (\S+) .*?configuration '(.*)'", capsys.readouterr().out))
    client = bucket.client()
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket.name, LifecycleConfiguration=json.loads(told["put-bucket-lifecycle-configuration"])
    )
    client.put_bucket_cors(Bucket=bucket.name, CORSConfiguration=json.loads(told["put-bucket-cors"]))
    assert main(words) == 0
    assert "Advice" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("where", "status"), [pytest.param("ceph", 1, marks=NEEDS_CEPH), ("ministack", 0)], ids=["ceph", "ministack"]
)
def test_a_store_that_would_overwrite_a_kept_key_is_found_out(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: Said, where: str, status: int
) -> None:
    """Ceph ignores If-None-Match on completion, in silence; MiniStack does not."""
    bucket = made(request, where)
    assert main(["check", *config(tmp_path, bucket.options(KEY="{filename}"))]) == status
    told = "ignores If-None-Match on complete_multipart_upload. Put {uuid}" in capsys.readouterr().err
    assert told is bool(status)
    assert not bucket.objects()
    assert not bucket.unfinished()
    assert main(["check", *config(tmp_path, bucket.options())]) == 0


@NEEDS_CEPH
def test_each_backend_is_asked_and_all_of_it_is_told(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: Said
) -> None:
    """Those that only have a name, those behind another one, and those of other stores."""
    bucket = made(request, "ceph")
    words = config(tmp_path, bucket.options(KEY="{filename}"))
    far = f'endpoint = "{bucket.endpoint}", region = "r", access_key_id = "{bucket.key}"'
    more = f"""
    [backends.photos]
    class = "thumbnail"
    store = "archive"
    [backends.far]
    class = "object_store"
    url = "s3://no-such-bucket"
    options = {{{far}, secret_access_key = "{bucket.secret}"}}
    """
    with Path(words[1]).open("a", encoding="utf-8") as file:
        file.write(more)
    assert main(["check", *words]) == 1
    said = capsys.readouterr().err
    for name in ("archive", "photos"):
        assert re.search(rf"'{name}'.*the store overwrites a key that is taken.*Put {{uuid}} into", said), said
    assert re.search(r"'far'.*s3://no-such-bucket cannot be written to.*may we \(S3: s3:PutObject", said), said
    assert bucket.secret not in said
    assert not bucket.objects()
    assert not bucket.unfinished()


@NEEDS_CEPH
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"BUCKET": "no-such-bucket"}, "there is no such bucket"),
        ({"ACCESS_KEY_ID": "AKIAUNKNOWN"}, "does not know this access key"),
        ({"SECRET_ACCESS_KEY": "wrong"}, "does not belong to the access key"),
        ({"STORAGE_CLASS": "NO_SUCH_CLASS"}, "does not take what is set of storage_class"),
        ({"PROFILE": "no-such-profile"}, "no-such-profile"),
        ({"ACCESS_KEY_ID": None, "SECRET_ACCESS_KEY": None}, "no credentials were found"),
        ({"ENDPOINT_URL": "127.0.0.1"}, "Invalid endpoint"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_with_the_settings_is_told(
    request: pytest.FixtureRequest, tmp_path: Path, capsys: Said, wrong: dict[str, Any], told: str
) -> None:
    bucket = made(request, "ceph")
    assert main(["check", *config(tmp_path, bucket.options(**wrong))]) == 1
    said = capsys.readouterr().err
    assert told in said
    assert "Traceback" not in said
    assert bucket.secret not in said
    assert not bucket.unfinished()


@NEEDS_CEPH
def test_a_certificate_that_nobody_knows_is_told(request: pytest.FixtureRequest) -> None:
    bucket = made(request, "ceph-tls")
    S3UploadBackend(**bucket.options()).startup()
    with pytest.raises(ConfigError, match="set ca_bundle"):
        S3UploadBackend(**bucket.options(CA_BUNDLE=None, ATTEMPTS=1)).startup()


@NEEDS_CEPH
def test_the_permissions_that_it_asks_for_suffice(request: pytest.FixtureRequest) -> None:
    """Another user gets each permission when it is found missing, as it is spelled, until all is well."""
    bucket = made(request, "ceph")
    options = bucket.options(PREFIX="in/", ACCESS_KEY_ID=OTHER[0], SECRET_ACCESS_KEY=OTHER[1])
    with pytest.raises(ConfigError, match="AccessDenied"):
        S3UploadBackend(**options).startup()
    granted: list[dict[str, Any]] = []
    for _ in range(10):
        found = S3UploadBackend(**options).examine()
        if not found:
            break
        granted += [json.loads(re.findall(r"needs (\{.*\})", text)[0]) for text in found]
        policy = [{**each, "Principal": {"AWS": ["arn:aws:iam:::user/other"]}} for each in granted]
        text = json.dumps({"Version": "2012-10-17", "Statement": policy})
        bucket.client().put_bucket_policy(Bucket=bucket.name, Policy=text)
    assert {each["Action"] for each in granted} == {
        "s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListBucketMultipartUploads",
    }  # fmt: skip
    S3UploadBackend(**options).startup()
    backend, key = begun(noise(5000), cls=TinyParts, **options)
    backend.upload_complete(None, key)
    backend.upload_aborted(key)
    assert S3UploadBackend(**options).clean() == 0
    assert not bucket.objects()


def test_a_store_that_is_down_is_no_fault_of_the_settings(caplog: pytest.LogCaptureFixture) -> None:
    """The process starts all the same: the store may be back when the first upload comes."""
    (port,) = free_ports(1)
    options = {"BUCKET": "b", "ENDPOINT_URL": f"http://127.0.0.1:{port}", "ACCESS_KEY_ID": "a", "ATTEMPTS": 1}
    backend = S3UploadBackend(**options, SECRET_ACCESS_KEY="s")
    with caplog.at_level(logging.WARNING):
        backend.startup()
    assert "does not answer yet" in caplog.text
    (told,) = backend.examine()
    assert "Could not connect" in told


def test_what_a_store_refuses_to_tell_is_no_advice(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    proxy.fail("GET bucket", answer(403, "AccessDenied"))
    assert S3UploadBackend(**via).advise() == []
    proxy.heal()
    assert len(S3UploadBackend(**via).advise()) == 2


@pytest.mark.parametrize("store", ["moto", pytest.param("ceph", marks=NEEDS_CEPH)])
def test_clean_aborts_what_is_old_below_the_prefix(
    request: pytest.FixtureRequest, store: str, tmp_path: Path, capsys: Said
) -> None:
    bucket = made(request, store)
    client = bucket.client()
    for key in ("in/left", "elsewhere/left"):
        client.create_multipart_upload(Bucket=bucket.name, Key=key)
    young = config(tmp_path, bucket.options(PREFIX="in/"))
    assert main(["clean", *young]) == 0
    assert "no leftovers removed" in capsys.readouterr().out
    assert main(["clean", *config(tmp_path, bucket.options(PREFIX="in/", LEFTOVER_AGE="0 s"))]) == 0
    assert "1 leftover removed" in capsys.readouterr().out
    assert bucket.unfinished() == ["elsewhere/left"]


def test_clean_says_when_the_store_does_not_let_it(
    bucket: Bucket, proxy: Proxy, via: dict[str, Any], tmp_path: Path, capsys: Said
) -> None:
    proxy.fail("*", reset())
    assert main(["clean", *config(tmp_path, via)]) == 2
    assert "could not be cleaned" in capsys.readouterr().err


def test_clean_survives_what_others_ended_meanwhile(bucket: Bucket, proxy: Proxy, via: dict[str, Any]) -> None:
    bucket.client().create_multipart_upload(Bucket=bucket.name, Key="left")
    proxy.fail("AbortMultipartUpload", answer(404, "NoSuchUpload"))
    assert S3UploadBackend(**{**via, "LEFTOVER_AGE": 0.0}).clean() == 0
