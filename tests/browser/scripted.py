"""A small upload server that does what a test tells it to, on 127.0.0.1.

What lives here: the answers an upload server may give (limits, raw and multipart POST, tus 1.0.0) and the faults that
no healthy server has (a status at a chosen request, a reset connection, a proxy's size limit, slowness). It stores in
memory, and writes down each request. Nothing here says what the widget should do with the answers.
"""

from __future__ import annotations

import base64
import hashlib
import json
import mimetypes
import secrets
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import ajaxupload
from tests.browser.state import Entry, Fault, State, Stored, Upload

STATIC = Path(ajaxupload.__file__).parent / "static" / "ajaxupload"
NGINX_413 = b"<html><head><title>413 Request Entity Too Large</title></head><body>nginx</body></html>"
BLOCK = 65536


class Cut(Exception):
    """The connection broke off, or was told to, in the middle of a body."""


def parse_form(content_type: str, data: bytes) -> tuple[dict[str, list[str]], list[tuple[str, bytes]]]:
    """A form's fields by name, and its files as (name, content); a file's name also counts as its field's value."""
    if not content_type.startswith("multipart/"):
        return parse_qs(data.decode(), keep_blank_values=True), []
    message = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + data)
    fields: dict[str, list[str]] = {}
    files = []
    for part in message.iter_parts():
        content = part.get_payload(decode=True)
        assert isinstance(content, bytes)
        name = part.get_filename()
        field = str(part.get_param("name", header="content-disposition"))
        fields.setdefault(field, []).append(content.decode() if name is None else name)
        if name:
            files.append((name, content))
    return fields, files


