"""`quota` and uploads over several requests, and an application that counts for itself."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from webob import Response

from ajaxupload import events
from ajaxupload.errors import Conflict, Forbidden
from ajaxupload.request import UploadRequest
from ajaxupload.upload import Upload
from tests.support.quotas import TEN, Site, refused


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


# ---- several requests ------------------------------------------------------------------------------------------------


def test_an_upload_sets_its_size_aside_before_its_bytes_come(site: Site) -> None:
    first = site.create(8 << 10)
    assert (first.status_code, site.standing()) == (201, (0, 8 << 10))
    answer = site.create(4 << 10)
    assert answer.status_code == 413
    assert answer.text.startswith("ERR_UPLOAD_REJECTED: There is no room for this file: 2 KiB of 10 KiB is left")
    refused(site.put(4 << 10))
    assert site.tus("PATCH", first.headers["Location"], bytes(8 << 10), Upload_Offset="0").status_code == 204
    assert (site.stored(), site.standing()) == (8 << 10, (8 << 10, 0))
    assert site.create(2 << 10).status_code == 201


def test_of_a_size_that_is_known_no_more_than_that_is_set_aside(tmp_path: Path) -> None:
    site = Site(tmp_path, "1 GiB")
    site.create(100)
    assert site.standing() == (0, 100)
    assert site.create(100, Idempotency_Key="k").status_code == 201
    assert site.create(100, Idempotency_Key="k").status_code == 201
    assert site.standing() == (0, 200)


def test_an_upload_that_is_given_up_gives_its_room_back(site: Site) -> None:
    url = site.create(TEN).headers["Location"]
    refused(site.put(1))
    assert site.tus("DELETE", url).status_code == 204
    assert site.standing() == (0, 0)


def test_an_upload_that_expires_gives_its_room_back(tmp_path: Path) -> None:
    site = Site(tmp_path)
    upload_id = site.create(TEN).headers["Location"].strip("/")
    for path in tmp_path.rglob(f"{upload_id}.log"):
        os.utime(path, (0, time.time() - 90_000))
    assert site.endpoint.partials is not None
    assert site.endpoint.partials.sweep() == 1
    assert site.standing() == (0, 0)


def test_a_deferred_length_sets_aside_what_comes_and_nothing_stays_of_what_does_not_fit(tmp_path: Path) -> None:
    site = Site(tmp_path, "3 MiB")
    url = site.create(None).headers["Location"]
    assert site.standing() == (0, 0)
    assert site.tus("PATCH", url, bytes(1000), Upload_Offset="0").status_code == 204
    assert site.standing() == (0, 1000 + (1 << 20))
    answer = site.tus("PATCH", url, bytes(4 << 20), Upload_Offset="1000")
    assert (answer.status_code, site.tus("HEAD", url).status_code) == (413, 413)
    assert (site.stored(), site.standing()) == (0, (0, 0))
    assert not list(tmp_path.rglob("*.part"))


def test_a_length_that_is_told_later_is_what_is_set_aside(site: Site) -> None:
    url = site.create(None).headers["Location"]
    assert site.tus("PATCH", url, bytes(100), Upload_Offset="0").status_code == 204
    assert site.tus("PATCH", url, bytes(100), Upload_Offset="100", Upload_Length=str(TEN + 1)).status_code == 413
    assert site.tus("PATCH", url, bytes(100), Upload_Offset="100", Upload_Length="300").status_code == 204
    assert site.standing() == (0, 300)
    assert site.tus("PATCH", url, bytes(100), Upload_Offset="200").status_code == 204
    assert (site.stored(), site.standing()) == (300, (300, 0))


def test_parts_that_are_put_together_count_once(site: Site) -> None:
    parts = [site.create(5 << 10, Upload_Concat="partial").headers["Location"] for _ in range(2)]
    for url in parts:
        assert site.tus("PATCH", url, bytes(5 << 10), Upload_Offset="0").status_code == 204
    assert site.standing() == (0, TEN)
    joined: dict[str, Any] = {"Upload_Concat": f"final;{' '.join(parts)}"}
    assert site.tus("POST", "/", **joined).status_code == 201
    assert (site.stored(), site.standing()) == (TEN, (TEN, 0))
    assert site.tus("POST", "/", **joined).status_code == 413  # once more would be another file
    assert site.stored() == TEN


def test_pieces_of_a_file_of_unknown_size_set_aside_what_they_reach_up_to(site: Site) -> None:
    def piece(number: int, size: int, total: int) -> Response:
        fields = {"name": "a.bin", "chunk": str(number), "chunks": str(total)}
        text = "".join(
            f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
        )
        text += '--x\r\nContent-Disposition: form-data; name="file"; filename="blob"\r\n\r\n'
        body = text.encode() + bytes(size) + b"\r\n--x--\r\n"
        return site.ask("POST", "/", body, Content_Type="multipart/form-data; boundary=x")

    assert piece(0, 4 << 10, 3).status_code == 200
    assert site.standing()[1] >= 4 << 10
    assert piece(1, 4 << 10, 3).status_code == 200
    answer = piece(2, 4 << 10, 3)
    assert "quota_exceeded" in answer.text
    assert (site.stored(), site.standing()) == (0, (0, 0))


def test_an_upload_that_began_before_there_was_a_quota_is_counted_at_its_end(tmp_path: Path) -> None:
    before = Site(tmp_path, None)
    small, large = (before.create(size).headers["Location"] for size in (100, TEN + 1))
    site = Site(tmp_path)
    assert site.tus("PATCH", small, bytes(100), Upload_Offset="0").status_code == 204
    assert site.standing() == (100, 0)
    assert site.tus("PATCH", large, bytes(TEN + 1), Upload_Offset="0").status_code == 413
    assert (site.stored(), site.standing()) == (100, (100, 0))


PIECE = {"fineuploader": {"qquuid": "u", "qqfilename": "a.bin", "qqtotalfilesize": "20000", "qqpartindex": "0",
                          "qqtotalparts": "2", "qqpartbyteoffset": "0", "qqchunksize": "10000"},
         "dropzone": {"dzuuid": "u", "dzchunkindex": "0", "dztotalfilesize": "20000", "dzchunksize": "10000",
                      "dztotalchunkcount": "2", "dzchunkbyteoffset": "0"},
         "resumablejs": {"resumableIdentifier": "u", "resumableFilename": "a.bin", "resumableTotalSize": "20000",
                         "resumableChunkNumber": "1", "resumableChunkSize": "10000", "resumableTotalChunks": "2",
                         "resumableCurrentChunkSize": "10000"},
         "flow": {"flowIdentifier": "u", "flowFilename": "a.bin", "flowTotalSize": "20000", "flowChunkNumber": "1",
                  "flowChunkSize": "10000", "flowTotalChunks": "2", "flowCurrentChunkSize": "10000"},
         "plupload": {"name": "a.bin", "chunk": "0", "chunks": "1"},
         "form": {}}  # fmt: skip
HEADERS: dict[str, dict[str, str]] = {
    "tus": {"Tus_Resumable": "1.0.0", "Upload_Length": "20000"},
    "ietf": {"Upload_Complete": "?0", "Upload_Length": "20000", "Upload_Draft_Interop_Version": "8"},
    "blueimp": {"Content_Range": "bytes 0-9999/20000", "Content_Disposition": 'attachment; filename="a.bin"'},
    "valums": {"X_File_Name": "a.bin", "X_Requested_With": "XMLHttpRequest"},
}


@pytest.mark.parametrize("protocol", [*PIECE, *HEADERS, "filepond"])
def test_every_protocol_tells_its_client_how_much_is_left(tmp_path: Path, protocol: str) -> None:
    """At the first request of a file that does not fit; and nothing is set aside."""
    site = Site(tmp_path, 8 << 10)
    if protocol in PIECE:
        lines = [
            f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in PIECE[protocol].items()
        ]
        lines.append('--x\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\n\r\n')
        body = "".join(lines).encode() + bytes(10_000) + b"\r\n--x--\r\n"
        answer = site.ask("POST", "/", body, Content_Type="multipart/form-data; boundary=x")
    elif protocol == "filepond":
        body = b'--x\r\nContent-Disposition: form-data; name="filepond"\r\n\r\n{}\r\n--x--\r\n'
        length = {"Upload_Length": "20000", "Upload_Name": "a.bin"}
        answer = site.ask("POST", "/", body, Content_Type="multipart/form-data; boundary=x", **length)
    else:
        url = "/?qqfile=a.bin" if protocol == "valums" else "/"
        body = bytes(10_000) if protocol in ("valums", "blueimp") else b""
        answer = site.ask("POST", url, body, Content_Type="application/octet-stream", **HEADERS[protocol])
    assert "8 KiB of 8 KiB is left (quota)" in answer.text
    assert (site.stored(), site.standing()) == (0, (0, 0))


# ---- the application's own -------------------------------------------------------------------------------------------


class Accounting:
    """An application's: `most` bytes, of which it counts what it was told of."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self.asked: list[Upload] = []

    def left(self, request: Any, upload: Upload) -> int | None:
        self.asked.append(upload)
        return self.most - self.used

    def note(self, _sender: str, *, upload: Upload, **_details: Any) -> None:
        self.used += upload.size or 0


