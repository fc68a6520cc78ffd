"""What happened, for whoever wants to know.

What lives here: the signals and `emit`. Listeners watch, they cannot veto: what may refuse an upload is `authorize`
or a validator, and an exception in a listener is logged and changes nothing.

Every signal's sender is the endpoint's path. Keyword arguments: `upload` (an `Upload`), `request` (the framework's
own where one mounted us, else our `UploadRequest`), and `backend` (its instance) where there is one; `refused` and
`aborted` carry `error` as well.

    from ajaxupload.events import completed

    @completed.connect
    def index(sender, *, upload, request, backend, **extra): ...

Blinker keeps weak references: a listener must be a function or object that lives on.
"""

from __future__ import annotations

import logging
from typing import Any

from blinker import NamedSignal, Namespace

__all__ = ["aborted", "completed", "created", "emit", "expired", "file_uploaded", "progressed", "refused"]

_log = logging.getLogger("ajaxupload")
_signals = Namespace()

#: The upload was let in and the backend is ready for its first byte.
created = _signals.signal("created")
#: More bytes are stored; `upload.offset` says how many. Sent at most once a MiB.
progressed = _signals.signal("progressed")
#: The file is whole, durable and visible.
completed = _signals.signal("completed")
#: The upload was refused for what it is: too large, wrong type, not authorised. A request that is refused before any
#: file of it is known (another site's, a form without a file) has an `upload` with the name "".
refused = _signals.signal("refused")
#: The upload broke off: the client went away or the store failed.
aborted = _signals.signal("aborted")
#: An unfinished upload was thrown away because nobody came back for it.
expired = _signals.signal("expired")

#: The name that descendants of django-ajax-uploader know.
file_uploaded = completed


def emit(signal: NamedSignal, sender: str, **details: Any) -> None:
    """Tell every listener of `signal`; an exception in one is logged, the others still hear of it."""
    for listener in signal.receivers_for(sender):
        try:
            listener(sender, **details)
        except Exception:  # noqa: BLE001 - listeners are other people's code, and cannot veto
            _log.exception("a listener of %r failed; the upload is not affected", signal.name)
