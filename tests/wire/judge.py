"""Whether what came back, and what lies on the disk, is what a transcript says.

What lives here: the comparison, in words that a failing test can show. What must not: sending.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any

from tests.wire.client import Answer
from tests.wire.store import without_suffix
from tests.wire.transcript import Case


def faults(case: Case, door: str, answer: Answer, stored: Mapping[str, bytes]) -> list[str]:
    """Everything that differs."""
    expected = case.elsewhere.get(door)
    if expected is not None:
        found = [] if answer.status in expected.statuses else [f"status {answer.status}, not {expected.statuses}"]
        return [*found, *_disk(expected.stored, stored)]
    found = [*_status(case, answer), *_headers(case, answer), *_body(case, answer), *_disk(case.stored, stored)]
    return [*found, f"the answer was {answer.status} {answer.lines}\n{answer.body[:1000]!r}"] if found else []


def _status(case: Case, answer: Answer) -> Iterator[str]:
    if answer.status != case.status:
        yield f"status {answer.status}, not {case.status}"


def _headers(case: Case, answer: Answer) -> Iterator[str]:
    for name, text in case.headers.items():
        value = answer.headers.get(name.lower())
        if text is None and value is not None:
            yield f"header {name} is there: {value}"
        elif text is not None and (value is None or text not in value):
            yield f"header {name} is {value!r}, without {text!r}"


def _body(case: Case, answer: Answer) -> Iterator[str]:
    text = answer.body.decode("utf-8", "replace")
    if case.json is not None:
        try:
            yield from differences(case.json, answer.json, "json")
        except ValueError:
            yield "the body is no JSON"
    yield from (f"{each!r} is not in the body" for each in case.texts if each not in text)
    yield from (f"{each!r} is in the body" for each in case.absent if each in text)


def differences(wanted: Any, found: Any, where: str) -> Iterator[str]:
    """Where `found` does not hold all of `wanted`: dicts by their keys, lists item by item, all else by equality."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        for key, value in wanted.items():
            yield from differences(value, found.get(key), f"{where}.{key}")
    elif isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        for at, (one, other) in enumerate(zip(wanted, found, strict=True)):
            yield from differences(one, other, f"{where}[{at}]")
    elif wanted != found:
        yield f"{where} is {found!r}, not {wanted!r}"


def _disk(wanted: tuple[tuple[str, bytes], ...], stored: Mapping[str, bytes]) -> Iterator[str]:
    before = sorted((name, _digest(content)) for name, content in wanted)
    after = sorted((without_suffix(name), _digest(content)) for name, content in stored.items())
    if before != after:
        yield f"stored {after}, not {before}"


def _digest(content: bytes) -> str:
    return f"{len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()[:16]}"
