"""Idempotency-Key on whole files: however often a request comes, its files are stored once and its answer is the same.

On gunicorn with two workers, through restarts and the death of the worker that had just published.
"""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from tests.wire.client import Answer, ask, connected, hang_up, read_answer
from tests.wire.servers import Server, faults, gunicorn, running

pytestmark = pytest.mark.servers

CONTENT = hashlib.shake_256(b"once").digest(300_001)


@contextmanager
def served(root: Path, **env: str) -> Iterator[Server]:
    with running("gunicorn", gunicorn("once"), root, env=env) as server:
        yield server
        assert not faults(server.said)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with served(tmp_path) as found:
        yield found


def raw(key: str | None, content: bytes = CONTENT, name: str = "a.bin") -> bytes:
    line = f"Idempotency-Key: {key}\r\n" if key else ""
    return f"PUT /{name} HTTP/1.1\r\nHost: x\r\n{line}Content-Length: {len(content)}\r\n\r\n".encode() + content


def form(key: str, *files: tuple[str, bytes]) -> bytes:
    parts = [
        f'--B\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + content + b"\r\n"
        for name, content in files
    ]
    body = b"".join(parts) + b"--B--\r\n"
    head = f"POST / HTTP/1.1\r\nHost: x\r\nIdempotency-Key: {key}\r\nContent-Type: multipart/form-data; boundary=B\r\n"
    return head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body


def stored(server: Server) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (server.root / "in").iterdir()}


def unfinished(server: Server) -> list[str]:
    """Bytes that somebody still keeps aside."""
    return [path.name for path in (server.root / ".in.ajaxupload").rglob("*.part")]


def facts(answer: Answer) -> dict[str, Any]:
    assert answer.status in (200, 201), answer.body
    found: dict[str, Any] = answer.json
    return found


def test_a_repeat_gets_the_first_answer_and_stores_nothing(server: Server) -> None:
    first, again = ask(server.port, raw("k")), ask(server.port, raw("k"))
    assert facts(first) == facts(again)
    assert stored(server) == {"a.bin": CONTENT}
    assert unfinished(server) == []


def test_without_a_key_or_with_another_one_it_is_another_file(server: Server) -> None:
    names = {facts(ask(server.port, raw(key)))["filename"] for key in (None, None, "k1", "k2")}
    assert len(names) == len(stored(server)) == 4


def test_a_form_of_three_files_is_stored_once_too(server: Server) -> None:
    files = [(f"{number}.bin", CONTENT[number:]) for number in range(3)]
    first, again = ask(server.port, form("k", *files)), ask(server.port, form("k", *files))
    assert facts(first) == facts(again)
    assert stored(server) == dict(files)


@pytest.mark.parametrize("other", [raw("k", CONTENT[1:]), raw("k", name="b.bin"), raw("k", CONTENT[::-1])])
def test_a_key_with_another_file_is_a_mistake_or_a_repeat_never_a_second_file(server: Server, other: bytes) -> None:
    """What is stored is not read again to compare it: a file of the same name and size counts as the same."""
    facts(ask(server.port, raw("k")))
    answer = ask(server.port, other)
    assert answer.status in (201, 422)
    assert answer.status == 201 or answer.json["code"] == "key_reused"
    assert stored(server) == {"a.bin": CONTENT}


def test_a_refused_request_leaves_the_key_free(server: Server) -> None:
    files = [("a.bin", CONTENT), ("", b"")]
    bad = form("k", *files).replace(b'; filename=""', b'; filename="b.bin"')[:-200]
    with connected(server.port) as connection:
        connection.sendall(bad)
        hang_up(connection, reset=False)
        assert read_answer(connection).status == 400
    assert stored(server) == {}
    assert unfinished(server) == []
    facts(ask(server.port, raw("k")))
    assert stored(server) == {"a.bin": CONTENT}


def test_a_repeat_while_the_first_is_still_coming_gets_its_answer(server: Server) -> None:
    answers: dict[str, Answer] = {}
    with connected(server.port) as slow:
        request = raw("k")
        slow.sendall(request[:100_000])
        time.sleep(0.5)

        def repeat() -> None:
            answers["again"] = ask(server.port, request)

        repeating = threading.Thread(target=repeat)
        repeating.start()
        time.sleep(0.5)
        assert not answers
        slow.sendall(request[100_000:])
        answers["first"] = read_answer(slow, "PUT")
        repeating.join()
    assert facts(answers["first"]) == facts(answers["again"])
    assert stored(server) == {"a.bin": CONTENT}


def test_a_repeat_after_the_first_was_cut_stores_it(server: Server) -> None:
    with connected(server.port) as connection:
        connection.sendall(raw("k")[:-100])
        hang_up(connection, reset=True)
    facts(ask(server.port, raw("k")))
    assert stored(server) == {"a.bin": CONTENT}
    assert unfinished(server) == []


@pytest.mark.parametrize("collision", ["suffix", "error", "replace"])
@pytest.mark.parametrize("moment", ["created", "published"])
def test_a_worker_that_dies_before_it_answers_has_stored_it_or_not_and_the_repeat_makes_it_one(
    tmp_path: Path, moment: str, collision: str
) -> None:
    with served(tmp_path, AJAXUPLOAD_DIE_AT=moment, AJAXUPLOAD_OPTIONS=json.dumps({"collision": collision})) as server:
        with pytest.raises((OSError, HTTPException)):
            ask(server.port, raw("k"))
        assert list(stored(server)) == (["a.bin"] if moment == "published" else [])
        first, again = facts(ask(server.port, raw("k"))), facts(ask(server.port, raw("k")))
        assert first == again
        assert stored(server) == {"a.bin": CONTENT}
        assert unfinished(server) == []


def test_a_repeat_after_a_restart_gets_the_first_answer(tmp_path: Path) -> None:
    answers = []
    for _ in range(2):
        with served(tmp_path) as server:
            answers.append(facts(ask(server.port, raw("k"))))
            assert stored(server) == {"a.bin": CONTENT}
    assert json.dumps(answers[0]) == json.dumps(answers[1])


def test_fifty_repeats_at_once_over_two_workers_are_one_file(server: Server) -> None:
    answers: list[Answer] = []

    def repeat() -> None:
        answers.append(ask(server.port, raw("k"), timeout=60))

    threads = [threading.Thread(target=repeat) for _ in range(50)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert len({json.dumps(facts(answer)) for answer in answers}) == 1
    assert len(answers) == 50
    assert stored(server) == {"a.bin": CONTENT}
