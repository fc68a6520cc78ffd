"""Expiry (F21): what nobody came back for goes, what somebody works on stays."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from ajaxupload.errors import NotFound
from ajaxupload.partials import Record
from ajaxupload.partials.file import FilePartials
from ajaxupload.partials.file.lock import locked_file
from ajaxupload.partials.file.partial import FilePartial
from tests.partials.uploads import ID, kept_in, made, path_of, put, remains
from tests.support.tally import Tally

DAY = 86400.0


def elapse(store: FilePartials, seconds: float, upload_id: str = ID) -> None:
    """As if nothing had happened to the upload for so long."""
    for path in path_of(store, "", upload_id).parent.glob(f"{upload_id}.*"):
        then = os.stat(path).st_mtime - seconds
        os.utime(path, (then, then), follow_symlinks=False)


@pytest.mark.parametrize("state", ["open", "complete", "refused"])
def test_whatever_its_state_it_expires_after_its_time_and_not_before(tmp_path: Path, state: str) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"abc")
        one.record.state = state
        one.save()
    elapse(store, DAY - 60)
    assert list(store.sweep()) == []
    store.find(ID).close()
    elapse(store, 120)
    with pytest.raises(NotFound):
        store.find(ID)
    ((record, offset),) = store.sweep()
    assert record is not None
    assert (record.id, record.state, offset) == (ID, state, 3 if state != "complete" else 100)
    assert remains(store) == []


def test_each_change_begins_its_time_anew_and_looking_does_not(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    made(store).close()
    elapse(store, DAY / 2)
    with store.find(ID) as one:
        before = one.expires
        assert one.offset == 0
        assert one.expires == before
        put(one, b"abc")
        assert one.expires > before + DAY / 3
        assert one.expires <= time.time() + DAY + 1


@pytest.mark.parametrize("older_than", [None, 7200.0])
def test_of_many_that_have_ended_only_those_are_looked_at_whose_time_may_be_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, older_than: float | None
) -> None:
    store = kept_in(tmp_path, spared=7200.0)
    for name, age in (("young-one", 7100), ("older-one", 7300), ("open-one-", 7100)):
        with made(store, upload_id=name, ttl=7200.0) as one:
            if name != "open-one-":
                one.record.state = "complete"
                one.save()
                one.drop_data()
        elapse(store, age, name)
    seen: list[str] = []
    look = FilePartials._look

    def noted(self: FilePartials, upload_id: str) -> FilePartial:
        seen.append(upload_id)
        return look(self, upload_id)

    monkeypatch.setattr(FilePartials, "_look", noted)
    assert [record.id for record, _ in store.sweep(older_than) if record is not None] == ["older-one"]
    assert sorted(seen) == ["older-one", "open-one-"]
    seen.clear()
    assert len(list(store.sweep(60.0))) == 2
    assert sorted(seen) == ["open-one-", "young-one"]


def test_a_clock_that_was_set_back_throws_nothing_away(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    made(store).close()
    elapse(store, -DAY)
    store.find(ID).close()
    assert list(store.sweep()) == []


def test_older_than_sweeps_earlier_never_later(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    made(store).close()
    elapse(store, 100)
    assert list(store.sweep(older_than=2 * DAY)) == []
    assert list(store.sweep(older_than=200)) == []
    assert len(list(store.sweep(older_than=50))) == 1
    made(store, ttl=10).close()
    elapse(store, 20)
    assert len(list(store.sweep(older_than=DAY))) == 1


def test_an_upload_that_is_being_finished_is_not_swept(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        elapse(store, 2 * DAY)
        with one.finishing(0):
            assert list(store.sweep()) == []
            assert path_of(store, ".part").exists()
        assert len(list(store.sweep())) == 1


def test_a_writer_that_comes_between_the_look_and_the_removal_keeps_its_upload(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = kept_in(tmp_path)
    writer = made(store)
    elapse(store, 2 * DAY)
    real = locked_file

    def interfering(path: str, patience: float) -> object:
        put(writer, b"just in time")
        return real(path, patience)

    monkeypatch.setattr("ajaxupload.partials.file.partial.locked_file", interfering)
    with writer:
        assert list(store.sweep()) == []
        assert writer.status() == 12


def test_creating_anew_in_the_place_of_an_expired_one(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"old")
    elapse(store, 2 * DAY)
    with made(store) as again:
        assert again.offset == 0


def test_bytes_of_an_upload_that_has_ended_go_though_its_finisher_died(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"abc")
        one.record.state = "complete"
        one.save()
    assert list(store.sweep()) == []
    assert not path_of(store, ".part").exists()
    assert [name for name in remains(store) if name.startswith("open/")] == []
    with store.find(ID) as found:
        assert found.offset == 100, "its record tells its clients"


def test_orphans_and_dead_leases_go_after_an_hour(tmp_path: Path) -> None:
    store = kept_in(tmp_path)
    made(store).close()
    path_of(store, ".log").unlink()
    lease = path_of(store, ".log.lease.0123")
    lease.mkdir()
    (lease / "0123").touch()
    Path(store.root, "xy").touch()  # no folder of ours
    list(store.sweep())
    assert path_of(store, ".part").exists()
    elapse(store, 4000)
    list(store.sweep())
    assert remains(store) == ["xy"]


@pytest.mark.parametrize("hours", [0, 2])
def test_a_place_that_is_counted_and_has_no_record_yet_is_kept_for_an_hour(tmp_path: Path, hours: int) -> None:
    store = kept_in(tmp_path)
    made(store).close()
    path_of(store, ".json").unlink()
    elapse(store, hours * 3600)
    store._tally.sweep(store._is_over())
    assert any(name.startswith("open/") for name in remains(store)) == (hours == 0)


def test_an_upload_that_is_made_in_an_old_empty_ledger_stays_counted(tmp_path: Path) -> None:
    """Whoever opened it first died over that, hours ago; a sweep comes while the next one makes its upload."""
    store, other = kept_in(tmp_path), kept_in(tmp_path)
    path = path_of(store, ".log")
    path.parent.mkdir(parents=True)
    path.touch()
    os.utime(path, (0, 0))
    with store.create(Record(ID, "/upload", size=10), lambda _: other._tally.sweep(other._is_over()))[0]:
        assert [name for name in remains(store) if name.startswith("open/")]


def test_what_nfs_remembers_of_a_name_counts_no_upload_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another machine made it: that there was no such name is believed here for half a minute."""
    store = kept_in(tmp_path)
    made(store).close()
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(os.path, "exists", lambda _path: False)
        store._tally.sweep(store._is_over())
    assert [name for name in remains(store) if name.startswith("open/")]


