"""How much a principal may store: what an upload must have set aside before its bytes are taken.

What lives here: whose account it is, how much is left, and the words of the refusal. What must not: the books
(partials/file/accounts.py), the files of one request (reserved.py).

`quota` is a size, and then what was stored is counted here; or the application's own function, which says how many
bytes are left by its own accounting, and only what is under way is counted here. Such a function is asked outside the
books' lock. Should an upload end meanwhile, whose bytes it may or may not have counted, it is asked again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import logging
from collections.abc import Callable, Sequence
from typing import Any

from ..config import EndpointSettings
from ..errors import Busy, ConfigError, NotFound, QuotaExceeded, StorageUnavailable, UploadError
from ..partials import Partial, Record
from ..partials.file.accounts import Accounts, Ask, Claim, NoRoom
from ..request import UploadRequest
from ..upload import Upload
from ..validators import human_size
from ..values import parse_size
from .hooks import storing
from .place import chosen_dir, partials_of
from .storename import store_name

__all__ = ["Quota"]

_log = logging.getLogger("ajaxupload")
#: A file of unknown size sets so many bytes aside beyond what has come, or an eighth of that: few steps, little unused.
_STEP = 1 << 20
#: How often an application's function is asked again because other uploads ended meanwhile.
_TRIES = 50


class Quota:
    """One endpoint's. Without the setting all of it does nothing."""

    def __init__(self, settings: EndpointSettings) -> None:
        self._settings = settings
        self._quota = settings.quota
        self._accounts: Accounts | None = None
        self._store = ""

    @property
    def set(self) -> bool:
        """Is there one?"""
        return self._quota is not None

    @property
    def accounts(self) -> Accounts:
        """The books, where the endpoint's unfinished uploads are."""
        if self._accounts is None:
            self._accounts = partials_of(self._settings).accounts
        return self._accounts

    def startup(self) -> None:
        """Make the books, where the backend's place is known by now. Raises ConfigError."""
        if not self.set:
            return
        scratch = getattr(self._settings.backend.create(), "scratch_dir", None)
        if not callable(self._quota) and not chosen_dir(self._settings) and not (scratch and scratch()):
            raise ConfigError(
                f"endpoint {self._settings.path!r}: quota: this backend has no directory on this machine, where it "
                "could be remembered who has stored how much: set partials_dir, or let a function of yours say how "
                "many bytes are left"
            )
        store = partials_of(self._settings)
        store.startup()
        try:
            store.accounts.startup()
        except (OSError, ImportError) as error:
            raise ConfigError(f"quota: it cannot be kept in {store.root} who has stored how much: {error}") from error
        self._accounts = store.accounts

    # ---- uploads over several requests -------------------------------------------------------------------------------

    def reserve(self, request: UploadRequest, record: Record) -> None:
        """For an upload that begins: its size, if it is known. Raises QuotaExceeded."""
        if self.set:
            upload = record.upload(0)
            self.ask(request, upload, self.claim(upload), Ask(record.size or 0))

    def grow(self, request: UploadRequest, record: Record, end: int) -> int:
        """Set aside what an upload of unknown size needs whose bytes reach up to `end`. How much is set aside then.
        Raises QuotaExceeded."""
        upload = record.upload(0)
        return self.ask(request, upload, self.claim(upload), Ask(end, want=self.ahead(end)))

    def room(self, request: UploadRequest, partial: Partial) -> Callable[[int], None]:
        """To be called before bytes up to some place are written: sets aside what that takes, while the upload's size
        is not known. Raises QuotaExceeded."""
        held = 0

        def reach(end: int) -> None:
            nonlocal held
            if self.set and partial.record.size is None and end > held:
                held = self.grow(request, partial.record, end)
                self._give_back_what_is_late(partial)

        return reach

    def _give_back_what_is_late(self, partial: Partial) -> None:
        """Another request may have completed the upload, or ended it: its claim was settled then, and would be a second
        one. Looked for afterwards, so that whoever completes it later settles this one too."""
        with storing():
            try:
                state = partial.reload().state
            except NotFound:
                state = "gone"
            if state != "open":
                self.accounts.release(partial.record.id)

    def declare(self, request: UploadRequest, record: Record, size: int, parts: Sequence[str]) -> None:
        """Set aside as much as an upload is large, whose size was unknown; what `parts` of it have set aside becomes
        its own. Raises QuotaExceeded."""
        if self.set:
            upload = record.upload(0)
            self.ask(request, upload, self.claim(upload), Ask(size, exact=True, instead_of=parts))

    def forget(self, upload: Upload) -> None:
        """A stored file was deleted. Never raises: the file is gone."""
        try:
            self.accounts.forget(upload.id, self.store, upload.filename)
        except OSError:
            _log.exception("%.200a is deleted, but still counts for its quota", upload.filename)

    def look_through(self) -> int:
        """Notice which files are gone that something else than this library has deleted, where looking costs little: in
        a store on this machine. How many that were. Raises OSError."""
        backend = self._settings.backend.create()
        if not self.set or getattr(backend, "scratch_dir", None) is None or getattr(backend, "open", None) is None:
            return 0

        def is_there(filename: str) -> bool:
            try:
                backend.open(filename).close()
            except NotFound:
                return False
            return True

        return self.accounts.forget_missing(self.store, is_there)

    # ---- any ---------------------------------------------------------------------------------------------------------

    def claim(self, upload: Upload, holder: str = "") -> Claim:
        """The upload's: of one that comes in one request the `holder`'s, else its record's."""
        quota: Any = self._quota
        named = (
            f"{quota.__module__}:{quota.__qualname__}" if hasattr(quota, "__qualname__") else type(quota).__qualname__
        )
        of = [named] if callable(quota) else [self._settings.path, self.store]
        whose = json.dumps([*of, upload.principal])
        account = hashlib.sha256(whose.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return Claim(holder or upload.id, upload.id, account, counted=not callable(quota), holder=holder)

    @property
    def store(self) -> str:
        """Where names are unique; another endpoint may share it."""
        if not self._store:
            self._store = hashlib.sha256(store_name(self._settings).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self._store

    def ahead(self, end: int) -> int:
        """How much to set aside at once for a file of unknown size of which so many bytes have come."""
        return min(end + max(_STEP, end // 8), self._settings.max_size) if end else 0

    def ask(self, request: UploadRequest, upload: Upload, claim: Claim, ask: Ask) -> int:
        """How much is set aside. Raises QuotaExceeded, StorageUnavailable, Busy."""
        for _ in range(_TRIES):
            ended = None if claim.counted else self._ended(claim)
            limit = self._limit(request, upload)
            try:
                with storing():
                    size = self._reserve(claim, dataclasses.replace(ask, limit=limit, ended=ended), limit)
            except QuotaExceeded as error:
                error.file = upload.name
                raise
            if size is not None:
                return size
        raise Busy

    def _reserve(self, claim: Claim, ask: Ask, limit: int | None) -> int | None:
        try:
            return self.accounts.reserve(claim, ask)
        except NoRoom as error:
            left = human_size(error.left) if error.left else "nothing"
            of = f" of {human_size(limit)}" if claim.counted and limit is not None else ""
            raise QuotaExceeded(f"There is no room for this file: {left}{of} is left (quota).") from error

    def _ended(self, claim: Claim) -> int:
        with storing():
            return self.accounts.ended(claim.account)

    def _limit(self, request: UploadRequest, upload: Upload) -> int | None:
        """As set, or as the application says now; None is no limit."""
        if not callable(self._quota):
            return self._quota
        try:
            left = self._quota(request.native, upload)
            if left is None or (isinstance(left, int) and not isinstance(left, bool)):
                return left
            return parse_size(left)
        except UploadError:
            raise
        except Exception as error:
            _log.exception("quota failed, and what it was asked for is refused")
            raise StorageUnavailable(
                "It cannot be told just now how much you may still store. Please try again later."
            ) from error
