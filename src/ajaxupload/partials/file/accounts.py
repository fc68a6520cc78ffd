"""What each account has stored, and what is set aside for uploads under way.

What lives here: the moments of an upload that change an account. What must not: the database (books.py), whose account
it is and how much it may have (engine/quota.py).

    held   what an upload under way has set aside, from before its first byte until it is stored or gone
    kept   one line for each stored file, by the name that it has in its store: who replaces a file takes its room over

Each change is one transaction, so that two processes cannot both take the last room. Whoever is about to publish a file
says so first: should it die in that moment, the file counts as stored, for it may be. All else that a process held is
given back once it is dead. That is told by a lock of its own (files/private.py) for what comes in one request, and by
the record of what comes in several.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...files import Incoming, Slot
from .books import Books, Held, Kept, give_back, held, keep, standing

__all__ = ["Accounts", "Ask", "Claim", "NoRoom", "Settled"]

#: Seconds for which what is held is spared whose upload has no record: it may be being made.
_GRACE = 3600.0


class NoRoom(Exception):
    """So many bytes are `left`, which is too few."""

    def __init__(self, left: int) -> None:
        super().__init__(left)
        self.left = left


@dataclass(frozen=True)
class Claim:
    """Who sets bytes aside: `id` names the claim, `upload` the upload, `account` whose they are. A claim that is
    `counted` stays with the file once that is stored. `holder` is the slot of the process whose end is the claim's;
    "" says that the upload's record tells."""

    id: str
    upload: str
    account: str
    counted: bool
    holder: str = ""


@dataclass(frozen=True)
class Ask:
    """For how much: `need` bytes in all, or `want` if there is room for as many. `limit` is what the account may have
    in all or, of claims that are not counted, beside what is stored; None is no limit. `ended` is what `Accounts.ended`
    said before the limit was told. `exact`: more than is needed is given back. What the claims `instead_of` have set
    aside becomes this one's."""

    need: int
    limit: int | None = None
    want: int = 0
    ended: int | None = None
    exact: bool = False
    instead_of: Sequence[str] = ()

    def grant(self, taken: int) -> int:
        """How much is to be set aside where `taken` is gone already. Raises NoRoom."""
        want = max(self.need, self.want)
        if self.limit is None or want <= self.limit - taken:
            return want
        if self.need > (left := max(0, self.limit - taken)):
            raise NoRoom(left)
        return self.need


@dataclass(frozen=True)
class Settled:
    """A claim whose file is about to be stored, or was: so large, under the name `file` in `store`."""

    claim: Claim
    size: int
    store: str
    file: str


