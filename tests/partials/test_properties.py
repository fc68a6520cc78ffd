"""Any cutting, order, repeat, abort and death that a protocol allows: the file is byte-identical, and stored once.

Each step uses stores and engines of its own, as another worker's request does. The machine's other boot is played too.
"""

from __future__ import annotations

import io
import shutil
import tempfile
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from ajaxupload.engine import Expected
from ajaxupload.errors import BodyIncomplete, DigestMismatch, Fenced, OffsetMismatch, PieceDiffers
from ajaxupload.partials import Turn
from ajaxupload.partials.file import ledger as ledger_module
from ajaxupload.partials.file.partial import FilePartial
from tests.partials.uploads import Site, noise, sha
from tests.support.tally import Tally

pytestmark = pytest.mark.slow

MOST = 3_000


class Keeping(RuleBasedStateMachine):
    """KEEP: writers from the end on, of whom only the last one counts; and what was told to whom."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.told = self.sent = 0
        self.writers: list[tuple[FilePartial, Turn]] = []
        self.boot = 0
        self.patch = mock.patch.object(ledger_module, "boot_id", self.boot_id)
        self.patch.start()

    @initialize(size=st.integers(0, MOST), seed=st.integers(0, 99))
    def create(self, size: int, seed: int) -> None:
        self.content = noise(size, seed)
        self.first = Site(self.folder, durable=False)
        self.site().open(size).close()

    def site(self) -> Site:
        return self.first.again()

    def boot_id(self) -> bytes:
        return bytes([self.boot]) * 16

    def tell(self, offset: int) -> None:
        assert self.told <= offset <= max(self.sent, self.told)
        self.told = offset

    @rule()
    def ask(self) -> None:
        self.tell(self.site().status())
        self.end_turns()

    @rule(size=st.integers(0, MOST))
    def send(self, size: int) -> None:
        """A whole request, at the offset that was told last."""
        block = self.content[self.told : self.told + size]
        try:
            offset = self.site().write(self.told, block)
        except OffsetMismatch as error:
            self.tell(error.expected)
            return
        self.sent = max(self.sent, self.told + len(block))
        self.tell(offset)
        assert offset >= self.told
        self.end_turns()

    @rule(declared=st.integers(1, MOST), came=st.integers(0, MOST))
    def break_off(self, declared: int, came: int) -> None:
        """A body that ends before its length: at any byte. What came is kept."""
        site = self.site()
        at = site.status()
        self.end_turns()
        declared = min(declared, len(self.content) - at)
        came = min(came, declared - 1)
        if came < 0:
            return
        request = site.request()
        request.environ |= {"CONTENT_LENGTH": str(declared), "wsgi.input": io.BytesIO(self.content[at : at + came])}
        with site.find() as partial, suppress(BodyIncomplete):
            site.resumable.write(request, partial, at, request.upload_body)
        self.sent = max(self.sent, at + came)
        assert site.status() == at + came
        self.tell(at + came)

    @rule(size=st.integers(1, MOST), damaged=st.booleans())
    def send_verified(self, size: int, damaged: bool) -> None:
        site = self.site()
        at = site.status()
        self.end_turns()
        block = self.content[at : at + size]
        request = site.request(block)
        expected = Expected("sha256", bytes.fromhex(sha(block + b"x" if damaged else block)))
        with site.find() as partial:
            try:
                site.resumable.write(request, partial, at, request.upload_body, expected)
                self.sent = max(self.sent, at + len(block))
                assert not damaged
            except DigestMismatch:
                assert damaged
        self.tell(site.status())
        assert self.told == at + (0 if damaged else len(block))

    @rule()
    def begin(self) -> None:
        """A slow writer, whose blocks come between other requests."""
        partial = self.site().find()
        try:
            turn = partial.begin(partial.offset)
        except OffsetMismatch:
            partial.close()
            return
        self.writers.append((partial, turn))
        self.current = partial

    @rule(which=st.integers(0, 5), size=st.integers(1, 500))
    def go_on(self, which: int, size: int) -> None:
        if not self.writers:
            return
        partial, turn = self.writers[which % len(self.writers)]
        current = partial is self.current
        block = self.content[turn.at : turn.at + size]
        try:
            partial.put(turn, block)
            assert current, "a writer that had lost its turn has written"
            self.sent = max(self.sent, turn.at)
        except Fenced:
            assert not current

    @rule()
    def lose_power(self) -> None:
        """What was told is still there. (What was not synced would be gone; the bytes themselves are harmless.)"""
        self.end_turns()
        for partial, _ in self.writers:
            partial.close()
        self.writers.clear()
        self.boot += 1
        offset = self.site().status()
        assert offset >= self.told
        self.tell(offset)

    def end_turns(self) -> None:
        self.current = None

    current: FilePartial | None = None

    @invariant()
    def what_counts_is_what_was_sent(self) -> None:
        if hasattr(self, "content"):
            with self.site().find() as partial:
                found = partial.offset
                assert partial.read(0, found) == self.content[:found]

    def teardown(self) -> None:
        try:
            for partial, _ in self.writers:
                partial.close()
            if hasattr(self, "content"):
                upload = self.site().resume(self.content, step=1_000)
                assert self.site().finish() == upload
                assert self.site().files() == {"a.bin": sha(self.content)}
        finally:
            self.patch.stop()
            shutil.rmtree(self.folder)


PATIENT = settings(deadline=None, suppress_health_check=list(HealthCheck))
FULL = [pytest.mark.full, pytest.mark.slow]
#: Examples, of so many steps. The long counts come in parts: no test may take minutes.
REQUESTS = [(10, 20), *(pytest.param((50, 50), marks=FULL) for _ in range(20))]
SCHEDULES = [20, *(pytest.param(500, marks=[pytest.mark.faults, pytest.mark.slow]) for _ in range(20))]


@pytest.mark.parametrize("many", REQUESTS)
def test_any_requests_of_any_writers_make_the_file(many: tuple[int, int]) -> None:
    run_state_machine_as_test(Keeping, settings=settings(PATIENT, max_examples=many[0], stateful_step_count=many[1]))


@st.composite
def schedules(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    """A file's size; pieces that cover it, 1 to 64 of them, cut anywhere, shuffled, some twice, some overlapping."""
    size = draw(st.integers(1, MOST))
    cuts = sorted(draw(st.sets(st.integers(1, max(1, size - 1)), max_size=63)) - {size})
    edges = [0, *cuts, size]
    pieces = list(pairwise(edges))
    for _ in range(draw(st.integers(0, 5))):
        start = draw(st.integers(0, size - 1))
        pieces.append((start, draw(st.integers(start + 1, size))))
    return size, draw(st.permutations(pieces))


