"""F27: requests of other sites in all mixes of headers, on every server and framework of the wire tests and through
WebTest: refused or answered as the table says, and nothing is stored that should not be.

What lives here: counting. What must not: the table itself (tests/wire/tables/origins.txt).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.tally import Tally
from tests.wire import store
from tests.wire.doors import DOORS, opened
from tests.wire.judge import faults
from tests.wire.transcript import table

pytestmark = [pytest.mark.servers, pytest.mark.slow, pytest.mark.faults]


@pytest.mark.parametrize("name", DOORS)
def test_is_answered_and_stored_as_the_table_says(tmp_path: Path, tally: Tally, name: str) -> None:
    cases = list(table("origins"))
    with opened(name, tmp_path) as door:
        for case in cases:
            assert not faults(case, name, door.send(case), store.take(door.root)), case.fact
        assert not door.complaints()
    tally("F27", "requests of other sites, on every server and framework", runs=len(cases), faults=len(cases))
