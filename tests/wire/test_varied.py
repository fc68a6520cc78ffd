"""What says nothing changes nothing: each captured request, with its headers in another order and case, with further
headers, query parameters and form fields, and with another boundary, is taken by the same protocol and answered in the
same shape."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire import store
from tests.wire.captured import Captured, all_captured
from tests.wire.client import Answer
from tests.wire.doors import Door
from tests.wire.transcript import Case

pytestmark = pytest.mark.slow

CAPTURED = all_captured()
#: What differs from answer to answer, whatever was asked.
FLEETING = {"id", "uuid", "url", "deleteUrl", "sha256", "path", "process", "files", "filename", "fields"}
NAMES = ("lang", "album", "csrf_token", "_", "utf8", "X-Whatever", "größe")
WORDS = ("", "1", "de-DE,de", "a b", "ü", "{", "0" * 300)


@dataclass(frozen=True)
class Variation:
    """How a request is changed."""

    seed: int
    cased: str
    query: tuple[tuple[str, str], ...]
    fields: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    boundary: str

    def of(self, sent: Captured) -> Case:
        """That request, so changed."""
        fields = [{"name": name, "value": value} for name, value in self.fields]
        row = {**sent.row, "url": self._url(sent.row["url"])}
        if sent.parts:  # before all others: FilePond's own field stands right before its file
            row["parts"] = [*fields, *sent.parts]
        case = replace(sent, row=row).case()
        first, *lines = case.head.split(b"\r\n")
        lines += [f"{name}: {value}".encode() for name, value in self.headers]
        lines = [self._line(line) for line in lines]
        random.Random(self.seed).shuffle(lines)
        body = case.body.replace(b"--XbX", b"--" + self.boundary.encode()) if sent.parts else case.body
        return Case(case.fact, b"\r\n".join((first, *lines)), body, 0)

    def _url(self, url: str) -> str:
        for name, value in self.query:
            url += f"{'&' if '?' in url else '?'}{_quoted(name)}={_quoted(value)}"
        return url

    def _line(self, line: bytes) -> bytes:
        name, _, value = line.partition(b":")
        value = value.replace(b"boundary=XbX", f'boundary="{self.boundary}"'.encode())
        cased: bytes = getattr(name, self.cased)()
        return cased + b":" + value


def _quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


pairs = st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(WORDS)), max_size=2).map(tuple)
variations = st.builds(
    Variation,
    seed=st.integers(0, 1000),
    cased=st.sampled_from(["upper", "lower", "title", "swapcase"]),
    query=pairs,
    fields=pairs,
    headers=st.lists(
        st.tuples(st.sampled_from(["X-Trace", "DNT", "Priority", "Via"]), st.sampled_from(["1", "u=1, i", "a;b"])),
        max_size=2,
        unique_by=lambda pair: pair[0],
    ).map(tuple),
    boundary=st.sampled_from(["XbX", "----WebKitFormBoundary0aA", "-" * 30 + "123", "a'()+_,-./:=?b"]),
)


def shape(answer: Answer) -> Any:
    """What of an answer a client tells answers apart by."""
    kind = answer.headers.get("content-type", "").partition(";")[0]
    names = sorted({name.lower() for name, _ in answer.lines} - {"date", "content-length"})
    if not answer.body.startswith((b"{", b"[")):
        return answer.status, answer.reason, kind, names, len(answer.body) if kind == "text/plain" else kind
    reply = json.loads(answer.body)
    if isinstance(reply, list):
        return answer.status, answer.reason, kind, names, reply
    told = {name: value for name, value in reply.items() if name not in FLEETING}
    return answer.status, answer.reason, kind, names, sorted(reply), told


def asked(door: Door, case: Case) -> Any:
    """The answer's shape, and what was stored: of this request alone."""
    store.take(door.root)
    store.forget(door.root)
    answer = door.send(case)
    return shape(answer), sorted(store.take(door.root).items())


@pytest.fixture(scope="module")
def plain() -> Any:
    """The shape of each request as it was captured."""

    @cache
    def of(door: Any, at: int) -> Any:
        return asked(door, CAPTURED[at].case())

    return of


@pytest.mark.parametrize("door", ["webtest"], indirect=True)
@pytest.mark.parametrize("protocol", sorted({each.verdict() for each in CAPTURED}))
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data(), variation=variations)
def test_what_says_nothing_changes_nothing(
    door: Door, protocol: str, plain: Any, data: st.DataObject, variation: Variation
) -> None:
    rows = [at for at, each in enumerate(CAPTURED) if each.verdict() == protocol]
    at = data.draw(st.sampled_from(rows))
    assert asked(door, variation.of(CAPTURED[at])) == plain(door, at), CAPTURED[at].fact


def test_all_that_was_captured_is_varied() -> None:
    assert len(CAPTURED) == 212