@pytest.fixture
def own() -> Iterator[Accounting]:
    accounting = Accounting(TEN)
    with events.completed.connected_to(accounting.note):
        yield accounting


def test_a_function_says_what_is_left_and_what_is_under_way_is_taken_off(tmp_path: Path, own: Accounting) -> None:
    site = Site(tmp_path, own.left)
    url = site.create(8 << 10).headers["Location"]
    assert own.asked[-1].principal == "ann"
    refused(site.put(4 << 10), "2 KiB is left")
    assert site.put(2 << 10).status_code == 201
    assert site.standing() == (0, 8 << 10)  # what is stored is counted by the application
    assert site.tus("PATCH", url, bytes(8 << 10), Upload_Offset="0").status_code == 204
    assert (site.standing(), own.used) == ((0, 0), TEN)
    refused(site.put(1), "nothing is left")


def test_a_function_is_asked_again_when_an_upload_has_ended_meanwhile(tmp_path: Path) -> None:
    """What it said may or may not have that upload's bytes in it."""
    site: Site
    said: list[int] = []

    def left(request: Any, upload: Upload) -> int:
        said.append(TEN - site.stored())
        if len(said) == 2:  # after it was looked up, and before it was told
            assert site.tus("PATCH", url, bytes(8 << 10), Upload_Offset="0").status_code == 204
        return said[-1]

    site = Site(tmp_path, left)
    url = site.create(8 << 10).headers["Location"]
    refused(site.put(4 << 10), "2 KiB is left")
    assert said == [TEN, TEN, 2 << 10]


