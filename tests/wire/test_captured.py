"""212 requests of 20 real widgets: whole files are taken by the right protocol and answered as their client takes it,
everything else is refused and leaves nothing; nothing is ever a 5xx but 501."""

from __future__ import annotations

from typing import Any

import pytest

from tests.wire import store
from tests.wire.captured import AS_PLAIN, SPOKEN, UNDECIDABLE, Captured, all_captured
from tests.wire.client import Answer
from tests.wire.doors import DOORS, Door
from tests.wire.store import without_suffix

CAPTURED = all_captured()
TAKEN = [each for each in CAPTURED if each.spoken_as()]
REFUSED = [each for each in CAPTURED if not each.spoken_as()]


def rows(captured: list[Captured]) -> list[Any]:
    return [
        pytest.param(door, each, id=f"{door}-{each.fact}", marks=[] if door == "webtest" else pytest.mark.servers)
        for door in DOORS
        for each in captured
    ]


@pytest.mark.parametrize(("door", "sent"), rows(TAKEN), indirect=["door"])
def test_a_whole_file_is_stored_and_answered_as_its_client_takes_it(door: Door, sent: Captured) -> None:
    answer = door.send(sent.case())
    stored = store.take(door.root)
    if door.name == "wsgiref" and "transfer-encoding" in sent.headers:
        assert (answer.status, stored) == (411, {})
        return
    assert answer.status == (201 if sent.method == "PUT" else 200), answer
    check_dialect(sent, answer)
    assert sorted(stored.values()) == sorted(content for _, content in sent.files())
    names = [name.replace("%22", "_") for name, _ in sent.files() if name]  # a quote, as browsers write it in forms
    assert {without_suffix(name) for name in stored} >= set(names[:1])


def check_dialect(sent: Captured, answer: Answer) -> None:
    """The shape that this client reads."""
    kind = answer.headers["content-type"].partition(";")[0]
    if "hx-request" in sent.headers or sent.headers.get("sec-fetch-dest") == "document":
        assert kind == "text/html"
        assert b'<ul class="ajaxupload-stored"><li>' in answer.body
        return
    assert kind == ("text/html" if sent.headers.get("sec-fetch-dest") == "iframe" else "application/json")
    reply = answer.json
    assert reply["success"] is True
    assert reply["uuid"] == reply["id"]
    assert reply["protocol"] == sent.spoken_as()
    assert [each["size"] for each in reply["files"]] == [len(content) for _, content in sent.files()]


@pytest.mark.parametrize(("door", "sent"), rows(REFUSED), indirect=["door"])
def test_everything_else_is_refused_and_nothing_of_it_stored(door: Door, sent: Captured) -> None:
    answer = door.send(sent.case())
    # None of these widgets wants its refusals with 200; Resumable.js and Flow.js take it for "I have that piece".
    assert 400 <= answer.status < 500 or answer.status == 501, answer
    assert store.take(door.root) == {}


def test_all_that_was_captured_is_judged() -> None:
    assert (len(CAPTURED), len(TAKEN), len(REFUSED)) == (212, 66, 146)


def test_no_piece_is_taken_for_a_file_where_it_can_be_told() -> None:
    sizes = {each.fact: sum(len(content) for _, content in each.files()) for each in TAKEN if "dz" in each.fact}
    assert {fact: size for fact, size in sizes.items() if size % 25} == {
        "dz6_binary 0": 10,
        "dz6_binary 1": 10,
        "dz6_binary 2": 5,
    }
    assert {each.row["case"] for each in TAKEN if not {*each.row["protocol_is_one_of"]} & {*SPOKEN, *AS_PLAIN}} == set()
    assert UNDECIDABLE >= {"dz6_binary"}
