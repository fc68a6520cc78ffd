"""The end of an upload: exactly once, through the same checks, hooks and backends as any other; and what is refused."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import pytest

from ajaxupload import events
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.errors import (
    Busy,
    Conflict,
    Fenced,
    Forbidden,
    NameTaken,
    NotFound,
    OffsetMismatch,
    TooLarge,
    UploadError,
)
from ajaxupload.partials import Record
from ajaxupload.upload import Upload
from tests.partials.uploads import (
    ID,
    Site,
    filled,
    nobody,
    noise,
    open_files,
    path_of,
    put_piece,
    remains,
    sha,
)

CONTENT = noise(3_000)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_the_stored_file_is_the_very_file_that_was_written(site: Site) -> None:
    filled(site, CONTENT)
    inode = path_of(site.store, ".part").stat().st_ino
    upload = site.finish()
    assert (upload.state, upload.filename, upload.size) == ("complete", "a.bin", 3_000)
    stored = site.stored / "a.bin"
    assert (stored.stat().st_ino, stored.stat().st_nlink) == (inode, 1)
    assert stored.stat().st_mode & 0o777 == 0o600
    assert site.files() == {"a.bin": sha(CONTENT)}


def test_asked_again_the_answer_is_the_same_and_nothing_is_stored_twice(site: Site) -> None:
    filled(site, CONTENT)
    first = site.finish()
    assert site.finish() == first
    assert site.status() == 3_000
    assert len(site.files()) == 1
    assert sorted(Path(name).suffix for name in remains(site.store)) == [".json", ".log"]


def test_bytes_that_are_missing_are_a_conflict_and_end_nobodys_turn(site: Site) -> None:
    site.open(3_000).close()
    with site.find() as writer:
        turn = writer.begin(0)
        writer.put(turn, CONTENT[:10])
        with pytest.raises(Conflict):
            site.finish()
        writer.put(turn, CONTENT[10:20])
    assert site.files() == {}


def test_a_writer_cannot_touch_the_file_once_it_is_visible(site: Site) -> None:
    """One that took its turn when no size was known, another that holds bytes back: both are over."""
    site.open(None).close()
    with site.find() as keeping, site.find() as holding, site.find() as declaring:
        keeping.put(keeping.begin(0), CONTENT)
        late = keeping.begin(3_000)
        declaring.declare(3_000)
        with pytest.raises(Fenced):
            keeping.put(late, b"more")
        held = holding.begin(3_000)
        site.finish()
        for verb in (holding.put, holding.hold):
            with pytest.raises(Fenced):
                verb(held, b"more")
    assert site.files() == {"a.bin": sha(CONTENT)}


def test_what_an_aborted_verified_piece_left_behind_the_end_is_not_in_the_file(site: Site) -> None:
    site.open(None).close()
    with site.find() as partial:
        partial.hold(partial.begin(0), noise(9_000, 1))
    site.write(0, CONTENT)
    with site.find() as partial:
        site.resumable.declare(site.request(), partial, 3_000)
    site.finish()
    assert site.files() == {"a.bin": sha(CONTENT)}


@pytest.mark.parametrize("collision", ["suffix", "error", "replace"])
def test_what_has_the_name_already(tmp_path: Path, collision: str) -> None:
    site = Site(tmp_path, collision=collision)
    (site.stored / "a.bin").write_bytes(b"old")
    filled(site, CONTENT)
    if collision == "error":
        with pytest.raises(NameTaken):
            site.finish()
        with pytest.raises(UploadError, match="name exists") as again:
            site.finish()
        assert again.value.status == 409
        assert site.files() == {"a.bin": sha(b"old")}
        return
    name = site.finish().filename
    old = {"a.bin": sha(b"old")} if collision == "suffix" else {}
    assert site.files() == old | {name: sha(CONTENT)}


def test_a_refusal_by_the_application_is_for_good_and_keeps_its_reason(tmp_path: Path) -> None:
    asked = []

    def never(upload: Upload) -> None:
        asked.append(upload.size)
        raise Forbidden("Not this one.")

    site = Site(tmp_path, validators=[never])
    filled(site, CONTENT)
    for verb in (site.finish, site.finish, site.status, lambda: site.write(3_000, b"")):
        with pytest.raises(UploadError, match="Not this one") as caught:
            verb()
        assert caught.value.status == 403
    assert asked == [3_000]
    assert not path_of(site.store, ".part").exists()
    assert site.files() == {}
    assert not [name for name in remains(site.store) if name.startswith("open/")], "it is not unfinished any more"


def test_content_that_its_name_does_not_promise_is_refused_as_soon_as_it_is_seen(tmp_path: Path) -> None:
    site = Site(tmp_path, allow=["image/png"])
    site.open(100_000, name="a.png").close()
    with pytest.raises(UploadError) as first:
        site.write(0, b"%PDF-1.7 " + noise(20_000))
    assert first.value.status in (415, 422)
    with pytest.raises(UploadError) as again:
        site.status()
    assert (again.value.status, again.value.message) == (first.value.status, first.value.message)
    assert not path_of(site.store, ".part").exists()


def test_who_deletes_it_while_it_is_being_finished_waits_or_is_told_so(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    filled(site, CONTENT)
    monkeypatch.setattr("ajaxupload.engine.resume._PATIENCE", 0.05)
    with site.find() as finisher, site.find() as deleter:
        with finisher.finishing(0), pytest.raises(Busy):
            site.resumable.abort(site.request(), deleter)
        site.resumable.finish(site.request(), finisher, nobody)
        site.resumable.abort(site.request(), deleter)
    assert site.files() == {"a.bin": sha(CONTENT)}, "what was stored stays"
    assert remains(site.store) == []


def test_a_deleted_upload_ends_its_writer_and_is_told_to_listeners(site: Site) -> None:
    site.open(3_000).close()
    heard: list[str] = []

    def note(_sender: str, *, upload: Upload, **_more: Any) -> None:
        heard.append(upload.state)

    with events.aborted.connected_to(note), site.find() as writer, site.find() as deleter:
        turn = writer.begin(0)
        writer.put(turn, b"abc")
        site.resumable.abort(site.request(), deleter)
        with pytest.raises(Fenced):
            writer.put(turn, b"def")
    assert heard == ["aborted"]
    assert remains(site.store) == []


def test_an_upload_of_somebody_or_somewhere_else_is_none_and_leaves_nothing_open(site: Site) -> None:
    """P05: see docs/reference/guarantees-regressions.md."""
    with site.find_or_make_for("alice"):
        pass
    before = open_files(site.folder)
    elsewhere = site.request()
    elsewhere.environ["ajaxupload.path_names"] = {"slug": "other"}
    for asked, who in ((site.request(), "bob"), (site.request(), None), (elsewhere, "alice")):
        with pytest.raises(NotFound):
            site.resumable.find(asked, ID, lambda _upload, who=who: who)  # type: ignore[misc]  # bound at once
        with pytest.raises(NotFound):
            site.resumable.open(asked, Record(ID, "/upload", size=5), lambda _upload, who=who: who)  # type: ignore[misc]  # bound at once

    def refuse(_upload: Upload) -> str | None:
        raise Forbidden

    with pytest.raises(Forbidden):
        site.resumable.find(site.request(), ID, refuse)
    with pytest.raises(NotFound):
        site.find("no-such-upload")
    assert open_files(site.folder) == before


def test_no_verb_keeps_a_descriptor(site: Site) -> None:
    before = open_files(site.folder)
    filled(site, CONTENT)
    site.status()
    for wrong in (
        lambda: site.write(17, b"x"),
        lambda: site.write(3_000, b"too much"),
        lambda: site.find("none-there-at-all"),
    ):
        with pytest.raises((OffsetMismatch, TooLarge, NotFound)):
            wrong()
    site.finish()
    site.finish()
    site.resumable.sweep()
    assert open_files(site.folder) == before


def test_more_than_the_size_is_not_taken_and_what_fits_stays(site: Site) -> None:
    site.open(10).close()
    with site.find() as partial:
        request = site.request()
        request.environ |= {"wsgi.input": io.BytesIO(b"0123456789abc"), "wsgi.input_terminated": True}
        del request.environ["CONTENT_LENGTH"]
        with pytest.raises(TooLarge):
            site.resumable.write(request, partial, 0, request.upload_body)
    assert site.status() == 10
    site.finish()
    assert site.files() == {"a.bin": sha(b"0123456789")}


def test_parts_become_one_file_and_stay_what_they_are(site: Site) -> None:
    contents = [noise(70_000, 1), b"", noise(5, 2)]
    parts = []
    for number, content in enumerate(contents):
        part = site.open(len(content), f"part-number-{number}", fragment=True)
        parts.append(part)
        site.write(0, content, f"part-number-{number}")
    with site.open(None) as final:
        site.resumable.declare(site.request(), final, 70_005)
        for _ in range(2):
            site.resumable.append(final, parts)
        site.resumable.finish(site.request(), final, nobody)
    for part in parts:
        part.close()
    assert site.files() == {"a.bin": sha(b"".join(contents))}
    assert site.status("part-number-0") == 70_000


def test_a_repeated_piece_that_the_last_one_has_overtaken_is_no_error(site: Site) -> None:
    site.open(20).close()
    with site.find() as slow, site.find() as quick:
        put_piece(quick, 0, b"0123456789")
        put_piece(quick, 10, b"abcdefghij")
        site.finish()
        blocks = iter([b"01234", b"56789"])
        site.resumable.piece(site.request(), slow, 0, 10, chunks=lambda: next(blocks, b""))
        assert next(blocks, None) is None, "its client waits until it has sent all"


def test_one_that_failed_at_the_end_can_be_finished_by_another_process(tmp_path: Path) -> None:
    """The link is there, the record does not say so: as after a crash. The same file is found, and told."""
    site = Site(tmp_path)
    filled(site, CONTENT)
    with site.find() as partial:
        partial.whole().plan("a.bin")
    os.link(path_of(site.store, ".part"), site.stored / "a.bin")
    assert Site(tmp_path).finish().filename == "a.bin"
    assert site.files() == {"a.bin": sha(CONTENT)}


def test_a_planned_name_that_somebody_else_took_is_left_to_them(tmp_path: Path) -> None:
    site = Site(tmp_path)
    filled(site, CONTENT)
    with site.find() as partial:
        partial.whole().plan("a.bin")
    (site.stored / "a.bin").write_bytes(b"somebody else's")
    name = Site(tmp_path).finish().filename
    assert name != "a.bin"
    assert site.files() == {"a.bin": sha(b"somebody else's"), name: sha(CONTENT)}


def test_local_is_what_adopts() -> None:
    assert LocalUploadBackend.adopt is not None
    assert MemoryUploadBackend.adopt is None
