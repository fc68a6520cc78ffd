"""How inspectors are configured, and what happens around a long inspection."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.cli import main
from ajaxupload.config import load
from ajaxupload.errors import ConfigError
from ajaxupload.inspect.clamd import Clamd
from ajaxupload.upload import Upload
from tests.inspecting.inspectors import Blind, Early, Watching, site, tus

# ---- how it is configured ------------------------------------------------------------------------------------------


class Made(Watching):
    """One that needs no arguments may be named by its class."""


class Wanting(Watching):
    def __init__(self, address: str) -> None:
        super().__init__()


def plain(request: Any, upload: Upload, file: BinaryIO) -> None:
    """The form of a function."""


async def later(request: Any, upload: Upload, file: BinaryIO) -> None:
    """Never awaited."""


class BeginsLater(Watching):
    async def begin(self, request: Any, upload: Upload) -> Any:  # type: ignore[override]  # wrong, and told so
        """Never awaited."""


def read_settings(inspect: Any) -> Any:
    return load({"endpoints": {"/upload": {"backend": "memory", "inspect": inspect}}}).endpoints["/upload"].inspect


def test_it_is_a_function_an_object_a_class_or_the_dotted_path_of_one() -> None:
    assert read_settings(plain) == read_settings([plain]) == read_settings(f"{__name__}:plain") == (plain,)
    assert [type(each) for each in read_settings(f"{__name__}:Made, {__name__}.plain")] == [Made, type(plain)]
    assert isinstance(read_settings(Made)[0], Made)
    assert repr(read_settings("ajaxupload.inspect.clamd:Clamd")[0]) == "Clamd('unix:/run/clamav/clamd.ctl')"


@pytest.mark.parametrize(
    ("inspect", "words"),
    [
        ([lambda upload: None], r"inspect must take the arguments \(request, upload, file\)"),
        ([Wanting], "inspect must be an object, not its class"),
        (later, "inspect must be a plain function"),
        (BeginsLater(), "inspect must be a plain function"),
        ("no.such:thing", "inspect cannot be imported"),
        ([5], "inspect must be a function"),
    ],
)
def test_what_cannot_inspect_is_refused_at_start(inspect: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        read_settings(inspect)


def test_a_function_in_c_is_taken_at_its_word() -> None:
    taking: Callable[..., Any] = max
    assert read_settings([taking]) == (max,)


# ---- a long one ------------------------------------------------------------------------------------------------------


def test_who_asks_during_a_long_scan_is_told_to_come_again_and_it_is_scanned_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ajaxupload.engine.finish._PATIENCE", 0.05)
    begun, go_on, scans = threading.Event(), threading.Event(), []

    def slow(request: Any, upload: Upload, file: BinaryIO) -> None:
        scans.append(upload.id)
        begun.set()
        assert go_on.wait(30)

    endpoint = site(slow, LocalUploadBackend, upload_dir=str(tmp_path / "in"))

    url = tus(endpoint, "POST", "/", Upload_Length="5").headers["Location"]
    piece = {"Upload_Offset": "0", "Content_Type": "application/offset+octet-stream"}
    answers: list[int] = []
    sending = threading.Thread(
        target=lambda: answers.append(tus(endpoint, "PATCH", url, b"hello", **piece).status_code)
    )
    sending.start()
    assert begun.wait(30)
    assert tus(endpoint, "HEAD", url).status_code == 423
    assert endpoint.partials is not None
    assert endpoint.partials.sweep(0) == 0, "what is being looked at is nobody's to throw away"
    go_on.set()
    sending.join(30)
    assert (answers, len(scans)) == ([204], 1)
    assert tus(endpoint, "HEAD", url).status_code == 200
    assert [path.read_bytes() for path in (tmp_path / "in").iterdir()] == [b"hello"]


@pytest.mark.parametrize("backend", [Blind, Early])
@pytest.mark.parametrize("refuses", [True, False])
def test_an_upload_in_several_requests_is_seen_by_nobody_before(tmp_path: Path, backend: Any, refuses: bool) -> None:
    backend.files.clear()
    seen: list[Any] = []
    watching = Watching()

    def reading(request: Any, upload: Upload, file: BinaryIO) -> bool:
        seen.append((dict(backend.files), upload.size, file.read()))
        return not refuses

    endpoint = site([watching, reading], backend, partials_dir=str(tmp_path / "partials"), digest="md5")
    metadata = f"filename {base64.b64encode(b'a.bin').decode()}"
    url = tus(endpoint, "POST", "/", Upload_Length="5", Upload_Metadata=metadata).headers["Location"]
    kind = "application/offset+octet-stream"
    assert tus(endpoint, "PATCH", url, b"hel", Upload_Offset="0", Content_Type=kind).status_code == 204
    answer = tus(endpoint, "PATCH", url, b"lo", Upload_Offset="3", Content_Type=kind)
    assert answer.status_code == (422 if refuses else 204)
    assert seen == [({}, 5, b"hello")]
    assert watching.seen == [b"hello"]
    assert list(backend.files.values()) == ([] if refuses else [b"hello"])
    backend.files.clear()


def test_a_scanner_that_is_away_is_told_by_check(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["check", str(tmp_path / "in"), "--option", f"inspect={__name__}:AWAY"]
    assert main(words) == 1
    assert "endpoint '/upload': clamd cannot be reached at unix:/nowhere/at/all" in capsys.readouterr().err


AWAY = Clamd("unix:/nowhere/at/all")
