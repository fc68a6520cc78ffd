"""Structured fields (RFC 9651), as the IETF's protocol and digests (RFC 9530) use them.

What lives here: any text as a field. What must not: what is done with what they say.
"""

from __future__ import annotations

import base64
from typing import Any

from ajaxupload.errors import UploadError
from ajaxupload.protocols.ietf import digests, fields
from ajaxupload.protocols.ietf.fields import FieldError, Token
from ajaxupload.protocols.ietf.versions import INTEROP, VERSIONS, version_of

SEEDS = (
    b"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:, sha-512=:YQ==:",
    b"max-age=3600, max-size=10, min-size=?0;a=b;c",
    b'a=(1 2.5 "x\\"y" tok;p=:YQ:);q, b=@1659578233, c=%"f%c3%bc"',
    b"?1",
    b"123456789012345",
    b'"text"; parameter=*token/with:all',
)
WORDS = (
    b":", b";", b",", b"=", b"?1", b"?0", b"(", b")", b'"', b"\\", b" ", b"\t", b"@1", b'%"', b"%c3%bc", b"-", b".",
    b"1", b"999999999999999", b"sha-256=", b"sha-512=", b":YQ==:", b"*", b"a", b"A", b"\xff", b"\0", b"max-age=",
)  # fmt: skip


def written(value: Any) -> str | None:
    """A value as RFC 9651 section 4.1 writes it; None for what is read as something else only."""
    if isinstance(value, bool):
        return fields.boolean(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, bytes):
        return f":{base64.b64encode(value).decode()}:"
    if isinstance(value, Token):
        return value.text
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' if isinstance(value, str) else None


def check(data: bytes) -> None:
    """It is a field or a FieldError, and what is read can be written and is read the same."""
    text = data.decode("latin-1")
    try:
        members = fields.parse_dictionary(text)
    except FieldError:
        members = {}
    else:
        plain = {key: value for key, value in members.items() if type(value) in (int, bytes)}
        assert fields.parse_dictionary(fields.dictionary(plain)) == plain
    for value in members.values():
        assert written(value) is None or fields.parse_item(written(value) or "") == value
    headers = {"Content-Digest": text, "Want-Repr-Digest": text, INTEROP: text}
    try:
        given = digests.given(headers, "Content-Digest")
        assert given == {key: members[key] for key in ("sha-256", "sha-512") if key in members}
        expected = digests.content_digest(headers)
        assert expected is None or given
    except UploadError as error:
        assert error.status == 400
    assert digests.wanted(headers) in (None, "sha-256", "sha-512")
    try:
        assert version_of(headers) in VERSIONS.values()
    except UploadError as error:
        assert error.status == 400
    number = fields.integer(headers, INTEROP)
    assert number is None or 0 <= number < 10**15
    assert fields.truth(headers, INTEROP) in (None, True, False)