def test_a_function_may_say_that_there_is_no_limit(tmp_path: Path) -> None:
    site = Site(tmp_path, lambda request, upload: None)
    assert site.put(1 << 20).status_code == 201
    assert site.form(1 << 20).status_code == 200


@pytest.mark.parametrize("said", [-5, 0])
def test_less_than_nothing_is_nothing(tmp_path: Path, said: int) -> None:
    site = Site(tmp_path, lambda request, upload: said)
    refused(site.put(1), "nothing is left")
    assert site.put(0).status_code == 201


@pytest.mark.parametrize("wrong", [KeyError("ann"), "much", True, 3.5 + 0j])
def test_a_function_that_fails_lets_nothing_in_and_the_log_says_why(
    tmp_path: Path, wrong: Any, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(request: Any, upload: Upload) -> Any:
        if isinstance(wrong, Exception):
            raise wrong
        return wrong

    site = Site(tmp_path, fails)
    with caplog.at_level(logging.ERROR, "ajaxupload"):
        assert [site.put(1).status_code, site.create(1).status_code] == [503, 503]
    assert "quota failed" in caplog.text
    assert (site.stored(), site.standing()) == (0, (0, 0))


def test_a_function_may_choose_the_answer(tmp_path: Path) -> None:
    def left(request: Any, upload: Upload) -> int:
        raise Forbidden("Your subscription has ended.")

    answer = Site(tmp_path, left).put(1)
    assert (answer.status_code, answer.json["error"]) == (403, "Your subscription has ended.")


def test_two_endpoints_with_one_function_share_what_is_under_way(tmp_path: Path, own: Accounting) -> None:
    one, other = (Site(tmp_path, own.left) for _ in range(2))
    assert one.create(8 << 10).status_code == 201
    refused(other.put(4 << 10), "2 KiB is left")


def test_a_writer_that_comes_too_late_sets_nothing_aside(tmp_path: Path) -> None:
    """Its connection hung while another one finished the upload, whose size it has not heard of."""
    site = Site(tmp_path, "3 MiB")
    url = site.create(None).headers["Location"]
    assert site.endpoint.partials is not None
    with site.endpoint.partials.store.find(url.strip("/")) as late:
        site.tus("PATCH", url, bytes(1000), Upload_Offset="0", Upload_Length="1000")
        site.endpoint.engine.quota.room(UploadRequest.blank("/"), late)(2000)
    assert site.standing() == (1000, 0)
    assert site.put(5 << 19).status_code == 201


def test_of_two_sizes_that_are_told_at_once_the_one_that_is_taken_is_set_aside(tmp_path: Path) -> None:
    site = Site(tmp_path, "1 MiB")
    url = site.create(None).headers["Location"]
    uploads = site.endpoint.partials
    assert uploads is not None
    with uploads.store.find(url.strip("/")) as first, uploads.store.find(url.strip("/")) as second:
        uploads.declare(UploadRequest.blank("/"), first, 1000)
        with pytest.raises(Conflict):
            uploads.declare(UploadRequest.blank("/"), second, 5000)
    assert site.standing() == (0, 1000)
