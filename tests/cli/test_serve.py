"""`ajaxupload serve` as a program: what curl sends is stored whole, and what its words choose."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.support.command import Served, commanded, curl, served

pytestmark = [pytest.mark.servers, pytest.mark.needs("curl")]

#: Not a power of two, longer than any block, and not the same anywhere.
CONTENT = b"".join(hashlib.sha256(b"%d" % number).digest() for number in range(100_000))[:3_000_001]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all that does not end it: two worker processes, as by default."""
    with served(tmp_path_factory.mktemp("serve")) as running:
        yield running


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.bin"
    path.write_bytes(CONTENT)
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


# ---- what is sent is stored ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ["-F", "file=@source.bin", "{url}upload"],
        ["-F", "text=before", "-F", "file=@source.bin", "-F", "text=after", "{url}upload"],
        ["-T", "source.bin", "{url}upload/"],
        ["-T", "source.bin", "{url}upload/source.bin"],
        ["--data-binary", "@source.bin", "{url}upload?qqfile=source.bin"],
        ["--data-binary", "@source.bin", "{url}upload?filename=source.bin"],
        ["--data-binary", "@source.bin", "-H", "Transfer-Encoding: chunked", "{url}upload?qqfile=source.bin"],
        ["-T", "-", "{url}upload/source.bin"],
        ["-T", "-", "-H", "Expect:", "{url}upload/source.bin"],
    ],
    ids=" ".join,
)
def test_what_curl_sends_is_stored_and_listed(server: Served, source: Path, words: list[str]) -> None:
    before = set(server.names())
    answer = curl(*(word.format(url=server.url) for word in words), cwd=source.parent, stdin=source)
    assert answer["success"] is True
    assert answer["size"] == len(CONTENT)
    assert set(server.names()) - before == {answer["filename"]}
    assert sha256(server.folder / answer["filename"]) == sha256(source)
    assert f">{answer['filename']}</a>" in server.page()
    assert server.ask("GET", answer["url"])[1] == CONTENT
    server.wait_for(f"/upload: stored 'source.bin' as '{answer['filename']}', 2.9 MiB")


def test_a_form_of_three_files_stores_three(server: Served, source: Path) -> None:
    for number in range(3):
        (source.parent / f"{number}.bin").write_bytes(CONTENT[number:])
    words = [word for number in range(3) for word in ("-F", f"files=@{number}.bin")]
    answer = curl(*words, server.url + "upload", cwd=source.parent)
    assert [file["name"] for file in answer["files"]] == ["0.bin", "1.bin", "2.bin"]
    for number, file in enumerate(answer["files"]):
        assert (server.folder / file["filename"]).read_bytes() == CONTENT[number:]


def test_fifty_clients_with_one_name_store_fifty_files(server: Served) -> None:
    def send(number: int) -> bytes:
        answer, body = server.ask("PUT", "/upload/same.txt", f"content {number}", {"Content-Type": "text/plain"})
        assert answer.status == 201, body
        return body

    before = set(server.names())
    with ThreadPoolExecutor(50) as pool:
        list(pool.map(send, range(50)))
    new = set(server.names()) - before
    assert sorted((server.folder / name).read_text() for name in new) == sorted(f"content {n}" for n in range(50))
    page = server.page()
    assert all(f">{name}</a>" in page for name in new)


def test_a_body_that_is_cut_stores_nothing(server: Served) -> None:
    before = server.names()
    for length in (0, 1, 1000, 99_999):
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            head = b"POST /upload?qqfile=cut.bin HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
            client.sendall(head + CONTENT[:length])
    server.wait_for("aborted 'cut.bin' after 97.7 KiB")
    assert server.names() == before
    assert server.leftovers() == []


def test_another_name_for_this_machine_is_refused_and_one_that_was_allowed_is_not(
    server: Served, tmp_path: Path
) -> None:
    assert server.ask("GET", "/", headers={"Host": "evil.example"})[0].status == 421
    assert server.ask("POST", "/upload?qqfile=a", b"x", {"Host": "evil.example"})[0].status == 421
    with served(tmp_path, "--allow-host", "Me.example", "--workers", "1") as other:
        assert other.ask("GET", "/", headers={"Host": "me.example"})[0].status == 200


def test_the_url_and_the_place_are_told(server: Served) -> None:
    assert server.out == (
        f"/upload: up to 100 GiB a file, stored in {server.folder} "
        f"(unfinished in {server.place}/.uploads.ajaxupload)\nOpen {server.url} (Ctrl-C ends)\n"
    )


def test_there_are_two_workers_and_no_access_log(server: Served) -> None:
    assert len(server.workers(2)) == 2
    server.page()
    assert "GET /" not in server.err + server.out


def test_the_port_of_a_running_server_is_in_use(server: Served, tmp_path: Path) -> None:
    _, error = commanded("serve", "--port", str(server.port), cwd=tmp_path, status=2)
    assert "in use by another program" in error
    assert sum(line.startswith("ajaxupload ") for line in error.splitlines()) == 1
    assert error.endswith("or 0 for any free one\n")


# ---- other settings --------------------------------------------------------------------------------------------------


def test_words_choose_the_folder_the_path_and_the_limits(tmp_path: Path) -> None:
    words = ["in/here", "--path", "/up", "--option", "max_size=1 KiB", "--option", "file_mode=0640"]
    with served(tmp_path, *words, "--threads", "3") as server:
        answer, body = server.ask("POST", "/up?filename=a.bin", b"x" * 1024)
        assert answer.status == 200, body
        assert (tmp_path / "in" / "here" / "a.bin").stat().st_mode & 0o777 == 0o640
        answer, body = server.ask("POST", "/up?filename=a.bin", b"x" * 1025)
        assert answer.status == 413
        server.wait_for("/up: refused 'a.bin' after 0 bytes: The file is larger than the 1 KiB allowed here")
        assert server.ask("POST", "/upload?filename=a.bin", b"x")[0].status == 405


def test_a_file_configures_it_all(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "upload.toml").write_text(
        '[backends.photos]\nclass = "local"\nupload_dir = "in"\n[endpoints."/photo"]\nbackend = "photos"\n'
    )
    with served(tmp_path, "--config", "etc/upload.toml") as server:
        assert server.ask("PUT", "/photo/a.bin", b"x")[0].status == 201
        assert (tmp_path / "etc" / "in" / "a.bin").read_bytes() == b"x"
        assert server.ask("GET", "/files/a.bin")[1] == b"x"
        assert "/photo: up to 100 MiB a file" in server.out


def test_a_store_that_is_no_folder_is_served_too(tmp_path: Path) -> None:
    with served(tmp_path, "--backend", "memory", "--workers", "1") as server:
        assert server.ask("PUT", "/upload/a.bin", b"x")[0].status == 201
        assert "/upload: up to 100 GiB a file, MemoryUploadBackend" in server.out
        assert list(tmp_path.glob("**/*.bin")) == []


def test_all_addresses_come_with_a_word_of_warning(tmp_path: Path) -> None:
    with served(tmp_path, "--host", "0.0.0.0") as server:
        assert "Whoever reaches this machine over the network can upload" in server.out
        assert server.url == f"http://127.0.0.1:{server.port}/"
        assert server.ask("GET", "/", headers={"Host": "any.example"})[0].status == 200


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_ipv6(tmp_path: Path) -> None:
    with served(tmp_path, "--host", "::1", "--workers", "1") as server:
        assert server.url == f"http://[::1]:{server.port}/"
        assert curl("-H", "Accept: application/json", f"{server.url}upload", cwd=tmp_path)["max_size"] == 100 << 30
