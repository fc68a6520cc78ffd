"""The headers of tus 1.0.0: Upload-Metadata, Upload-Checksum, and numbers.

What lives here: any text as one of them. What must not: uploads (requests.py).
"""

from __future__ import annotations

import base64

from ajaxupload.errors import UploadError
from ajaxupload.protocols.tus import headers

SEEDS = (
    b"filename d29ybGRfZG9taW5hdGlvbl9wbGFuLnBkZg==,is_confidential",
    b"filetype aW1hZ2UvcG5n, relativePath bnVsbA==",
    b"sha1 Lve95gjOVATpfV8EL5X4nxwjKHE=",
    b"100",
    b"",
)
WORDS = (b",", b" ", b"\t", b"=", b"==", b"YQ==", b"YQ", b"filename", b"sha1 ", b"0", b"-1", b"+", b"_", b"\xff", b"\0")


def check(data: bytes) -> None:
    """It is read or refused with 400, and what is read is read again from what it is written as."""
    text = data.decode("latin-1")
    try:
        found = headers.metadata(text)
    except UploadError as error:
        assert error.status == 400
    else:
        assert not any(set(key) & set(" ,") or not key.isascii() or not key for key in found)
        again = ",".join(f"{key} {base64.b64encode(value).decode()}" for key, value in found.items())
        assert headers.metadata(again) == found
        assert headers.text_of(found).keys() == found.keys()
    try:
        expected = headers.checksum(text)
        assert isinstance(expected.value, bytes)
    except UploadError as error:
        assert error.status == 400
    try:
        number = headers.number({"Upload-Offset": text}, "Upload-Offset", "bad_offset")
        assert number == int(text)
        assert 0 <= (number or 0) < 10**18
    except UploadError as error:
        assert error.status == 400
