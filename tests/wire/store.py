"""What a server has stored, and what it left behind.

What lives here: looking at the folders and at the processes' open files. What must not: talking to the server.
"""

from __future__ import annotations

import json
import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

_SUFFIX = re.compile(r"-[a-z0-9]{7}(?=\.|$)")


def visible(root: Path) -> dict[str, bytes]:
    """Name below the media folder -> content, of every stored file."""
    media = root / "media"
    found = {}
    for path in media.rglob("*"):
        assert not path.is_symlink(), f"{path} is a symbolic link"
        if path.is_file():
            found[path.relative_to(media).as_posix()] = path.read_bytes()
    return found


def take(root: Path) -> dict[str, bytes]:
    """The same, and empty the folder for the next test."""
    found = visible(root)
    for name in found:
        (root / "media" / name).unlink()
    return found


def unfinished(root: Path) -> list[str]:
    """Named leftovers in the private folder. The lock that each living process holds is none, nor are uploads that go
    on with another request, as long as each has what belongs to it and nothing else."""
    kept = kept_on_purpose(root)
    return sorted(
        path.name
        for path in (root / "private").rglob("*")
        if path.is_file() and path.suffix != ".lock" and path not in kept
    )


def kept_on_purpose(root: Path) -> set[Path]:
    """The files of all uploads that go on, or whose record outlives them: an open one has its bytes and is counted, any
    other has neither."""
    folder = root / "private" / "partials"
    kept = {folder / "key", folder / "open" / "lock", folder / "open" / "entry", *(folder / "stored").glob("*/*")}
    for path in folder.glob("??/*.json"):
        with suppress(FileNotFoundError):  # it may just be swept
            record = record_in(path)
            kept |= {path, path.with_suffix(".log")}
            if record["state"] == "open":
                counted = set((folder / "open").glob(f"*/{path.stem}.*"))
                assert len(counted) == 1, f"{path.stem} is counted {len(counted)} times"
                kept |= counted | {path.with_suffix(".part")}
    return kept


def record_in(path: Path) -> dict[str, Any]:
    """The facts of an upload's record: its file's last line."""
    facts: dict[str, Any] = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])["upload"]
    return facts


def forget(root: Path) -> None:
    """Throw the uploads that go on away, as if they had expired."""
    folder = root / "private" / "partials"
    for path in (*folder.glob("??/*"), *folder.glob("open/*/*"), *folder.glob("stored/*/*")):
        path.unlink(missing_ok=True)


def held_open(pids: list[int], root: Path) -> list[str]:
    """Files below `root` that the processes still have open, unnamed ones included; locks and the server's log are
    none."""
    found = []
    for pid in pids:
        folder = f"/proc/{pid}/fd"
        with suppress(OSError):
            for fd in os.listdir(folder):
                with suppress(OSError):
                    target = os.readlink(f"{folder}/{fd}")
                    if target.startswith(f"{root}/") and not target.endswith((".lock", "/server.log")):
                        found.append(target)
    return found


def descriptors(pids: list[int]) -> int:
    """How many all of them have open."""
    return sum(len(os.listdir(f"/proc/{pid}/fd")) for pid in pids)


def left_behind(pids: list[int], root: Path, patience: float = 5.0) -> list[str]:
    """Unfinished files, named or open, that are still there after `patience` seconds: a server may be told of a client
    that went away a moment after we know, and a second worker may still be trying out its folder."""
    deadline = time.monotonic() + patience
    while found := [*unfinished(root), *(f"still open: {path}" for path in held_open(pids, root))]:
        if time.monotonic() > deadline:
            return found
        time.sleep(0.02)
    return []


def without_suffix(name: str) -> str:
    """`a-x7h2k9q.txt` as `a-*.txt`: seven random characters say that the name was taken."""
    return _SUFFIX.sub("-*", name)
