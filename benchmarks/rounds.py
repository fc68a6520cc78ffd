"""Runs a scenario: starts all who take part, lets them take turns, and looks at their processes.

What lives here: fairness: the same work, interleaved, in a changing order, checked to have been done. What must not:
what the work is.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.client import Refused
from benchmarks.contender import Contender, Site
from benchmarks.figures import Run, Table, figures
from benchmarks.processes import ROOT, NotStarted, Process, free_port, started
from benchmarks.scenario import Choice, Scenario, Sent

__all__ = ["FAILURES", "Player", "measure", "place", "play", "seated"]

_SHM = Path("/dev/shm")  # noqa: S108 - where Linux has a tmpfs; folders of their own are made below it
#: Bytes from which a file is deleted at once. Smaller ones are many, and wait: ext4 without a journal looks at every
#: inode that was freed in the last minutes whenever a file is made, which is fifty times what making it costs.
_LARGE = 1 << 20
_Tell = Callable[[str], None]
#: What a contender's failing may show itself as: refusals, crashes, answers that are none.
FAILURES = (Refused, NotStarted, OSError, LookupError, ValueError)


@dataclass(eq=False)
class Player:
    """A contender that runs: its process, what it held before it had worked, and its runs so far."""

    contender: Contender
    process: Process
    site: Site
    idle: int = 0
    runs: list[Run] = field(default_factory=list)

    def clear(self) -> int:
        """Bytes that it had stored; they are gone from there then."""
        size, spent = 0, Path(tempfile.mkdtemp(dir=self.site.root))
        for number, path in enumerate([path for path in self.site.files.rglob("*") if path.is_file()]):
            size += (found := path.stat().st_size)
            if found >= _LARGE:
                path.unlink()
            else:
                path.rename(spent / str(number))
        return size


def place(choice: Choice, *, tmpfs: bool) -> Path:
    """Where folders are made: the chosen one, else a tmpfs where one is wanted and there, else ./build/bench."""
    if choice.folder:
        return choice.folder
    if tmpfs and _SHM.is_dir():
        return _SHM
    disk = ROOT / "build" / "bench"
    disk.mkdir(parents=True, exist_ok=True)
    return disk


def measure(scenario: Scenario, choice: Choice, tell: _Tell = print, end: ExitStack | None = None) -> Table:
    """Everybody's figures. Who cannot be started, or fails, is told at once and named in the table. What was made is
    deleted at the `end`, of all scenarios: see _LARGE."""
    table = Table(scenario.title, scenario.unit, note=scenario.note)
    with ExitStack() as stack:
        folder = (end or stack).enter_context(tempfile.TemporaryDirectory(dir=place(choice, tmpfs=scenario.tmpfs)))
        s3 = stack.enter_context(stub(Path(folder), scenario.latency)) if scenario.latency is not None else ""
        source = _source(Path(folder), choice.size) if s3 else ""
        players: list[Player] = []
        for number, contender in enumerate(_chosen(scenario, choice)):
            site = Site(Path(folder, str(number)), free_port(), scenario.threads, s3, source)
            try:
                players.append(stack.enter_context(seated(contender, site, scenario, choice)))
            except FAILURES as error:
                _drop(table, contender.name, error, tell)
        for turn in range(choice.rounds):
            _round(players, turn, lambda player: play(player, scenario, choice), table, tell)
            tell(f"  {scenario.name}: round {turn + 1} of {choice.rounds}")
        for player in players:
            table.found[player.contender.name] = figures(player.runs, player.process.memory()[1] - player.idle)
    return table


def _round(players: list[Player], turn: int, once: Callable[[Player], object], table: Table, tell: _Tell) -> None:
    """Each has its turn, another one first than in the round before; who fails is taken out of `players`."""
    first = turn % max(1, len(players))
    for player in [*players[first:], *players[:first]]:
        try:
            once(player)
        except FAILURES as error:
            _drop(table, player.contender.name, error, tell)
            players.remove(player)


def _chosen(scenario: Scenario, choice: Choice) -> list[Contender]:
    """Ours always, and of the others those whose names were asked for."""
    words = [word.strip().lower() for word in choice.peers.split(",") if word.strip()]
    everybody = scenario.contenders(choice)
    return [each for each in everybody if each.ours or not words or any(word in each.name.lower() for word in words)]


def _drop(table: Table, name: str, error: Exception, tell: _Tell) -> None:
    reason = " ".join(str(error).split())[-300:] or type(error).__name__
    table.absent[name] = reason
    tell(f"  !! NOT MEASURED: {name}: {reason}")


@contextmanager
def seated(contender: Contender, site: Site, scenario: Scenario, choice: Choice) -> Iterator[Player]:
    """Started, and asked once in little. Raises NotStarted with what is missing."""
    if missing := contender.needs():
        raise NotStarted(missing)
    site.files.mkdir(parents=True)
    command = contender.command(site)
    with started(command, site.root / "log", site.port, {**site.env(), **contender.env}) as process:
        player = Player(contender, process, site)
        scenario.send(process.port, contender.way, choice.tiny())
        player.clear()
        player.idle = process.memory()[0]
        yield player


def play(player: Player, scenario: Scenario, choice: Choice) -> Run:
    """One run, kept with the player. Raises NotStarted where less was stored than sent: that is no result."""
    before, began = player.process.counted(), time.perf_counter()
    sent: Sent = scenario.send(player.process.port, player.contender.way, choice)
    seconds, after = time.perf_counter() - began, player.process.counted()
    stored = player.clear()
    if not player.contender.sink and stored < sent.size:
        raise NotStarted(f"it said that it had stored {sent.size} bytes, and had {stored}")
    disk, written = after.disk - before.disk, after.written - before.written
    player.runs.append(Run(seconds, after.cpu - before.cpu, sent.size, sent.items, disk, written))
    return player.runs[-1]


@contextmanager
def stub(folder: Path, latency: float) -> Iterator[str]:
    """The S3 stub's URL."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.stub", str(port), str(latency)]
    with started(command, folder / "stub.log", port, {}):
        yield f"http://127.0.0.1:{port}"


def _source(folder: Path, size: int) -> str:
    """A local file of that size, for who sends one."""
    path = folder / "source.bin"
    with path.open("wb") as file:
        file.truncate(size)
    return str(path)
