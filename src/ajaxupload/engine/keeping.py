"""An endpoint's uploads that take several requests, as a whole: where they are, and that they can be there.

What lives here: making the place when it is first needed, the keys that only its users can make, what expires. What
must not: one upload's life (resume.py), how uploads are kept (partials/).
"""

from __future__ import annotations

import logging

from .. import events
from ..errors import ConfigError, StorageUnavailable, UploadError
from ..partials import Partials
from .hooks import storing
from .receive import Engine
from .storename import store_name
from .sweeping import Sweeper

__all__ = ["Keeping"]

_log = logging.getLogger("ajaxupload")


class Keeping:
    """One endpoint's uploads over the place that keeps them."""

    def __init__(self, engine: Engine, store: Partials) -> None:
        self.engine = engine
        self._settings = engine.settings
        self.store = store
        self._started = False
        self._store_key = ""
        self._complaint = ""
        self._sweeper = Sweeper(self.sweep, min(600.0, max(1.0, self._settings.expires / 4)))

    def place(self, store: Partials) -> None:
        """Keep them there from now on."""
        self.store = store

    def startup(self) -> None:
        """Make the place. Raises ConfigError. Comes with the first upload at the latest."""
        self.store.startup()
        self._started = True

    def ready(self) -> bool:
        """Can uploads be kept here? Where it is our own choice, and not possible, requests do without."""
        if not self._started:
            try:
                self.startup()
            except ConfigError as error:
                if str(error) != self._complaint:  # each page that looks at the endpoint asks
                    _log.warning("unfinished uploads cannot be kept: %s", error)
                self._complaint = str(error)
                return False
        return True

    @property
    def store_key(self) -> str:
        """Which store the endpoint's uploads go to: sites that share the place tell theirs apart by it. Raises
        StorageUnavailable where none can be kept."""
        if not self.ready():
            raise StorageUnavailable
        if not self._store_key:
            with storing():
                self._store_key = self.store.key_id("store", store_name(self._settings))
        return self._store_key

    def keyed(self) -> bool:
        """Is the secret at hand too, by which askers are told apart? Once there, it stays."""
        try:
            return bool(self.store_key)
        except UploadError as error:
            _log.warning("askers cannot be told apart: %s", error.__cause__ or error)
            return False

    def key_id(self, *words: str) -> str:
        """The id that these words (endpoint, principal, client's key) have here always, and at no other store. Raises
        StorageUnavailable."""
        return self.store.key_id(self.store_key, *words)

    def sweep(self, older_than: float | None = None) -> int:
        """Throw away what has expired (or is older than so many seconds). How many. Raises OSError."""
        count = 0
        for record, offset in self.store.sweep(older_than):
            count += 1
            if record is not None and record.state == "open":
                upload = record.upload(offset)
                upload.state = "expired"
                events.emit(events.expired, record.endpoint, upload=upload, request=None, backend=None)
        return count
