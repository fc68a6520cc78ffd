"""Under which name an upload will be stored: settled before that can happen, and the same at every attempt."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, ClassVar

import pytest

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.errors import InternalError
from tests.partials.uploads import Site, filled, noise, path_of, sha

CONTENT = noise(3_000)


def test_the_name_is_settled_with_the_record_and_kept_whatever_the_template_is_later(tmp_path: Path) -> None:
    site = Site(tmp_path, name="{uuid}{ext}")
    filled(site, CONTENT)
    with site.find() as partial:
        settled = partial.record.filename
    assert settled is not None
    assert settled.endswith(".bin")
    os.link(path_of(site.store, ".part"), site.stored / settled)  # somebody died after this
    assert Site(tmp_path, name="x-{uuid}{ext}").finish().filename == settled
    assert site.files() == {settled: sha(CONTENT)}


def broken(*_args: Any, **_names: Any) -> None:
    raise RuntimeError


class ByTheMinute(LocalUploadBackend):
    """Chooses its names itself, and others each time."""

    asked: ClassVar[list[str]] = []

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
        self.asked.append(filename)
        return f"{len(self.asked)}-{filename}"


def by_the_minute(tmp_path: Path) -> Site:
    (tmp_path / "stored").mkdir(exist_ok=True)
    return Site(tmp_path, ByTheMinute, media_root=str(tmp_path / "stored"), upload_dir=".", name="{name}")


@pytest.mark.parametrize("make", [by_the_minute, lambda path: Site(path, name="{year}/{name}")])
def test_a_name_that_only_the_end_tells_is_settled_then_and_before_it_is_stored(
    tmp_path: Path, make: Callable[[Path], Site], monkeypatch: pytest.MonkeyPatch
) -> None:
    ByTheMinute.asked.clear()
    site = make(tmp_path)
    filled(site, CONTENT)
    with site.find() as partial:
        assert partial.record.filename is None
    with monkeypatch.context() as patch, pytest.raises(InternalError):
        patch.setattr(LocalUploadBackend, "upload_complete", broken)
        site.finish()
    with site.find() as partial:
        settled = partial.record.filename
    assert settled == ("1-a.bin" if make is by_the_minute else f"{datetime.now(timezone.utc).year}/a.bin")
    assert make(tmp_path).finish().filename == settled
    assert site.files() == {settled: sha(CONTENT)}
