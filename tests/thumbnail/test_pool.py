"""The processes that decode: started once, used again, replaced when they die, and never left behind.

What lives here: their lives, told by their process ids. What must not: pictures' contents.
"""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
from ajaxupload.backends.thumbnail import pool as pool_module
from ajaxupload.backends.thumbnail.backend import _reader
from ajaxupload.backends.thumbnail.child import Child, Limits
from ajaxupload.errors import StorageUnavailable, Unprocessable
from tests.thumbnail.pictures import jpeg, saved, uploaded
from tests.thumbnail.pools import SLOW, SLOWLY, gone, pool_of, wait_until

pytestmark = pytest.mark.slow

# ---- used again


def test_one_process_does_one_job_after_the_other(own: dict[str, Any]) -> None:
    pids = set()
    for _ in range(10):
        uploaded(jpeg(40, 30), **own)
        pids.update(pool_of(own).pids())
    assert len(pids) == 1


def test_a_refusal_is_no_reason_to_start_another(own: dict[str, Any]) -> None:
    uploaded(jpeg(40, 30), **own)
    before = pool_of(own).pids()
    for content in (b"no picture", jpeg()[:300]):
        with pytest.raises(Unprocessable):
            uploaded(content, **own)
    uploaded(jpeg(40, 30), **own)
    assert pool_of(own).pids() == before


def test_it_is_replaced_after_many_jobs(own: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool_module, "_MOST_JOBS", 3)
    seen = []
    for _ in range(9):
        uploaded(jpeg(40, 30), **own)
        seen += pool_of(own).pids()
    assert len(set(seen)) == 3
    wait_until(lambda: all(map(gone, seen)))


def test_it_is_replaced_when_memory_was_short(own: dict[str, Any]) -> None:
    own["MEMORY_LIMIT"] //= 2
    uploaded(jpeg(40, 30), **own)
    (before,) = pool_of(own).pids()
    with pytest.raises(Unprocessable, match="too much memory"):
        uploaded(saved(Image.new("RGB", (8_000, 5_000)), "PNG"), **own)
    assert gone(before)
    uploaded(jpeg(40, 30), **own)
    assert pool_of(own).pids() != [before]


def test_as_many_as_allowed_work_at_the_same_time(own: dict[str, Any]) -> None:
    own["PROCESSES"] = 2
    errors: list[BaseException] = []

    def one() -> None:
        try:
            uploaded(jpeg(1000, 800), **own)
        except BaseException as error:  # noqa: BLE001 - told below, by the thread that asserts
            errors.append(error)

    workers = [threading.Thread(target=one) for _ in range(12)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert not errors
    assert len(pool_of(own).pids()) == 2


def test_who_waits_too_long_for_a_free_one_is_told_to_come_back(own: dict[str, Any]) -> None:
    own["TIME_LIMIT"] = 0.3
    held = pool_of(own)._take()
    with pytest.raises(StorageUnavailable, match="busy with other pictures") as caught:
        uploaded(jpeg(40, 30), **own)
    assert (caught.value.status, caught.value.headers["Retry-After"]) == (503, "5")
    pool_of(own)._give_back(held)
    uploaded(jpeg(40, 30), **own)


# ---- deaths


def test_one_that_was_killed_while_idle_costs_nothing(own: dict[str, Any]) -> None:
    uploaded(jpeg(40, 30), **own)
    (before,) = pool_of(own).pids()
    os.kill(before, signal.SIGKILL)
    wait_until(lambda: "State:\tZ" in Path(f"/proc/{before}/status").read_text(encoding="ascii"))
    uploaded(jpeg(40, 30), **own)
    assert gone(before)
    assert before not in pool_of(own).pids()


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL, signal.SIGABRT])
def test_one_that_dies_at_work_costs_its_picture_and_no_other(own: dict[str, Any], number: int) -> None:
    uploaded(jpeg(40, 30), **own)
    (before,) = pool_of(own).pids()
    killer = threading.Timer(0.3, os.kill, (before, number))
    killer.start()
    with pytest.raises(Unprocessable) as caught:
        uploaded(SLOW, **SLOWLY, **own)
    killer.join()
    assert caught.value.status == 422
    assert gone(before)
    uploaded(jpeg(40, 30), **own)


def test_whatever_ends_the_wait_ends_the_process(own: dict[str, Any]) -> None:
    """A server's timeout is raised into the waiting thread: the answer that comes later must not be another's."""

    def interrupt(*_: Any) -> None:
        raise SystemExit("the server's timeout")

    uploaded(jpeg(40, 30), **own)
    (before,) = pool_of(own).pids()
    old = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        with pytest.raises(SystemExit):
            uploaded(SLOW, **SLOWLY, **own)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert gone(before)
    assert uploaded(jpeg(40, 30), **own)["thumbnails"]["thumbnail"]["type"] == "image/jpeg"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signals_for_the_whole_group_are_not_for_it(own: dict[str, Any], number: int) -> None:
    """Ctrl-C, and a service manager that ends all processes at once: the server may still be waiting for a picture."""
    uploaded(jpeg(40, 30), **own)
    (before,) = pool_of(own).pids()
    os.kill(before, number)
    uploaded(jpeg(40, 30), **own)
    assert pool_of(own).pids() == [before]


def test_no_zombie_is_left(own: dict[str, Any]) -> None:
    uploaded(jpeg(40, 30), **own)
    (before,) = pool_of(own).pids()
    pool_of(own).end()
    assert gone(before)
    assert pool_of(own).pids() == []


# ---- what it has


def test_it_has_no_environment_and_no_descriptors_of_ours(own: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_THE_SERVER", "x")
    with open("/etc/hostname", "rb"):
        uploaded(jpeg(40, 30), **own)
    (pid,) = pool_of(own).pids()
    environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    assert {line.partition(b"=")[0] for line in environment} <= {
        b"MALLOC_ARENA_MAX",
        b"LD_LIBRARY_PATH",
        b"",
        b"LC_CTYPE",
    }
    assert sorted(map(int, os.listdir(f"/proc/{pid}/fd"))) == [0, 1, 2]
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    assert "Threads:\t1\n" in status
    assert "NoNewPrivs:\t1\n" in status
    assert os.readlink(f"/proc/{pid}/cwd") == "/"


def test_without_proc_a_picture_is_read_all_the_same(own: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr("ajaxupload.backends.thumbnail.backend.open", missing, raising=False)
    assert uploaded(jpeg(40, 30), **own)["thumbnails"]["thumbnail"]["width"] == 100


def test_it_cannot_write_to_the_original() -> None:
    """What is stored of a picture is what was sent, whatever its decoder did meanwhile."""
    with ThumbnailUploadBackend(STORE="memory")._temporary() as file:
        file.write(b"original")
        with _reader(file) as reader:
            with pytest.raises(OSError, match="Bad file descriptor"):
                os.write(reader.fileno(), b"x")
            assert reader.read() == b"original"


def test_a_child_that_is_ended_twice_is_ended() -> None:
    child = Child(Limits(200 << 20, 5, 5), ["PNG"])
    for _ in range(2):
        child.end()
    assert gone(child.pid)
    with suppress(OSError):
        child.hand_over({}, 0, 1)
