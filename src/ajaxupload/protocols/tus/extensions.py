"""The extensions of tus 1.0.0 that are offered, and what is refused where one is switched off.

What lives here: their names, the check of `tus_disable`. What must not: what they do.
"""

from __future__ import annotations

from collections.abc import Container, Iterable

from ...errors import BadRequest, ConfigError
from ...request import UploadRequest

__all__ = ["EXTENSIONS", "check_names", "refuse_disabled"]

EXTENSIONS = (
    "creation", "creation-with-upload", "creation-defer-length", "expiration", "checksum", "termination",
    "concatenation", "concatenation-unfinished",
)  # fmt: skip
#: What in a creation needs which extension. tus-js-client tries again at 501, and is told 400 therefore.
_NEEDS = (
    ("Upload-Concat", "concatenation"),
    ("Upload-Defer-Length", "creation-defer-length"),
    ("Upload-Checksum", "checksum"),
)


def check_names(disabled: Iterable[str]) -> None:
    """ConfigError for what is no extension, or the one that all begins with."""
    can_be = (*EXTENSIONS[1:], "checksum-trailer")
    if unknown := [name for name in disabled if name not in can_be]:
        named = ", ".join(map(repr, unknown))
        raise ConfigError(f"tus_disable can name {', '.join(can_be)}; not {named} (to do without tus: protocols)")


def refuse_disabled(request: UploadRequest, offered: Container[str]) -> None:
    """BadRequest for a creation that needs what is switched off."""
    for header, extension in _NEEDS:
        if header in request.headers and extension not in offered:
            raise BadRequest(f"The extension {extension} is switched off here.", code="extension_disabled")
