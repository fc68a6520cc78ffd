"""The end of an upload in each kind of store: one that adopts, one that is fed, one that is down for a while."""

from __future__ import annotations

import io
import threading
from pathlib import Path
from typing import Any, ClassVar

import pytest
from PIL import Image

from ajaxupload import events
from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.errors import (
    StorageUnavailable,
)
from ajaxupload.upload import Upload
from tests.partials.uploads import (
    ID,
    Site,
    data_of,
    filled,
    noise,
    path_of,
    sha,
)

CONTENT = noise(3_000)


class Moody(MemoryUploadBackend):
    """A store that can be down."""

    files: ClassVar[dict[str, bytes]] = {}
    down: str | None = None

    def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:
        if self.down == "chunk":
            raise ConnectionError("down")
        super().upload_chunk(chunk)

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        if self.down == "complete":
            raise TimeoutError("down")
        return super().upload_complete(request, filename)


@pytest.mark.parametrize("down", ["chunk", "complete"])
def test_a_store_that_is_down_loses_nothing_and_is_asked_again_later(
    tmp_path: Path, down: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Moody.clear()
    site = Site(tmp_path, Moody)
    filled(site, CONTENT)
    monkeypatch.setattr(Moody, "down", down)
    for _ in range(2):
        with pytest.raises(StorageUnavailable):
            site.finish()
    assert data_of(site.store) == CONTENT
    assert site.status() == 3_000
    monkeypatch.setattr(Moody, "down", None)
    assert site.finish().state == "complete"
    assert list(Moody.files.values()) == [CONTENT]
    assert not path_of(site.store, ".part").exists()


def test_a_store_on_another_file_system_is_fed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def elsewhere(*_arguments: Any, **_more: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    site = Site(tmp_path)
    filled(site, CONTENT)
    monkeypatch.setattr("ajaxupload.files.draft.Draft.of", elsewhere)
    site.finish()
    assert site.files() == {"a.bin": sha(CONTENT)}


class Plain(AbstractUploadBackend):
    """As in the seed's days: `upload_chunk` and nothing of adopting; chunks of its own size."""

    BUFFER_SIZE = 1_000
    chunks: list[int] = []  # noqa: RUF012 - read by the test

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        assert type(chunk) is bytes
        self.chunks.append(len(chunk))


def test_a_backend_that_cannot_adopt_is_fed_as_ever(tmp_path: Path) -> None:
    site = Site(tmp_path, Plain)
    filled(site, noise(2_500))
    site.finish()
    assert Plain.chunks == [1_000, 1_000, 500]


def test_a_picture_is_made_small_from_the_finished_upload(tmp_path: Path) -> None:
    picture = io.BytesIO()
    Image.new("RGB", (400, 300), "red").save(picture, "PNG")
    options: dict[str, Any] = {
        "dimension": "40x40",
        "sandbox": False,
        "store": {"class": "local", "upload_dir": str(tmp_path / "stored")},
    }
    site = Site(tmp_path, "thumbnail", **options)
    site.engine.startup()
    filled(site, picture.getvalue(), name="a.png", type="image/png")
    upload = site.finish()
    with Image.open(tmp_path / "stored" / upload.filename) as small:
        assert max(small.size) == 40


def test_the_stored_name_is_the_same_at_every_attempt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Moody.clear()
    site = Site(tmp_path, Moody, name="{uuid}{ext}")
    filled(site, CONTENT)
    monkeypatch.setattr(Moody, "down", "complete")
    with pytest.raises(StorageUnavailable):
        site.finish()
    with site.find() as partial:
        settled = partial.record.filename
    monkeypatch.setattr(Moody, "down", None)
    assert site.finish().filename == settled


def test_eight_who_finish_at_once_store_it_once(tmp_path: Path) -> None:
    site = Site(tmp_path)
    filled(site, CONTENT)
    completed: list[str] = []

    def note(_sender: str, *, upload: Upload, **_more: Any) -> None:
        completed.append(upload.id)

    answers: list[str] = []
    threads = [threading.Thread(target=lambda: answers.append(site.finish().filename)) for _ in range(8)]
    with events.completed.connected_to(note):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (answers, completed) == (["a.bin"] * 8, [ID])
    assert site.files() == {"a.bin": sha(CONTENT)}
