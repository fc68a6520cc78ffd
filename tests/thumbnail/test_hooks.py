"""What the store is told and what the client: names, replies, and all or nothing whatever fails.

What lives here: the way between the engine and the store. What must not: pixels.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
from ajaxupload.backends.thumbnail.naming import thumbnail_name
from ajaxupload.errors import NotFound
from ajaxupload.naming import safe_name
from ajaxupload.testing.driving import begin, finish, send
from ajaxupload.upload import Upload
from tests.thumbnail.pictures import Shelf, jpeg, opened, png, uploaded
from tests.thumbnail.telling import Telling

SIZES = {"small": "40x40", "large": "x150"}


# ---- names and replies


def test_the_reply_is_the_first_thumbnails_and_describes_them_all() -> None:
    content = jpeg(400, 300)
    reply = uploaded(content, "a/photo.jpg", STORE=Telling, DIMENSIONS=SIZES, KEEP_ORIGINAL=True)
    small, large, original = reply["thumbnails"]["small"], reply["thumbnails"]["large"], reply["original"]
    assert reply["filename"] == small["filename"] == "kept/a/photo-small.jpg"
    assert reply["path"] == small["path"] == "/media/kept/a/photo-small.jpg"
    assert reply["url"] == small["url"] == "https://example.com/kept/a/photo-small.jpg"
    assert (small["width"], small["height"], small["type"]) == (40, 30, "image/jpeg")
    assert (large["width"], large["height"], large["path"]) == (200, 150, "/media/kept/a/photo-large.jpg")
    assert (original["filename"], original["size"], original["width"]) == ("kept/a/photo.jpg", len(content), 400)
    assert small["size"] == len(Telling.files["kept/a/photo-small.jpg"])
    assert Telling.files["kept/a/photo.jpg"] == content
    assert len(Telling.files) == 3


def test_alone_a_thumbnail_takes_its_pictures_name() -> None:
    """As in django-ajax-uploader, where the picture itself was not kept."""
    assert uploaded(jpeg(), "photo.jpg")["filename"] == "photo.jpg"
    assert uploaded(jpeg(), "photo.jpg", FORMAT="png")["filename"] == "photo.png"
    assert uploaded(jpeg(), "b.jpg", KEEP_ORIGINAL=True)["filename"] == "b-thumbnail.jpg"


@pytest.mark.parametrize(
    ("filename", "kind", "size", "name"),
    [
        ("photo.jpg", "JPEG", None, "photo.jpg"),
        ("photo.JPEG", "JPEG", None, "photo.JPEG"),
        ("photo.JPG", "WEBP", None, "photo.webp"),
        ("photo", "PNG", None, "photo.png"),
        ("a/b/photo.heic", "JPEG", "small", "a/b/photo-small.jpg"),
        ("x.php", "PNG", "php", "x-php.png"),
        ("été.png", "PNG", "s", "été-s.png"),
        ("two.dots.tar.gz", "GIF", None, "two.dots.gif"),
        ("a" * 196 + ".jpg", "WEBP", "small", "a" * 189 + "-small.webp"),
    ],
)
def test_thumbnails_are_named_after_their_picture(filename: str, kind: str, size: str | None, name: str) -> None:
    assert thumbnail_name(filename, kind, size, ()) == name


@given(some.text(max_size=300), some.sampled_from(["JPEG", "WEBP"]), some.sampled_from(["a", "small", "x" * 32]))
def test_a_thumbnails_name_is_safe_and_its_own(client_name: str, kind: str, size: str) -> None:
    filename = "folder/" + safe_name(client_name)
    first = thumbnail_name(filename, kind, size, {filename})
    second = thumbnail_name(filename, kind, size, {filename, first})
    assert len({filename, first, second}) == 3
    for name in (first, second):
        folder, _, last = name.partition("/")
        assert folder == "folder"
        assert safe_name(last) == last


def test_each_file_has_an_id_of_its_own_and_says_what_it_is() -> None:
    """A store may take the id of an upload for unique, and the type for the file's."""
    backend = ThumbnailUploadBackend(STORE=Telling, DIMENSIONS=SIZES, KEEP_ORIGINAL=True, FORMAT="webp")
    upload = Upload(name="Photo.JPG", filename="p.jpg", type="image/jpeg", sniffed="image/jpeg", fields={"album": "x"})
    backend.upload = upload
    backend.update_filename(None, "p.jpg")
    backend.setup("p.jpg")
    backend.upload_chunk(jpeg())
    reply = backend.upload_complete(None, "p.jpg")
    told = [call[2] for call in Telling.told if call[0] == "upload_complete"]
    assert len({each.id for each in told}) == 3
    assert told[0].id == upload.id
    assert [each.type for each in told] == ["image/webp", "image/webp", "image/jpeg"]
    assert all(each.size == each.offset == len(Telling.files[each.filename]) for each in told)
    assert all(each.fields == {"album": "x"} and each.name == "Photo.JPG" for each in told)
    assert upload.filename == reply["filename"]


