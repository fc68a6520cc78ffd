"""A browser at a door, as far as widgets need one: it keeps its cookies and makes their requests.

What lives here: cookies, forms, and each widget's pieces as that widget sends them. What must not: verdicts.
"""

from __future__ import annotations

from collections.abc import Mapping
from http.cookies import SimpleCookie
from urllib.parse import quote, urlencode

from tests.wire.client import Answer, connected, form, hang_up, until_closed
from tests.wire.doors import DRESS, Door, ServerDoor
from tests.wire.transcript import Case

Fields = Mapping[str, object]


class Visit:
    """One browser. `user` is sent as the guarded endpoint's principal; `agent` tells machines apart."""

    def __init__(self, door: Door, user: str | None = None, agent: str = "Mozilla/5.0") -> None:
        self.door, self.user, self.agent = door, user, agent
        self.cookies = dict(
            pair.split("=", 1) for pair in [DRESS.get(door.name, {}).get("Cookie", "")] if pair
        )  # Django's own

    def case(self, method: str, url: str, body: bytes = b"", **headers: str) -> Case:
        """One request; `headers` with _ for -."""
        lines = [f"{method} {url} HTTP/1.1", f"User-Agent: {self.agent}"]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        if self.cookies:
            lines.append("Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()))
        if self.user:
            lines.append(f"X-User: {self.user}")
        return Case("", "\r\n".join(lines).encode(), body, 0)

    def send(self, method: str, url: str, body: bytes = b"", **headers: str) -> Answer:
        """That request, and its answer."""
        answer = self.door.send(self.case(method, url, body, **headers))
        for name, value in answer.lines:
            if name.lower() == "set-cookie":
                self.cookies.update({key: morsel.value for key, morsel in SimpleCookie(value).items()})
        return answer

    def tear(self, method: str, url: str, body: bytes, keep: int, **headers: str) -> None:
        """That request, whose connection is reset after `keep` bytes of its body."""
        self.cut_off(self.case(method, url, body, **headers), keep, reset=True)

    def cut_off(self, case: Case, keep: int, *, reset: bool) -> None:
        """A request whose connection is reset after `keep` bytes of its body, or closed in good order."""
        assert isinstance(self.door, ServerDoor)
        request = case.request(self.door.host, Connection="close", **DRESS.get(self.door.name, {}))
        with connected(self.door.server.port) as connection:
            connection.sendall(request[: len(request) - len(case.body) + keep])
            hang_up(connection, reset=reset)
            if not reset:
                until_closed(connection)

    def post(self, url: str, fields: Fields, file: tuple[str, str | None, bytes] | None, **headers: str) -> Answer:
        """A form: the fields first, the file (field, name, content) last."""
        parts: list[tuple[str, str | None, bytes]] = [
            (name, None, str(value).encode()) for name, value in fields.items()
        ]
        body = form(*parts, *([file] if file else []))
        return self.send("POST", url, body, Content_Type="multipart/form-data; boundary=XbX", **headers)


# ---- the widgets' pieces --------------------------------------------------------------------------------------------


def plupload(visit: Visit, k: int, n: int, content: bytes, name: str = "a.txt", url: str = "/upload") -> Answer:
    """A numbered piece of n."""
    return visit.post(url, {"name": name, "chunk": k, "chunks": n}, ("file", "blob", content))


def plupload_raw(visit: Visit, k: int, n: int, content: bytes, name: str = "a.txt", url: str = "/upload") -> Answer:
    """The same with `multipart: false`."""
    query = urlencode({"name": name, "chunk": k, "chunks": n})
    return visit.send("POST", f"{url}?{query}", content, Content_Type="application/octet-stream")


def blueimp(
    visit: Visit,
    start: int,
    total: int,
    content: bytes,
    name: str = "a.txt",
    url: str = "/upload",
    *,
    raw: bool = False,
) -> Answer:
    """A range, in a form or bare."""
    headers = {
        "Content_Range": f"bytes {start}-{start + len(content) - 1}/{total}",
        "Content_Disposition": f'attachment; filename="{quote(name)}"',
        "X_Requested_With": "XMLHttpRequest",
        "Accept": "application/json, text/javascript, */*; q=0.01",
    }
    if raw:
        return visit.send("POST", url, content, Content_Type="text/plain", **headers)
    return visit.post(url, {"k": "v"}, ("files[]", name, content), **headers)


def resumable_fields(
    k: int, step: int, whole: bytes, name: str = "a.txt", prefix: str = "resumable", path: str = ""
) -> Fields:
    """The parameters of the piece `k` (from 1 on): the last has what is left over, up to twice the step."""
    count = max(len(whole) // step, 1)
    size = step if k < count else len(whole) - (count - 1) * step
    letters = "".join(char for char in name if char.isascii() and (char.isalnum() or char in "_-"))
    values = {
        "ChunkNumber": k, "ChunkSize": step, "CurrentChunkSize": size, "TotalSize": len(whole), "Type": "text/plain",
        "Identifier": f"{len(whole)}-{letters}", "Filename": name, "RelativePath": path or name, "TotalChunks": count,
    }  # fmt: skip
    return {f"{prefix}{word}": value for word, value in values.items()}


def resumable(
    visit: Visit, k: int, step: int, whole: bytes, name: str = "a.txt", prefix: str = "resumable", url: str = "/upload"
) -> Answer:
    """That piece, as Resumable.js (in the query as well) or Flow.js (in the form alone) sends it."""
    fields = resumable_fields(k, step, whole, name, prefix)
    start, size = (k - 1) * step, int(str(fields[f"{prefix}CurrentChunkSize"]))
    query = f"?{urlencode(fields)}" if prefix == "resumable" else ""
    return visit.post(url + query, fields, ("file", name, whole[start : start + size]))


def asks(
    visit: Visit, k: int, step: int, whole: bytes, name: str = "a.txt", prefix: str = "resumable", url: str = "/upload"
) -> Answer:
    """The question before it."""
    return visit.send("GET", f"{url}?{urlencode(resumable_fields(k, step, whole, name, prefix))}")


def pond_begin(visit: Visit, size: int, url: str = "/upload") -> Answer:
    """FilePond's creation of a chunked upload."""
    return visit.post(url, {"photo": "{}"}, None, Upload_Length=str(size))


def pond_patch(
    visit: Visit, upload_id: str, at: int, total: int, content: bytes, name: str = "a.txt", url: str = "/upload"
) -> Answer:
    """FilePond's piece; its name goes as UTF-8 bytes."""
    return visit.send(
        "PATCH",
        f"{url}?patch={upload_id}",
        content,
        Content_Type="application/offset+octet-stream",
        Upload_Offset=str(at),
        Upload_Length=str(total),
        Upload_Name=name,
        **({} if content else {"Content_Length": "0"}),
    )
