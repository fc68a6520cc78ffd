"""Clients of all protocols at once, who break off, come again and never give up what can be gone on with.

What lives here: what they send, what they were told, and looking whether that is true. What must not: faults of the
server, of its disk or of its machine; they are test_soak.py's.
"""

from __future__ import annotations

import base64
import hashlib
import random
import re
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.client import HTTPException
from pathlib import Path

from tests.faults.rig import PATIENCE, Content, TusClient
from tests.wire.client import FORM, Answer, ask, connected, form, hang_up, post
from tests.wire.ietf import Ietf
from tests.wire.playing import EVERY, Play
from tests.wire.store import without_suffix
from tests.wire.transcript import Case
from tests.wire.visiting import Visit

__all__ = ["Load"]

LARGEST = 1 << 20
#: What makes a client wait and try again: interrupted, somebody else's turn, too many, ending, or no room.
AGAIN = (408, 409, 423, 429, 500, 503, 507)
#: What a client is told whose unfinished upload is kept no longer.
_GONE = b"send it again from its start"


class _GoneError(Exception):
    """The upload is kept no longer."""


@dataclass
class Gate:
    """A door of the wire tests, of a server that may be another one with each request."""

    port: int
    root: Path
    name: str = "gunicorn"

    @property
    def host(self) -> str:
        """As its Host header says."""
        return f"127.0.0.1:{self.port}"

    def send(self, case: Case) -> Answer:
        """One request and its answer."""
        return ask(self.port, case.request(self.host, Connection="close"), timeout=PATIENCE)

    def complaints(self) -> list[str]:
        """None here."""
        return []


