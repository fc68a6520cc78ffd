"""One at a time: by flock, and by leases where a file system has no locks."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from ajaxupload.errors import Busy
from ajaxupload.partials.file import lease as lease_module
from ajaxupload.partials.file import lock as lock_module
from ajaxupload.partials.file.lease import LEASE, Lease
from ajaxupload.partials.file.lock import Lock, locked_file
from tests.partials.uploads import Site, noise, sha

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(params=["flock", "lease"])
def manner(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Once with the kernel's locks, once on a file system without them."""
    if request.param == "lease":
        without_flock(monkeypatch)
    return str(request.param)


def without_flock(monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(_fd: int, _how: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", lacking)


def opened(path: Path) -> Lock:
    return Lock(os.open(path, os.O_RDWR | os.O_CREAT), str(path))


def test_it_has_one_holder_and_then_the_next(tmp_path: Path, manner: str) -> None:
    one, two = opened(tmp_path / "f"), opened(tmp_path / "f")
    assert one.acquire()
    assert not two.acquire(wait=False)
    one.release()
    assert two.acquire(wait=False)
    assert not one.acquire(wait=False)
    two.release()
    assert sorted(os.listdir(tmp_path)) == ["f"], "a lease leaves nothing"


def test_who_waits_gets_it_when_it_is_let_go(tmp_path: Path, manner: str) -> None:
    one, two = opened(tmp_path / "f"), opened(tmp_path / "f")
    one.acquire()
    began = time.monotonic()
    threading.Timer(0.05, one.release).start()
    with two:
        assert 0.04 < time.monotonic() - began < 1


def test_eight_threads_count_without_a_slip(tmp_path: Path, manner: str) -> None:
    path, counter = tmp_path / "f", tmp_path / "counter"
    counter.write_text("0")

    def count() -> None:
        lock = opened(path)
        for _ in range(25):
            with lock:
                counter.write_text(str(int(counter.read_text()) + 1))

    threads = [threading.Thread(target=count) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counter.read_text() == "200"


def test_a_file_in_use_is_busy_and_a_missing_one_keeps_nobody_out(tmp_path: Path, manner: str) -> None:
    path = tmp_path / "f"
    path.touch()
    with locked_file(str(path), 0):
        began = time.monotonic()
        with pytest.raises(Busy), locked_file(str(path), 0.1):
            pass
        assert 0.1 <= time.monotonic() - began < 1
    with locked_file(str(path), 0):
        pass
    with locked_file(str(tmp_path / "none"), 0):
        pass


def test_an_error_of_the_lock_itself_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = Lock(9999, str(tmp_path / "f"))
    with pytest.raises(OSError, match="Bad file descriptor"), lock:
        pass
    without_flock(monkeypatch)
    with pytest.raises(FileNotFoundError):
        Lock(9999, str(tmp_path / "missing" / "f")).acquire()


# ---- leases ----------------------------------------------------------------------------------------------------------


def lease_at(folder: Path) -> Lease:
    return Lease(str(folder / "lease"))


def grow_old(folder: Path, seconds: float) -> None:
    for path in (folder / "lease").iterdir():
        then = time.time() - seconds
        os.utime(path, (then, then))


def test_a_lease_of_the_living_is_waited_for_and_one_of_the_dead_is_taken(tmp_path: Path) -> None:
    dead, living = lease_at(tmp_path), lease_at(tmp_path)
    assert dead.take(wait=False)
    grow_old(tmp_path, LEASE - 5)
    assert not living.take(wait=False)
    grow_old(tmp_path, LEASE + 5)
    assert living.take(wait=False)
    dead.give_back()
    assert not lease_at(tmp_path).take(wait=False), "the dead one's hands are off it"
    living.give_back()
    assert os.listdir(tmp_path) == []


def test_a_renewed_lease_is_no_dead_ones(tmp_path: Path) -> None:
    holder, other = lease_at(tmp_path), lease_at(tmp_path)
    holder.take(wait=False)
    grow_old(tmp_path, LEASE + 5)
    holder.renew()
    assert not other.take(wait=False)
    other.renew()  # of which it has none: nothing to do


def test_who_lost_its_lease_is_told_when_it_renews(tmp_path: Path) -> None:
    stopped, quick = lease_at(tmp_path), lease_at(tmp_path)
    stopped.take(wait=False)
    grow_old(tmp_path, LEASE + 5)
    quick.take(wait=False)
    with pytest.raises(FileNotFoundError):
        stopped.renew()


def test_who_looked_long_ago_takes_nothing_from_whoever_holds_it_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between one taker's look at a dead lease and its grip, another takes it, and keeps it."""
    dead, quick, slow = lease_at(tmp_path), lease_at(tmp_path), lease_at(tmp_path)
    dead.take(wait=False)
    grow_old(tmp_path, LEASE + 5)
    real = os.unlink

    def late(path: str) -> None:
        monkeypatch.setattr(os, "unlink", real)
        assert quick.take(wait=False)
        real(path)

    monkeypatch.setattr(os, "unlink", late)
    assert not slow.take(wait=False)
    assert quick.held
    quick.renew()


@pytest.mark.slow
def test_waiting_makes_nobody_look_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lease is as young as its taking, however long its taker had to wait."""
    monkeypatch.setattr(lease_module, "LEASE", 0.5)
    holder, waiting = lease_at(tmp_path), lease_at(tmp_path)
    holder.take(wait=True)
    keep = threading.Timer(0.3, holder.renew)
    keep.start()
    assert waiting.take(wait=True)
    keep.join()
    assert not lease_at(tmp_path).take(wait=False)


def test_an_error_while_taking_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_old: str, _new: str) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(OSError, match="No space"):
        lease_at(tmp_path).take(wait=True)
    assert os.listdir(tmp_path) == []


@pytest.mark.slow
def test_who_holds_it_for_long_renews_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    without_flock(monkeypatch)
    monkeypatch.setattr(lock_module, "LEASE", 0.3)
    monkeypatch.setattr(lease_module, "LEASE", 0.3)
    path = tmp_path / "f"
    path.touch()
    with locked_file(str(path), 0):
        time.sleep(0.8)
        with pytest.raises(Busy), locked_file(str(path), 0):
            pass
    with locked_file(str(path), 0):
        pass


#: Takes and gives back, over and over; every holder writes its pid and reads it again. Some die with it: takers meet at
#: dead leases all the time. (Who was stopped for as long as a lease lasts has lost it, and that is no fault.)
STORM = """
import os, sys, time
from ajaxupload.partials.file import lease
lease.LEASE = 0.3
lease._POLL = 0.001
path, pid = sys.argv[1], str(os.getpid())
end = time.monotonic() + float(sys.argv[2])
turns = 0
while time.monotonic() < end:
    mine = lease.Lease(path)
    began = time.monotonic()
    while not mine.take(wait=False):
        time.sleep(0.001)
        began = time.monotonic()
    with open(path + ".holder", "w") as file:
        file.write(pid)
    time.sleep(0.0005)
    with open(path + ".holder") as file:
        found = file.read()
    if time.monotonic() - began < lease.LEASE / 2:
        assert found == pid, "two held it"
        turns += 1
    if turns % 40:
        mine.give_back()  # else: it died with it
print(turns)
"""


@pytest.mark.slow
def test_two_takers_of_a_dead_lease_never_both_hold_it(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STORM, str(tmp_path / "lease"), "4"]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    turns = [int(each.communicate(timeout=60)[0] or "0") for each in running]
    assert [each.returncode for each in running] == [0] * 6
    assert sum(turns) > 200


#: A worker whose unfinished uploads are on a file system without flock: it takes its part of an upload in small writes,
#: each in a request of its own.
WORKER = """
import errno, sys, types
from pathlib import Path
from ajaxupload.partials.file import lock
def lacking(fd, how):
    raise OSError(errno.ENOLCK, "No locks available")
lock.fcntl = types.SimpleNamespace(flock=lacking, LOCK_EX=2, LOCK_NB=4, LOCK_UN=8)
from tests.partials.uploads import ID, Site, noise
site = Site(Path(sys.argv[1]))
content = noise(40_000)
site.open(len(content)).close()
upload = site.resume(content, step=2_000)
assert upload.state == "complete"
"""


@pytest.mark.slow
def test_without_flock_workers_write_one_upload_by_leases(tmp_path: Path) -> None:
    """Three processes at once, each until it is complete. Nothing of the leases is left."""
    env = {"PYTHONPATH": f"{ROOT}:{':'.join(sys.path)}", "PATH": os.environ["PATH"]}
    running = [
        subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], cwd=ROOT, env=env, stderr=subprocess.PIPE)
        for _ in range(3)
    ]
    errors = [each.communicate(timeout=120)[1].decode() for each in running]
    assert [each.returncode for each in running] == [0] * 3, errors
    assert not [path for path in tmp_path.rglob("*") if ".lease" in path.name]
    assert Site(tmp_path).files() == {"a.bin": sha(noise(40_000))}


def test_flock_is_what_this_machine_has(tmp_path: Path) -> None:
    """Else the tests above would have shown the lease twice."""
    with (tmp_path / "f").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
    assert not lease_at(tmp_path).held
