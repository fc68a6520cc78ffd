"""The order of system calls that keeps what was told (F06), read from the kernel's own log."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.backends.test_local_syscalls import Call, calls
from tests.support.tally import Tally

pytestmark = [pytest.mark.needs("strace"), pytest.mark.slow]
counted = pytest.mark.faults(always=True)

#: What the traced process does; it tells its steps by writing them to descriptor 2.
PROGRAM = """
import os, sys
from pathlib import Path
from tests.partials.uploads import *
site = Site(Path(sys.argv[1]), durable={durable})
site.open(300_000).close()
os.write(2, b"STEP created\\n")
site.write(0, noise(200_000))
os.write(2, b"STEP told\\n")
with site.find() as partial:
    put_piece(partial, 250_000, noise(50_000))
os.write(2, b"STEP piece\\n")
site.write(200_000, noise(50_000))
{before}
os.write(2, b"STEP whole\\n")
site.finish()
os.write(2, b"STEP stored\\n")
"""


@pytest.fixture
def traced(tmp_path: Path, request: pytest.FixtureRequest) -> list[Call]:
    """What the program asked of the kernel; pwrite among it."""
    kind = getattr(request, "param", "durable")
    before = '(site.stored / "a.bin").write_bytes(b"another")' if kind == "taken" else ""
    return calls(tmp_path, PROGRAM.format(durable=kind != "not durable", before=before), also="pwrite64")


def step(trace: list[Call], word: str) -> int:
    (found,) = (at for at, call in enumerate(trace) if f"STEP {word}" in call.arguments)
    return found


def places(trace: list[Call], name: str, ending: str, before: int, after: int = 0) -> list[int]:
    return [
        at
        for at, call in enumerate(trace)
        if call.name == name and call.place.endswith(ending) and after <= at < before
    ]


@counted
def test_an_upload_is_told_of_when_ledger_record_and_folder_are_synced(traced: list[Call], tally: Tally) -> None:
    created = step(traced, "created")
    (ledger,) = places(traced, "fsync", ".log", created)
    (record,) = places(traced, "fsync", ".json.new", created)
    (renamed,) = (at for at, call in enumerate(traced[:created]) if call.name == "rename" and ".json" in call.arguments)
    folder = next(at for at in places(traced, "fsync", "/up", created) if at > renamed)
    assert ledger < record < renamed < folder < created
    tally("F06", "order of calls: uploads in several requests", runs=1, faults=0)


@counted
def test_an_offset_is_told_when_its_bytes_and_then_the_ledger_are_synced(traced: list[Call], tally: Tally) -> None:
    created, told = step(traced, "created"), step(traced, "told")
    written = places(traced, "pwrite64", ".part", told, created)
    (data,) = places(traced, "fsync", ".part", told, created)
    (ledger,) = places(traced, "fsync", ".log", told, created)
    committed = [at for at in places(traced, "pwrite64", ".log", told, created) if data < at < ledger]
    assert max(written) < data < ledger < told
    assert committed, "the word that they are there comes after them, and is synced itself"
    tally("F06", "order of calls: uploads in several requests", runs=1, faults=0)


@counted
def test_a_piece_counts_when_its_bytes_are_synced(traced: list[Call], tally: Tally) -> None:
    told, piece = step(traced, "told"), step(traced, "piece")
    (data,) = places(traced, "fsync", ".part", piece, told)
    (ledger,) = places(traced, "fsync", ".log", piece, told)
    assert max(places(traced, "pwrite64", ".part", piece, told)) < data < ledger < piece
    tally("F06", "order of calls: uploads in several requests", runs=1, faults=0)


def records(trace: list[Call], after: int, before: int) -> list[int]:
    """Where a record had a line more, and was synced."""
    written = places(trace, "write", ".json", before, after)
    synced = places(trace, "fsync", ".json", before, after)
    assert [place for pair in zip(written, synced, strict=True) for place in pair] == sorted(written + synced)
    return synced


def links(trace: list[Call], name: str, after: int) -> list[int]:
    """Where a file was linked to a name like that."""
    found = (at for at, call in enumerate(trace) if call.name == "linkat" and f'"{name}' in call.arguments)
    return [at for at in found if after < at]


@counted
def test_the_record_has_the_name_before_the_link_and_says_complete_after_it(traced: list[Call], tally: Tally) -> None:
    """It was settled, and synced, when the upload began: see test_finish.py."""
    whole, stored = step(traced, "whole"), step(traced, "stored")
    (linked,) = links(traced, "a.bin", whole)
    folder = next(at for at in places(traced, "fsync", "/stored", stored) if at > linked)
    gone = max(at for at, call in enumerate(traced) if call.name == "unlink" and '.part"' in call.arguments)
    (complete,) = records(traced, whole, stored)
    assert linked < folder < complete < gone
    assert not places(traced, "pwrite64", ".part", stored, whole), "nothing is written or copied at the end"
    tally("F06", "order of calls: uploads in several requests", runs=1, faults=0)


@counted
@pytest.mark.parametrize("traced", ["taken"], indirect=True)
def test_a_name_that_is_drawn_is_planned_before_the_link(traced: list[Call], tally: Tally) -> None:
    whole, stored = step(traced, "whole"), step(traced, "stored")
    (linked,) = links(traced, "a-", whole)
    planned, complete = records(traced, whole, stored)
    assert planned < linked < complete
    tally("F06", "order of calls: uploads in several requests", runs=1, faults=0)


@pytest.mark.parametrize("traced", ["not durable"], indirect=True)
def test_not_durable_syncs_nothing(traced: list[Call]) -> None:
    assert step(traced, "stored")
    assert not [call for call in traced if call.name in ("fsync", "fdatasync")]
