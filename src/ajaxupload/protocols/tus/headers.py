"""The header values of tus 1.0.0: read strictly, written as its clients read them.

What lives here: numbers, metadata, checksums, dates. What must not: what is done with them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from email.utils import formatdate

from ...engine import Expected
from ...errors import BadRequest

__all__ = ["checksum", "expires", "metadata", "number", "text_of"]

# "Upload-Offset ... MUST be a non-negative integer": not int(), which reads "+5", "1_0" and Arabic digits. 18 digits
# fit into 64 bits with room for sums.
_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
#: "The key MUST NOT contain spaces and commas and MUST NOT be empty. The key SHOULD be ASCII encoded".
_KEY = re.compile(r"[!-+\--~]{1,255}", re.ASCII)
_MOST_KEYS = 100
_LONGEST = 16 << 10


def number(headers: Mapping[str, str], name: str, code: str) -> int | None:
    """The header as a number, None where it is missing. BadRequest, with this code, for anything else."""
    text = headers.get(name)
    if text is None:
        return None
    if not _NUMBER.fullmatch(text.strip(" \t")):
        raise BadRequest(f"The {name} header is not a number of bytes.", code=code)
    return int(text)


def metadata(text: str) -> dict[str, bytes]:
    """Upload-Metadata: "one or more comma-separated key-value pairs. The key and value MUST be separated by a space";
    "The value MUST be Base64 encoded", or absent. An empty header, which tuspy sends, is no metadata.

    Values are bytes: what they mean is custom, not specification. Raises BadRequest.
    """
    if len(text) > _LONGEST:
        raise BadRequest(f"The Upload-Metadata header is longer than {_LONGEST} bytes.", code="bad_metadata")
    found: dict[str, bytes] = {}
    for pair in text.split(",") if text.strip() else ():
        key, _, value = pair.strip(" \t").partition(" ")
        if not _KEY.fullmatch(key) or key in found or len(found) >= _MOST_KEYS:
            # "All keys MUST be unique."
            raise BadRequest(f"The Upload-Metadata header has an impossible key: {key[:40]!a}.", code="bad_metadata")
        try:
            found[key] = base64.b64decode(value.strip(" \t"), validate=True)
        except ValueError as error:
            raise BadRequest(
                f"The value of {key[:40]!a} in Upload-Metadata is not base64.", code="bad_metadata"
            ) from error
    return found


def text_of(values: Mapping[str, bytes]) -> dict[str, str]:
    """Values as text, for hooks: UTF-8 by custom, replacement characters for what is not."""
    return {key: value.decode("utf-8", "replace") for key, value in values.items()}


def checksum(text: str) -> Expected:
    """Upload-Checksum: "the name of the used checksum algorithm and the Base64 encoded checksum separated by a space".

    "The Server MAY respond with ... 400 Bad Request if the checksum algorithm is not supported".
    """
    algorithm, _, value = text.strip(" \t").partition(" ")
    try:
        return Expected(algorithm, base64.b64decode(value, validate=True))
    except ValueError as error:
        raise BadRequest("The Upload-Checksum header is not an algorithm and base64.", code="bad_checksum") from error


def expires(when: float) -> str:
    """Upload-Expires: "The value MUST be in RFC 9110 (section 5.6.7) datetime format"."""
    return formatdate(when, usegmt=True)
