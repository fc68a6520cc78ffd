"""Where a file is stored: templates like `{year}/{month}/{uuid}{ext}`, and what happens when the name is taken.

What lives here: stored names, as text. Making one client name safe is `cleaning.py`'s part (its functions are offered
here too); whether a name is free only the backend knows, so this file proposes and never looks.
"""

from __future__ import annotations

import difflib
import hashlib
import re
import secrets
import string
import uuid
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache

from .cleaning import cut, display_name, log_name, safe_name, split_name
from .errors import NameTaken

__all__ = [
    "FIELDS",
    "POLICIES",
    "check_template",
    "collision_candidates",
    "display_name",
    "log_name",
    "render",
    "safe_name",
    "split_name",
    "suffixed",
]

FIELDS = ("name", "stem", "ext", "uuid", "id", "year", "month", "day", "principal")
POLICIES = ("suffix", "error", "replace")

# 7 folders of 100 bytes and a name of 200, slashes counted: 907 bytes. An S3 key may have 1,024 (and a prefix of its
# own), a path on Linux 4,096.
_MAX_SEGMENTS = 8
_FOLDER_BYTES = 100
_FILE_BYTES = 200
_SCOPE_BYTES = 64  # of a principal or a name from the URL
_SEGMENT_LIMIT = 255  # what file systems allow, in bytes

_ANONYMOUS = "anonymous"
_SLASHES = str.maketrans("/\\", "__")
_SLASHES_AND_DOTS = str.maketrans("/\\.", "___")
_FIELD = re.compile(r"\{([^{}]*)\}")
_PLAIN_FIELD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_SAMPLE = {
    "name": "sample.bin",
    "stem": "sample",
    "ext": ".bin",
    "uuid": "4f1cb8f2-9a3e-4d57-8f43-2f1d1b0c9a77",
    "id": "Zk3v9QmT1sXb7dEwRf2LpA",
    "year": "2026",
    "month": "11",
    "day": "22",
}
_TOKEN_ALPHABET = string.ascii_lowercase + string.digits
_TOKEN_LENGTH = 7  # 36^7 = 78 thousand million: at a million files of one name, one try in 78,000 is taken
_MAX_CANDIDATES = 100


def check_template(template: str, known: Iterable[str] = ()) -> None:
    """Whether `template` can be rendered. `known` are the fields beside ours: the names in the endpoint's path.

    Raises ValueError with a text that says what to write instead: for an unknown field (and the nearest known one), for
    anything but a plain `{field}` (no attribute, index, conversion or format), for a path that is absolute, climbs,
    has empty parts or too many, and for literal text that a safe name could not keep.
    """
    where = repr(template)
    fields = (*FIELDS, *(name for name in known if name not in FIELDS))
    for field in _FIELD.findall(template):
        _check_field(field, fields, where)
    if set("{}") & set(_FIELD.sub("", template)):
        raise ValueError(f"{where} has a brace without its partner: fields are written like {{name}}")
    segments = template.split("/")
    if len(segments) > _MAX_SEGMENTS:
        raise ValueError(f"{where} has {len(segments)} parts between slashes: {_MAX_SEGMENTS} are possible")
    sample = {**dict.fromkeys(fields, "sample"), **_SAMPLE}
    for segment in segments[:-1]:
        _check_segment(segment, _fill(segment, sample), _FOLDER_BYTES, where)
    _check_segment(segments[-1], _fill(segments[-1], sample), _FILE_BYTES, where)


def _check_field(field: str, fields: tuple[str, ...], where: str) -> None:
    if field in fields:
        return
    if not _PLAIN_FIELD.match(field):
        raise ValueError(f"{where} has {{{field}}}: only a plain field name may stand between braces, like {{name}}")
    nearest = difflib.get_close_matches(field, fields, n=1)
    hint = f"did you mean {{{nearest[0]}}}?" if nearest else "known are " + ", ".join(f"{{{name}}}" for name in fields)
    raise ValueError(f"{where} has an unknown field {{{field}}}: {hint}")


def _check_segment(segment: str, rendered: str, limit: int, where: str) -> None:
    if not segment:
        raise ValueError(f"{where} has an empty part: a stored name is relative, with one slash between two parts")
    if segment in (".", ".."):
        raise ValueError(f"{where} has the part {segment!r}: stored names stay inside the backend's folder")
    if (safe := safe_name(rendered, max_bytes=limit)) != rendered:
        raise ValueError(
            f"{where} has the part {segment!r}, which would be stored like {safe!r}: write what can stay as it is"
        )


def render(
    template: str,
    *,
    name: str | bytes,
    upload_id: str,
    now: datetime,
    principal: str | None = None,
    path_names: Mapping[str, str] | None = None,
) -> str:
    """The stored name, relative to the backend's root: "2026/11/photo.jpg", at most 907 bytes of UTF-8.

    `name` is the client's, cleaned here. Every part is a `safe_name`: values bring no slash and no field of their own,
    whatever they hold, and no extension but the file's; our fields win over `path_names`. `{name}` keeps its case,
    `{ext}` has its dot and is lower-case, `{uuid}` is random and the same wherever it stands in one template,
    `{principal}` without one is "anonymous". Where a part gets too long, it is the name that gives way, not the uuid
    beside it. Raises ValueError for a field that neither we nor `path_names` know: `check_template` finds that at
    start.
    """
    values = _values(name, upload_id, now, _fields(template))
    identities = {**(path_names or {}), "principal": principal}
    *folders, last = template.split("/")
    in_folders = _scopes(identities) | values
    # In the last part a dot could begin an extension, and nobody's name may bring one: "{album}{ext}" with the album
    # "x.php" and a file without extension would be "x.php".
    in_file = _scopes(identities, dots=False) | values
    if not last.endswith("{ext}"):
        in_file["stem"] = values["stem"].replace(".", "_")
    return "/".join(
        [*(_segment(each, in_folders, _FOLDER_BYTES) for each in folders), _segment(last, in_file, _FILE_BYTES)]
    )


