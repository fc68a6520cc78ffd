"""A gigabyte of unknown length: how much memory the server takes for it, and that it does not wait for the store. How
fast that is: benchmarks/s3_latency.py."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.s3.serving import put, serving, states
from tests.s3.sink import sinking
from tests.s3.tools import MIB
from tests.wire.servers import Server, faults

pytestmark = [pytest.mark.stores, pytest.mark.servers, pytest.mark.slow]

SIZE = 1 << 30
OPTIONS = {"BUCKET": "b", "REGION": "us-east-1", "ACCESS_KEY_ID": "a", "SECRET_ACCESS_KEY": "s"}


def curl(server: Server, source: Path, count: int) -> list[str]:
    """`curl -T -`, so many at once: files from a pipe, of which nobody knows the length. The statuses."""
    command = (
        f"cat '{source}' | curl -sS -o /dev/null -w '%{{http_code}}' -T - http://127.0.0.1:{server.port}/upload/big.bin"
    )
    running = [subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE) for _ in range(count)]
    return [each.communicate(timeout=240)[0].decode() for each in running]


@pytest.fixture(scope="module")
def gigabyte(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes no room."""
    path = tmp_path_factory.mktemp("big") / "zeros"
    with path.open("wb") as file:
        file.truncate(SIZE)
    return path


@pytest.mark.parametrize(("concurrency", "latency"), [(4, 0.03), (8, 0.1)])
def test_a_gigabyte_of_unknown_length_takes_a_few_parts_of_memory(
    tmp_path: Path, gigabyte: Path, concurrency: int, latency: float
) -> None:
    """At most (max_concurrency + 2) parts and 32 MiB, over what the worker takes with nothing to do."""
    part = 8 * MIB
    with sinking(latency) as (sink, store):
        options = {**OPTIONS, "ENDPOINT_URL": f"http://127.0.0.1:{store.port}", "PART_SIZE": part}
        with serving(tmp_path, {**options, "MAX_CONCURRENCY": concurrency}, measured=True) as server:
            for _ in range(8):  # so that both workers have loaded all that they will ever load
                assert put(server, "warm.bin", b"x" * 300_000).status == 201
            before = {state["pid"]: state["VmRSS"] for state in states(server)}
            store.heal()
            sink.sizes.clear()
            assert curl(server, gigabyte, 1) == ["201"]
            grown = [state["VmHWM"] - before[state["pid"]] for state in states(server)]
            assert not faults(server.said)
    assert sum(sink.sizes) == SIZE
    assert not sink.bad
    assert max(grown) < (concurrency + 2) * part + 32 * MIB, [size // MIB for size in grown]
    assert 1 < store.most["UploadPart"] <= concurrency


def test_many_gigabytes_at_once_stay_below_the_processs_own_limit(tmp_path: Path, gigabyte: Path) -> None:
    """Six uploads in each process, each of which would take five parts, share what eight parts take."""
    part, limit = 8 * MIB, 64 * MIB
    with sinking(latency=0.03) as (sink, store):
        options = {**OPTIONS, "ENDPOINT_URL": f"http://127.0.0.1:{store.port}", "PART_SIZE": part}
        with serving(tmp_path, {**options, "MEMORY_LIMIT": limit}, workers=1, measured=True) as server:
            assert put(server, "warm.bin", b"x" * 300_000).status == 201
            (before,) = states(server)
            sink.sizes.clear()
            small = gigabyte.with_name("smaller")
            with small.open("wb") as file:
                file.truncate(SIZE // 4)
            assert curl(server, small, 6) == ["201"] * 6
            (after,) = states(server)
    assert sum(sink.sizes) == 6 * SIZE // 4
    assert not sink.bad
    assert after["pool"] == 0
    assert after["VmHWM"] - before["VmRSS"] < limit + 2 * part + 32 * MIB
