"""Many clients at once, one name, two worker processes: everybody's file is stored, whole, under a name of its own."""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support.tally import Tally
from tests.wire import store
from tests.wire.client import FORM, Answer, ask, form, post
from tests.wire.doors import TOKEN, Door, ServerDoor

pytestmark = pytest.mark.servers

CLIENTS = 50
DRESS = (f"Cookie: csrftoken={TOKEN}", f"X-CSRFToken: {TOKEN}", "Accept: application/json", "Connection: close")


def content(client: int) -> bytes:
    """Some 60 KiB that no other client sends."""
    return hashlib.sha256(b"%d" % client).digest() * 2000


def by_form(client: int) -> bytes:
    return post("/upload", form(("f", "same.bin", content(client))), FORM, *DRESS)


def by_valums(client: int) -> bytes:
    return post("/upload?qqfile=same.bin", content(client), *DRESS)


def by_put(client: int) -> bytes:
    return post("/upload/same.bin", content(client), *DRESS, method="PUT")


def all_at_once(port: int) -> list[Answer]:
    """One upload by each client, by three protocols, begun together."""
    gate = threading.Barrier(CLIENTS)

    def upload(client: int) -> Answer:
        request = (by_form, by_valums, by_put)[client % 3](client)
        gate.wait()
        return ask(port, request)

    with ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(upload, range(CLIENTS)))


@pytest.mark.parametrize("rounds", [4, pytest.param(20, marks=pytest.mark.faults)])
@pytest.mark.parametrize("door", ["gunicorn", "django", "flask", "pyramid"], indirect=True)
def test_50_clients_with_one_name_over_two_workers_store_50_files(door: Door, tally: Tally, rounds: int) -> None:
    assert isinstance(door, ServerDoor)
    workers = set()
    for _ in range(rounds):
        answers = all_at_once(door.server.port)
        assert {answer.status for answer in answers} <= {200, 201}
        workers |= {answer.json["process"] for answer in answers}
        stored = store.take(door.root)
        names = [answer.json["filename"] for answer in answers]
        assert len(set(names)) == CLIENTS
        assert {name: stored[name] for name in names} == {name: content(at) for at, name in enumerate(names)}
        assert len(stored) == CLIENTS
        assert {store.without_suffix(name) for name in names} == {"same.bin", "same-*.bin"}
    assert len(workers) == 2
    tally("F17", "clients with one name, fifty at once", runs=CLIENTS * rounds, faults=(CLIENTS - 1) * rounds)
