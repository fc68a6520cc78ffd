"""Every chunking widget under one interface: a file in pieces, whatever the wire format.

What lives here: how each sends its piece, and what its answer says. What must not: verdicts, schedules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

from tests.wire import uploaders
from tests.wire.client import Answer
from tests.wire.visiting import Visit, asks, blueimp, plupload, pond_begin, pond_patch, resumable

#: Those whose clients send pieces side by side, and in any order.
UNORDERED = ("fineuploader", "dropzone", "resumablejs", "flow")
#: Those whose clients send one piece after the other.
ORDERED = ("plupload", "blueimp", "filepond")
EVERY = (*UNORDERED, *ORDERED)
#: Those whose ids, if any, others could choose as well.
GUESSABLE = ("resumablejs", "flow", "plupload", "blueimp", "fineuploader", "dropzone")

Send = Callable[[Visit, int], Answer]


@dataclass
class Play:
    """One file of one widget. Pieces are numbered from 0 on."""

    widget: str
    whole: bytes
    step: int
    name: str = "a.bin"
    key: str = "guessable"
    url: str = "/upload"
    made: str = ""

    @property
    def count(self) -> int:
        """How many pieces: Resumable.js' last one has what is left over."""
        if self.widget in ("resumablejs", "flow"):
            return max(1, len(self.whole) // self.step)
        return max(1, -(-len(self.whole) // self.step))

    def begin(self, visit: Visit) -> None:
        """What a widget asks before its first piece."""
        if self.widget == "filepond":
            self.made = pond_begin(visit, len(self.whole), self.url).body.decode()

    def send(self, visit: Visit, k: int) -> Answer:
        """The piece `k`."""
        where, part = {"name": self.name, "url": self.url}, self.whole[k * self.step : (k + 1) * self.step]
        if self.widget in ("resumablejs", "flow"):
            prefix = "resumable" if self.widget == "resumablejs" else "flow"
            return resumable(visit, k + 1, self.step, self.whole, prefix=prefix, **where)
        if self.widget in ("fineuploader", "dropzone"):
            by = uploaders.fine if self.widget == "fineuploader" else uploaders.dropzone
            return by(visit, k, self.whole, self.step, self.key, **where)
        if self.widget == "plupload":
            return plupload(visit, k, self.count, part, **where)
        return self.send_range(visit, k * self.step, k * self.step + len(part))

    def send_range(self, visit: Visit, start: int, end: int) -> Answer:
        """Any range, for widgets whose pieces say where they begin."""
        part, total = self.whole[start:end], len(self.whole)
        if self.widget == "blueimp":
            return blueimp(visit, start, total, part, name=self.name, url=self.url)
        return pond_patch(visit, self.made, start, total, part, name=self.name, url=self.url)

    def asks(self, visit: Visit, k: int) -> bool:
        """Is the piece there? Of widgets that ask."""
        prefix = "resumable" if self.widget == "resumablejs" else "flow"
        answer = asks(visit, k + 1, self.step, self.whole, self.name, prefix, self.url)
        assert answer.status in (200, 204), answer
        return answer.status == 200

    def told(self, answer: Answer) -> tuple[bool, str, str | None]:
        """What a piece's answer says: is the file complete, its id, its URL."""
        if self.widget == "filepond":  # which reads nothing but the status: the id is known from the start
            at = int(answer.headers["upload-offset"])
            return at == len(self.whole), self.made, f"{self.url}/{self.made}"
        reply = answer.json
        assert (reply["success"], reply["uuid"], reply["files"][0]["id"]) == (True, reply["id"], reply["id"])
        assert re.fullmatch("[A-Za-z0-9_-]{22}", reply["id"])
        return reply["complete"], reply["id"], reply["url"]


def agree(told: Iterable[tuple[bool, str, str | None]]) -> bool:
    """Do the answers tell one id and one URL? That of a file which nobody can get is null when it is complete."""
    ids, urls = {upload_id for _, upload_id, _ in told}, {url for complete, _, url in told if url or not complete}
    return len(ids) == 1 and len(urls) <= 1


def stored_as(name: str) -> Callable[[str], bool]:
    """Is this the name, or the name with the suffix of one that was taken?"""
    stem, _, extension = name.rpartition(".")
    return partial(_matches, re.compile(rf"{re.escape(stem)}(-[a-z0-9]{{7}})?\.{extension}"))


def _matches(pattern: re.Pattern[str], name: str) -> bool:
    return pattern.fullmatch(name) is not None