class Handler(BaseHTTPRequestHandler):
    """One connection. Keep-alive, because that is what browsers get from real servers."""

    protocol_version = "HTTP/1.1"
    server: Server
    entry: Entry
    fault: Fault | None

    def log_message(self, *args: object) -> None:
        """Quiet: the log is in the state."""

    def do_GET(self) -> None:
        """Any method: the route decides."""
        url = urlsplit(self.path)
        query = {key: values[-1] for key, values in parse_qs(url.query, keep_blank_values=True).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.entry = Entry(self.command, unquote(url.path), query, headers)
        self.fault = None
        try:
            self.route(self.server.state)
        except (Cut, OSError):
            self.reset()

    do_POST = do_HEAD = do_PATCH = do_DELETE = do_PUT = do_OPTIONS = do_GET  # noqa: N815 -- the base class's names

    def route(self, state: State) -> None:
        """Pages and static files first; all else is written down and may meet a fault."""
        path = self.entry.path
        if path in state.pages:
            body = state.pages[path].encode()
            return self.answer(200, body, "text/html; charset=utf-8", {"Content-Security-Policy": state.policy})
        if "/static/" in path:
            return self.static(STATIC / path.partition("/static/")[2])
        if path == "/favicon.ico":
            return self.answer(200, b"", "image/x-icon")
        state.log.append(self.entry)
        self.fault = state.fault_for(self.command, path)
        if state.max_body and int(self.headers.get("Content-Length", 0)) > state.max_body:
            self.body()
            return self.answer(413, NGINX_413, "text/html")
        if self.fault and self.fault.status:
            self.body()
            return self.answer(self.fault.status, self.fault.body or {}, headers=self.fault.headers)
        if path.startswith("/files"):
            return self.tus(state)
        return self.upload(state) if path == "/upload" else self.form(state)

    def static(self, file: Path) -> None:
        """The package's own files, as they are shipped."""
        if not file.is_file():
            return self.answer(404, {})
        kind = "text/javascript" if file.suffix == ".js" else mimetypes.guess_type(file.name)[0]
        return self.answer(200, file.read_bytes(), f"{kind}; charset=utf-8")

    def body(self, sink: Callable[[bytes], None] | None = None) -> bytes:
        """Read the body at the state's rate; stops where the fault says, or the client does."""
        left = int(self.headers.get("Content-Length", 0))
        whole = bytearray()
        keep = sink or whole.extend
        rate = self.server.state.rate
        while left:
            if self.fault and self.fault.reset is not None and self.entry.received >= self.fault.reset:
                raise Cut
            block = self.rfile.read1(min(BLOCK, left))
            if not block:
                raise Cut
            left -= len(block)
            self.entry.received += len(block)
            keep(block)
            if rate:
                time.sleep(len(block) / rate)
        return bytes(whole)

    def answer(self, status: int, body: Any = b"", kind: str = "", headers: dict[str, str] | None = None) -> None:
        """Send it; a dict is sent as JSON."""
        if self.fault and self.fault.lose_answer:
            raise Cut
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.entry.status = status
        self.send_response(status, "Scripted")
        for name, value in {"Cache-Control": "no-store", **(headers or {})}.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", kind or "application/json")
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD" and status != 204:
            self.wfile.write(content)

    def reset(self) -> None:
        """End the connection the hard way: RST, no answer."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def save(self, proto: str, name: str, data: bytes) -> dict[str, Any]:
        """Store a file and make the JSON of the contract."""
        state = self.server.state
        state.stored.append(Stored(proto, name, len(data), hashlib.sha256(data).hexdigest()))
        number = f"id{len(state.stored)}"
        reply = {"success": True, "id": number, "filename": name, "size": len(data), "url": f"/f/{number}"}
        return reply | state.reply

    def upload(self, state: State) -> None:
        """The endpoint: limits, raw POST with `?qqfile=`, multipart POST."""
        if self.command == "GET":
            return self.answer(200, state.limits) if state.limits is not None else self.answer(404, {})
        name = self.entry.query.get("qqfile")
        data = self.body()
        if name is None:
            fields, files = parse_form(self.headers["Content-Type"], data)
            state.forms.append(fields)
            answers = [self.save("multipart", *file) for file in files]
            if "text/html" in self.headers.get("Accept", ""):
                return self.answer(200, b"<!doctype html><title>Stored</title><h1>Stored</h1>", "text/html")
            return self.answer(200, answers[0]) if answers else self.answer(400, {"error": "No file."})
        key = self.headers.get("Idempotency-Key", secrets.token_hex())
        if key not in state.answers:
            state.answers[key] = self.save("raw", name, data)
        return self.answer(200, state.answers[key])

    def form(self, state: State) -> None:
        """Any other address takes a form and keeps its fields."""
        state.forms.append(parse_form(self.headers.get("Content-Type", ""), self.body())[0])
        return self.answer(200, b"<!doctype html><title>Thanks</title><h1>Thanks</h1>", "text/html")

    def tus(self, state: State) -> None:
        """tus 1.0.0: creation, HEAD, PATCH (what came is kept), DELETE."""
        resumable = {"Tus-Resumable": "1.0.0"}
        if not state.tus:
            self.body()
            return self.answer(404, {})
        number = self.entry.path.removeprefix("/files/")
        if self.command == "POST":
            pairs = (pair.partition(" ") for pair in self.headers["Upload-Metadata"].split(","))
            meta = {key: base64.b64decode(value).decode() for key, _, value in pairs}
            number = secrets.token_hex(8)
            state.uploads[number] = Upload(int(self.headers["Upload-Length"]), meta)
            # Frameworks label also an empty body as HTML.
            return self.answer(201, b"", "text/html; charset=UTF-8", {"Location": f"/files/{number}", **resumable})
        upload = state.uploads.get(number)
        if upload is None:
            self.body()
            return self.answer(404, headers=resumable)
        if self.command == "DELETE":
            del state.uploads[number]
            return self.answer(204, headers=resumable)
        if self.command == "PATCH":
            return self.patch(upload, resumable)
        headers = {"Upload-Offset": str(len(upload.data)), "Upload-Length": str(upload.size)}
        return self.answer(200, headers=headers | resumable)

    def patch(self, upload: Upload, headers: dict[str, str]) -> None:
        """Append at the offset; the last piece's answer carries the stored file's JSON."""
        with upload.lock:
            fresh = len(upload.data) < upload.size
            if int(self.headers["Upload-Offset"]) != len(upload.data):
                self.body()
                return self.answer(409, {}, headers=headers | {"Upload-Offset": str(len(upload.data))})
            self.body(upload.data.extend)
            headers["Upload-Offset"] = str(len(upload.data))
            if len(upload.data) < upload.size:
                return self.answer(204, headers=headers)
            answers = self.server.state.answers
            if fresh:
                answers[self.entry.path] = self.save("tus", upload.meta["filename"], bytes(upload.data))
            return self.answer(200, answers[self.entry.path], headers=headers)


class Server(ThreadingHTTPServer):
    """One thread a connection, all of them daemons."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self) -> None:
        self.state = State()
        super().__init__(("127.0.0.1", 0), Handler)

    def renew(self) -> None:
        """Forget everything; requests that are still running keep the old state."""
        self.state = State()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle is no news."""


@contextmanager
def running() -> Iterator[Server]:
    """A server in a thread, for as long as the block lasts."""
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
