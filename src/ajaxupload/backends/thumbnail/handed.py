"""One file handed to the store by the store's own hooks.

What lives here: the life of one instance of the store, as the engine would lead it. What must not: pictures, names.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from ...specs import BackendSpec
from ...upload import Upload
from ..calling import call

__all__ = ["Handed"]

_log = logging.getLogger("ajaxupload")
Block = bytes | bytearray | memoryview


class Handed:
    """A file of the upload `about`, on its way into the store. `names` are what the endpoint's path matched.

    Its `Upload` is a copy: id (which a store may take for unique), type and size are its own.
    """

    def __init__(self, store: BackendSpec, about: Upload, request: Any, names: Mapping[str, str]) -> None:
        self._backend = store.create()
        self._request = request
        self._names = names
        self._pending = bytearray()
        self.upload = self._backend.upload = dataclasses.replace(about, offset=0, result={}, url=None)
        #: What it was to be called; the store may have its own ideas.
        self.wish = ""
        self._name: str | None = None

    def begin(self, filename: str) -> None:
        """The hooks before the first byte."""
        self.wish = self.upload.filename = filename
        found = call(self._backend.update_filename, self._request, filename, names=self._names)
        self._name = self.upload.filename = found or filename
        call(self._backend.setup, self._name, names=self._names)

    def send(self, block: Block) -> None:
        """More of its bytes, as the store wants them: of BUFFER_SIZE, lent or its own to keep."""
        size = self._backend.BUFFER_SIZE
        if not size:
            self._hook(block if self._backend.LENT_BUFFER or isinstance(block, bytes) else bytes(block))
            return
        self._pending += block
        while len(self._pending) >= size:
            self._hook(bytes(memoryview(self._pending)[:size]))
            del self._pending[:size]

    def sent(self) -> None:
        """That was its last byte."""
        if self._pending:
            block, self._pending = bytes(self._pending), bytearray()
            self._hook(block)
        self.upload.size = self.upload.offset

    def wait(self) -> None:
        """Others of the same request are still coming."""
        call(self._backend.upload_waits, self._name, names=self._names)

    def complete(self, request: Any) -> dict[str, Any]:
        """Make it visible. What the store says about it: at least `filename`, and `url` where the store has URLs."""
        reply = dict(call(self._backend.upload_complete, request, self._name, names=self._names) or {})
        facts = {"filename": self.upload.filename, **reply}
        url = getattr(self._backend, "url", None)
        if url is not None and facts.get("url") is None:
            facts["url"] = url(self.upload.filename)
        return facts

    def abort(self) -> None:
        """Leave nothing of it. Never raises."""
        if self._name is None:
            return
        try:
            call(self._backend.upload_aborted, self._name, names=self._names)
        except Exception:  # noqa: BLE001 - one store that cannot clean up must not keep the others from it
            _log.exception("a store could not clean up after %.200a", self._name)

    def _hook(self, block: Block) -> None:
        self.upload.offset += len(block)
        call(self._backend.upload_chunk, block, names=self._names)
