"""A backend that changes what it is given does so with files that came in several requests, and shows inspectors what
came: what its base could do without its `upload_chunk` is not asked of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from webtest import TestApp

from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.endpoint import upload_endpoint
from ajaxupload.engine.hooks import ability


class Loud(LocalUploadBackend):
    """Stores capitals."""

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        """Louder."""
        super().upload_chunk(bytes(chunk).upper())


class LoudAndClear(Loud):
    """Says itself what came."""

    def reread(self) -> Any:
        """As its base would."""
        return super().reread()


class Renamed(LocalUploadBackend):
    """Changes names, not bytes."""

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
        """Another one."""
        return f"new-{filename}"


@pytest.mark.parametrize(
    ("cls", "name", "offered"),
    [
        (LocalUploadBackend, "adopt", True),
        (Renamed, "adopt", True),
        (Renamed, "reread", True),
        (Loud, "adopt", False),
        (Loud, "reread", False),
        (LoudAndClear, "reread", True),
        (LoudAndClear, "adopt", False),
        (MemoryUploadBackend, "adopt", False),
    ],
)
def test_an_ability_is_its_own_or_of_a_class_that_stores_the_same(
    cls: type[AbstractUploadBackend], name: str, offered: bool
) -> None:
    assert (ability(cls(), name) is not None) is offered


def test_an_upload_in_several_requests_is_changed_too_and_inspectors_see_what_came(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def look(_request: Any, _upload: Any, file: Any) -> None:
        seen.append(file.read())

    site = TestApp(upload_endpoint(Loud, upload_dir=str(tmp_path / "stored"), inspect=look), lint=False)
    tus = {"Tus-Resumable": "1.0.0"}
    made = site.post("/", headers={**tus, "Upload-Length": "10", "Upload-Metadata": "filename YS50eHQ="})
    body = {**tus, "Content-Type": "application/offset+octet-stream"}
    site.patch(made.location, b"hello", headers={**body, "Upload-Offset": "0"}, status=204)
    site.patch(made.location, b"world", headers={**body, "Upload-Offset": "5"}, status=204)
    assert (tmp_path / "stored" / "a.txt").read_bytes() == b"HELLOWORLD"
    assert seen == [b"helloworld"]
    site.post("/", b"whole", headers={"Content-Type": "text/plain", "X-File-Name": "b.txt"})
    assert (tmp_path / "stored" / "b.txt").read_bytes() == b"WHOLE"
    assert seen[1:] == [b"whole"]
