"""What each worker process does by itself: sweeping by time, and finding the place where unfinished uploads are."""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from ajaxupload import events
from ajaxupload.config import load, short_form
from ajaxupload.engine import place
from ajaxupload.engine.sweeping import Sweeper
from ajaxupload.errors import ConfigError, DigestMismatch
from ajaxupload.partials import Record
from ajaxupload.partials.file import FilePartials
from ajaxupload.upload import Upload, new_id
from tests.partials.test_sweep import elapse
from tests.partials.tripping import in_child
from tests.partials.uploads import Site, remains, sha

pytestmark = pytest.mark.slow


class Owner:
    """What is swept for."""

    def __init__(self, fail: bool = False) -> None:
        self.count = 0
        self.fail = fail

    def sweep(self) -> None:
        self.count += 1
        if self.fail:
            raise OSError("down")


def eventually(true: Callable[[], object]) -> bool:
    end = time.monotonic() + 10
    while not true() and time.monotonic() < end:
        time.sleep(0.005)
    return bool(true())


def sweepers() -> set[threading.Thread]:
    """Those of other tests may end at any time."""
    return {thread for thread in threading.enumerate() if thread.name == "ajaxupload-sweep"}


@pytest.mark.parametrize("fail", [False, True])
def test_it_sweeps_from_the_first_request_on_whatever_fails_until_its_owner_is_gone(
    fail: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logging.getLogger("ajaxupload"), "disabled", True)  # what is logged holds on to the owner
    before, owner = sweepers(), Owner(fail)
    sweeper = Sweeper(owner.sweep, 0.01)
    time.sleep(0.05)
    assert owner.count == 0, "a server forks before its first request: no thread would survive that"
    for _ in range(5):
        sweeper.poke()
    (mine,) = sweepers() - before
    count = weakref.proxy(owner)
    assert eventually(lambda: count.count > 2)
    del owner
    assert eventually(lambda: gc.collect() >= 0 and mine not in sweepers())


def test_a_forked_worker_sweeps_too() -> None:
    owner = Owner()
    sweeper = Sweeper(owner.sweep, 0.01)
    sweeper._pid = os.getpid()

    def work() -> None:
        sweeper.poke()
        assert eventually(lambda: owner.count > 0)

    assert in_child(work) == 0


def test_a_fork_in_the_middle_of_a_start_stops_nobody() -> None:
    sweeper = Sweeper(Owner().sweep, 0.01)
    with sweeper._starting:
        sweeper.poke()


def test_an_upload_that_expired_is_told_to_listeners_and_one_that_ended_is_not(tmp_path: Path) -> None:
    site = Site(tmp_path)
    heard: list[tuple[str, str, int]] = []

    def note(sender: str, *, upload: Upload, **_more: object) -> None:
        heard.append((sender, upload.state, upload.offset))

    site.open(100).close()
    site.write(0, b"abc")
    site.open(0, "another-upload").close()
    site.finish("another-upload")
    for each in ("upload-0123456789", "another-upload"):
        elapse(site.store, 2 * 86400, each)
    with events.expired.connected_to(note):
        assert site.resumable.sweep() == 2
    assert heard == [("/upload", "expired", 3)]
    assert remains(site.store) == []
    assert site.files() == {"a.bin": sha(b"")}


def test_it_is_the_backends_own_disk_else_the_settings_else_this_users(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def chosen(backend: str, **options: str) -> str:
        return place.partials_of(load(short_form("/up", backend, options)).endpoints["/up"]).root

    local = {"media_root": str(tmp_path / "media")}
    assert chosen("local", **local) == str(tmp_path / ".media.ajaxupload" / "partials")
    assert chosen("local", **local, partials_dir=str(tmp_path / "own")) == str(tmp_path / "own")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    assert chosen("memory") == str(tmp_path / f"ajaxupload-{os.geteuid()}" / "partials")


def test_a_place_that_is_somebody_elses_is_none(tmp_path: Path) -> None:
    """In a folder where all may write, somebody may have made ours before us: it could be moved away under our feet."""
    public = tmp_path / "public"
    public.mkdir()
    public.chmod(0o1777)
    (public / "ours").mkdir()
    FilePartials(str(public / "ours" / "partials")).startup()
    (public / "a file").touch()
    with pytest.raises(ConfigError, match="partials_dir"):
        FilePartials(str(public / "a file")).startup()
    if os.geteuid() == 0:
        os.chown(public / "ours", 12345, 12345)
        with pytest.raises(ConfigError, match="belongs to somebody else"):
            FilePartials(str(public / "ours" / "partials")).startup()
        os.chown(public / "ours", 0, 0)
        os.chown(public / "ours" / "partials", 12345, 12345)
        with pytest.raises(ConfigError, match="belongs to somebody else"):
            FilePartials(str(public / "ours" / "partials")).startup()


def test_a_disk_that_is_away_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    """The worker has not needed the key yet; one made on the disk below would be nobody else's, and stay its own."""
    disk, away = tmp_path / "place" / "private", tmp_path / "away"
    root = disk / "partials"
    first, second = (FilePartials(str(root), durable=False) for _ in range(2))
    first.startup()
    second.startup()
    known = first.key_id("a")
    disk.rename(away)
    for attempt in (lambda: second.key_id("a"), lambda: second.create(Record(new_id(), "/upload", size=1))):
        with pytest.raises(FileNotFoundError):
            attempt()
        assert list((tmp_path / "place").iterdir()) == []
    away.rename(disk)
    assert second.key_id("a") == known


def test_a_folder_that_somebody_removed_is_made_again(tmp_path: Path) -> None:
    partials = FilePartials(str(tmp_path / "private" / "partials"), durable=False)
    partials.startup()
    (tmp_path / "private" / "partials").rmdir()
    assert partials.key_id("a")
    partials.create(Record(new_id(), "/upload", size=1))[0].close()


def test_a_digest_is_of_all_bytes_and_of_nothing_else(tmp_path: Path) -> None:
    """Of a verified write nothing counts unless all came and is what was meant."""
    from ajaxupload.engine import Expected

    site = Site(tmp_path)
    site.open(6).close()
    for content, digest, offset in ((b"abX", sha(b"abc"), 0), (b"abc", sha(b"abc"), 3), (b"def", sha(b"abcdef"), 3)):
        request = site.request(content)
        with site.find() as partial, contextlib.suppress(DigestMismatch):
            site.resumable.write(
                request, partial, partial.offset, request.upload_body, Expected("sha256", bytes.fromhex(digest))
            )
        assert site.status() == offset
