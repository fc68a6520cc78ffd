"""The sum of all open uploads: never too little, put right where it is too much, and no listing for each upload."""

from __future__ import annotations

import errno
import os
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ajaxupload.errors import StorageFull, TooManyRequests
from ajaxupload.partials import Record
from ajaxupload.partials.file import FilePartials, tally
from ajaxupload.partials.file.tally import Caps
from ajaxupload.partials.file.total import Total
from tests.partials.test_synced import another_boot
from tests.partials.tripping import KILLED, Trip, in_child, numbers
from tests.partials.uploads import ID, kept_in, made


def total_of(store: FilePartials) -> tuple[int, int]:
    with store._tally._locked() as total:
        return total.read()


def truth(store: FilePartials) -> tuple[int, int]:
    sizes = [int(path.name.rpartition(".")[2]) for path in Path(store.root, "open").glob("*/*")]
    return len(sizes), sum(sizes)


@pytest.fixture
def store(tmp_path: Path) -> FilePartials:
    return kept_in(tmp_path, caps=Caps(uploads=1000, size=100_000), unknown=500, durable=False)


def test_it_follows_what_begins_is_declared_and_ends(store: FilePartials) -> None:
    one, two, three = (made(store, size, f"upload-{size}") for size in (10, None, 30))
    assert total_of(store) == (3, 540)
    two.declare(7)
    assert total_of(store) == truth(store) == (3, 47)
    one.remove()
    one.remove()
    three.drop_data()
    assert total_of(store) == truth(store) == (1, 7)
    two.remove()
    assert total_of(store) == truth(store) == (0, 0)
    for each in (one, two, three):
        each.close()


def test_an_upload_is_not_listed_with_all_others(store: FilePartials, monkeypatch: pytest.MonkeyPatch) -> None:
    made(store).close()
    monkeypatch.setattr(tally, "_entries", lambda folder: pytest.fail(f"{folder} is listed"))
    for number in range(20):
        with made(store, upload_id=f"upload-{number:04}") as one:
            one.remove()


@pytest.mark.parametrize("said", [b"", b"axtotal1 and something else that is no sum of ours", bytes(44)])
def test_what_is_no_sum_is_counted_anew(store: FilePartials, said: bytes) -> None:
    made(store, 10).close()
    Path(store.root, "open", "lock").write_bytes(said)
    assert total_of(store) == (1, 10)


def test_another_boots_word_is_not_believed(store: FilePartials, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may not have reached the disk, where the entries did."""
    made(store, 10).close()
    (entry,) = Path(store.root, "open").glob("*/*")
    entry.with_name("upload-from-before.90").touch()
    assert total_of(store) == (1, 10)
    another_boot(monkeypatch)
    assert total_of(store) == (2, 100)


@pytest.mark.parametrize(("caps", "error"), [(Caps(uploads=2), TooManyRequests), (Caps(size=25), StorageFull)])
def test_nobody_is_refused_for_a_sum_that_is_too_much(tmp_path: Path, caps: Caps, error: type[Exception]) -> None:
    store = kept_in(tmp_path, caps=caps, durable=False)
    made(store, 10).close()
    with store._tally._locked() as total:
        total.add(5, 500)
    made(store, 10, "upload-second").close()
    assert total_of(store) == truth(store)
    with pytest.raises(error):
        made(store, 10, "upload-third")


def test_without_a_descriptor_to_spare_the_entry_goes_all_the_same(
    store: FilePartials, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made(store, 10) as one:
        with monkeypatch.context() as patch:
            patch.setattr(Total, "add", none_left)
            one.drop_data()
        assert not one.has_data
    assert truth(store) == (0, 0)
    assert total_of(store) == (1, 10)


def none_left(*_told: object) -> None:
    raise OSError(errno.EMFILE, os.strerror(errno.EMFILE))


def test_what_is_counted_anew_is_not_counted_down_as_well(store: FilePartials, monkeypatch: pytest.MonkeyPatch) -> None:
    """After another boot, the first that ends."""
    one, _two, _three = partials = [made(store, size, f"upload-{size:04}") for size in (10, 20, 30)]
    another_boot(monkeypatch)
    one.remove()
    assert total_of(store) == truth(store) == (2, 50)
    for each in partials:
        each.close()


def test_a_size_that_is_declared_counts_once_though_its_entry_was_there(tmp_path: Path) -> None:
    """Both are links to one file, and to rename one to the other does nothing, says rename(2)."""
    store = kept_in(tmp_path, caps=Caps(uploads=1000), unknown=500, durable=False)
    with made(store, None) as one:
        (entry,) = Path(store.root, "open").glob("*/*.500")
        os.link(entry, entry.with_suffix(".100"))  # of a remover who died
        one.declare(100)
        assert truth(store) == (1, 100)
        assert total_of(store) >= truth(store)
        one.remove()
    assert truth(store) == (0, 0)
    assert total_of(store) >= truth(store)


def test_an_upload_that_is_made_while_another_of_its_id_goes_is_counted(
    store: FilePartials, monkeypatch: pytest.MonkeyPatch
) -> None:
    release, making = store._tally.release, []
    with ThreadPoolExecutor(1) as pool, made(store, 10) as one:

        def meanwhile(record: Record) -> None:
            monkeypatch.setattr(store._tally, "release", release)
            making.append(pool.submit(lambda: made(store, 10).close()))
            time.sleep(0.2)  # time to be counted in, if nothing kept it from that
            release(record)

        monkeypatch.setattr(store._tally, "release", meanwhile)
        one.remove()
        making[0].result()
    with store.find(ID):
        assert total_of(store) == truth(store) == (1, 10)


def test_a_sweep_counts_anew(store: FilePartials) -> None:
    made(store, 10).close()
    with store._tally._locked() as total:
        total.add(5, 500)
    assert list(store.sweep()) == []
    assert total_of(store) == truth(store) == (1, 10)


def test_an_entry_that_somebody_removed_while_it_is_swept_keeps_no_other(store: FilePartials) -> None:
    for number in range(3):
        made(store, 10, f"upload-{number:04}").close()

    def gone_already(upload_id: str) -> bool:
        if next(seen):
            next(Path(store.root, "open").glob(f"*/{upload_id}.10")).unlink()
        return True

    seen = iter([True, False, False])
    store._tally.sweep(gone_already)
    assert total_of(store) == truth(store) == (0, 0)


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_killed_at_any_call_it_says_no_less_than_there_is(tmp_path: Path, after: bool) -> None:
    for number in numbers(3):
        store = kept_in(tmp_path / str(number), durable=False, unknown=500)
        made(store, 10).close()
        trip = Trip(number)

        def live(store: FilePartials = store, trip: Trip = trip) -> None:
            with trip.killing(after=after):
                with made(store, None, "upload-second") as one:
                    one.declare(20)
                made(store, 30, "upload-third").drop_data()

        code = in_child(live)
        assert total_of(store)[0] >= truth(store)[0]
        assert total_of(store)[1] >= truth(store)[1]
        if code != KILLED:
            assert total_of(store) == truth(store) == (2, 30)
            return
