"""boto3's `upload_fileobj` from a local file.

What lives here: the client, as boto3 makes it and told to leave the payload unsigned. What must not: the process
(library.py), forms (flask_views.py).
"""

from __future__ import annotations

import os
import sys
from typing import Any

from benchmarks.contender import Contender, Site, Way, modules
from benchmarks.peers import library

__all__ = ["SIGNED", "UNSIGNED", "client", "contender"]

SIGNED, UNSIGNED = "boto3 upload_fileobj", "boto3 upload_fileobj, unsigned"


def contender(*, signed: bool) -> Contender:
    """Uploading the site's source to the stub."""

    def command(site: Site) -> list[str]:
        return [sys.executable, "-m", __name__, str(site.port), "signed" if signed else "unsigned"]

    return Contender(SIGNED if signed else UNSIGNED, command, Way(trigger="/"), lambda: modules("boto3"), sink=True)


def client(*, signed: bool) -> Any:
    """Of the stub. Over plain HTTP boto3 hashes what it sends, unless it is told not to."""
    import boto3
    from botocore.config import Config

    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "s", "region_name": "us-east-1"}
    config = Config() if signed else Config(s3={"payload_signing_enabled": False})
    return boto3.client("s3", endpoint_url=os.environ["BENCH_S3"], config=config, **keys)


def main(port: int, *, signed: bool) -> None:
    """Serve until a signal comes."""
    s3 = client(signed=signed)

    def work() -> None:
        with open(os.environ["BENCH_SOURCE"], "rb") as file:  # noqa: PTH123 - the words of boto3's documentation
            s3.upload_fileobj(file, "b", "k")

    library.serve(port, work)


if __name__ == "__main__":
    main(int(sys.argv[1]), signed=sys.argv[2] == "signed")
