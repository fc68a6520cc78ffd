"""Quotas over processes and deaths: nobody takes the last room twice, and what the dead held comes back."""

from __future__ import annotations

import os
import posix
import signal
import threading
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ajaxupload import events
from ajaxupload.partials.file.accounts import Accounts, Ask, Claim, NoRoom, Settled
from tests.partials.tripping import KILLED, Trip, in_child, numbers
from tests.support.quotas import Site

ROOM = 1000


def books(folder: Path) -> Accounts:
    (folder / "partials").mkdir(exist_ok=True)
    return Accounts(str(folder / "partials" / "quota"), durable=False)


def claim(name: str, **more: Any) -> Claim:
    return Claim(name, name, "ann", **{"counted": True, **more})


def begun(work: Callable[[], object]) -> int:
    """The id of a process that does it, and ends with 0 if it went well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a forked child of a test that runs beside threads does no more than this
        pid = os.fork()
    if pid == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            posix._exit(code)
    return pid


def ended(pid: int) -> int:
    """Its exit code."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_eight_processes_take_exactly_the_room_that_there_is(tmp_path: Path) -> None:
    """Each tries ten times to store 100 of 1,000 bytes; half of what is set aside is given up, and taken by others."""
    accounts = books(tmp_path)
    accounts.startup()

    def work(who: int) -> Callable[[], None]:
        def grab() -> None:
            for number in range(10):
                mine = claim(f"{who}-{number}")
                try:
                    accounts.reserve(mine, Ask(100, ROOM))
                except NoRoom:
                    continue
                kept, held = accounts.standing("ann")
                assert kept + held <= ROOM
                if number % 2:
                    accounts.settle([Settled(mine, 100, "store", mine.id)])
                else:
                    accounts.release(mine.id)

        return grab

    pids = [begun(work(who)) for who in range(8)]
    assert [ended(pid) for pid in pids] == [0] * 8
    assert accounts.standing("ann") == (ROOM, 0)


@pytest.mark.parametrize("name", [b"caf\xe9", b"100 %3f?x=#1", "ü".encode()])
def test_the_folder_may_have_any_name(tmp_path: Path, name: bytes) -> None:
    folder = tmp_path / os.fsdecode(name)
    folder.mkdir()
    accounts = books(folder)
    accounts.startup()
    accounts.reserve(claim("a"), Ask(100, ROOM))
    assert books(folder).standing("ann") == (0, 100)


def test_what_a_killed_process_held_is_room_for_the_next_who_asks(tmp_path: Path) -> None:
    accounts = books(tmp_path)
    accounts.startup()
    ready, go = os.pipe(), os.pipe()

    def hold() -> None:
        slot = accounts.slot()
        accounts.reserve(claim("dead", holder=slot.name), Ask(ROOM, ROOM))
        os.write(ready[1], b"1")
        os.read(go[0], 1)  # for ever

    pid = begun(hold)
    assert os.read(ready[0], 1) == b"1"
    with pytest.raises(NoRoom) as caught:
        accounts.reserve(claim("next"), Ask(1, ROOM))
    assert caught.value.left == 0
    os.kill(pid, signal.SIGKILL)
    assert ended(pid) == -signal.SIGKILL
    for each in (*ready, *go):
        os.close(each)
    assert accounts.reserve(claim("next"), Ask(ROOM, ROOM)) == ROOM
    assert not list(tmp_path.rglob("*.part"))


def test_a_living_process_keeps_what_it_holds_however_often_somebody_sweeps(tmp_path: Path) -> None:
    accounts = books(tmp_path)
    slot = accounts.slot()
    accounts.reserve(claim("mine", holder=slot.name), Ask(100, ROOM))
    assert accounts.bury(lambda _upload: False) == 0
    assert ended(begun(lambda: posix._exit(accounts.bury()))) == 0
    assert accounts.standing("ann") == (0, 100)
    slot.drop()
    assert accounts.bury() == 1


