"""Quotas, whatever happens in whatever order: never more is held than there is, and what is stored is what counts."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.quotas import Site

ROOM = 1000

SIZES = st.integers(0, 500)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("create"), st.one_of(st.none(), SIZES)),
        st.tuples(st.just("write"), SIZES),
        st.tuples(st.sampled_from(["abort", "declare", "delete", "again"]), st.integers(0, 5)),
        st.tuples(st.just("put"), SIZES),
        st.tuples(st.just("form"), st.lists(SIZES, min_size=1, max_size=3)),
    ),
    max_size=12,
)


class Life:
    """Does as it is told, with what is there."""

    def __init__(self, folder: Path) -> None:
        self.site = Site(folder, ROOM, allow_delete=True)
        self.open: list[str] = []
        self.kept: list[str] = []

    def do(self, verb: str, value: Any) -> None:
        getattr(self, verb)(value)
        kept, held = self.site.standing()
        assert kept == self.site.stored()
        assert kept + held <= ROOM

    def create(self, size: int | None) -> None:
        answer = self.site.create(size)
        if answer.status_code == 201 and size != 0:
            self.open.append(answer.headers["Location"])

    def write(self, size: int) -> None:
        if self.open:
            url = self.open[size % len(self.open)]
            offset = self.site.tus("HEAD", url).headers.get("Upload-Offset")
            answer = self.site.tus("PATCH", url, bytes(size), Upload_Offset=str(offset))
            if answer.status_code == 413 and "quota" in answer.text:
                self.open.remove(url)

    def declare(self, number: int) -> None:
        if self.open:
            url = self.open[number % len(self.open)]
            offset = int(self.site.tus("HEAD", url).headers.get("Upload-Offset", 0))
            more = str(offset + 10 * number)
            self.site.tus("PATCH", url, b"", Upload_Offset=str(offset), Upload_Length=more)

    def abort(self, number: int) -> None:
        if self.open:
            self.site.tus("DELETE", self.open.pop(number % len(self.open)))

    def delete(self, number: int) -> None:
        if self.kept:
            self.site.ask("DELETE", self.kept.pop(number % len(self.kept)))

    def again(self, _number: int) -> None:
        self.site.put(50, Idempotency_Key="k")

    def put(self, size: int) -> None:
        self._note(self.site.put(size))

    def form(self, sizes: list[int]) -> None:
        self._note(self.site.form(*sizes))

    def _note(self, answer: Any) -> None:
        if answer.status_code < 300:
            self.kept.extend(file["deleteUrl"] for file in answer.json["files"])


@pytest.mark.slow
@pytest.mark.parametrize("many", [20, pytest.param(500, marks=pytest.mark.full)])
def test_whatever_happens_no_more_is_held_than_there_is_and_what_is_stored_is_what_counts(many: int) -> None:
    @settings(deadline=None, max_examples=many)
    @given(STEPS)
    def check(steps: list[tuple[str, Any]]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            life = Life(Path(folder))
            for verb, value in steps:
                life.do(verb, value)
            for url in life.open:
                life.site.tus("DELETE", url)
            assert life.site.standing() == (life.site.stored(), 0)

    check()