class Accounts:
    """Those in the folder `root`, an absolute path. All methods raise OSError."""

    def __init__(self, root: str, *, durable: bool) -> None:
        self._books = Books(root, durable=durable)
        self._incoming = Incoming(root, durable=False)

    def startup(self) -> None:
        """Make them, and give back what the dead have held. Raises ImportError where this Python has no SQLite, and
        OSError where no process can be told from a dead one, for want of locks."""
        with self._books.opened():
            pass
        self.slot().drop()
        self.bury()

    # ---- under way ---------------------------------------------------------------------------------------------------

    def slot(self) -> Slot:
        """A holder for a claim that ends with this process. Drop it when the claim has gone."""
        slot = self._incoming.claim()
        try:
            os.close(os.open(slot.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))
        except BaseException:
            slot.drop()
            raise
        return slot

    def ended(self, account: str) -> int:
        """A number that changes whenever a claim on the account has ended."""
        with self._books.opened() as books:
            return standing(books, account).ended

    def reserve(self, claim: Claim, ask: Ask) -> int | None:
        """Set bytes aside. How many the claim has in all then; None where nothing was done, because some claim has
        `ended`. Raises NoRoom."""
        try:
            return self._reserve(claim, ask)
        except NoRoom:
            if not self.bury():
                raise
        return self._reserve(claim, ask)

    def _reserve(self, claim: Claim, ask: Ask) -> int | None:
        with self._books.opened() as books:
            books.execute("INSERT OR IGNORE INTO accounts (account) VALUES (?)", (claim.account,))
            books.executemany(
                "UPDATE held SET size = 0 WHERE id = ? AND account = ?",
                [(each, claim.account) for each in ask.instead_of],
            )
            found = standing(books, claim.account, claim.id)
            if ask.ended not in (None, found.ended):
                books.rollback()
                return None
            if not ask.exact and found.had is not None and ask.need <= found.had:
                return found.had
            size = ask.grant(found.others + (found.kept if claim.counted else 0))
            row = Held(
                claim.id, claim.upload, claim.account, size, claim.counted, claim.holder, time.time(), None, None
            )
            books.execute("INSERT OR REPLACE INTO held VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            return size

    def release(self, claim_id: str) -> None:
        """The claim ends without a file, unless one was just being published."""
        if self._books.there:
            with self._books.opened() as books:
                give_back(books, held(books, claim_id))

    # ---- stored ------------------------------------------------------------------------------------------------------

    def publishing(self, files: Sequence[Settled]) -> list[Settled]:
        """These are about to be stored. Returns those of which less is set aside than their size, and nothing is noted;
        one that counts as stored already is no such."""
        with self._books.opened() as books:
            lacking = []
            for each in files:
                facts = (each.store, each.file, each.size, each.claim.id, each.size)
                noted = books.execute("UPDATE held SET store = ?, file = ?, size = ? WHERE id = ? AND size >= ?", facts)
                counts = (each.claim.upload, each.claim.account, each.size)
                stored = books.execute("SELECT 1 FROM kept WHERE upload = ? AND account = ? AND size = ?", counts)
                if not noted.rowcount and stored.fetchone() is None:
                    lacking.append(each)
        return lacking

    def not_published(self, files: Sequence[Settled]) -> None:
        """They were not, after all."""
        with self._books.opened() as books:
            books.executemany(
                "UPDATE held SET store = NULL, file = NULL WHERE id = ?", [(each.claim.id,) for each in files]
            )

    def settle(self, files: Sequence[Settled]) -> None:
        """They are stored. May be called again."""
        with self._books.opened() as books:
            for each in files:
                books.execute("DELETE FROM held WHERE id = ?", (each.claim.id,))
                if each.claim.counted:
                    keep(books, Kept(each.store, each.file, each.claim.upload, each.claim.account, each.size))

    def forget(self, upload: str, store: str, file: str) -> None:
        """The file was deleted."""
        if self._books.there:
            with self._books.opened() as books:
                books.execute("DELETE FROM kept WHERE store = ? AND file = ? OR upload = ?", (store, file, upload))

    def forget_missing(self, store: str, is_there: Callable[[str], bool]) -> int:
        """Forget those files of the store that somebody else has deleted. How many that were."""
        if not self._books.there:
            return 0
        with self._books.opened() as books:
            found = books.execute("SELECT file, upload FROM kept WHERE store = ?", (store,)).fetchall()
        missing = [(store, file, upload) for file, upload in found if "\0" in file or not is_there(file)]
        with self._books.opened() as books:
            books.executemany("DELETE FROM kept WHERE store = ? AND file = ? AND upload = ?", missing)
        return len(missing)

    def standing(self, account: str) -> tuple[int, int]:
        """How many bytes are stored, and how many are set aside."""
        if not self._books.there:
            return 0, 0
        with self._books.opened() as books:
            found = standing(books, account)
            return found.kept, found.others

    # ---- the dead ----------------------------------------------------------------------------------------------------

    def bury(self, is_known: Callable[[str], bool] = lambda _upload: True) -> int:
        """Give back what dead processes held, and uploads of which nothing `is_known`. How many claims that were."""
        if not self._books.there:
            return 0
        self._incoming.sweep()  # the slots of the dead
        with self._books.opened() as books:
            dead = [each for each in held(books) if self._is_dead(each, is_known)]
            give_back(books, dead)
        return len(dead)

    def _is_dead(self, claim: Held, is_known: Callable[[str], bool]) -> bool:
        if claim.holder:
            return not os.path.exists(os.path.join(self._incoming.path, claim.holder))
        return time.time() - claim.since > _GRACE and not is_known(claim.upload)
