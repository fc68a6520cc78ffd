"""The widget on the page of `ajaxupload serve`, against the server that people run.

What lives here: what needs both. Faults that a healthy server does not have are in test_resuming.py.
"""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.browser.conftest import OPEN
from tests.browser.rig import Tab, sha256
from tests.support.command import Served, served

pytestmark = [pytest.mark.browser, pytest.mark.servers, pytest.mark.slow]
MAKE = Callable[..., Path]
MB = 1 << 20


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests here; each test's files have names of their own."""
    place = tmp_path_factory.mktemp("served")
    options = ["--workers", "1", "--option", "max_size=2 GiB", "--option", "deny=.exe", "--option", "max_files=200"]
    with served(place, *options) as running:
        yield running


@pytest.fixture
def tab(new_tab: OPEN, real: Served) -> Tab:
    """Its page, with the element ready."""
    made = new_tab()
    made.page.goto(real.url)
    made.ready()
    return made


def test_files_arrive_whole_under_their_names_and_are_listed(tab: Tab, real: Served, make: MAKE) -> None:
    files = [make("läng & 100%.txt", 70_000), make("日本語.txt", 5), make("plain.bin", 3 * MB)]
    tab.choose(*files)
    tab.wait("done", 3)
    for file in files:
        assert sha256(real.folder / file.name) == sha256(file)
        tab.page.locator("#stored").get_by_role("link", name=file.name).wait_for()


def test_a_file_larger_than_a_piece_is_stored_whole(tab: Tab, real: Served, make: MAKE) -> None:
    """By tus, in pieces of 8 MiB."""
    file = make("large.bin", 20 * MB)
    requests = sent(tab)
    tab.choose(file)
    tab.wait("done")
    assert [one for one in requests if one[0] != "GET"] == [
        ("POST", -1),
        ("PATCH", 0),
        ("PATCH", 8 * MB),
        ("PATCH", 16 * MB),
    ]
    assert sha256(real.folder / "large.bin") == sha256(file)


def test_a_paused_large_file_is_stored_once_and_whole(tab: Tab, real: Served, make: MAKE) -> None:
    file = make("paused.bin", 20 * MB)
    tab.speed(20 * MB)
    tab.choose(file)
    tab.until("document.querySelector('.au-item progress')?.value > 0.3")
    tab.page.get_by_role("button", name="Pause paused.bin").click()
    tab.wait("paused")
    tab.speed()
    tab.page.get_by_role("button", name="Resume paused.bin").click()
    tab.wait("done")
    assert [name for name in real.names() if name.startswith("paused")] == ["paused.bin"]
    assert sha256(real.folder / "paused.bin") == sha256(file)


def sent(tab: Tab) -> list[tuple[str, int]]:
    """The list that fills with (method, Upload-Offset) of each request from now on."""
    found: list[tuple[str, int]] = []
    tab.page.on("request", lambda one: found.append((one.method, int(one.headers.get("upload-offset", -1)))))
    return found


def test_after_a_reload_the_same_file_goes_on_where_the_server_has_it(tab: Tab, real: Served, make: MAKE) -> None:
    file = make("reloaded.bin", 40 * MB)
    tab.speed(16 * MB)
    tab.choose(file)
    tab.until("document.querySelector('.au-item progress')?.value > 0.45")
    tab.page.reload()
    assert "reloaded.bin was not finished (" in tab.wait("unfinished").inner_text()
    tab.speed()
    requests = sent(tab)
    tab.choose(file)
    tab.wait("done")
    methods = [method for method, _ in requests]
    assert "POST" not in methods
    assert next(offset for method, offset in requests if method == "PATCH") >= 16 * MB
    assert [name for name in real.names() if name.startswith("reloaded")] == ["reloaded.bin"]
    assert sha256(real.folder / "reloaded.bin") == sha256(file)


def test_a_cancelled_file_leaves_nothing_on_the_server(tab: Tab, real: Served, make: MAKE) -> None:
    tab.speed(16 * MB)
    tab.choose(make("cancelled.bin", 40 * MB))
    tab.until("document.querySelector('.au-item progress')?.value > 0.3")
    (worker,) = real.workers()
    assert unfinished(real, worker) > 8 * MB
    tab.page.get_by_role("button", name="Cancel cancelled.bin").click()
    tab.until(lambda: unfinished(real, worker) < MB)
    assert not [name for name in real.names() if name.startswith("cancelled")]