@dataclass
class Load:
    """All that was sent and told. Names are nobody else's, so that each stored file says what it must hold."""

    port: int
    root: Path
    #: Seconds for which the server keeps an unfinished upload that nobody goes on with.
    expires: float
    sent: dict[str, str] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)
    looked_at: set[str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    _numbers: Counter[int] = field(default_factory=Counter)

    def run(self, seconds: float, clients: int, chance: random.Random) -> None:
        """So many clients for so long; each ends what it is at. What one of them raises, this raises."""
        end = time.monotonic() + seconds
        seeds = [chance.randrange(1 << 30) for _ in range(clients)]
        with ThreadPoolExecutor(clients + 1) as pool:
            done = threading.Event()
            watcher = pool.submit(self._watch, done)
            try:
                running = [pool.submit(self._client, number, seed, end) for number, seed in enumerate(seeds)]
                for each in running:
                    each.result()
            finally:
                done.set()
            watcher.result()

    def _client(self, number: int, seed: int, end: float) -> None:
        chance = random.Random(seed)
        ways: list[Callable[[str, bytes, random.Random], bool]] = [
            self._whole, self._whole, self._tus, self._ietf, self._widget, self._broken_off,
        ]  # fmt: skip
        while time.monotonic() < end:
            self._numbers[number] += 1
            name = f"{number}_{self._numbers[number]}.bin"
            content = Content(chance.randrange(1 << 60), int(LARGEST ** chance.random())).cut(0, LARGEST)
            content = content[: int(LARGEST ** chance.random())]
            self.sent[name] = hashlib.sha256(content).hexdigest()
            way = chance.choice(ways)
            self.counts["sent"] += 1
            if way(name, content, chance):
                self.told.add(name)
                self.counts["told"] += 1

    # ---- ways of sending: was the file told to be stored?

    def _whole(self, name: str, content: bytes, chance: random.Random) -> bool:
        """In one request, which nobody repeats."""
        try:
            answer = ask(self.port, chance.choice(_WHOLE)(name, content), timeout=PATIENCE)
        except (OSError, HTTPException):
            self.counts["cut"] += 1
            return False
        assert answer.status in (200, 201, 503, 507), answer
        self.counts[str(answer.status)] += 1
        return answer.status < 300 and b'"success": false' not in answer.body

    def _broken_off(self, name: str, content: bytes, chance: random.Random) -> bool:
        """The client goes away in the middle."""
        request = chance.choice(_WHOLE)(name, content)
        with suppress(OSError), connected(self.port) as client:
            client.sendall(request[: chance.randrange(len(request))])
            hang_up(client, reset=chance.random() < 0.5)
        self.counts["cut"] += 1
        return False

    def _tus(self, name: str, content: bytes, chance: random.Random) -> bool:
        """In some pieces; one in ten is given up."""
        client = TusClient(self.port, _Fixed(0, len(content), content))
        client.create(f"Upload-Metadata: filename {base64.b64encode(name.encode()).decode()}")
        while client.told < len(content):
            if chance.random() < 0.05:
                return False
            end = chance.randint(client.told, len(content))
            if not (client.send(end, declared=len(content)) if chance.random() < 0.2 else client.send(end)):
                self.counts["cut"] += 1
                client.ask_where()
                time.sleep(0.05)
        return True

    def _ietf(self, name: str, content: bytes, chance: random.Random) -> bool:
        """Interop version 8, in two pieces."""
        client = Ietf(Gate(self.port, self.root), 8)
        said = f'attachment; filename="{name}"'
        made = self._insist(lambda: client.post(content[:1], complete=False, Content_Disposition=said))
        url, deadline = made.headers["location"], time.monotonic() + PATIENCE
        while True:
            assert time.monotonic() < deadline, "nobody takes the rest"
            at = int(self._insist(lambda: client.head(url)).headers["upload-offset"])
            try:
                answer = client.patch(url, at, content[at:], complete=True)
            except (OSError, HTTPException):
                self.counts["cut"] += 1
            else:
                if answer.status < 300:
                    return True
                assert answer.status in (*AGAIN, 400), answer
            if client.told(self._insist(lambda: client.head(url))):
                return True

    def _widget(self, name: str, content: bytes, chance: random.Random) -> bool:
        """Piece after piece, each until it is taken."""
        widget = chance.choice(EVERY)
        content = content or b"x"
        self.sent[name] = hashlib.sha256(content).hexdigest()
        key = str(uuid.UUID(int=chance.getrandbits(128), version=4))
        play = Play(widget, content, max(1, -(-len(content) // chance.randint(2, 5))), name=name, key=key)
        visit = Visit(Gate(self.port, self.root))
        if play.count == 1 and widget in ("plupload", "blueimp"):  # an ordinary form
            return self._whole(name, content, chance)
        self._insist(lambda: visit.send("GET", "/upload"))  # the page, which sets the cookie
        while True:
            waits = [0.0]
            with suppress(_GoneError):
                if self._pieces(play, visit, waits):
                    return True
            # Who is kept waiting for longer than unfinished uploads are kept begins again. Any earlier it is a loss.
            assert max(waits) > self.expires, f"{widget}'s pieces of {name} are gone, {max(waits):.1f} s old"
            self.counts["begun again"] += 1

    def _pieces(self, play: Play, visit: Visit, waits: list[float]) -> bool:
        """All of them: is the file complete? `waits` gets the seconds between a piece that was taken and each later
        answer."""
        play.made, kept = "", time.monotonic()
        while play.widget == "filepond" and not re.fullmatch("[A-Za-z0-9_-]{22}", play.made):
            with suppress(OSError, HTTPException):
                play.begin(visit)

        def once(k: int) -> Answer:
            nonlocal kept
            asked = time.monotonic()
            answer = play.send(visit, k)
            waits.append(time.monotonic() - kept)
            if _GONE in answer.body or (play.widget == "filepond" and answer.status == 404):
                raise _GoneError
            if answer.status < 300:
                kept = asked
            return answer

        return [play.told(self._insist(partial(once, k)))[0] for k in range(play.count)][-1]

    def _insist(self, once: Callable[[], Answer]) -> Answer:
        """Until it is answered by something else than "try again"."""
        deadline, answer = time.monotonic() + PATIENCE, None
        while True:
            with suppress(OSError, HTTPException):
                answer = once()
                if answer.status not in AGAIN:
                    assert answer.status < 300, answer
                    return answer
            self.counts["cut"] += 1
            assert time.monotonic() < deadline, f"nobody takes it: {answer}"
            time.sleep(0.1)

    # ---- is it true?

    def _watch(self, done: threading.Event) -> None:
        """Look at what is stored while it goes on, and make room."""
        while not done.wait(1):
            self.look()

    def look(self) -> None:
        """Every visible file is whole. One that was told is taken away, and is known to have been there."""
        told = set(self.told)
        for path in (self.root / "media").iterdir():
            name = without_suffix(path.name).replace("-*", "")
            if hashlib.sha256(path.read_bytes()).hexdigest() != self.sent[name]:
                self.lost.append(f"{path.name} is visible and not what was sent")
            if name in told:
                self.looked_at.add(name)
                path.unlink()

    def settle(self) -> None:
        """At the end: everything that was told was there."""
        self.look()
        self.lost += [f"{name} was told to be stored and is not" for name in sorted(self.told - self.looked_at)]


class _Fixed(Content):
    """Any bytes."""

    def __init__(self, seed: int, size: int, content: bytes) -> None:
        super().__init__(seed, size)
        object.__setattr__(self, "content", content)

    def cut(self, start: int, end: int) -> bytes:
        """These bytes."""
        content: bytes = self.content  # type: ignore[attr-defined]  # a frozen dataclass is set by hand
        return content[start:end]


def _raw(name: str, content: bytes) -> bytes:
    return post(f"/upload/{name}", content, "Connection: close", method="PUT")


def _valums(name: str, content: bytes) -> bytes:
    return post(f"/upload?qqfile={name}", content, "X-Requested-With: XMLHttpRequest", "Connection: close")


def _form(name: str, content: bytes) -> bytes:
    return post("/upload", form(("f", name, content)), FORM, "Accept: application/json", "Connection: close")


_WHOLE = [_raw, _valums, _form]