def test_what_an_upload_without_a_record_holds_is_spared_for_an_hour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts = books(tmp_path)
    accounts.reserve(claim("lost"), Ask(100, ROOM))
    assert accounts.bury(lambda _upload: False) == 0
    monkeypatch.setattr("ajaxupload.partials.file.accounts._GRACE", -1.0)
    assert accounts.bury(lambda _upload: True) == 0
    assert accounts.bury(lambda _upload: False) == 1
    assert accounts.standing("ann") == (0, 0)


def test_more_than_is_needed_is_set_aside_only_where_there_is_room(tmp_path: Path) -> None:
    accounts = books(tmp_path)
    assert accounts.reserve(claim("a"), Ask(10, ROOM, want=600)) == 600
    assert accounts.reserve(claim("b"), Ask(10, ROOM, want=600)) == 10
    assert accounts.reserve(claim("a"), Ask(20, ROOM, exact=True)) == 20
    assert accounts.reserve(claim("b"), Ask(980, ROOM)) == 980


def test_who_gives_up_and_asks_again_never_pays_for_both(tmp_path: Path) -> None:
    accounts = books(tmp_path)
    for _ in range(3):
        accounts.reserve(claim("a"), Ask(600, ROOM))
        accounts.release("a")
        accounts.release("a")
    assert accounts.standing("ann") == (0, 0)


# ---- a request's end at every call -----------------------------------------------------------------------------------


def site(folder: Path) -> Site:
    made = Site(folder, ROOM)
    if made.endpoint.partials is not None:
        made.endpoint.partials._sweeper._pid = os.getpid()  # no thread: these tests fork
    return made


@pytest.mark.slow
@pytest.mark.parametrize("step", [13, pytest.param(1, marks=pytest.mark.full)])
@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("way", ["put", "form"])
def test_a_death_at_any_call_leaves_what_is_stored_counted_and_the_rest_free(
    tmp_path: Path, way: str, after: bool, step: int
) -> None:
    """What is stored is never more than what counts; and more counts than is stored only of a file that was just being
    published when its process died."""

    def upload(made: Site) -> None:
        answer = made.put(300) if way == "put" else made.form(200, 100)
        assert answer.status_code in (200, 201)

    for number in numbers(step):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        made, trip = site(folder), Trip(number)

        def dying(made: Site = made, trip: Trip = trip) -> None:
            with trip.killing(after=after):
                upload(made)

        code = in_child(dying)
        made.endpoint.engine.quota.accounts.bury()
        kept, held = made.standing()
        assert held == 0
        assert made.stored() <= kept <= 300
        if code != KILLED:
            assert (code, kept) == (0, made.stored() or 300)
            return
        while made.standing()[0] + 300 <= ROOM:
            upload(made)
        assert made.stored() <= made.standing()[0] <= ROOM


def test_two_requests_at_the_same_time_cannot_both_take_the_last_room(tmp_path: Path) -> None:
    """The first is held back in the moment of its being stored; the second comes meanwhile."""
    made, reached, go = Site(tmp_path, ROOM), threading.Event(), threading.Event()

    def wait(_sender: str, **_details: Any) -> None:
        reached.set()
        assert go.wait(60)

    answers: list[int] = []
    with events.completed.connected_to(wait):
        first = threading.Thread(target=lambda: answers.append(made.put(600).status_code))
        first.start()
        assert reached.wait(60)
        answers.append(made.put(600).status_code)
        go.set()
        first.join(60)
    assert answers == [413, 201]


def test_a_first_transaction_that_was_cut_short_is_undone_by_the_next(tmp_path: Path) -> None:
    """By SQLite's journal, though its locks are off."""
    accounts = books(tmp_path)
    accounts.reserve(claim("a"), Ask(100, ROOM))

    def die() -> None:
        with accounts._books.opened() as opened:
            opened.execute("PRAGMA cache_size = 1")  # so that much of it is on the disk already
            rows = [(f"{number:0100}",) for number in range(2000)]
            opened.executemany("INSERT INTO kept VALUES ('s', ?, 'u', 'ann', 1)", rows)
            posix._exit(KILLED)

    assert ended(begun(die)) == KILLED
    assert next(tmp_path.rglob("books-journal")).stat().st_size
    assert accounts.standing("ann") == (0, 100)
