"""Requests captured from real widgets in a real browser (requests.json): which are for us, and what must come of each.

What lives here: reading the capture, and the expectation for each request, derived from what was captured. What must
not: sending.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.wire.doors import TOKEN
from tests.wire.transcript import Case

#: The protocols that are spoken. One that is added here takes the requests that name it out of these tests.
SPOKEN = ("tus", "valums", "form", "raw")

#: How their cases' names begin -> the protocol of widgets whose requests are played one after the other.
PLAYED = {"fp": "filepond", "rs": "resumablejs", "fl": "flow", "pl": "plupload", "bi": "blueimp"}

#: Query fields, form fields and headers that say "a piece of a file".
PIECES = {
    "qqpartindex", "dzchunkindex", "resumablechunknumber", "flowchunknumber", "chunk", "offset", "upload-offset",
    "upload-length", "upload-complete", "tus-resumable", "content-range",
}  # fmt: skip
LONGEST = 64 << 10  # bytes: two of the captured bodies are 5 MiB of zeros, which prove nothing more


@dataclass(frozen=True)
class Captured:
    """One request of the capture."""

    row: dict[str, Any]

    @property
    def fact(self) -> str:
        """As a test is named."""
        return f"{self.row['case']} {self.row['n']}"

    @property
    def method(self) -> str:
        return str(self.row["method"])

    @property
    def headers(self) -> dict[str, str]:
        """With lower-case names, the browser's own included."""
        return {name.lower(): value for name, value in {**self.row["headers"], **self.row.get("sec", {})}.items()}

    @property
    def parts(self) -> list[dict[str, Any]]:
        """Of a form; empty for all else."""
        return list(self.row.get("parts", ()))

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.row["url"]).query, keep_blank_values=True))

    def files(self) -> list[tuple[str, bytes]]:
        """The name (None for the server's choice) and bytes of what it carries, were it whole."""
        if self.parts:
            return [(part["filename"], content(part)) for part in self.parts if part.get("filename")]
        if self.headers.get("content-type") == "application/x-www-form-urlencoded" and "qqfile" not in self.query:
            return []  # a form without files
        return [("", self.body())]

    def is_whole(self) -> bool:
        """Is this a request to store whole files?"""
        names = {name.lower() for name in (*self.query, *self.headers, *(part["name"] for part in self.parts))}
        asks = "/s3/" in urlsplit(self.row["url"]).path  # a Companion is told about a file, it is not sent one
        return self.method in ("POST", "PUT") and not asks and not names & PIECES and bool(self.files())

    def _widget(self) -> str | None:
        """The widget whose requests have tests of their own: test_fineuploader.py, test_dropzone.py, and for the others
        test_captured_widgets.py."""
        played = PLAYED.get(str(self.row["case"]).partition("_")[0])
        if played and (played != "plupload" or not self.is_whole()):
            return played
        if "fineuploader" in self.row["protocol_is_one_of"]:
            return "fineuploader"
        return "dropzone" if any(part["name"] == "dzchunkindex" for part in self.parts) else None

    def verdict(self) -> str:
        """Whose it is: a protocol's name, or "refused"."""
        claims = {*self.row["protocol_is_one_of"]}
        if widget := self._widget():
            return widget
        if "tus" in claims:  # tus-js-client speaks the IETF's protocol as well, and says in a header which one
            return "tus" if "tus-resumable" in self.headers else "ietf"
        particular = [name for name in SPOKEN if name in claims and name not in ("form", "raw")]
        if not self.is_whole() or not claims & {*SPOKEN}:
            return "refused"
        if "qqfile" in self.query or (particular and self.parts):
            return "valums"
        return "form" if self.parts else "raw"

    def body(self) -> bytes:
        """The bytes, made again from what was captured of them."""
        if self.parts:
            return b"".join(map(_part, self.parts)) + b"--XbX--\r\n"
        if "text" in self.row:
            return str(self.row["text"]).encode()
        return bytes(min(self.row.get("bodyLen", 0), LONGEST))

    def case(self, url: str = "", **others: str) -> Case:
        """As a case of a table: what to send, and nothing of what is expected. To another URL, and with other values
        of some headers, where those came from the server."""
        lines = [f"{self.method} {url or self.row['url']} HTTP/1.1"]
        headers = {**self.headers, **({"x-csrftoken": TOKEN} if "x-csrftoken" in self.headers else {}), **others}
        if self.parts:
            headers["content-type"] += "; boundary=XbX"
        lines += [f"{name}: {value}" for name, value in headers.items() if name not in ("content-length", "expect")]
        body = self.body()
        if "transfer-encoding" in self.headers:
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        return Case(self.fact, "\r\n".join(lines).encode("latin-1"), body, 0)


def scenarios(captured: list[Captured]) -> dict[str, list[Captured]]:
    """Name -> the requests of one client after the other. What was lost on the way, as a HEAD after it shows, is left
    out: the next request sends it again."""
    found: dict[str, list[Captured]] = {}
    for each in captured:
        found.setdefault(str(each.row["case"]), []).append(each)
    return {
        name: [
            sent
            for sent, then in zip(all_sent, [*all_sent[1:], None], strict=True)
            if then is None or (sent.method, then.method) != ("PATCH", "HEAD")
        ]
        for name, all_sent in found.items()
    }


def content(part: dict[str, Any]) -> bytes:
    """As many bytes as the file had; of the bytes themselves the capture has the first dozen."""
    first, size = str(part["first"]).encode() or b"-", int(part["len"])
    return (first * (size // len(first) + 1))[:size]


def _part(part: dict[str, Any]) -> bytes:
    head, value = f'--XbX\r\nContent-Disposition: form-data; name="{part["name"]}"', b""
    if "filename" in part:
        head += f'; filename="{part["filename"]}"\r\nContent-Type: {part["ct"]}'
        value = content(part)
    else:
        value = TOKEN.encode() if part["name"] == "csrfmiddlewaretoken" else str(part["value"]).encode()
    return head.encode() + b"\r\n\r\n" + value + b"\r\n"


def all_captured() -> list[Captured]:
    """The whole capture."""
    rows = json.loads(Path(__file__).with_name("requests.json").read_text(encoding="utf-8"))
    return [Captured(row) for row in rows]
