"""Two processes for the pieces of one file: who has had some keeps its door shut until the other one has had some too.

What lives here: gunicorn's configuration, for its worker to be known, and what is done to that. What must not: when.

Which process takes a connection is the system's choice, and a browser goes on with those that it has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

__all__ = ["give_way", "post_worker_init"]

_worker: list[Any] = []
_door = threading.Lock()


def post_worker_init(worker: Any) -> None:
    """gunicorn calls this in each worker."""
    _worker.append(worker)


def give_way(until: Callable[[], bool]) -> None:
    """Take no further connection, and keep none for another request, until it is time."""
    if _door.acquire(blocking=False):
        worker = _worker[0]
        before = worker.worker_connections, worker.max_keepalived
        worker.worker_connections = worker.max_keepalived = 0
        threading.Thread(target=_restore, args=(worker, before, until), daemon=True).start()


def _restore(worker: Any, before: tuple[int, int], until: Callable[[], bool]) -> None:
    while not until():
        time.sleep(0.02)
    worker.worker_connections, worker.max_keepalived = before
    _door.release()
