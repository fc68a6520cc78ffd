"""All or nothing: whatever fails, and whenever, nothing of an upload stays in the store.

What lives here: failures of the store, of a picture, of another file of the same form. What must not: damaged pictures
of every kind (test_limits.py).
"""

from __future__ import annotations

import errno
from typing import Any

import pytest
import webtest

from ajaxupload import AjaxUpload
from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
from ajaxupload.errors import Unprocessable
from ajaxupload.testing.driving import begin, finish, send
from tests.thumbnail.pictures import Shelf, jpeg, kept, opened, photo, png, saved, uploaded
from tests.thumbnail.telling import Telling

SIZES = {"small": "40x40", "large": "x150"}

# ---- all or nothing

#: Every call of the store's hooks for three files, at which it can fail.
CALLS = [
    f"{hook} {folder}p{tail}.jpg"
    for tail in ("", "-small", "-large")
    for hook, folder in (
        ("update_filename", ""),
        ("setup", "kept/"),
        ("upload_chunk", "kept/"),
        ("upload_waits", "kept/"),
        ("upload_complete", "kept/"),
    )
]


@pytest.mark.parametrize("waits", [False, True])
@pytest.mark.parametrize("call", CALLS)
def test_wherever_the_store_fails_nothing_stays(call: str, waits: bool) -> None:
    Telling.fails[call] = OSError(errno.ENOSPC, "full")
    backend = ThumbnailUploadBackend(STORE=Telling, DIMENSIONS=SIZES, KEEP_ORIGINAL=True)
    filename = "p.jpg"
    backend.update_filename(None, filename)
    failed = False
    try:
        backend.setup(filename)
        send(backend, [jpeg()])
        if waits:
            backend.upload_waits(filename)
        finish(backend, filename)
    except OSError as error:
        failed = error.errno == errno.ENOSPC
    assert failed is (waits or "upload_waits" not in call)
    backend.upload_aborted(filename)
    assert Telling.files == {}
    begun = set(Telling.names("setup"))
    assert begun <= set(Telling.names("upload_aborted"))


def test_a_store_that_cannot_clean_up_keeps_no_other_from_it(caplog: pytest.LogCaptureFixture) -> None:
    class Stuck(Telling):
        def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
            super().upload_aborted(filename)
            raise OSError("stuck")

    backend = ThumbnailUploadBackend(STORE=Stuck, DIMENSIONS=SIZES)
    filename = begin(backend, "p.jpg")
    send(backend, [jpeg()])
    finish(backend, filename)
    backend.upload_aborted(filename)
    assert Telling.files == {}
    assert caplog.text.count("a store could not clean up") == 2


def test_a_file_that_is_no_picture_takes_the_others_of_its_form_with_it(shelf: dict[str, bytes]) -> None:
    application = webtest.TestApp(AjaxUpload(None, path="/up", backend="thumbnail", store=Shelf))  # type: ignore[arg-type]  # nothing is passed on
    files = [("a", "a.jpg", jpeg()), ("b", "b.jpg", b"no picture"), ("c", "c.jpg", jpeg())]
    answer = application.post("/up", upload_files=files, headers={"Accept": "application/json"}, status=422)
    assert answer.json["code"] == "bad_image"
    assert shelf == {}
    answer = application.post("/up", upload_files=[files[0], files[2]], headers={"Accept": "application/json"})
    assert [each["filename"] for each in answer.json["files"]] == ["a.jpg", "c.jpg"]
    assert set(shelf) == {"a.jpg", "c.jpg"}
    assert answer.json["files"][1]["thumbnails"]["thumbnail"]["width"] == 100


def test_refused_in_the_middle_of_the_original_nothing_stays(shelf: dict[str, bytes]) -> None:
    content = saved(photo(300, 200), "PNG")[:-200]
    with pytest.raises(Unprocessable):
        uploaded(content, "p.png", KEEP_ORIGINAL=True)
    assert shelf == {}
    assert opened(kept(uploaded(png(), "p.png"))).size == (100, 75)
