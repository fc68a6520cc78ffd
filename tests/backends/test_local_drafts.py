"""Drafts by themselves: what the hooks of a backend cannot show.

What lives here: the edges of `files.Draft`, in both manners.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.files import Draft, Incoming, Trail
from ajaxupload.testing.driving import begin, finish, noise
from tests.backends.stores import NamedLocal, Store

LARGE = noise(1 << 20)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "served").mkdir()
    return tmp_path / "served"


@pytest.fixture(params=[True, False], ids=["unnamed", "named"])
def draft(request: pytest.FixtureRequest, tmp_path: Path, folder: Path) -> Iterator[Draft]:
    incoming = Incoming(str(tmp_path / "private"))
    draft = Draft.create(str(folder), incoming, mode=0o600, durable=True, unnamed=request.param)
    yield draft
    draft.drop()
    assert not list(tmp_path.rglob("*.part"))


def published(draft: Draft, folder: Path) -> bytes:
    draft.seal()
    with Trail(str(folder)) as trail:
        draft.link_to(trail.folder, b"file")
    draft.finish()
    return (folder / "file").read_bytes()


def fail(*args: Any) -> None:
    raise OSError(22, "no")


@pytest.mark.parametrize("hint", ["as it is", "fails", "missing"])
def test_what_is_written_back_early_is_whole(
    draft: Draft, folder: Path, monkeypatch: pytest.MonkeyPatch, hint: str
) -> None:
    """The hint that starts write-back every few MiB may fail or be missing."""
    if hint == "fails":
        monkeypatch.setattr(os, "posix_fadvise", fail)
    elif hint == "missing":
        monkeypatch.delattr(os, "posix_fadvise")
    for _ in range(20):
        draft.write(LARGE)
    assert published(draft, folder) == LARGE * 20


def test_write_back_is_started_once_for_each_range(draft: Draft, monkeypatch: pytest.MonkeyPatch) -> None:
    hints: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "posix_fadvise", lambda fd, at, size, advice: hints.append((at, size)))
    for _ in range(20):
        draft.write(LARGE)
    assert hints == [(0, 8 << 20), (8 << 20, 8 << 20)]


def test_a_write_that_writes_nothing_fails_instead_of_going_on_for_ever(
    draft: Draft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "write", lambda *args: 0)
    with pytest.raises(OSError, match="wrote nothing"):
        draft.write(b"x")


def test_a_view_of_larger_items_is_written_byte_by_byte(
    draft: Draft, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers, real = array("I", range(100)), os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    draft.write(memoryview(numbers))
    assert published(draft, folder) == numbers.tobytes()


def test_only_a_sealed_draft_can_be_published(draft: Draft, folder: Path) -> None:
    draft.write(b"content")
    with Trail(str(folder)) as trail:
        for publish in (draft.link_to, draft.rename_to):
            with pytest.raises(RuntimeError, match="sealed"):
                publish(trail.folder, b"file")
    assert list(folder.iterdir()) == []


def test_a_parked_draft_takes_no_more_and_parks_again(draft: Draft, folder: Path) -> None:
    draft.write(b"content")
    draft.park()
    draft.park()
    with pytest.raises(OSError, match="ended"):
        draft.write(b"more")
    assert published(draft, folder) == b"content"


def test_a_dropped_draft_is_gone_and_stays_so(draft: Draft) -> None:
    draft.write(b"content")
    draft.drop()
    draft.drop()
    with pytest.raises(OSError, match="ended"):
        draft.seal()


class Kept:
    """A finished partial, as `adopt` gets it."""

    def __init__(self, path: Path) -> None:
        self.path, self.size = str(path), path.stat().st_size
        self.planned: str | None = None

    def plan(self, name: str) -> None:
        self.planned = name


def test_what_setup_opened_goes_when_a_whole_file_is_adopted(tmp_path: Path) -> None:
    """A caller that does not know beforehand whether it has a whole file: `setup` opened one for bytes to come."""
    store = Store(tmp_path, NamedLocal).started()
    kept = tmp_path / "kept"
    kept.write_bytes(LARGE)
    backend = store.backend()
    begin(backend, "a.bin")
    assert len(store.leftovers()) == 1
    assert backend.adopt(Kept(kept))
    assert finish(backend, "a.bin")["filename"] == "a.bin"
    assert (store.root / "a.bin").read_bytes() == LARGE
    assert store.leftovers() == []
