"""Pieces of Fine Uploader and Dropzone that are cut at any byte of their request (F01): none of them counts, and the
whole piece may come after.

What lives here: cuts at servers. What is torn has other bytes than what comes in the end: had a cut one counted, the
good one would be refused. Where all of a piece has come, up to its form's last boundary, and only what follows that is
missing, it may count.
"""

from __future__ import annotations

import pytest

from tests.support.tally import Tally
from tests.wire import store
from tests.wire.client import Answer, ask
from tests.wire.doors import SERVERS, Door, ServerDoor
from tests.wire.uploaders import SENDERS, STEP, UUID, WHOLE
from tests.wire.visiting import Visit

pytestmark = [pytest.mark.servers, pytest.mark.parametrize("door", SERVERS, indirect=True)]

WRONG = bytes(reversed(WHOLE))
END = b"--XbX--"
QUEUE = 4  # as in test_broken_clients.py


class Torn(Visit):
    """A browser whose request ends after `keep` bytes of its body."""

    def __init__(self, door: Door, keep: int, *, reset: bool) -> None:
        super().__init__(door)
        self.keep, self.reset, self.end = keep, reset, 0

    def send(self, method: str, url: str, body: bytes = b"", **headers: str) -> Answer:
        """Up to there."""
        self.end = body.rindex(END) + len(END) if body.endswith(END + b"\r\n") else len(body)
        self.cut_off(self.case(method, url, body, **headers), min(self.keep, self.end - 1), reset=self.reset)
        return Answer(0, [], b"")


def cut_everywhere(door: ServerDoor, sender: str, *, step: int, reset: bool) -> int:
    """The second piece, cut after each `step` bytes. Returns how often."""
    keep, end = 0, 1
    while keep < end:
        torn = Torn(door, keep, reset=reset)
        SENDERS[sender](torn, 1, WRONG, STEP, UUID)
        end = torn.end
        if keep // step % QUEUE == 0:
            ask(door.server.port, b"GET /elsewhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        keep += step
    return -(-end // step)


def insisting(door: Door, sender: str, k: int) -> Answer:
    """As the widget does: what was cut off may be read only now, and take the piece over."""
    answer, tries = SENDERS[sender](Visit(door), k), 1
    while b"taken this upload over" in answer.body and tries < 20:
        answer, tries = SENDERS[sender](Visit(door), k), tries + 1
    return answer


@pytest.mark.parametrize("step", [61, pytest.param(1, marks=pytest.mark.faults)])
@pytest.mark.parametrize("reset", [False, True], ids=["fin", "rst"])
@pytest.mark.parametrize("sender", list(SENDERS))
def test_a_piece_cut_at_any_byte_does_not_count(door: Door, sender: str, reset: bool, step: int, tally: Tally) -> None:
    assert isinstance(door, ServerDoor)
    first = SENDERS[sender](Visit(door), 0)
    assert (first.status, first.json["complete"]) == (200, False), first
    cuts = cut_everywhere(door, sender, step=step, reset=reset)
    assert store.visible(door.root) == {}
    answers = [insisting(door, sender, k) for k in (1, 2)]
    assert [each.json.get("complete") for each in answers] == [False, True], [each.body for each in answers]
    assert store.take(door.root) == {"a.txt": WHOLE}
    assert not store.left_behind(door.server.pids(), door.root)
    tally("F01", f"pieces cut at every byte, {sender}", runs=cuts, faults=cuts)