def test_the_stores_hooks_are_handed_the_request_and_the_names_of_the_path() -> None:
    backend, request = ThumbnailUploadBackend(STORE=Telling, KEEP_ORIGINAL=True), object()
    backend.update_filename(request, "p.jpg", slug="cats")
    backend.setup("p.jpg", slug="cats")
    send(backend, [jpeg()])
    backend.upload_complete(request, "p.jpg", slug="cats")
    asked = [call for call in Telling.told if call[0] == "update_filename"]
    assert asked == [
        ("update_filename", "p.jpg", request, {"slug": "cats"}),
        ("update_filename", "p-thumbnail.jpg", request, {"slug": "cats"}),
    ]
    assert all(call[2] == {"slug": "cats"} for call in Telling.told if call[0] == "setup")


def test_the_order_of_hooks() -> None:
    """The original goes to the store while it comes; thumbnails when it is known that it is a picture."""
    backend = ThumbnailUploadBackend(STORE=Telling, KEEP_ORIGINAL=True)
    filename = begin(backend, "p.jpg")
    send(backend, [jpeg()])
    assert Telling.hooks() == ["update_filename", "setup", "upload_chunk"]
    backend.upload_waits(filename)
    assert Telling.hooks()[3:] == ["update_filename", "setup", "upload_chunk", "upload_waits", "upload_waits"]
    assert Telling.files == {}
    finish(backend, filename)
    assert Telling.names("upload_complete") == ["kept/p-thumbnail.jpg", "kept/p.jpg"]


def test_what_came_large_goes_on_in_blocks() -> None:
    reply = uploaded(jpeg(2400, 1600), DIMENSION="2400", FORMAT="png", STORE=Telling)
    assert reply["thumbnails"]["thumbnail"]["size"] > 1 << 20
    assert Telling.hooks().count("upload_chunk") > 4
    assert opened(Telling.files[reply["filename"]]).size == (2400, 1600)


def test_a_subclass_may_rename_as_in_django_ajax_uploader() -> None:
    class Mine(ThumbnailUploadBackend):
        STORE = Shelf

        def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str | None:
            super().update_filename(request, filename, *args, **kwargs)
            return f"renamed-{filename}"

    backend = Mine()
    filename = begin(backend, "p.png")
    send(backend, [png()])
    assert finish(backend, filename)["filename"] == "renamed-p.png"


def test_abilities_are_the_stores(tmp_path: Path) -> None:
    local = {"class": "local", "media_root": str(tmp_path / "m"), "media_url": "/media/"}
    backend = ThumbnailUploadBackend(STORE=local)
    backend.startup()
    reply = uploaded(jpeg(), "a b.jpg", STORE=local)
    assert (reply["path"], reply["url"]) == ("/media/uploads/a b.jpg", "/media/uploads/a%20b.jpg")
    assert backend.open is not None
    assert backend.delete is not None
    assert backend.url is not None
    assert backend.url("a b.jpg") == reply["url"]
    with backend.open("a b.jpg") as file:
        assert opened(file.read()).size == (100, 75)
    backend.delete("a b.jpg")
    with pytest.raises(NotFound):
        backend.open("a b.jpg")
    assert ThumbnailUploadBackend(STORE=Shelf).url is None
    assert backend.adopt is None


def test_hooks_that_come_in_the_wrong_order_are_told() -> None:
    backend = ThumbnailUploadBackend(STORE=Shelf)
    with pytest.raises(RuntimeError, match="setup must be called first"):
        backend.upload_chunk(b"x")
    with pytest.raises(RuntimeError, match="setup must be called first"):
        backend.upload_complete(None, "x.jpg")
