"""Stores that the S3 tests run on: real servers in processes of their own, on free ports of 127.0.0.1.

What lives here: starting and stopping them, and looking into a bucket from outside. What must not: the library, except
for the options that lead it there. Ceph is in ceph.py, for it is three programs.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

__all__ = ["Bucket", "free_ports", "ministack", "moto", "running", "stop"]

START, STOP = 60.0, 20.0  # seconds
KEY, SECRET = "AKIAAJAXUPLOADTESTS", "made-up-secret-of-the-tests-0123456789ab"
REGION = "us-east-1"


@dataclass(frozen=True)
class Bucket:
    """A bucket at a store, looked at by a plain client of the tests' own."""

    endpoint: str
    name: str
    key: str = KEY
    secret: str = SECRET
    ca: str | None = None

    def client(self) -> Any:
        """boto3's client, without retries: whoever looks wants to know at once."""
        return _client(self.endpoint, self.key, self.secret, self.ca)

    def options(self, **more: Any) -> dict[str, Any]:
        """What leads the library here."""
        known = {"BUCKET": self.name, "ENDPOINT_URL": self.endpoint, "REGION": REGION, "CA_BUNDLE": self.ca}
        return {**known, "ACCESS_KEY_ID": self.key, "SECRET_ACCESS_KEY": self.secret, **more}

    def behind(self, port: int) -> Bucket:
        """The same bucket through a proxy of this machine."""
        return replace(self, endpoint=f"http://127.0.0.1:{port}")

    def objects(self) -> list[str]:
        """All objects."""
        pages = self.client().get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [each["Key"] for page in pages for each in page.get("Contents", [])]

    def unfinished(self) -> list[str]:
        """The keys of all multipart uploads that nobody has completed or aborted."""
        found = self.client().list_multipart_uploads(Bucket=self.name)
        return [each["Key"] for each in found.get("Uploads", [])]

    def read(self, key: str) -> bytes:
        """One object."""
        content: bytes = self.client().get_object(Bucket=self.name, Key=key)["Body"].read()
        return content

    def head(self, key: str) -> dict[str, Any]:
        """What the store says of one object."""
        return dict(self.client().head_object(Bucket=self.name, Key=key))

    def make(self) -> Bucket:
        """Itself, made at the store."""
        self.client().create_bucket(Bucket=self.name)
        return self

    def empty(self) -> None:
        """Take everything out."""
        client = self.client()
        for key in self.objects():
            client.delete_object(Bucket=self.name, Key=key)
        for each in client.list_multipart_uploads(Bucket=self.name).get("Uploads", []):
            client.abort_multipart_upload(Bucket=self.name, Key=each["Key"], UploadId=each["UploadId"])


@lru_cache(maxsize=64)
def _client(endpoint: str, key: str, secret: str, ca: str | None) -> Any:
    config = Config(
        retries={"total_max_attempts": 1}, request_checksum_calculation="when_required", signature_version="s3v4"
    )
    return boto3.client(
        "s3", endpoint_url=endpoint, region_name=REGION, aws_access_key_id=key, aws_secret_access_key=secret, verify=ca,
        config=config,
    )  # fmt: skip


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on just now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def stop(process: subprocess.Popen[bytes], how: signal.Signals = signal.SIGTERM) -> None:
    """End one process that was started here."""
    if process.poll() is None:
        process.send_signal(how)
    try:
        process.wait(STOP)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def answers(url: str) -> bool:
    """Is there a server?"""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except urllib.error.HTTPError as error:
        error.close()
        return True
    except OSError:
        return False


@contextmanager
def running(command: list[str], home: Path, url: str, env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """A server's process, once it answers at `url`."""
    log = home / "log"
    with log.open("ab") as said:
        process = subprocess.Popen(command, cwd=home, env={**os.environ, **env}, stdout=said, stderr=said)
    try:
        deadline = time.monotonic() + START
        while not answers(url):
            assert process.poll() is None, log.read_text(errors="replace")
            assert time.monotonic() < deadline, log.read_text(errors="replace")
            time.sleep(0.05)
        yield process
    finally:
        stop(process)


@contextmanager
def moto(home: Path, **env: str) -> Iterator[str]:
    """moto's server, dated: quick, and checks neither signatures nor checksums. Its endpoint."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("dated_moto.py")), "-p", str(port)]
    with running(command, home, f"{url}/moto-api/", {"PYTHONDEVMODE": "", "MOTO_PORT": str(port), **env}):
        yield url


@contextmanager
def ministack(home: Path) -> Iterator[str]:
    """MiniStack, which refuses a taken key on completion too, as Amazon does. Its endpoint."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    env = {
        "BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "SERVICES": "s3",
        "AUTH": "true", "SFTP_ENABLED": "0", "IOT_MTLS_ENABLED": "0", "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": SECRET, "S3_PERSIST": "0", "PYTHONDEVMODE": "", "DOCKER_HOST": "",
    }  # fmt: skip
    with running([sys.executable, "-W", "ignore", "-m", "ministack"], home, url, env):
        yield url
