"""104 (Upload Resumption Supported), and clients that break off: on the servers that lend their connection (gunicorn,
werkzeug) and one that does not (cheroot). Node's HTTP client sees the interim responses, Python's is never sent one
that it did not ask for."""

from __future__ import annotations

import http.client
import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.wire.client import Answer, ask, connected, hang_up, read_answer, until_closed
from tests.wire.servers import APPS, Server, faults, gunicorn, running

pytestmark = pytest.mark.servers

SERVE = [sys.executable, "-m", f"{APPS}.serve"]
COMMANDS = {
    "gunicorn": gunicorn("bare"),
    "werkzeug": [*SERVE, "werkzeug", f"{APPS}.bare"],
    "cheroot": [*SERVE, "cheroot", f"{APPS}.bare"],
}
TELLING = ("gunicorn", "werkzeug")
SIZE = 300_000
CONTENT = bytes(range(256)) * (SIZE // 256 + 1)
PARTIAL = "Content-Type: application/partial-upload"
#: Sends a file in twenty pieces, two seconds long, and prints all that comes.
NODE = """
const [port, target, method, size, version, ...more] = process.argv.slice(1);
const headers = {"Content-Length": size, "Upload-Complete": "?1", ...JSON.parse(more[0])};
if (version !== "-") headers["Upload-Draft-Interop-Version"] = version;
const request = require("http").request({port, host: "127.0.0.1", path: target, method, headers});
const seen = [];
request.on("information", found => seen.push([found.statusCode, found.headers]));
request.on("response", answer => {
  answer.resume().on("end", () => console.log(JSON.stringify([...seen, [answer.statusCode, answer.headers]])));
});
const piece = Buffer.alloc(size / 20, "x");
let left = 20;
const timer = setInterval(() => { request.write(piece); if (!--left) { clearInterval(timer); request.end(); } }, 100);
"""


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Server]]:
    """Starts a server by its name, once."""
    with ExitStack() as stack:
        found: dict[str, Server] = {}

        def start(name: str) -> Server:
            if name not in found:
                found[name] = stack.enter_context(running(name, COMMANDS[name], tmp_path_factory.mktemp(name)))
            return found[name]

        yield start
        for server in found.values():
            assert not faults(server.said)


@pytest.fixture(params=TELLING)
def server(request: pytest.FixtureRequest, serve: Callable[[str], Server]) -> Server:
    """One that lends its connection."""
    return serve(request.param)


def node(
    server: Server, target: str, method: str, version: int | None, **headers: str
) -> list[tuple[int, dict[str, str]]]:
    """Status and headers of each response, the interim ones first."""
    said = json.dumps({name.replace("_", "-"): value for name, value in headers.items()})
    command = ["node", "-e", NODE, str(server.port), target, method, str(SIZE), str(version or "-"), said]
    run = subprocess.run(command, capture_output=True, text=True, timeout=30, check=True)
    return [(status, found) for status, found in json.loads(run.stdout)]


