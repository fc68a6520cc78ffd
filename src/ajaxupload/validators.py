"""The limits of an endpoint: how large, how many, of which types. Each is a function that passes or raises.

What lives here: verdicts on plain data, in words that tell a person what is allowed. No I/O, nothing of HTTP beyond the
status that the error classes carry; who is asked, and when, is the engine's business.
"""

from __future__ import annotations

from collections.abc import Iterable

from .errors import TooLarge, TooMany, TooSmall, Unprocessable, UnsupportedType
from .filetypes import extension_of, fits, is_natural, type_of
from .naming import display_name, safe_name
from .sniff import HEAD_BYTES, Sniffed, sniff
from .typelists import TypeList, describe

__all__ = [
    "HEAD_BYTES",
    "TypeRules",
    "check_count",
    "check_declared_size",
    "check_min_size",
    "check_size",
    "human_size",
]

_UNITS = ("KiB", "MiB", "GiB", "TiB", "PiB")
_DECIMAL_UNITS = ("kB", "MB", "GB", "TB", "PB")
_SHOWN_NAME = 80  # characters of a client's name in a message


def human_size(size: int) -> str:
    """Bytes for people: 3 -> "3 bytes", 104857600 -> "100 MiB", 1572864 -> "1.5 MiB", 2000000000 -> "2 GB".

    What is a round number of decimal units only was written so by someone, and is shown so.
    """
    if size < 1024:
        return f"{size} byte" if size == 1 else f"{size} bytes"
    if exact := _exact(size, 1024, _UNITS) or _exact(size, 1000, _DECIMAL_UNITS):
        return exact
    value, unit = size / 1024, 0
    while value >= 1023.95 and unit < len(_UNITS) - 1:  # what would be shown as 1024.0
        value, unit = value / 1024, unit + 1
    return f"{value:.1f}".removesuffix(".0") + f" {_UNITS[unit]}"


def _exact(size: int, base: int, units: tuple[str, ...]) -> str | None:
    """`size` in the unit that leaves no rest and a number of at most three or four digits, if there is one."""
    for power, unit in enumerate(units, 1):
        number, rest = divmod(size, base**power)
        if not rest and number < 1024:
            return f"{number} {unit}"
    return None


def check_declared_size(size: int | None, max_size: int | None) -> None:
    """Before the first byte is read: what the client says the size is. None: it says nothing, or nothing is limited.
    Raises TooLarge (413)."""
    if size is not None and max_size is not None and size > max_size:
        raise TooLarge(f"The file is larger than the {human_size(max_size)} allowed here (max_size).")


def check_size(counted: int, max_size: int | None) -> None:
    """While counting: as soon as more bytes came than are allowed. Raises TooLarge (413)."""
    check_declared_size(counted, max_size)


def check_min_size(size: int, min_size: int) -> None:
    """When all bytes are here. Raises TooSmall (422)."""
    if size < min_size:
        what = f"has only {human_size(size)}" if size else "is empty"
        raise TooSmall(f"The file {what}: at least {human_size(min_size)} are expected here (min_size).")


def check_count(count: int, max_files: int | None) -> None:
    """Before the `count`-th file of one request is taken. Raises TooMany (413)."""
    if max_files is not None and count > max_files:
        files = "1 file" if max_files == 1 else f"{max_files} files"
        raise TooMany(f"At most {files} can be sent at once (max_files).")


class TypeRules:
    """Which types an endpoint takes. `allow` and `deny` are lists for `TypeList` (ValueError as there); an empty
    `allow` takes all, `deny` wins. `sniff` says whether contents may refuse a file.

    Names are judged as they would be stored, after `safe_name`, whoever calls: "x.jpg::$DATA" is what it becomes. The
    last extension decides. The client's Content-Type is a hint and decides nothing.
    """

    def __init__(self, allow: Iterable[str] = (), deny: Iterable[str] = (), sniff: bool = True) -> None:
        self.allow = TypeList(allow)
        self.deny = TypeList(deny)
        self.sniff = sniff

    def check_name(self, name: str | bytes, client_type: str | None = None) -> None:
        """Before the first byte: raises UnsupportedType (415) for a name that is not, or cannot become, acceptable.

        A name without any extension ("blob", which is what canvases send) passes where the content can still decide:
        `allow` has MIME types and `sniff` is on.
        """
        safe = safe_name(name)
        by_name = type_of(safe)
        if self.deny.has_extension(safe) or self.deny.has_type(by_name):
            raise UnsupportedType(f"{_shown(name)} cannot be uploaded here: {self.deny} are not accepted.")
        if not self.allow or self.allow.has_extension(safe) or self.allow.has_type(by_name):
            return
        if not self._content_decides(safe):
            raise UnsupportedType(f"{_shown(name)} cannot be uploaded here: only {self.allow} are accepted.")

    def check_head(self, name: str | bytes, head: bytes | bytearray | memoryview) -> str | None:
        """When the first `HEAD_BYTES`, or all of a shorter file, are here: the MIME type they look like, or None.

        Raises Unprocessable (422) where the content contradicts the extension, UnsupportedType (415) where it is
        something that the lists refuse. An empty file contradicts nothing.
        """
        found = sniff(bytes(head[:HEAD_BYTES]))
        if self.sniff:
            self._check_content(name, head, found)
        return found and found.type

    def _check_content(self, name: str | bytes, head: bytes | bytearray | memoryview, found: Sniffed | None) -> None:
        safe = safe_name(name)
        if found and self.deny.has_type(found.type):
            raise self._refused(name, found, f"{self.deny} are not accepted")
        if head and not fits(extension_of(safe), found and found.type, sure=bool(found and found.sure)):
            expected = describe(type_of(safe) or "application/octet-stream")
            raise Unprocessable(f"{_shown(name)} is not {expected}: its content {_looks(found)}.")
        if not self._listed(safe, found):
            raise self._refused(name, found, f"only {self.allow} are accepted")

    def _content_decides(self, safe: str) -> bool:
        return "." not in safe and self.sniff and bool(self.allow.types)

    def _listed(self, safe: str, found: Sniffed | None) -> bool:
        """Whether a content may come in that fits its name. An allowed extension answers for what it fits; an allowed
        type does not cover another type's content."""
        if not self.allow.types or self.allow.has_extension(safe):
            return True
        if found is None:
            return not self._content_decides(safe) or self.allow.has_type(None)
        if self._content_decides(safe):
            return self.allow.has_type(found.type)
        return self.allow.has_type(found.type) or not found.sure or is_natural(safe, found.type)

    def _refused(self, name: str | bytes, found: Sniffed | None, rule: str) -> UnsupportedType:
        return UnsupportedType(f"{_shown(name)} cannot be uploaded here: its content {_looks(found)}, and {rule}.")


def _looks(found: Sniffed | None) -> str:
    return f"looks like {describe(found.type)}" if found else "is of no known kind"


def _shown(name: str | bytes) -> str:
    return display_name(name, max_length=_SHOWN_NAME)
