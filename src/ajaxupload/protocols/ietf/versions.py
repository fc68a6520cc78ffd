"""The interop versions of the drafts: in what they differ, in one table.

What lives here: the table, and which row a request is in. What must not: any behaviour; it asks the row.

"The interop version is bumped for breaking changes." Clients that are in use say 3 (Apple's of 2023), 5 (Apple's of
2024, tus-js-client's ietf-draft-03) or 6 (Apple's since, ietf-draft-05). One that says nothing speaks the final text.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import BadRequest
from . import fields

__all__ = ["INTEROP", "NEWEST", "VERSIONS", "Version", "version_of"]

INTEROP = "Upload-Draft-Interop-Version"
_TYPES = "https://iana.org/assignments/http-problem-types#"


@dataclass(frozen=True)
class Version:
    """One row. `number` is what the client says; None says nothing.

    `completeness` names the header that tells whether the upload is complete, `inverted` that it tells the opposite.
    `interim`: 104 responses may be sent, `progress`: they may tell the offset meanwhile. `typed`: an append must be
    application/partial-upload. `lifetime` is the key in Upload-Limit for the seconds that an upload still has, None
    where there is no such header. `problems` are the problem types, by the error's code. `appended` is the status for
    an append that does not complete the upload, `stored` for what does complete it (None: as if the file had been sent
    at once). `bare`: HEAD and DELETE must say nothing of offset and completeness. `spoils`: an upload that got more
    bytes than its length is invalid from then on.
    """

    number: int | None
    drafts: str
    completeness: str = "Upload-Complete"
    inverted: bool = False
    interim: bool = True
    progress: bool = True
    typed: bool = True
    lifetime: str | None = "max-age"
    problems: Mapping[str, str] | None = None
    appended: int = 204
    stored: int | None = None
    bare: bool = False
    spoils: bool = False

    def telling(self, *, complete: bool) -> tuple[str, str]:
        """The header that tells whether the upload is complete."""
        return self.completeness, fields.boolean(complete is not self.inverted)

    def problem(self, code: str) -> str | None:
        """The problem type of an error with this code, if this version has one."""
        name = (self.problems or {}).get(code)
        return name and _TYPES + name


_MISMATCH = {"offset_mismatch": "mismatching-upload-offset"}
_COMPLETED = {**_MISMATCH, "already_complete": "completed-upload"}
_LENGTHS = {**_COMPLETED, "inconsistent_length": "inconsistent-upload-length"}
#: -12 has no type of its own for an upload that is complete: what comes to it exceeds its length.
_FINAL = {**_MISMATCH, **dict.fromkeys(("already_complete", "inconsistent_length"), "inconsistent-upload-length")}

VERSIONS: dict[int | None, Version] = {
    row.number: row
    for row in (
        Version(3, "-01", completeness="Upload-Incomplete", inverted=True, progress=False, typed=False, lifetime=None,
                appended=201, stored=201, bare=True),
        Version(4, "-02", progress=False, typed=False, lifetime=None, appended=201, stored=201, bare=True),
        Version(5, "-03", typed=False, lifetime=None, appended=201, stored=201, bare=True),
        Version(6, "-04, -05", lifetime="expires", problems=_COMPLETED, appended=201, stored=201, bare=True),
        Version(7, "-06 to -08", problems=_LENGTHS),
        Version(8, "-09 to -15", problems=_FINAL, spoils=True),
        Version(None, "the final text", interim=False, progress=False, problems=_FINAL, spoils=True),
    )
}  # fmt: skip
NEWEST = VERSIONS[None]
_OLDEST = 3


def version_of(headers: Mapping[str, str]) -> Version:
    """The row of the client's version. One that is newer than we know is in the last row: no 104 then, for "Server
    implementations of draft versions of the protocol MUST NOT send a 104 (Upload Resumption Supported) informational
    response when the interop version indicated by the Upload-Draft-Interop-Version header field in the request is
    missing or mismatching." BadRequest for one that is older: it had no upload URLs yet.
    """
    number = fields.integer(headers, INTEROP)
    if number is not None and number < _OLDEST:
        raise BadRequest(f"{INTEROP}: {number} is not spoken any more, only 3 to 8.", code="unsupported_version")
    return VERSIONS.get(number, NEWEST)
