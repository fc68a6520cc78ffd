"""Inspectors have their say before a file is visible, whichever way it comes: what they refuse leaves nothing, what
nobody could look at is not stored, and a repeat of the last request gets a proper answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from urllib.parse import quote

import pytest

from tests.wire import store
from tests.wire.apps.looking import AWAY
from tests.wire.client import Answer, form
from tests.wire.doors import DOORS, Door
from tests.wire.ietf import Ietf
from tests.wire.tus import Tus, metadata
from tests.wire.uploaders import dropzone, fine, fine_raw, fine_whole
from tests.wire.visiting import Visit, blueimp, plupload, plupload_raw, pond_begin, pond_patch, resumable

CLEAN = b"0123456789clean in here."
FOUL = b"0123456789po" + b"ison in here"
SEAM = 12  # it lies across the seam of two pieces
assert len(CLEAN) == len(FOUL) == 2 * SEAM

Send = Callable[[], Answer]
#: A visit, the endpoint, the content -> each request that brings it. The last one may be sent again.
Way = Callable[[Visit, str, bytes], Iterator[Send]]


def raw(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    yield lambda: visit.send("PUT", f"{url}/a.txt", content)


def raw_with_a_key(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    yield lambda: visit.send("PUT", f"{url}/a.txt", content, Idempotency_Key='"k"')


def chunked(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(content), content)
    yield lambda: visit.send("PUT", f"{url}/a.txt", body, Transfer_Encoding="chunked")


def by_form(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    files = form(("f", "first.txt", b"harmless"), ("f", "a.txt", content), ("f", "last.txt", b"harmless too"))
    kind = "multipart/form-data; boundary=XbX"
    yield lambda: visit.send("POST", url, files, Content_Type=kind, Accept="application/json")


def valums(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    headers = {"X_Requested_With": "XMLHttpRequest", "X_File_Name": "a.txt"}
    yield lambda: visit.send("POST", f"{url}?qqfile=a.txt", content, **headers)


def fine_uploader(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    yield lambda: fine_whole(visit, content, url=url)


def fine_pieces(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    for k in (1, 0):
        yield partial(fine, visit, k, content, SEAM, url=url)


def fine_raw_pieces(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    for k in (0, 1):
        yield partial(fine_raw, visit, k, content, SEAM, url=url)


def dropzone_pieces(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    for k in (1, 0):
        yield partial(dropzone, visit, k, content, SEAM, url=url)


def resumable_pieces(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    for k in (2, 1):
        yield partial(resumable, visit, k, SEAM, content, url=url)


def flow_pieces(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    for k in (1, 2):
        yield partial(resumable, visit, k, SEAM, content, prefix="flow", url=url)


def plupload_pieces(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    for k in (0, 1):
        yield partial(plupload, visit, k, 2, content[k * SEAM :][:SEAM], url=url)


def plupload_raw_pieces(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    for k in (0, 1):
        yield partial(plupload_raw, visit, k, 2, content[k * SEAM :][:SEAM], url=url)


def blueimp_pieces(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    for at in (0, SEAM):
        yield partial(blueimp, visit, at, len(content), content[at : at + SEAM], url=url)


def filepond_pieces(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    made: list[str] = []

    def begin() -> Answer:
        answer = pond_begin(visit, len(content), url=url)
        made.append(answer.body.decode())
        return answer

    yield begin
    for at in (0, SEAM):
        yield partial(pond_patch, visit, made[0], at, len(content), content[at : at + SEAM], url=url)


def tus_patches(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    tus = Tus(visit.door)
    upload = tus.create(len(content), to=url, Upload_Metadata=metadata(filename="a.txt"))
    yield lambda: tus.patch(upload, 0, content[:SEAM])
    yield lambda: tus.patch(upload, SEAM, content[SEAM:])
    yield lambda: tus.patch(upload, len(content))


def tus_creation_with_upload(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    tus = Tus(visit.door)
    yield lambda: tus.post(len(content), content, to=url, Upload_Metadata=metadata(filename="a.txt"))


def tus_concatenation(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    tus = Tus(visit.door)
    parts = [tus.create(SEAM, content[at : at + SEAM], to=url, Upload_Concat="partial") for at in (0, SEAM)]
    yield lambda: tus.post(to=url, Upload_Concat=f"final;{' '.join(parts)}", Upload_Metadata=metadata(filename="a.txt"))


def ietf_patches(visit: Visit, url: str, content: bytes) -> Iterator[Send]:
    ietf = Ietf(visit.door)
    upload = ietf.create(content[:SEAM], to=url, Content_Disposition=f'attachment; filename="{quote("a.txt")}"')
    yield lambda: ietf.patch(upload, SEAM, content[SEAM:], complete=True)
    yield lambda: ietf.patch(upload, len(content), complete=True)


WAYS: list[Way] = [
    raw, raw_with_a_key, chunked, by_form, valums, fine_uploader, fine_pieces, fine_raw_pieces, dropzone_pieces,
    resumable_pieces, flow_pieces, plupload_pieces, plupload_raw_pieces, blueimp_pieces, filepond_pieces, tus_patches,
    tus_creation_with_upload, tus_concatenation, ietf_patches,
]  # fmt: skip
#: What each file that a way brings leaves, when all is well.
BESIDE: dict[Way, list[bytes]] = {by_form: [b"harmless", b"harmless too"]}
#: Their clients read a reason only from an answer that looks like success.
AT_200 = (valums, fine_uploader, fine_pieces, fine_raw_pieces, blueimp_pieces)
#: These give up at statuses of their own list only.
FINAL: dict[Way, int] = {resumable_pieces: 400, flow_pieces: 415}
each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
#: Both kinds of inspectors in process; one of them with gunicorn's two workers.
here = pytest.mark.parametrize(
    ("door", "url"),
    [("webtest", "/watched"), ("webtest", "/read"), pytest.param("gunicorn", "/watched", marks=pytest.mark.servers)],
    indirect=["door"],
)
#: Behind the engine all doors are one: a way of each kind will do.
everywhere = pytest.mark.parametrize(
    "door", [pytest.param(name, marks=pytest.mark.servers) for name in DOORS if name != "webtest"], indirect=True
)


def bring(door: Door, way: Way, url: str, content: bytes) -> tuple[Answer, Send]:
    """All its requests, up to the first that fails: the last answer, and what its client sends then."""
    requests = way(Visit(door), url, content)
    send = next(requests)
    while (answer := send()).status < 400 and b'"success": false' not in answer.body:
        following = next(requests, None)
        if following is None:
            break
        send = following
    return answer, next(requests, send)


def refused(way: Way, answer: Answer, status: int) -> bool:
    """Does it say so, in the way that its clients understand?"""
    if way in AT_200 and answer.status == 200:
        return answer.json["success"] is False
    return answer.status == (FINAL.get(way, status) if status == 422 else status)


@here
@each_way
def test_what_is_clean_is_stored(door: Door, way: Way, url: str) -> None:
    answer, _again = bring(door, way, url, CLEAN)
    assert answer.status < 300, answer
    assert sorted(store.take(door.root).values()) == sorted([CLEAN, *BESIDE.get(way, [])])


@here
@each_way
def test_what_is_refused_leaves_nothing_and_its_repeat_is_refused_again(door: Door, way: Way, url: str) -> None:
    answer, again = bring(door, way, url, FOUL)
    assert refused(way, answer, 422), answer
    assert b"poison" in answer.body
    assert store.take(door.root) == {}
    kept = [path.read_bytes() for path in store.kept_on_purpose(door.root) if path.suffix == ".part"]
    assert set(kept) <= {FOUL[:SEAM], FOUL[SEAM:]}, "the parts of a concatenation may be put together in other ways"
    repeat = again()
    assert refused(way, repeat, 422) or repeat.status in (404, 409), repeat
    assert store.take(door.root) == {}


@everywhere
@pytest.mark.parametrize("way", [raw, by_form, fine_pieces, tus_patches], ids=lambda way: way.__name__)
def test_every_door_has_it_read(door: Door, way: Way) -> None:
    answer, _again = bring(door, way, "/read", FOUL)
    assert refused(way, answer, 422), answer
    assert store.take(door.root) == {}


@here
@each_way
def test_what_nobody_could_look_at_is_not_stored_until_somebody_can(door: Door, way: Way, url: str) -> None:
    (door.root / AWAY).touch()
    try:
        answer, again = bring(door, way, url, CLEAN)
    finally:
        (door.root / AWAY).unlink()
    assert refused(way, answer, 503), answer
    assert answer.headers["retry-after"] == "30"
    assert store.take(door.root) == {}
    assert again().status < 300
    assert sorted(store.take(door.root).values()) == sorted([CLEAN, *BESIDE.get(way, [])])
