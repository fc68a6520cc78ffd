"""The parts of a multipart body (RFC 2046 section 5.1.1), found by a search for the boundary in the body's own blocks.

What lives here: where parts begin and end, whatever the blocks' edges. What must not: how a delimiter is looked for
(search.py), what a part's header says (heads.py), what is a file, what a field, and how many there may be (forms.py).

A part's bytes are handed on where they lie: no block is copied, and none is put together with the next. What is kept
from one block to the next is what could be the beginning of a delimiter. The delimiter begins with a CR and has no
other, so there is one place at a block's end where it can begin: its last CR.
"""

from __future__ import annotations

from .body import Block, Body
from .errors import MalformedForm
from .heads import LONGEST_HEAD, LONGEST_LINE, Head, HeadLines, browsers_head
from .search import WINDOW, Search

__all__ = ["Parts"]

# Old clients put a line of text before the first boundary; more than this is not a form (CVE-2025-61770 and kin).
_LONGEST_PREAMBLE = 4 << 10


class Parts:
    """One body's, in turn: `next` gives a part's head, `piece` its bytes.

    Both raise MalformedForm for broken grammar, and what `Body` raises.
    """

    def __init__(self, body: Body, boundary: bytes) -> None:
        self._body = body
        self._delimiter = b"\r\n--" + boundary
        self._look = Search(self._delimiter)
        self._block: Block = b""
        self._view = memoryview(b"")  # of the block
        self._base: bytes | bytearray = b""  # what has the block's bytes, from its start, and can be searched
        self._at = self._end = 0  # what is left of it
        self._found: list[int] = []  # where delimiters begin in it, the next one last
        self._searched = 0  # how much of it has been searched for them
        self._carry = b""  # what may be a delimiter's beginning, from the blocks before
        self._opened = self._inside = self._last = False
        self._owed = -1  # bytes that the part's own Content-Length lets expect; below 0 it has none

    def next(self) -> Head | None:
        """The next part's head, None behind the last. What is left of the part before is passed over."""
        if not self._opened:
            self._opened = True
            self._open()
        while self._inside:
            self.piece()
        if self._last:
            self._pass_rest()
            return None
        head = self._head()
        self._owed, self._inside = head.length, True
        return head

    def piece(self) -> Block | None:
        """The next bytes of the part, None at its end. A memoryview is lent: it holds until the next call."""
        while self._inside:
            if self._at == self._end:
                self._fill()
                if self._carry and (carried := self._across()):
                    return self._counted(carried)
            elif (stop := self._search()) > self._at:
                start, self._at = self._at, stop
                return self._counted(self._view[start:stop] if start or stop < len(self._view) else self._block)
            elif stop < self._end:
                self._delimit()
        return None

    def _fill(self) -> None:
        block = self._body.read()
        if not block:
            raise MalformedForm("The form could not be read: it ends before its last boundary.")
        if isinstance(block, memoryview) and not self._body.lent:
            block = bytes(block)  # of whatever object, from wherever in it
        self._block, self._view = block, memoryview(block)
        self._at, self._end, self._searched = 0, len(block), 0
        self._found.clear()
        self._base = block.obj if isinstance(block, memoryview) else block  # type: ignore[assignment]  # see Lent.read

    def _search(self) -> int:
        """Where the part's bytes end, as far as this block shows. Delimiters' places are noted; what may be the
        beginning of one is carried, and the block is used up."""
        base, end, delimiter, found = self._base, self._end, self._delimiter, self._found
        while found and found[-1] < self._at:  # in a part's header
            found.pop()
        while not found and self._searched < end:
            start = max(self._at, self._searched)
            self._searched = min(end, start + WINDOW)
            found += self._look.places(base, start, min(end, self._searched + len(delimiter) - 1))
        if found:
            return found[-1]
        edge = base.rfind(b"\r", max(self._at, end - len(delimiter) + 1), end)
        if edge < 0 or not delimiter.startswith(base[edge:end]):
            return end
        self._carry, self._end = bytes(base[edge:end]), edge
        return edge

    def _delimit(self) -> None:
        """A delimiter begins here: pass over it, or carry it if the two bytes that tell its kind are yet to come."""
        stop = self._at + len(self._delimiter) + 2
        if stop > self._end:
            self._carry, self._at = bytes(self._base[self._at : self._end]), self._end
            return
        self._at = stop
        self._ended(self._base[stop - 2 : stop])

    def _across(self) -> bytes:
        """What was carried, with the new block's first bytes: a delimiter, or what may still become one, or (this is
        returned) bytes of the part."""
        size = len(self._delimiter) + 2
        joined = self._carry + bytes(self._base[: min(self._end, size - len(self._carry))])
        if not self._delimiter.startswith(joined[: size - 2]):
            joined, self._carry = self._carry, b""
            return joined
        self._at = len(joined) - len(self._carry)
        self._carry = b"" if len(joined) == size else joined
        if len(joined) == size:
            self._ended(joined[-2:])
        return b""

    def _ended(self, tail: bytes | bytearray) -> None:
        """The part before is whole. `tail` is what stands behind the delimiter."""
        if self._owed > 0 or tail not in (b"\r\n", b"--"):
            raise MalformedForm
        self._inside, self._last = False, tail == b"--"

    def _counted(self, piece: Block) -> Block:
        if self._owed >= 0:
            self._owed -= len(piece)
            if self._owed < 0:
                raise MalformedForm("The form could not be read: a part is longer than its Content-Length.")
        return piece

    def _open(self) -> None:
        """Up to the first delimiter, whose line end is the body's start where nothing stands before it. No more is
        ever searched of a body that is no form."""
        mark = self._delimiter[2:]
        self._fill()
        while True:
            at = self._base.find(mark, 0, min(self._end, _LONGEST_PREAMBLE + len(mark)))
            if at < 0 and self._end >= _LONGEST_PREAMBLE + len(mark):
                raise MalformedForm("The form could not be read: its boundary is not where it should be.")
            stop = at + len(mark) + 2
            if at >= 0 and stop <= self._end:
                break
            seen = bytes(self._block)
            self._fill()
            self._block = self._base = seen + bytes(self._block)
            self._view = memoryview(self._block)
            self._end = len(self._base)
        if at and self._base[max(0, at - 2) : at] != b"\r\n":
            raise MalformedForm
        self._at = stop
        self._ended(self._base[stop - 2 : stop])

    def _head(self) -> Head:
        stop = self._base.find(b"\r\n\r\n", self._at, min(self._end, self._at + LONGEST_HEAD))
        if stop < 0 or self._base.startswith(b"\r\n", self._at):
            return self._head_across(HeadLines())
        raw, self._at = bytes(self._view[self._at : stop]), stop + 4
        if head := browsers_head(raw):
            return head
        lines = HeadLines()
        for line in raw.split(b"\r\n"):
            lines.add(line)
        return lines.head()

    def _head_across(self, lines: HeadLines) -> Head:
        """The same, for a head that goes on in the next block, or does not end."""
        line = bytearray()
        while True:
            if self._at == self._end:
                self._fill()
            before = len(line)
            line += self._base[self._at : min(self._end, self._at + LONGEST_LINE + 2)]
            stop = line.find(b"\r\n", max(0, before - 1))
            self._at += (len(line) if stop < 0 else stop + 2) - before
            if stop == 0:
                return lines.head()
            if stop > 0:
                lines.add(bytes(line[:stop]))
                line.clear()
            elif len(line) > LONGEST_LINE + 1:  # the one is a CR that may belong to its end
                raise MalformedForm("The form could not be read: a line of a part's header is too long.")

    def _pass_rest(self) -> None:
        """What stands behind the last boundary is read, for the body's end is to be seen, and is of no use."""
        rest = self._end - self._at
        self._at = self._end
        while rest <= LONGEST_HEAD:
            block = self._body.read()
            if not block:
                return
            rest += len(block)
        raise MalformedForm("The form could not be read: there is too much after its last part.")
