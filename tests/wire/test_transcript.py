"""The rig itself: a transcript is read as it is written, and every kind of difference is noticed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.wire import servers, store
from tests.wire.client import Answer
from tests.wire.judge import faults
from tests.wire.transcript import TABLES, Case, Elsewhere, table

TEXT = r"""A file's opening words.

== a fact
# a remark
> POST /upload HTTP/1.1
> X-Name: é\x41
>
> {3*ab}\x00
>
< 200
< Content-Type: json
< !Location
<
< {"a": {"b": [1, {"c": 2}]}}
< must be there
< !must not
= a-*.txt  xy
= empty.txt
@ one two: 400 411
@ three: 200 = b.txt  z
"""


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    monkeypatch.setattr("tests.wire.transcript.TABLES", tmp_path)
    (tmp_path / "mine.txt").write_text(TEXT, encoding="utf-8")
    (found,) = table("mine")
    return found


def test_a_transcript_is_read_as_it_is_written(case: Case) -> None:
    assert case.fact == "a fact"
    assert case.request("here", Cookie="x") == (
        b"POST /upload HTTP/1.1\r\nX-Name: \xc3\xa9A\r\nHost: here\r\nCookie: x\r\nContent-Length: 9\r\n\r\n"
        b"ababab\x00\r\n"
    )
    assert (case.status, case.headers) == (200, {"Content-Type": "json", "Location": None})
    assert (case.json, case.texts, case.absent) == ({"a": {"b": [1, {"c": 2}]}}, ("must be there",), ("must not",))
    assert case.stored == (("a-*.txt", b"xy"), ("empty.txt", b""))
    refusal = Elsewhere((400, 411))
    assert case.elsewhere == {"one": refusal, "two": refusal, "three": Elsewhere((200,), (("b.txt", b"z"),))}


GOOD = {
    "status": 200,
    "headers": {"content-type": "application/json"},
    "body": b'{"a": {"b": [1, {"c": 2, "more": 3}], "more": 4}, "say": "must be there"}',
    "stored": {"a-x7h2k9q.txt": b"xy", "empty.txt": b""},
}


def judged(case: Case, door: str = "any", **other: Any) -> list[str]:
    got = {**GOOD, **other}
    return faults(case, door, Answer(got["status"], [], got["body"], got["headers"]), got["stored"])


def test_what_a_transcript_says_is_enough(case: Case) -> None:
    assert judged(case) == []


@pytest.mark.parametrize(
    "other",
    [
        {"status": 201},
        {"headers": {}},
        {"headers": {"content-type": "text/html"}},
        {"headers": {"content-type": "application/json", "location": "/"}},
        {"body": b"must be there"},
        {"body": b'{"a": {"b": [1, {"c": 2}]}}'},
        {"body": b'{"a": {"b": [1, {"c": 3}]}, "say": "must be there"}'},
        {"body": b'{"a": {"b": [1]}, "say": "must be there"}'},
        {"body": b'{"a": {"b": [1, {"c": 2}]}, "say": "must be there, must not"}'},
        {"stored": {}},
        {"stored": {"a-x7h2k9q.txt": b"xy"}},
        {"stored": {"a-x7h2k9q.txt": b"xz", "empty.txt": b""}},
        {"stored": {"a.txt": b"xy", "empty.txt": b""}},
        {"stored": {"a-x7h2k9q.txt": b"xy", "empty.txt": b"", "more.txt": b""}},
    ],
)
def test_every_difference_is_noticed(case: Case, other: dict[str, Any]) -> None:
    assert judged(case, **other)


def test_elsewhere_only_what_is_said_there_is_right(case: Case) -> None:
    assert judged(case, "one", status=411, stored={}) == []
    assert judged(case, "one", status=200, stored={})
    assert judged(case, "one", status=400)
    assert judged(case, "three", stored={"b.txt": b"z"}) == []


def test_a_line_that_is_none_of_these_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.wire.transcript.TABLES", tmp_path)
    (tmp_path / "odd.txt").write_text("== a fact\n> GET / HTTP/1.1\n< 200\nwhat is this\n", encoding="utf-8")
    with pytest.raises(ValueError, match="what is this"):
        table("odd")


def test_every_table_has_cases() -> None:
    assert {path.stem: bool(table(path.stem)) for path in TABLES.glob("*.txt")} == dict.fromkeys(
        ("form", "lengths", "methods", "origins", "pieces", "raw", "valums"), True
    )


OURS = 'Traceback (most recent call last):\n  File "/x/site-packages/ajaxupload/body.py", line 1\nOSError: no\n'
THEIRS = 'Traceback (most recent call last):\n  File "/x/site-packages/cheroot/server.py", line 1\nOSError: no\n'


@pytest.mark.parametrize(
    ("said", "ours"),
    [("Listening\n", 0), (OURS, 1), (THEIRS, 0), (THEIRS + OURS + THEIRS + OURS, 2), ("x" + OURS + "y" + THEIRS, 1)],
)
def test_a_servers_log_tells_whose_fault_it_was(said: str, ours: int) -> None:
    assert len(servers.faults(said)) == ours


def test_what_is_left_behind_is_seen(tmp_path: Path) -> None:
    (tmp_path / "private" / "incoming").mkdir(parents=True)
    assert store.left_behind([os.getpid()], tmp_path, patience=0) == []
    (tmp_path / "private" / "incoming" / "x.part").touch()
    assert store.left_behind([os.getpid()], tmp_path, patience=0) == ["x.part"]
    (tmp_path / "private" / "incoming" / "x.part").unlink()
    with (tmp_path / "unnamed").open("wb") as file:
        os.unlink(file.name)
        assert len(store.left_behind([os.getpid()], tmp_path, patience=0)) == 1
