"""The secret that client keys are made unguessable with.

What lives here: the file `key`, made once and shared by all workers. What must not: what is made of it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from contextlib import suppress

from ...files import sync

__all__ = ["Key"]


class Key:
    """The secret in the folder `root`, which `prepare` makes: whoever asks for the secret may be the first."""

    def __init__(self, root: str, prepare: Callable[[], None], *, durable: bool) -> None:
        self._path = os.path.join(root, "key")
        self._prepare = prepare
        self._durable = durable
        self._secret: bytes | None = None

    def secret(self) -> bytes:
        """32 bytes, the same for all who share the folder. Raises OSError, ConfigError."""
        while self._secret is None:
            with suppress(FileNotFoundError), open(self._path, "rb") as file:
                self._secret = file.read() or None
            if self._secret is None:
                self._prepare()
                self._make()
        return self._secret

    def _make(self) -> None:
        draft = f"{self._path}.{secrets.token_hex(8)}"
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
                file.write(secrets.token_bytes(32))
                file.flush()
                if self._durable:
                    sync(file.fileno())  # before it has its name
            with suppress(FileExistsError):
                os.link(draft, self._path)
            if not os.stat(self._path).st_size:
                os.unlink(self._path)  # cut short by something: the next round makes another
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)
