"""F29: the collections of other projects' inputs, on four servers, by each protocol of whole files and tus; whole, in
pieces of 1, 100 and 65,536 bytes, and chunked: all of it passes.

What lives here: the mixes; each server is a user without rights, in a folder of its own. What must not: exact counts,
which tests/wire/test_corpora.py has for cheroot.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.tally import Tally
from tests.wire import store
from tests.wire.corpus import Box, box
from tests.wire.test_corpora import TUS

pytestmark = [pytest.mark.corpora, pytest.mark.servers, pytest.mark.slow, pytest.mark.faults]

SERVERS = ("cheroot", "gunicorn", "waitress", "werkzeug")
SPLITS = (("--split", "1"), ("--split", "100"), ("--split", "65536"))
SENDING = ((), *SPLITS, ("--te",), ("--te", "--split", "100"))
FOR_NAMES = [each for each in SENDING if "65536" not in each]  # bodies with a line of text are smaller than that
each_server = pytest.mark.parametrize("running_box", SERVERS, indirect=True, scope="module")


@pytest.fixture(scope="module")
def running_box(request: pytest.FixtureRequest, corpora: Path) -> Iterator[Box]:
    with box(corpora, request.param) as found:
        yield found


@pytest.fixture
def unprivileged(running_box: Box) -> Iterator[Box]:
    """The server; whatever was sent to it, nothing unfinished stays."""
    yield running_box
    assert not store.left_behind(running_box.server.pids(), running_box.server.root)


def count_of(box: Box, what: str) -> int:
    return len(json.loads((box.corpora / what / "manifest.json").read_text(encoding="utf-8")))


@each_server
def test_all_multipart_bodies(unprivileged: Box, tally: Tally) -> None:
    for sending in SENDING:
        assert not unprivileged.run("multipart", "/corpus", *sending), sending
    runs = len(SENDING) * count_of(unprivileged, "multipart")
    tally("F29", f"multipart bodies on {unprivileged.server.kind}", runs=runs, faults=runs)


@each_server
@pytest.mark.parametrize("transport", ["raw", "multipart", "tus"])
def test_all_names(unprivileged: Box, tally: Tally, transport: str) -> None:
    runs = 0
    for sending in FOR_NAMES:
        sent, failures = unprivileged.run_names("/corpus", "--transport", transport, *sending)
        assert not failures, sending
        runs += sent
    tally("F29", f"names by {transport} on {unprivileged.server.kind}", runs=runs, faults=runs)


@each_server
def test_all_tus_scripts(unprivileged: Box, tally: Tally) -> None:
    ways = ((), *SPLITS)
    for split in ways:
        options = ("--have", TUS, "--max-size", str(1 << 20), *split)
        assert not unprivileged.run("tus", "/whole-parts", *options), split
    runs = len(ways) * count_of(unprivileged, "tus")
    tally("F29", f"tus scripts on {unprivileged.server.kind}", runs=runs, faults=runs)