@pytest.mark.parametrize("hours", [0, 2])
def test_a_ledger_without_a_record_goes_after_an_hour(tmp_path: Path, hours: int) -> None:
    store = kept_in(tmp_path)
    made(store).close()
    path_of(store, ".json").unlink()
    elapse(store, hours * 3600)
    assert list(store.sweep()) == []
    assert path_of(store, ".log").exists() == (hours == 0)


def test_what_cannot_be_opened_just_now_is_not_thrown_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """EMFILE is no reason to take a living upload's record for an orphan's."""
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"abc")
    elapse(store, 7200)
    real = os.open

    def exhausted(path: str, *arguments: int, **more: int) -> int:
        if str(path).endswith(".log"):
            raise OSError(24, "Too many open files")
        return real(path, *arguments, **more)

    with monkeypatch.context() as full:
        full.setattr(os, "open", exhausted)
        assert list(store.sweep()) == []
    with store.find(ID) as found:
        assert found.status() == 3


def test_a_place_that_is_not_there_has_nothing_to_sweep(tmp_path: Path) -> None:
    assert list(FilePartials(str(tmp_path / "never made")).sweep()) == []


@pytest.mark.slow
@pytest.mark.faults
def test_10_000_abandoned_uploads_go_within_a_minute_and_those_in_work_stay(tmp_path: Path, tally: Tally) -> None:
    store = kept_in(tmp_path, durable=False)
    for number in range(10_000):
        partial, _ = store.create(Record(f"upload-{number:06}", "/upload", size=10))
        partial.close()
        if number % 10:
            os.utime(path_of(store, ".log", f"upload-{number:06}"), (0, 0))
    began = time.monotonic()
    assert sum(1 for _ in store.sweep()) == 9_000
    assert time.monotonic() - began < 60
    assert len([name for name in remains(store) if name.endswith(".json")]) == 1_000
    tally("F21", "abandoned uploads are swept, those in work stay", runs=10_000, faults=9_000)
