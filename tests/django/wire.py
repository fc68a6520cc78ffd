"""What clients send: multipart bodies with their parts in a given order, and the requests around them.

What lives here: bytes. What must not: Django's own encoder, which puts fields where it likes.
"""

from __future__ import annotations

from typing import Any

from django.test import Client

BOUNDARY = "a-boundary-of-our-own"
FORM = f"multipart/form-data; boundary={BOUNDARY}"

#: (name, value) is a text field, (name, file name, content) a file.
Part = tuple[str, str] | tuple[str, str, bytes]


def encoded(*parts: Part) -> bytes:
    """The parts as a multipart/form-data body, in this order."""
    body = b""
    for part in parts:
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{part[0]}"'
        if len(part) == 2:
            body += f"{head}\r\n\r\n{part[1]}\r\n".encode()
        else:
            kind = "Content-Type: application/octet-stream"
            body += f'{head}; filename="{part[1]}"\r\n{kind}\r\n\r\n'.encode() + part[2] + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def post_form(client: Client, url: str, *parts: Part, **headers: str) -> Any:
    """Send a form. Headers by their names, with _ for -."""
    return client.post(url, encoded(*parts), content_type=FORM, headers=_named(headers))


def post_raw(client: Client, url: str, content: bytes, **headers: str) -> Any:
    """Send a file as the whole body."""
    return client.post(url, content, content_type="application/octet-stream", headers=_named(headers))


def _named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