@lru_cache(maxsize=64)
def _fields(template: str) -> frozenset[str]:
    return frozenset(_FIELD.findall(template))


def _values(name: str | bytes, upload_id: str, now: datetime, wanted: frozenset[str]) -> dict[str, str]:
    """Of our fields those that a template wants, and what the name gives in any case."""
    safe = safe_name(name)
    stem, extension = split_name(safe)
    values = {"name": safe, "stem": stem, "ext": extension.lower()}
    if "id" in wanted:
        values["id"] = _id(upload_id)
    if "uuid" in wanted:
        values["uuid"] = str(uuid.uuid4())
    if wanted & {"year", "month", "day"}:
        values |= {"year": f"{now.year:04}", "month": f"{now.month:02}", "day": f"{now.day:02}"}
    return values


def _id(upload_id: str) -> str:
    """Ours are URL-safe base64, which may begin with a dash; that is the one thing a name must not do."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", upload_id)[:_SCOPE_BYTES]
    return "_" + plain[1:] if plain.startswith("-") else plain


def _scopes(identities: Mapping[str, str | None], *, dots: bool = True) -> dict[str, str]:
    """What separates one person's or album's files from another's, as parts of a name.

    A value that has to be changed gets a hash of what it was: "a/b" and "a_b" must not meet in one folder, where the
    policy "replace" would let one overwrite the other's files.
    """
    unsafe = _SLASHES if dots else _SLASHES_AND_DOTS
    found = {}
    for key, value in identities.items():
        if value is None:
            found[key] = _ANONYMOUS
            continue
        clean = safe_name(value.translate(unsafe), max_bytes=_SCOPE_BYTES)
        if clean != value or value == _ANONYMOUS:
            clean += "-" + hashlib.sha256(value.encode("utf-8", "surrogatepass")).hexdigest()[:16]
        found[key] = clean
    return found


def _segment(segment: str, values: Mapping[str, str], limit: int) -> str:
    """One part, filled. Where it gets too long, the client's name gives way, by the rules of `safe_name`: to cut a stem
    anywhere could turn "x.phpabc" into "x.php"."""
    elastic = segment.count("{name}") + segment.count("{stem}")
    filled = _fill(segment, values)
    if elastic and len(filled.encode()) > limit:
        rest = len(_fill(segment, {**values, "name": "", "stem": ""}).encode())
        room = max((limit - rest) // elastic, _SCOPE_BYTES)
        stem = split_name(safe_name(values["stem"] + ".x", max_bytes=room + 2))[0]
        filled = _fill(segment, {**values, "name": safe_name(values["name"], max_bytes=room), "stem": stem})
    return safe_name(filled, max_bytes=limit)


def _fill(segment: str, values: Mapping[str, str]) -> str:
    """Fields replaced in one pass, by hand: `str.format` on a template reaches attributes ("{name.__class__}"), and a
    value with braces in it would be a template of its own in a second pass."""

    def value(match: re.Match[str]) -> str:
        try:
            return values[match[1]]
        except KeyError:
            raise ValueError(f"the name template asks for {match[0]}, which this request does not have") from None

    return _FIELD.sub(value, segment)


def collision_candidates(filename: str, policy: str = "suffix") -> Iterator[str]:
    """The names to try for a file, one after the other, until one was free; folders in `filename` stay.

    "suffix": the name, then "stem-x7k2m9q.ext" with seven random characters, drawn by `secrets`: neither slower with
    the thousandth file of that name nor guessable (CVE-2014-0481 was a counter). After 100 tries NameTaken is raised.
    "error": the name, then NameTaken. "replace": the name, once. ValueError, at once, for another policy.
    """
    if policy not in POLICIES:
        raise ValueError(f"unknown collision policy {policy!r}: {', '.join(POLICIES)} are possible")
    return _candidates(filename, policy)


def _candidates(filename: str, policy: str) -> Iterator[str]:
    yield filename
    if policy == "replace":
        return
    if policy == "suffix":
        for _ in range(_MAX_CANDIDATES - 1):
            yield suffixed(filename)
    raise NameTaken


def suffixed(filename: str) -> str:
    """`filename` with seven random characters before its extension: a name that nobody else has."""
    folder, slash, last = filename.rpartition("/")
    stem, extension = split_name(last)
    drawn = secrets.randbelow(len(_TOKEN_ALPHABET) ** _TOKEN_LENGTH)  # at once: each draw asks the kernel
    token = ""
    for _ in range(_TOKEN_LENGTH):
        drawn, digit = divmod(drawn, len(_TOKEN_ALPHABET))
        token += _TOKEN_ALPHABET[digit]
    room = _SEGMENT_LIMIT - len(extension.encode()) - 1 - _TOKEN_LENGTH
    return f"{folder}{slash}{cut(stem, room)}-{token}{extension}"
