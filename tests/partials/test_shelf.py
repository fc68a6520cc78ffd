"""The shelf: lists by owner, and whose a stored name is."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from ajaxupload.partials.file.shelf import Shelf


def shelf_in(tmp_path: Path) -> Shelf:
    return Shelf(str(tmp_path / "stored"), durable=True)


def grow_old(tmp_path: Path) -> None:
    old = time.time() - 7200
    for path in (tmp_path / "stored").glob("*/*"):
        os.utime(path, (old, old))


def test_a_list_is_its_owners_and_the_oldest_comes_first(tmp_path: Path) -> None:
    shelf = shelf_in(tmp_path)
    for number, upload_id in enumerate(("second-1", "first-22")):
        shelf.add("ann", upload_id, f"name{number}")
        os.utime(tmp_path / "stored/of-ann" / upload_id, (100 - number, 100 - number))
    assert shelf.listed("ann") == ["first-22", "second-1"]
    assert shelf.listed("cid") == []


def test_a_name_is_whose_took_it_last_and_adding_again_changes_nothing(tmp_path: Path) -> None:
    shelf = shelf_in(tmp_path)
    assert shelf.holder("name") is None
    for upload_id in ("earlier-", "later---", "later---"):
        shelf.add("ann", upload_id, "name")
    assert shelf.holder("name") == "later---"
    shelf.remove("ann", "earlier-", "name")
    assert (shelf.holder("name"), shelf.listed("ann")) == ("later---", ["later---"])
    shelf.remove("ann", "later---", "name")
    assert (shelf.holder("name"), shelf.listed("ann")) == (None, [])


def test_the_lists_forget_what_is_no_more_but_not_at_once(tmp_path: Path) -> None:
    shelf = shelf_in(tmp_path)
    shelf.add("ann", "known---", "one")
    shelf.add("ann", "unknown-", "two")
    shelf.sweep(lambda _upload_id: False)  # their uploads may be about to be complete
    assert shelf.listed("ann") == ["known---", "unknown-"]
    grow_old(tmp_path)
    shelf.sweep(lambda upload_id: upload_id == "known---")
    assert shelf.listed("ann") == ["known---"]
    assert (shelf.holder("one"), shelf.holder("two")) == ("known---", None)


def test_a_dead_process_leaves_a_draft_that_nobody_sees_and_is_swept(tmp_path: Path) -> None:
    shelf = shelf_in(tmp_path)
    shelf.add("ann", "known---", "one")
    draft = tmp_path / "stored/of-ann/half----.0011223344556677"
    draft.touch()
    assert shelf.listed("ann") == ["known---"]
    grow_old(tmp_path)
    shelf.sweep(lambda upload_id: upload_id == "known---")
    assert not draft.exists()


def test_nothing_was_stored_yet(tmp_path: Path) -> None:
    shelf_in(tmp_path).sweep(lambda _upload_id: False)
    shelf_in(tmp_path).remove("ann", "unknown-", "name")
    assert list(tmp_path.iterdir()) == []


def test_one_at_a_time_deletes_a_name(tmp_path: Path) -> None:
    shelf, inside, most = shelf_in(tmp_path), 0, 0

    def work() -> None:
        nonlocal inside, most
        with shelf_in(tmp_path).alone("name"):
            inside += 1
            most = max(most, inside)
            time.sleep(0.01)
            inside -= 1

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1
    grow_old(tmp_path)
    shelf.sweep(lambda _upload_id: False)
    assert (tmp_path / "stored/locks/na").exists()  # somebody may hold it
