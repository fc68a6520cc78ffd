"""Fine Uploader and Dropzone at a door: their pieces, as these widgets send them.

What lives here: requests. What must not: verdicts.
"""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode

from tests.wire.client import Answer
from tests.wire.visiting import Fields, Visit

UUID = "d4cd8f70-d372-4c37-87af-6362bb9340d1"
OTHER = "28abc471-ae94-45c0-831a-6b64d4c716d4"
WHOLE = b"0123456789" * 2 + b"01234"
STEP = 10
_XHR = {"Accept": "application/json", "X_Requested_With": "XMLHttpRequest"}

#: The visit, the piece's number, the file, the pieces' size, the upload's key, its name, the URL.
Sender = Callable[..., Answer]


def count_of(whole: bytes, step: int = STEP) -> int:
    """How many pieces a file has; an empty one has one."""
    return max(1, -(-len(whole) // step))


def fine_fields(k: int, whole: bytes, step: int, key: str, name: str) -> Fields:
    """What Fine Uploader says of its piece `k` (from 0 on)."""
    return {
        "qqpartindex": k,
        "qqpartbyteoffset": k * step,
        "qqchunksize": len(whole[k * step : (k + 1) * step]),
        "qqtotalparts": count_of(whole, step),
        "qqtotalfilesize": len(whole),
        "qqfilename": name,
        "qquuid": key,
    }


def fine(
    visit: Visit,
    k: int,
    whole: bytes = WHOLE,
    step: int = STEP,
    key: str = UUID,
    name: str = "a.txt",
    url: str = "/upload",
) -> Answer:
    """A piece in a form."""
    content = whole[k * step : (k + 1) * step]
    return visit.post(url, fine_fields(k, whole, step, key, name), ("qqfile", "blob", content), **_XHR)


def fine_raw(
    visit: Visit,
    k: int,
    whole: bytes = WHOLE,
    step: int = STEP,
    key: str = UUID,
    name: str = "a.txt",
    url: str = "/upload",
) -> Answer:
    """The same with `forceMultipart: false`, `paramsInBody: false`."""
    query = urlencode({**fine_fields(k, whole, step, key, name), "qqfile": name})
    content = whole[k * step : (k + 1) * step]
    headers = {**_XHR, "Content_Type": "application/octet-stream", "X_Mime_Type": "text/plain"}
    return visit.send("POST", f"{url}?{query}", content, **headers)


def fine_whole(visit: Visit, content: bytes, key: str = UUID, name: str = "a.txt", url: str = "/upload") -> Answer:
    """A file that is smaller than a piece."""
    fields: Fields = {"qquuid": key, "qqfilename": name, "qqtotalfilesize": len(content)}
    return visit.post(url, fields, ("qqfile", name, content), **_XHR)


def fine_done(visit: Visit, whole: bytes = WHOLE, key: str = UUID, url: str = "/upload/done") -> Answer:
    """All pieces were sent."""
    words = {"qquuid": key, "qqfilename": "a.txt", "qqtotalfilesize": len(whole), "qqtotalparts": count_of(whole)}
    body, kind = urlencode(words).encode(), "application/x-www-form-urlencoded"
    return visit.send("POST", url, body, Accept="application/json", Content_Type=kind)


def dropzone(
    visit: Visit,
    k: int,
    whole: bytes = WHOLE,
    step: int = STEP,
    key: str = UUID,
    name: str = "a.txt",
    url: str = "/upload",
    total: int | None = None,
) -> Answer:
    """A piece of Dropzone; `total` is what it says of the size, which may be another file's."""
    fields: Fields = {
        "dzuuid": key,
        "dzchunkindex": k,
        "dztotalfilesize": len(whole) if total is None else total,
        "dzchunksize": step,
        "dztotalchunkcount": count_of(whole, step),
        "dzchunkbyteoffset": k * step,
    }
    return visit.post(url, fields, ("file", name, whole[k * step : (k + 1) * step]), **_XHR)


SENDERS: dict[str, Sender] = {"fineuploader": fine, "fineuploader raw": fine_raw, "dropzone": dropzone}
