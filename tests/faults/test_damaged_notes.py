"""F26: what is noted about an unfinished upload is cut off at each byte, and each byte of it is another one in each of
several ways. That upload is as it was, or is not there; all others go on, and nothing raises anything else.

What lives here: every place. What must not: other damage (tests/partials/test_damage.py).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from ajaxupload.errors import NotFound
from ajaxupload.partials.file import FilePartials
from tests.partials.test_damage import harmed, is_lost
from tests.partials.uploads import ID, path_of
from tests.support.tally import Tally

pytestmark = [pytest.mark.slow, pytest.mark.faults]

TURNS = (0x01, 0x15, 0x80, 0xFF)
each_file = pytest.mark.parametrize("extension", [".json", ".log"])


def told(store: FilePartials) -> object:
    """All that can be asked of the upload; None where it is not there."""
    try:
        with store.find(ID) as found:
            return found.offset, found.record, found.missing()
    except NotFound:
        return None


@each_file
def test_cut_off_at_each_byte(tmp_path: Path, tally: Tally, extension: str) -> None:
    store = harmed(tmp_path)
    path = path_of(store, extension)
    whole = path.read_bytes().rstrip(b"\n")  # without the end of its line a record is as it was
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        assert is_lost(store), length
    tally("F26", f"notes cut off at each byte: {extension}", runs=len(whole), faults=len(whole))


@each_file
def test_each_byte_is_another_one(tmp_path: Path, tally: Tally, extension: str) -> None:
    store = harmed(tmp_path)
    path = path_of(store, extension)
    whole, truth = path.read_bytes(), told(store)
    for at, byte in enumerate(whole):
        for turn in TURNS:
            path.write_bytes(whole[:at] + bytes([byte ^ turn]) + whole[at + 1 :])
            assert told(store) in (truth, None), (at, turn)
    runs = len(TURNS) * len(whole)
    tally("F26", f"each byte of the notes turned: {extension}", runs=runs, faults=runs)
