"""What an open upload is counted by: a name of one empty file that all share, or a file where there are no links."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.partials.file import FilePartials
from tests.partials.uploads import kept_in, made


@pytest.fixture
def store(tmp_path: Path) -> FilePartials:
    return kept_in(tmp_path)


def entries(store: FilePartials) -> list[os.stat_result]:
    return [path.stat() for path in Path(store.root, "open").glob("*/*")]


def refusing(number: int, times: int, real: Callable[..., Any]) -> Callable[..., Any]:
    """A `link` that fails so often, with that."""
    left = iter(range(times))

    def link(*arguments: Any, **more: Any) -> Any:
        if next(left, None) is not None:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **more)

    return link


def test_uploads_share_one_file_and_leave_none(store: FilePartials) -> None:
    partials = [made(store, upload_id=f"upload-{number:04}") for number in range(5)]
    assert {(found.st_nlink, found.st_size) for found in entries(store)} == {(6, 0)}
    assert len({found.st_ino for found in entries(store)}) == 1
    for each in partials:
        each.remove()
        each.close()
    assert entries(store) == []


def test_a_file_with_as_many_names_as_it_may_have_gets_a_successor(
    store: FilePartials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ext4 gives a file 65,000 names."""
    made(store, upload_id="upload-0001").close()
    with monkeypatch.context() as full:
        full.setattr(os, "link", refusing(errno.EMLINK, 1, os.link))
        made(store, upload_id="upload-0002").close()
    made(store, upload_id="upload-0003").close()
    assert sorted(found.st_nlink for found in entries(store)) == [1, 3, 3]
    with store._tally._locked() as total:
        assert total.recount()[0] == 3


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS])
def test_without_links_each_has_a_file(store: FilePartials, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    monkeypatch.setattr(os, "link", refusing(number, 100, os.link))
    with made(store) as one:
        assert [found.st_nlink for found in entries(store)] == [1]
        one.remove()
    assert entries(store) == []
