"""How fast a body of unknown length gets to a far-away S3, beside `boto3.upload_fileobj` on a local file.

    python -m benchmarks.s3_latency [--mib 1024] [--ms 30] [--rounds 5]

Both send to the same sink (tests/s3/sink.py), a process of its own in which each answer waits. Ours is the whole way:
curl sends chunks from a pipe to gunicorn with one worker, which streams them on. boto3 has the file on its disk. Over
plain HTTP, where boto3 signs what it sends. The rounds take turns; the medians count, and of those only the ratio.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3

from tests.s3.serving import put, serving

OPTIONS = {"BUCKET": "b", "REGION": "us-east-1", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "s"}
THEIRS, OURS = "boto3.upload_fileobj", "ajaxupload"


@contextmanager
def sink(milliseconds: float) -> Iterator[str]:
    """Its endpoint."""
    command = [sys.executable, "-m", "tests.s3.sink", str(milliseconds / 1000)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.kill()


def by_boto3(endpoint: str, file: Path) -> Callable[[], None]:
    """As the documentation of boto3 has it."""
    keys = {"aws_access_key_id": "a", "aws_secret_access_key": "s"}
    client = boto3.client("s3", endpoint_url=endpoint, region_name="us-east-1", **keys)

    def once() -> None:
        with file.open("rb") as body:
            client.upload_fileobj(body, "b", "k")

    return once


def by_curl(port: int, file: Path) -> Callable[[], None]:
    """Through the endpoint; nobody on the way knows the length."""
    command = f"cat '{file}' | curl -sSf -o /dev/null -T - http://127.0.0.1:{port}/upload/big.bin"

    def once() -> None:
        subprocess.run(["sh", "-c", command], check=True)

    return once


def measure(contenders: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Median seconds of each, taking turns."""
    taken: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, once in contenders.items():
            start = time.perf_counter()
            once()
            taken[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in taken.items()}


def compare(mib: int, milliseconds: float, rounds: int) -> dict[str, float]:
    """Median seconds of both for a file of so many MiB."""
    with tempfile.TemporaryDirectory() as folder, sink(milliseconds) as endpoint:
        file = Path(folder, "zeros")
        with file.open("wb") as zeros:
            zeros.truncate(mib << 20)
        with serving(Path(folder), {**OPTIONS, "ENDPOINT_URL": endpoint}, workers=1, measured=True) as server:
            put(server, "warm.bin", b"x")
            return measure({THEIRS: by_boto3(endpoint, file), OURS: by_curl(server.port, file)}, rounds)


def main() -> None:
    """Run it and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1024)
    parser.add_argument("--ms", type=float, default=30)
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    found = compare(words.mib, words.ms, words.rounds)
    for name, seconds in found.items():
        print(f"{name:<22}{seconds:6.2f} s {words.mib / seconds:6.0f} MiB/s")
    print(f"ratio {found[THEIRS] / found[OURS]:.2f}")


if __name__ == "__main__":
    main()
