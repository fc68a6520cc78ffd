"""Offsets that are told: synced before that, and what another boot of the machine leaves of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ajaxupload.errors import Fenced, OffsetMismatch
from ajaxupload.partials.file import ledger as ledger_module
from ajaxupload.partials.file.partial import FilePartial
from tests.partials.uploads import ID, data_of, kept_in, made, put


def test_an_offset_is_synced_before_it_is_told_whichever_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After another boot of the machine, whatever was told is still there."""
    store = kept_in(tmp_path)
    told = []
    with made(store) as one:
        turn = one.begin(0)
        one.put(turn, b"abc")
        with pytest.raises(OffsetMismatch) as caught:
            one.begin(1)
        told.append(caught.value.expected)
        assert told == [3]
        one.put(turn, b"def")
    another_boot(monkeypatch)
    with store.find(ID) as found:
        assert found.offset == 3, "told, and so kept; what was not told is gone"
        assert found.status() == 3


def test_another_boot_keeps_what_was_synced_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"synced")
        assert one.sync() == 6
        put(one, b"lost")
        assert one.offset == 10
    another_boot(monkeypatch)
    with store.find(ID) as found:
        assert found.offset == 6
        with pytest.raises(OffsetMismatch):
            found.begin(10)
        put(found, b"again", at=6)
        assert found.status() == 11


def test_another_machine_that_only_looks_ends_nobodys_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hosts over one file system: their boot ids differ, and neither went through a power cut."""
    store = kept_in(tmp_path)
    with made(store) as one:
        turn = one.begin(0)
        one.put(turn, b"abc")
        piece = one.begin_piece(50, 60)
        assert piece is not None
        with monkeypatch.context() as elsewhere:
            another_boot(elsewhere)
            with store.find(ID) as other:
                assert other.offset == 0
                assert list(store.sweep()) == []
                assert other.missing() == [(0, 100)]
                parallel = other.begin_piece(60, 70)
                assert parallel is not None
        one.put(turn, b"def")
        assert one.status() == 6
    assert data_of(store)[:6] == b"abcdef"


def test_a_failed_sync_takes_back_what_was_not_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel drops pages that it could not write; the next sync says that all is well, and would lie."""
    store = kept_in(tmp_path)
    with made(store) as one:
        put(one, b"safe")
        assert one.sync() == 4
        turn = one.begin(4)
        one.put(turn, b"doomed")

        def fail(_fd: int) -> None:
            raise OSError(5, "Input/output error")

        with monkeypatch.context() as broken:
            broken.setattr("ajaxupload.partials.file.data.sync_file", fail)
            with pytest.raises(OSError, match="Input/output"):
                one.sync()
        with pytest.raises(Fenced):
            one.put(turn, b"more")
        assert one.status() == 4
        put(one, b"again", at=4)
    assert data_of(store)[:9] == b"safeagain"


def test_nothing_is_synced_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = kept_in(tmp_path)
    calls: list[int] = []
    with made(store) as one:
        put(one, b"abc")
        one.sync()
        monkeypatch.setattr("os.fsync", calls.append)
        for _ in range(3):
            assert one.status() == 3
        assert calls == []


def test_a_place_that_is_not_durable_syncs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    monkeypatch.setattr("os.fsync", calls.append)
    store = kept_in(tmp_path, durable=False)
    with made(store, size=6) as one:
        put(one, b"abc")
        assert one.status() == 3
        assert put_piece_of(one)
        one.save()
        one.whole()
        one.remove()
    assert calls == []


def another_boot(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the machine had been started anew, with its page cache lost or not: the ledger cannot know."""
    monkeypatch.setattr(ledger_module, "boot_id", lambda: bytes(range(16)))


def put_piece_of(one: FilePartial) -> bool:
    turn = one.begin_piece(3, 6)
    assert turn is not None
    one.put_piece(turn, b"def")
    one.accept_piece(turn, 3, 0)
    return True
