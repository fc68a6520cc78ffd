"""The protocols as tables of wire bytes: the same through WebTest with lint, bare servers and frameworks."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire import store
from tests.wire.doors import DOORS, FRAMEWORKS, SERVERS, Door
from tests.wire.judge import faults
from tests.wire.transcript import Case, table

TABLES = ("valums", "form", "raw", "methods", "pieces", "origins")


def rows(doors: tuple[str, ...], *tables: str) -> list[Any]:
    """A parameter for each door and case, all cases of a door one after the other."""
    cases = [(name, case) for name in tables for case in table(name)]
    return [
        pytest.param(
            door, case, id=f"{door}-{name}: {case.fact}", marks=[] if door == "webtest" else pytest.mark.servers
        )
        for door in doors
        for name, case in cases
    ]


def check(door: Door, case: Case) -> None:
    answer = door.send(case)
    found = faults(case, door.name, answer, store.take(door.root))
    assert not found, "\n".join(found)
    assert str(door.root).encode() not in answer.body, "an answer says where we live"


@pytest.mark.parametrize(("door", "case"), rows(DOORS, *TABLES), indirect=["door"])
def test_is_answered_and_stored_as_the_transcript_says(door: Door, case: Case) -> None:
    check(door, case)


@pytest.mark.parametrize(("door", "case"), rows((*SERVERS, *FRAMEWORKS), "lengths"), indirect=["door"])
def test_a_length_that_cannot_be_trusted_stores_nothing(door: Door, case: Case) -> None:
    check(door, case)
