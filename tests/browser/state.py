"""What the scripted upload server knows, and what a test tells it to do wrong.

What lives here: plain records, no network. `scripted.py` obeys them.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

# As strict as a policy gets: no inline style or script (but the test's own, by nonce), no blob:, no data:, and no HTML
# made from strings.
POLICY = (
    "default-src 'self'; script-src 'self' 'nonce-test'; style-src 'self' 'nonce-test'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; require-trusted-types-for 'script'; trusted-types 'none'"
)


@dataclass
class Stored:
    """One finished file: how it came, and what it was."""

    proto: str
    name: str
    size: int
    sha256: str


@dataclass
class Entry:
    """One request, as it came and as it was answered (`status` 0: it was not)."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    received: int = 0
    status: int = 0


@dataclass
class Fault:
    """What goes wrong with the first `times` requests that fit, after `skip` of them went well.

    `status` answers at once, after the body; `reset` breaks the connection after that many bytes of body;
    `lose_answer` does the work and then breaks the connection.
    """

    method: str
    status: int = 0
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    path: str = ""
    skip: int = 0
    times: int = 1
    reset: int | None = None
    lose_answer: bool = False


@dataclass
class Upload:
    """An unfinished tus upload."""

    size: int
    meta: dict[str, str]
    data: bytearray = field(default_factory=bytearray)
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass
class State:
    """What the server knows and what it is to do; a test reads and sets it directly."""

    limits: dict[str, Any] | None = field(default_factory=dict)
    pages: dict[str, str] = field(default_factory=dict)
    stored: list[Stored] = field(default_factory=list)
    log: list[Entry] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    uploads: dict[str, Upload] = field(default_factory=dict)
    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    forms: list[dict[str, list[str]]] = field(default_factory=list)
    reply: dict[str, Any] = field(default_factory=dict)
    policy: str = POLICY
    tus: bool = True
    max_body: int = 0
    rate: float = 0

    def sent(self, method: str) -> list[Entry]:
        """The requests of this method, in order."""
        return [entry for entry in self.log if entry.method == method]

    def fault_for(self, method: str, path: str) -> Fault | None:
        """The fault this request meets, counted off."""
        for fault in self.faults:
            if fault.method != method or fault.path not in path:
                continue
            if fault.skip:
                fault.skip -= 1
            elif fault.times:
                fault.times -= 1
                return fault
        return None
