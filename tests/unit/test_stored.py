"""What becomes of stored files where the store cannot do what is asked, or fails over it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import webtest

from ajaxupload import upload_endpoint
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.errors import NotFound


class Keeping(MemoryUploadBackend):
    """Cannot delete."""

    delete = None  # type: ignore[assignment]  # as a backend that lacks the ability


class Failing(MemoryUploadBackend):
    """Fails at deleting until it is told not to."""

    broken = True

    def delete(self, filename: str) -> None:
        if type(self).broken:
            raise OSError(5, "the disk is gone")
        super().delete(filename)


def app(tmp_path: Path, backend: type, **settings: Any) -> webtest.TestApp:
    backend.files = {}  # type: ignore[attr-defined]  # each test has a store of its own
    options = {"allow_delete": True, "allow_list": True, "partials_dir": str(tmp_path / "partials"), **settings}
    return webtest.TestApp(upload_endpoint(backend, **options))


def stored(found: webtest.TestApp) -> dict[str, Any]:
    reply: dict[str, Any] = found.post("/", upload_files=[("f", "a.txt", b"x")]).json
    return reply


def test_what_a_store_cannot_do_is_not_offered_and_refused(tmp_path: Path) -> None:
    found = app(tmp_path, Keeping)
    reply = stored(found)
    assert "deleteUrl" not in reply
    answer = found.delete(f"/{reply['id']}", status="*")
    assert (answer.status_int, answer.json["success"]) == (501, False)
    assert [item["name"] for item in found.get("/?qqtimestamp=1").json] == ["a.txt"]


def test_a_store_that_fails_over_it_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = app(tmp_path, Failing)
    reply = stored(found)
    answer = found.delete(reply["deleteUrl"], status="*")
    assert (answer.status_int, answer.json["preventRetry"]) == (503, False)
    assert len(found.get("/?qqtimestamp=1").json) == 1
    monkeypatch.setattr(Failing, "broken", False)
    assert found.delete(reply["deleteUrl"]).json["success"]
    assert found.get("/?qqtimestamp=1").json == []
    with pytest.raises(NotFound):
        Failing().open("a.txt")


def test_the_application_is_asked_for_each(tmp_path: Path) -> None:
    asked: list[tuple[str, str | None]] = []

    def authorize(_request: Any, action: str, upload: Any) -> str:
        asked.append((action, upload.name if upload is not None else None))
        return "ann"

    found = app(tmp_path, MemoryUploadBackend, authorize=authorize, serve=True)
    reply = stored(found)
    asked.clear()
    found.get(reply["url"])
    found.get("/?qqtimestamp=1")
    found.delete(reply["deleteUrl"])
    assert [each for each in asked if each[0] != "status"] == [("read", "a.txt"), ("list", "file"), ("delete", "a.txt")]


def test_two_stores_that_share_a_place_for_records_have_names_of_their_own(tmp_path: Path) -> None:
    first, second = app(tmp_path, MemoryUploadBackend), app(tmp_path, Failing)
    found, other = stored(first), stored(second)
    assert found["filename"] == other["filename"] == "a.txt"
    assert first.delete(found["deleteUrl"]).json["success"]
    assert "a.txt" in Failing.files


FLOW = (
    "flowIdentifier=1-a&flowChunkNumber={}&flowTotalChunks=2&flowChunkSize=1&flowCurrentChunkSize=1&flowTotalSize=2"
    "&flowFilename=a.txt&flowRelativePath=a.txt"
)


def pieces(found: webtest.TestApp) -> list[Any]:
    """The answers to both pieces of a file."""
    binary = {"Content-Type": "application/octet-stream"}
    return [found.post(f"/?{FLOW.format(number)}", b"x", headers=binary).json for number in (1, 2)]


@pytest.mark.parametrize(
    ("settings", "leads_to"), [({}, None), ({"serve": True}, 200), ({"media_url": "https://files.example/"}, None)]
)
def test_a_url_is_told_of_a_finished_file_where_it_leads_somewhere(
    tmp_path: Path, settings: dict[str, Any], leads_to: int | None
) -> None:
    found = webtest.TestApp(upload_endpoint("local", media_root=str(tmp_path / "media"), **settings))
    first, last = pieces(found)
    assert (first["complete"], first["id"]) == (False, last["id"])
    again = found.post(f"/?{FLOW.format(2)}", b"x", headers={"Content-Type": "application/octet-stream"}).json
    for reply in (last, again):
        assert reply["complete"]
        if "media_url" in settings:
            assert reply["url"] == reply["files"][0]["url"] == "https://files.example/uploads/a.txt"
        else:
            assert reply["url"] == reply["files"][0]["url"] == (f"/{reply['id']}" if leads_to else None)
    if leads_to:
        assert found.get(last["url"]).body == b"xx"


class Signing(MemoryUploadBackend):
    """Its URLs hold for a while."""

    signed = 0

    def url(self, filename: str) -> str | None:
        type(self).signed += 1
        return f"https://files.example/{filename}?signature={self.signed}"


class Forgetful(Signing):
    """Says URLs only of what it has just stored."""

    def url(self, filename: str) -> str | None:
        return super().url(filename) if self.upload.filename == filename else None


@pytest.mark.parametrize(("backend", "fresh"), [(Signing, True), (Forgetful, False)])
def test_a_stored_files_address_leads_to_an_url_that_is_signed_anew(
    tmp_path: Path, backend: type[Signing], fresh: bool
) -> None:
    backend.files, backend.signed = {}, 0
    found = webtest.TestApp(upload_endpoint(backend, partials_dir=str(tmp_path / "partials")))
    first, last = pieces(found)
    gone = [found.get(first["url"], status=302).headers["Location"] for _ in range(2)]
    assert last["url"] == "https://files.example/a.txt?signature=1"
    assert (gone == [last["url"]] * 2) is not fresh
    assert len({last["url"], *gone}) == (3 if fresh else 1)