def test_a_dropped_folder_of_120_files_arrives(tab: Tab, real: Served, make: MAKE) -> None:
    for number in range(120):
        make(f"album/photo{number}.txt", f"picture {number}")
    tab.drop(make("album/index.txt").parent)
    tab.until(lambda: tab.said() == "121 files uploaded", timeout=40)
    stored = {path.name: path.read_text() for path in real.folder.glob("photo*.txt")}
    assert stored == {f"photo{number}.txt": f"picture {number}" for number in range(120)}


def test_the_servers_limit_is_stated_once_and_refused_here(tab: Tab, real: Served, tmp_path: Path) -> None:
    assert "Up to 2 GiB each." in tab.page.locator(".au-hint").inner_text()
    with (tmp_path / "huge.bin").open("wb") as file:
        file.truncate((2 << 30) + 1)
    tab.choose(tmp_path / "huge.bin")
    assert "huge.bin is too large. The limit is 2 GiB." in tab.wait("refused").inner_text()
    assert "huge.bin" not in real.names()


def test_the_servers_own_reason_is_shown(tab: Tab, real: Served, make: MAKE) -> None:
    tab.choose(make("program.exe", 10))
    assert "program.exe cannot be uploaded here" in tab.wait("failed").inner_text()
    assert "program.exe cannot be uploaded here" in tab.alert()
    tab.forget("415")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_the_page(new_tab: OPEN, real: Served, make: MAKE, axe: Path, scheme: str) -> None:
    tab = new_tab(color_scheme=scheme)
    tab.page.goto(real.url)
    tab.ready()
    tab.choose(make(f"axe-{scheme}.txt"))
    tab.page.locator("#stored").get_by_role("link", name=f"axe-{scheme}.txt").wait_for()
    assert tab.axe(axe) == []


def resident(pid: int) -> int:
    """Bytes of memory of a process."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def renderers(tab: Tab) -> list[int]:
    """The page's processes: what holds its memory, and the one that sends."""
    browser = tab.page.context.browser
    assert browser
    found = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    return [one["id"] for one in found if one["type"] in ("renderer", "utility", "browser")]


def unfinished(real: Served, pid: int) -> int:
    """Bytes of the largest file that the server writes: one without a name yet, or one among the unfinished."""
    sizes = [0]
    links = Path(f"/proc/{pid}/fd").iterdir()
    nameless = (link for link in links if str(target(link)).endswith("(deleted)"))
    for path in (*nameless, *(real.place / ".uploads.ajaxupload").rglob("*")):
        with suppress(OSError):
            info = path.stat()
            sizes.append(info.st_size if stat.S_ISREG(info.st_mode) else 0)
    return max(sizes)


def target(link: Path) -> str:
    """Where it leads; nowhere if it has gone."""
    with suppress(OSError):
        return os.readlink(link)
    return ""


@pytest.mark.parametrize("way", ["pieces", "one-request"])
def test_one_gib_leaves_memory_flat_and_progress_true(tab: Tab, real: Served, tmp_path: Path, way: str) -> None:
    """What the bar says is what the server has written, but for what lies in the two sockets' buffers."""
    name = f"gib-{way}.bin"
    with (tmp_path / name).open("wb") as file:
        file.truncate(1 << 30)
    if way == "one-request":
        tab.widget.evaluate("element => element.setAttribute('resumable', 'off')")
    (worker,) = real.workers()
    pids = [worker, *renderers(tab)]
    before, most = {pid: resident(pid) for pid in pids}, dict.fromkeys(pids, 0)
    ahead, behind = [], []
    tab.choose(tmp_path / name)
    end = time.monotonic() + 200
    while not tab.page.locator(".au-item[data-state=done]").count():
        earlier = unfinished(real, worker)
        loaded = tab.page.evaluate("document.querySelector('ajax-upload').files[0]?.loaded ?? 0")
        later = unfinished(real, worker)
        if later and not (real.folder / name).exists():  # once it has its name there is nothing left to compare
            ahead.append(loaded - later)
            behind.append(earlier - loaded)
        most = {pid: max(most[pid], resident(pid)) for pid in pids}
        assert time.monotonic() < end
    assert (real.folder / name).stat().st_size == 1 << 30
    assert len(ahead) >= 3, "too few looks to tell"
    assert max(ahead) < 48 * MB
    assert max(behind) < 128 * MB, "a busy machine reports late, but not that late"
    assert {pid: most[pid] - before[pid] for pid in pids if most[pid] - before[pid] > 48 * MB} == {}
    assert tab.row("done").locator(".au-status").inner_text() == "Uploaded, 1 GiB"
