"""The harness with real servers, in little: who takes part is measured, and who cannot or lies is named."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from benchmarks.client import Connection, Refused
from benchmarks.contender import Contender, Way
from benchmarks.figures import Table
from benchmarks.peers import loops, ours
from benchmarks.processes import NotStarted, free_port, started
from benchmarks.rounds import measure
from benchmarks.scenario import Choice, Scenario
from benchmarks.scenarios.bodies import send_raw

pytestmark = [
    pytest.mark.servers,
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Linux counts what processes cost in /proc"),
]

MISSING = dataclasses.replace(loops.bare(), name="not installed", needs=lambda: "no program of that name")


def elsewhere() -> Contender:
    """It says 201, and what it was sent is not where it should be."""
    honest = loops.bare()
    return dataclasses.replace(
        honest, name="elsewhere", command=lambda site: [*honest.command(site)[:-1], str(site.root)]
    )


#: Answers who looks whether it is there and the first request, and ends.
ENDS = """
import socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    server.accept()[0].close()
    client, _ = server.accept()
    left = 64 << 10
    while left > 0:
        left -= len(client.recv(left))
    server.close()  # before the answer: nobody gets in any more who has read it
    client.sendall(b"HTTP/1.1 201 Created\\r\\nContent-Length: 0\\r\\n\\r\\n")
    while client.recv(64 << 10):
        pass
"""


def ends() -> Contender:
    """Dead when it is asked again."""
    command = [sys.executable, "-c", ENDS]
    return dataclasses.replace(loops.bare(), name="ends", command=lambda site: [*command, str(site.port)])


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory, said: list[str]) -> Table:
    folder = tmp_path_factory.mktemp("stored")
    everybody = [ours.contender(), loops.bare(), MISSING, elsewhere(), ends()]
    scenario = Scenario("raw", "One raw body", "speed", lambda _choice: everybody, send_raw)
    found = measure(scenario, Choice(size=1 << 20, rounds=2, folder=folder), said.append)
    assert not os.listdir(folder), "nothing is left behind"
    return found


def test_ours_and_a_peer_are_measured(outcome: Table) -> None:
    assert list(outcome.found) == [ours.OURS, loops.BARE]
    for figures in outcome.found.values():
        assert figures.speed > 0
        assert figures.rounds == 2
        assert 1 <= figures.written < 1.1
        assert 0 <= figures.memory < 64 << 20


def test_who_is_missing_or_ends_or_stores_nothing_is_said_loudly_and_named(outcome: Table, said: list[str]) -> None:
    absent = outcome.absent
    assert absent["not installed"] == "no program of that name"
    assert "bytes, and had 0" in absent["elsewhere"]
    assert "refused" in absent["ends"]
    assert {line.split(": ")[1] for line in said if "NOT MEASURED" in line} == set(absent)


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "raise SystemExit('no such option')"]
    with pytest.raises(NotStarted, match="no such option"), started(command, tmp_path / "log", free_port(), {}):
        pass


def test_an_answer_that_is_no_success_is_no_result(tmp_path: Path) -> None:
    port = free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]  # it knows no PUT
    with started(command, tmp_path / "log", port, {}), pytest.raises(Refused, match=r"501|hung up"):
        send_raw(port, Way(raw="/{name}"), Choice(size=1 << 20))


def test_a_connection_is_kept_from_one_request_to_the_next(tmp_path: Path) -> None:
    port = free_port()
    with (
        started([sys.executable, "-m", "benchmarks.stub", str(port), "0"], tmp_path / "log", port, {}),
        Connection(port) as connection,
    ):
        created = connection.ask("POST", "/b/k?uploads", {})
        for number in (1, 2):
            connection.ask("PUT", f"/b/k?partNumber={number}&uploadId=u", {}, 300_000, b"x" * 70_000)
        connection.ask("PUT", "/b/k?partNumber=3", {"Transfer-Encoding": "chunked"}, b"3\r\n", 3, b"\r\n0\r\n\r\n")
        size = connection.ask("HEAD", "/b/k", {}).headers["content-length"]
    assert b"<UploadId>u</UploadId>" in created.body
    assert size == "740003"