def request(method: str, target: str, *headers: str, body: bytes = b"", length: int | None = None) -> bytes:
    size = len(body) if length is None else length
    lines = [f"{method} {target} HTTP/1.1", "Host: x", f"Content-Length: {size}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def create(server: Server, *headers: str) -> str:
    answer = ask(server.port, request("POST", "/upload", "Upload-Complete: ?0", *headers))
    assert answer.status == 201, answer
    return answer.headers["location"]


def head(server: Server, url: str) -> Answer:
    return ask(server.port, request("HEAD", url, "Upload-Draft-Interop-Version: 8"))


# ---- who is told -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [3, 4, 5, 6, 7, 8])
def test_02_a_creation_is_announced_and_its_progress_told_from_version_5_on(server: Server, version: int) -> None:
    completeness = {"Upload_Incomplete": "?0"} if version == 3 else {}
    *interim, (status, final) = node(server, "/upload", "POST", version, **completeness)
    assert status in (200, 201)
    assert {found for found, _ in interim} == {104}
    assert {headers["upload-draft-interop-version"] for _, headers in interim} == {str(version)}  # 03
    first, progress = interim[0][1], [headers for _, headers in interim[1:]]
    assert first["location"] == final["location"]  # 06
    assert ("upload-limit" in first) == (version >= 6)
    assert bool(progress) == (version >= 5)
    assert not any("location" in headers for headers in progress)
    offsets = [int(headers["upload-offset"]) for headers in progress]
    assert offsets == sorted(offsets)
    assert all(0 < each <= SIZE for each in offsets)


@pytest.mark.parametrize("version", [6, 8])
def test_13_an_append_tells_its_progress_and_no_location(server: Server, version: int) -> None:
    url = create(server)
    kind = {"Content_Type": "application/partial-upload", "Upload_Offset": "0"}
    *interim, (status, final) = node(server, url, "PATCH", version, **kind)
    assert (status in (200, 201), final["upload-complete"]) == (True, "?1")
    assert interim
    for found, headers in interim:
        assert (found, "location" in headers) == (104, False)
        assert 0 < int(headers["upload-offset"]) <= SIZE


def test_what_was_told_is_there_when_the_worker_is_killed(serve: Callable[[str], Server], tmp_path: Path) -> None:
    with running("gunicorn", COMMANDS["gunicorn"], tmp_path) as server:
        url = create(server)
        lines = [PARTIAL, "Upload-Complete: ?1", "Upload-Offset: 0", "Upload-Draft-Interop-Version: 8"]
        with connected(server.port) as connection:
            connection.sendall(request("PATCH", url, *lines, length=SIZE))
            sent = 0
            while sent < SIZE - 5000 and not select.select([connection], [], [], 0.1)[0]:
                connection.sendall(CONTENT[sent : sent + 5000])
                sent += 5000
            told = int(connection.recv(4096).decode().partition("Upload-Offset: ")[2].partition("\r\n")[0])
            for pid in server.pids()[1:]:
                subprocess.run(["kill", "-9", str(pid)], check=True)
        found = wait_for_head(server, url)
        assert 0 < told <= int(found.headers["upload-offset"]) <= sent


def wait_for_head(server: Server, url: str) -> Answer:
    deadline = time.monotonic() + 15
    while True:
        try:
            return head(server, url)
        except (OSError, http.client.HTTPException):
            assert time.monotonic() < deadline
            time.sleep(0.1)


# ---- who is not ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [None, 9, 99])
def test_03_without_a_version_that_we_know_there_is_no_interim_response(server: Server, version: int | None) -> None:
    (status, headers), *more = node(server, "/upload", "POST", version)
    assert (status, headers["upload-complete"], more) == (200, "?1", [])


@pytest.mark.parametrize(
    "line", ["Via: 1.1 proxy", "X-Forwarded-For: 1.2.3.4", "Forwarded: for=1.2.3.4", "X-Real-IP: 1.2.3.4"]
)
def test_a_reverse_proxy_is_sent_none(server: Server, line: str) -> None:
    name, _, value = line.partition(": ")
    (status, _headers), *more = node(server, "/upload", "POST", 8, **{name.replace("-", "_"): value})
    assert (status, more) == (200, [])


def test_http_1_0_is_sent_none(server: Server) -> None:
    body = b"hello"
    text = request("POST", "/upload", "Upload-Complete: ?1", "Upload-Draft-Interop-Version: 8", body=body)
    with connected(server.port) as connection:
        connection.sendall(text.replace(b"HTTP/1.1", b"HTTP/1.0", 1))
        said = until_closed(connection)
    assert said.split(b" ")[1] == b"200"
    assert b" 104 " not in said


def test_a_server_that_lends_no_connection_answers_all_the_same(serve: Callable[[str], Server]) -> None:
    *interim, (status, headers) = node(serve("cheroot"), "/upload", "POST", 8)
    assert (interim, status, headers["upload-complete"]) == ([], 200, "?1")


def test_pythons_http_client_gets_the_answer_unless_it_asked_for_more(server: Server) -> None:
    for version, status in ((None, 200), ("8", 104)):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        headers = {"Upload-Complete": "?1"} | ({"Upload-Draft-Interop-Version": version} if version else {})
        connection.request("POST", "/upload", CONTENT, headers)
        assert connection.getresponse().status == status
        connection.close()


def test_18_a_client_that_waits_for_100_gets_it_beside_104(server: Server) -> None:
    lines = ["Upload-Complete: ?1", "Upload-Draft-Interop-Version: 8", "Expect: 100-continue", "Connection: close"]
    with connected(server.port) as connection:
        connection.sendall(request("POST", "/upload", *lines, length=5))
        time.sleep(0.5)
        connection.sendall(b"hello")
        said = until_closed(connection)
    assert [said.count(b"HTTP/1.1 %d " % status) for status in (104, 200)] == [1, 1]
    assert said.count(b"HTTP/1.1 100 ") in (1, 2)  # werkzeug says it twice


# ---- clients that break off ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
def test_07_an_interrupted_creation_keeps_what_came_and_is_not_complete(
    serve: Callable[[str], Server], name: str, reset: bool
) -> None:
    server = serve(name)
    lines = ["Upload-Complete: ?1", "Upload-Draft-Interop-Version: 8", "Idempotency-Key: " + f"{name}{reset}"]
    with connected(server.port) as connection:
        connection.sendall(request("POST", "/upload", *lines, body=CONTENT[:200_000], length=SIZE))
        time.sleep(0.3)
        hang_up(connection, reset=reset)
        if not reset:
            until_closed(connection)
    time.sleep(0.3)
    # Who knows no URL, because nobody told, asks with the same key.
    again = ask(server.port, request("POST", "/upload", "Upload-Complete: ?0", lines[2], f"Upload-Length: {SIZE}"))
    url, offset = again.headers["location"], int(again.headers["upload-offset"])
    assert (16 << 10 if reset else 200_000) <= offset <= 200_000  # a read that fails takes its bytes along, on some
    found = head(server, url)
    assert (found.headers["upload-complete"], found.headers["upload-length"]) == ("?0", str(SIZE))
    more = [PARTIAL, "Upload-Complete: ?1", f"Upload-Offset: {offset}"]
    last = ask(server.port, request("PATCH", url, *more, body=CONTENT[offset:SIZE]))
    assert (last.status, last.json["size"]) == (200, SIZE)
    assert (server.root / "media" / last.json["filename"]).read_bytes() == CONTENT[:SIZE]


def test_07_a_client_that_hears_on_is_told_where_to_go_on(server: Server) -> None:
    with connected(server.port) as connection:
        connection.sendall(request("POST", "/upload", "Upload-Complete: ?1", body=CONTENT[:1000], length=SIZE))
        hang_up(connection, reset=False)
        answer = read_answer(connection)
    assert (answer.status, answer.headers["upload-offset"], answer.headers["upload-complete"]) == (500, "1000", "?0")
    assert head(server, answer.headers["location"]).headers["upload-offset"] == "1000"


def test_15_a_head_waits_for_no_dead_client_and_its_offset_holds(server: Server) -> None:
    url = create(server)
    lines = [PARTIAL, "Upload-Complete: ?1", "Upload-Offset: 0"]
    with connected(server.port) as dead:
        dead.sendall(request("PATCH", url, *lines, body=CONTENT[:100_000], length=SIZE))
        time.sleep(0.3)
        began = time.monotonic()
        offset = int(head(server, url).headers["upload-offset"])
        assert time.monotonic() - began < 2
        dead.sendall(CONTENT[100_000:200_000])  # too late: out of turn
        more = [PARTIAL, "Upload-Complete: ?1", f"Upload-Offset: {offset}"]
        last = ask(server.port, request("PATCH", url, *more, body=CONTENT[offset:SIZE]))
    assert last.status == 200, last
    assert (server.root / "media" / last.json["filename"]).read_bytes() == CONTENT[:SIZE]


def test_15_many_who_append_at_once_write_each_byte_once(server: Server) -> None:
    """Eight clients that all believe it is their turn: one file, whole, and no 5xx."""
    url, pieces = create(server), [CONTENT[at : at + 10_000] for at in range(0, 100_000, 10_000)]
    statuses: list[int] = []

    def write() -> None:
        while True:
            at = int(head(server, url).headers.get("upload-offset", "100000"))
            if at >= 100_000:
                return
            piece = pieces[at // 10_000][at % 10_000 :]
            lines = [PARTIAL, "Upload-Complete: ?0", f"Upload-Offset: {at}"]
            statuses.append(ask(server.port, request("PATCH", url, *lines, body=piece)).status)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(statuses) <= {204, 409}
    last = ask(server.port, request("PATCH", url, PARTIAL, "Upload-Complete: ?1", "Upload-Offset: 100000"))
    assert (server.root / "media" / last.json["filename"]).read_bytes() == CONTENT[:100_000]


def test_14_a_cancellation_ends_the_turn_of_who_writes(server: Server) -> None:
    url = create(server)
    with connected(server.port) as writing:
        lines = [PARTIAL, "Upload-Complete: ?1", "Upload-Offset: 0"]
        writing.sendall(request("PATCH", url, *lines, body=CONTENT[:100_000], length=SIZE))
        time.sleep(0.3)
        assert ask(server.port, request("DELETE", url)).status == 204
        writing.sendall(CONTENT[100_000:SIZE])
        assert read_answer(writing).status in (404, 409)
    assert head(server, url).status == 404
