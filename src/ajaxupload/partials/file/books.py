"""The database of quotas: its tables, and one transaction at a time.

What lives here: opening it, its schema, and the lines that more than one change needs. What must not: when something
changes (accounts.py).

Our own lock stands around each transaction: it holds over machines, where SQLite's own do not, and so these are
switched off. A transaction whose process died is rolled back by the next one.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from ...files import make_folders
from .lock import Lock

if TYPE_CHECKING:
    import sqlite3

__all__ = ["Books", "Held", "Kept", "Standing", "give_back", "held", "keep", "standing"]

_VERSION = 1
#: `kept` and `ended` of an account are sums that the triggers keep: an account may have a million files.
_SCHEMA = (
    (
        "CREATE TABLE accounts (account TEXT PRIMARY KEY, kept INTEGER NOT NULL DEFAULT 0,"
        " ended INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID"
    ),
    (
        "CREATE TABLE held (id TEXT PRIMARY KEY, upload TEXT NOT NULL, account TEXT NOT NULL, size INTEGER NOT NULL,"
        " counted INTEGER NOT NULL, holder TEXT NOT NULL, since REAL NOT NULL, store TEXT, file TEXT) WITHOUT ROWID"
    ),
    "CREATE INDEX held_by ON held (account)",
    (
        "CREATE TABLE kept (store TEXT NOT NULL, file TEXT NOT NULL, upload TEXT NOT NULL, account TEXT NOT NULL,"
        " size INTEGER NOT NULL, PRIMARY KEY (store, file)) WITHOUT ROWID"
    ),
    "CREATE INDEX kept_of ON kept (upload)",
    (
        "CREATE TRIGGER into_kept AFTER INSERT ON kept BEGIN"
        " UPDATE accounts SET kept = kept + new.size WHERE account = new.account; END"
    ),
    (
        "CREATE TRIGGER out_of_kept AFTER DELETE ON kept BEGIN"
        " UPDATE accounts SET kept = kept - old.size WHERE account = old.account; END"
    ),
    (
        "CREATE TRIGGER out_of_held AFTER DELETE ON held BEGIN"
        " UPDATE accounts SET ended = ended + 1 WHERE account = old.account; END"
    ),
    f"PRAGMA user_version = {_VERSION}",
)


class Held(NamedTuple):
    """What one claim has set aside. `store` and `file` are what was about to be stored."""

    id: str
    upload: str
    account: str
    size: int
    counted: int
    holder: str
    since: float
    store: str | None
    file: str | None


class Kept(NamedTuple):
    """A stored file: which one, the upload that brought it, and whose it is."""

    store: str
    file: str
    upload: str
    account: str
    size: int


class Standing(NamedTuple):
    """Of an account: bytes stored, bytes that other claims hold, bytes that the one asked for holds (None: there is no
    such), and how many claims have ended."""

    kept: int
    others: int
    had: int | None
    ended: int


class Books:
    """The file `books` in the folder `root`, an absolute path two levels below one that is there."""

    def __init__(self, root: str, *, durable: bool) -> None:
        self._root = root
        self._durable = durable
        self._path = os.path.join(root, "books")

    @property
    def there(self) -> bool:
        """Has anything been written yet?"""
        return os.path.exists(self._path)

    @contextmanager
    def opened(self) -> Iterator[sqlite3.Connection]:
        """One transaction. Raises OSError, ImportError where this Python has no SQLite."""
        import sqlite3

        make_folders(self._root, 0o700, durable=self._durable, below=os.path.dirname(os.path.dirname(self._root)))
        path = f"{self._path}.lock"
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with Lock(fd, path), closing(self._connect()) as books, _transaction(books):
                yield books
        except sqlite3.Error as error:
            full = "full" in str(error)
            raise OSError(errno.ENOSPC if full else errno.EIO, f"{self._path}: {error}") from error
        finally:
            os.close(fd)

    def _connect(self) -> sqlite3.Connection:
        import sqlite3

        with suppress(FileExistsError):
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        books = sqlite3.connect(f"file:{quote(os.fsencode(self._path))}?nolock=1", uri=True, isolation_level=None)
        # EXTRA: the end of the journal is synced too, so that no power cut takes a transaction back.
        books.execute(f"PRAGMA synchronous = {'EXTRA' if self._durable else 'OFF'}")
        return books


@contextmanager
def _transaction(books: sqlite3.Connection) -> Iterator[None]:
    books.execute("BEGIN IMMEDIATE")
    try:
        if books.execute("PRAGMA user_version").fetchone()[0] < _VERSION:
            for line in _SCHEMA:
                books.execute(line)
        yield
    except BaseException:
        books.rollback()
        raise
    if books.in_transaction:
        books.execute("COMMIT")


def held(books: sqlite3.Connection, claim_id: str | None = None) -> list[Held]:
    """Of that claim, or of all."""
    every = "SELECT id, upload, account, size, counted, holder, since, store, file FROM held"
    found = books.execute(every) if claim_id is None else books.execute(f"{every} WHERE id = ?", (claim_id,))
    return [Held(*row) for row in found.fetchall()]


def standing(books: sqlite3.Connection, account: str, claim_id: str = "") -> Standing:
    """As the account stands, seen by that claim."""
    found = books.execute("SELECT kept, ended FROM accounts WHERE account = ?", (account,)).fetchone()
    rows = books.execute("SELECT id, size FROM held WHERE account = ?", (account,)).fetchall()
    had = next((size for each, size in rows if each == claim_id), None)
    kept, ended = found or (0, 0)
    return Standing(kept, sum(size for _, size in rows) - (had or 0), had, ended)


def keep(books: sqlite3.Connection, file: Kept) -> None:
    """A file is stored: what had its name in the store is no more."""
    books.execute("INSERT OR IGNORE INTO accounts (account) VALUES (?)", (file.account,))
    books.execute("DELETE FROM kept WHERE store = ? AND file = ?", (file.store, file.file))
    books.execute("INSERT INTO kept VALUES (?, ?, ?, ?, ?)", file)


def give_back(books: sqlite3.Connection, claims: Sequence[Held]) -> None:
    """They end without a file; one that was just being published may have one, and counts."""
    for each in claims:
        books.execute("DELETE FROM held WHERE id = ?", (each.id,))
        if each.counted and each.store is not None and each.file is not None:
            keep(books, Kept(each.store, _free(books, each), each.upload, each.account, each.size))


def _free(books: sqlite3.Connection, claim: Held) -> str:
    """The name that the claim's file was to have; beside it where another file has that, and nobody knows which name
    came of it in the end: one that no store has, for `forget_missing` to find."""
    there = books.execute("SELECT upload FROM kept WHERE store = ? AND file = ?", (claim.store, claim.file)).fetchone()
    return str(claim.file) if there is None or there[0] == claim.upload else f"{claim.file}\0{claim.upload}"
