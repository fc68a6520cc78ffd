"""What other projects test their parsers, file names and tus servers with: all of it passes, byte by byte and chunked
as well."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.wire import store
from tests.wire.corpus import Box, box

pytestmark = [pytest.mark.corpora, pytest.mark.servers, pytest.mark.slow]

LISTED = ("jpg", "png", "gif", "txt", "pdf")
FOLDERS = ("multipart", "names", "tus")
SENDING = [(), ("--split", "1"), ("--te",)]


def sent_as(*sending: tuple[str, ...]) -> pytest.MarkDecorator:
    """A test for each of the script's ways to send a body."""
    return pytest.mark.parametrize("sending", sending, ids=lambda each: " ".join(each) or "whole")


each_transport = pytest.mark.parametrize("transport", ["raw", "multipart", "tus"])
#: What a server may offer of tus.
TUS = "core,creation,creation-with-upload,creation-defer-length,checksum,termination,concatenation"


@pytest.fixture(scope="module")
def running_box(corpora: Path) -> Iterator[Box]:
    with box(corpora) as found:
        yield found


@pytest.fixture
def unprivileged(running_box: Box) -> Iterator[Box]:
    """The server; whatever was sent to it, nothing unfinished stays."""
    yield running_box
    assert not store.left_behind(running_box.server.pids(), running_box.server.root)


def test_the_server_has_no_rights(unprivileged: Box) -> None:
    status = Path(f"/proc/{unprivileged.server.process.pid}/status").read_text(encoding="ascii")
    lines = {name: value.split() for name, _, value in (line.partition(":") for line in status.splitlines())}
    assert "0" not in lines["Uid"] + lines["Gid"] + lines["Groups"]
    assert int(lines["CapEff"][0], 16) == 0


@sent_as(*SENDING, ("--te", "--split", "1"))
def test_all_340_multipart_bodies_are_read_as_expected(unprivileged: Box, sending: tuple[str, ...]) -> None:
    assert not unprivileged.run("multipart", "/corpus", *sending)


@each_transport
@sent_as(*SENDING)
def test_all_1138_names_are_stored_safely(unprivileged: Box, transport: str, sending: tuple[str, ...]) -> None:
    sent, failures = unprivileged.run_names("/corpus", "--transport", transport, *sending)
    assert not failures
    assert sent == 1138


def is_listed(case: dict[str, Any]) -> bool:
    """Not a plain name whose type is not on the list: to the script those are to be stored all the same."""
    extension = os.path.splitext(base64.b64decode(case["name_b64"]))[1].decode("latin-1")[1:].lower()
    return case["expect"] != "accept" or extension in LISTED


@each_transport
def test_with_a_list_of_types_no_name_brings_another_type_in(unprivileged: Box, transport: str) -> None:
    options = ("--transport", transport, "--allowlist", ",".join(LISTED))
    sent, failures = unprivileged.run_names("/listed", *options, only=is_listed)
    assert not failures
    assert sent == 1138 - 165


@each_transport
def test_with_a_list_of_types_plain_names_of_other_types_are_refused(unprivileged: Box, transport: str) -> None:
    sent, failures = unprivileged.run_names("/listed", "--transport", transport, only=lambda case: not is_listed(case))
    assert len(failures) == sent == 165
    assert all(line.endswith("[accept] status=415 refused with 415") for line in failures)
    assert store.visible(unprivileged.server.root) == {}


@pytest.mark.parametrize("split", [(), ("--split", "1")], ids=["whole", "byte by byte"])
def test_all_104_tus_scripts_pass(unprivileged: Box, split: tuple[str, ...]) -> None:
    options = ("--have", TUS, "--max-size", str(1 << 20), *split)
    failures = unprivileged.run("tus", "/corpus", *options)
    # This one is for servers whose final uploads cannot wait for their parts, as they may here and in tus' own text.
    assert [line.partition(" [")[0] for line in failures] == ["FAIL tus/concat-unfinished"]
    assert not unprivileged.run("tus", "/whole-parts", *options)


def test_the_manifests_are_the_ones_that_were_counted(corpora: Path) -> None:
    counts = {what: len(json.loads((corpora / what / "manifest.json").read_text())) for what in FOLDERS}
    assert counts == {"multipart": 340, "names": 1138, "tus": 104}