def check_schedule(schedule: tuple[int, list[tuple[int, int]]], block: int, random: Any) -> None:
    """It is finished when each byte came, not before; each piece may be broken off once, and may differ once."""
    size, pieces = schedule
    content = noise(size, size)
    folder = Path(tempfile.mkdtemp())
    try:
        first = Site(folder, durable=False)
        first.open(size).close()
        came: set[int] = set()
        for start, end in pieces:
            if random.random() < 0.2:
                send_piece(first, start, content[start : random.randrange(start, end)], end - start, block)
            if random.random() < 0.2:
                differ(first, content, start, end, came, block)
            with first.again().find() as partial:
                assert {at for first, last in partial.missing() for at in range(first, last)} == set(range(size)) - came
            assert send_piece(first, start, content[start:end], end - start, block)
            came.update(range(start, end))
        upload = first.again().finish()
        assert first.files() == {upload.filename: sha(content)}
    finally:
        shutil.rmtree(folder)


def send_piece(first: Site, start: int, content: bytes, size: int, block: int) -> bool:
    """One request; False where it ended before its `size` bytes."""
    site = first.again()
    blocks = iter([content[at : at + block] for at in range(0, len(content), block)])
    with site.find() as partial:
        try:
            site.resumable.piece(site.request(), partial, start, size, chunks=lambda: next(blocks, b""))
        except BodyIncomplete:
            return False
    return True


def differ(first: Site, content: bytes, start: int, end: int, came: set[int], block: int) -> None:
    """Send other bytes where some count already: refused, if one of these is among those that differ."""
    known = sorted(came & set(range(start, end)))
    if not known:
        return
    false = bytearray(content[start:end])
    false[known[0] - start] ^= 1
    try:
        send_piece(first, start, bytes(false), end - start, block)
    except PieceDiffers:
        return
    raise AssertionError("bytes that count were replaced")


@pytest.mark.parametrize("many", SCHEDULES)
def test_pieces_in_any_order_overlapping_repeated_and_broken_off(tally: Tally, many: int) -> None:
    """F16: see docs/reference/guarantees-faults.md."""
    arguments = given(schedules(), st.integers(1, 700), st.randoms(use_true_random=False))
    settings(PATIENT, max_examples=many)(arguments(check_schedule))()
    tally("F16", "schedules of pieces, repeated, overlapping and broken off", runs=many, faults=many)
