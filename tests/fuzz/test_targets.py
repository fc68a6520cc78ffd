"""Every fuzzing target holds for its seeds and for a second of random inputs; `make fuzz` goes on for as long as is
wished."""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.run import LONGEST, TARGETS, prepare, target, timed

pytestmark = pytest.mark.slow

each_target = pytest.mark.parametrize("name", TARGETS)


def test_there_is_no_target_that_nobody_runs() -> None:
    others = {"feed", "run", "test_targets"}
    assert {path.stem for path in Path(__file__).parent.glob("*.py")} - others == set(TARGETS)


@each_target
def test_its_seeds_hold(name: str) -> None:
    found = target(name)
    for seed in (*found.SEEDS, b"", *found.WORDS):
        found.check(seed)


@each_target
def test_random_inputs_hold(name: str) -> None:
    found = target(name)
    mixed = st.lists(st.sampled_from((*found.SEEDS, *found.WORDS)) | st.binary(max_size=6), max_size=12).map(b"".join)

    @settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mixed | st.binary(max_size=200))
    def hold(data: bytes) -> None:
        timed(found.check)(data[:LONGEST])

    hold()


@each_target
def test_spoilt_seeds_hold(name: str) -> None:
    found, chance = target(name), random.Random(20261122)
    end = time.thread_time() + 0.5
    for _ in range(300):
        data = bytearray(chance.choice(found.SEEDS))
        for _ in range(chance.randint(1, 6)):
            at = chance.randint(0, len(data))
            data[at : at + chance.choice((0, 0, 1, 2, 9))] = chance.choice(found.WORDS)
        timed(found.check)(bytes(data))
        if time.thread_time() > end:
            break


@each_target
def test_it_has_what_a_fuzzer_begins_with(name: str, tmp_path: Path) -> None:
    prepare(target(name), tmp_path)
    assert len(list((tmp_path / "corpus").iterdir())) == len(target(name).SEEDS) >= 2
    lines = (tmp_path / "words").read_text(encoding="ascii").splitlines()
    assert len(lines) >= 10
    assert all(line.startswith('"\\x') and line.endswith('"') for line in lines)
