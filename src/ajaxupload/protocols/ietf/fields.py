"""Structured field values (RFC 9651): read strictly, written as its section 4.1 says.

What lives here: Items and Dictionaries, which are all that the drafts and RFC 9530 use. What must not: Lists, and what
any header means.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

__all__ = ["FieldError", "boolean", "dictionary", "integer", "item", "parse_dictionary", "parse_item", "truth"]

_INTEGER = re.compile(r"-?[0-9]{1,15}(?![0-9.])", re.ASCII)
_DECIMAL = re.compile(r"-?[0-9]{1,12}\.[0-9]{1,3}(?![0-9.])", re.ASCII)
_STRING = re.compile(r'"((?:[ !#-\[\]-~]|\\["\\])*)"')
_TOKEN = re.compile(r"[A-Za-z*][!#$%&'*+\-.^_`|~:/A-Za-z0-9]*", re.ASCII)
_BYTES = re.compile(r":([A-Za-z0-9+/]*={0,2}):", re.ASCII)
_BOOLEAN = re.compile(r"\?([01])")
_DATE = re.compile(r"@(-?[0-9]{1,15})(?![0-9.])", re.ASCII)
_DISPLAY = re.compile(r'%"((?:[ !#$&-~]|%[0-9a-f]{2})*)"')
_KEY = re.compile(r"[a-z*][a-z0-9_\-.*]*", re.ASCII)
_SPACES = re.compile(r" *")
_OWS = re.compile(r"[ \t]*")
#: Members of a dictionary, and of a list in it: RFC 9651 asks for at least 1024 and 256.
_MOST = 1024


class FieldError(ValueError):
    """The text is none of the type that is asked for."""


@dataclass(frozen=True)
class Token:
    """A word without quotes."""

    text: str


@dataclass(frozen=True)
class Other:
    """A value of a type that no header here has: only where it ends matters. Decimals, Dates, Display Strings and
    inner Lists."""

    text: str


class _Scanner:
    """RFC 9651 section 4.2, piece by piece."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0

    @property
    def rest(self) -> str:
        return self.text[self.at :]

    def skip(self, pattern: re.Pattern[str]) -> bool:
        found = pattern.match(self.text, self.at)
        start, self.at = self.at, found.end() if found else self.at
        return self.at > start

    def take(self, pattern: re.Pattern[str]) -> re.Match[str]:
        found = pattern.match(self.text, self.at)
        if found is None:
            raise FieldError(f"unexpected at {self.at}: {self.text[self.at : self.at + 20]!a}")
        self.at = found.end()
        return found

    def sees(self, char: str) -> bool:
        """Step over the character if it is next."""
        found = self.text.startswith(char, self.at)
        self.at += found
        return found

    def bare(self) -> Any:
        """Section 4.2.3.1."""
        first = self.text[self.at : self.at + 1]
        if first.isascii() and (first.isdigit() or first == "-"):
            if self.skip(_DECIMAL):
                return Other("decimal")
            return int(self.take(_INTEGER)[0])
        if first == '"':
            return re.sub(r"\\(.)", r"\1", self.take(_STRING)[1])
        if first == ":":
            return _decoded(self.take(_BYTES)[1])
        if first == "?":
            return self.take(_BOOLEAN)[1] == "1"
        if first == "@":
            return Other(self.take(_DATE)[0])
        if first == "%":
            return Other(_display(self.take(_DISPLAY)[1]))
        return Token(self.take(_TOKEN)[0])

    def parameters(self) -> None:
        """Section 4.2.3.2: "The ordering of parameters is significant" to nobody here; they are read and forgotten."""
        while self.sees(";"):
            self.take(_SPACES)
            self.take(_KEY)
            if self.sees("="):
                self.bare()

    def value(self) -> Any:
        """An item or an inner list, with its parameters."""
        found = self.inner() if self.sees("(") else self.bare()
        self.parameters()
        return found

    def inner(self) -> Other:
        """Section 4.2.1.2, after its first character."""
        for _ in range(_MOST):
            spaced = self.skip(_SPACES) or self.text[self.at - 1] == "("
            if self.sees(")"):
                return Other("list")
            if not spaced:
                break
            self.bare()
            self.parameters()
        raise FieldError("an inner list does not end")


def _decoded(text: str) -> bytes:
    """Section 4.2.7: padding may be missing, and "parsers SHOULD NOT fail" for that."""
    try:
        return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)
    except binascii.Error as error:
        raise FieldError("no base64") from error


def _display(text: str) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError as error:
        raise FieldError("no UTF-8") from error


def parse_item(text: str) -> Any:
    """Section 4.2.3: int, bool, str, bytes, Token or Other. FieldError."""
    scanner = _Scanner(text.strip(" "))
    if scanner.text.startswith("("):
        raise FieldError("a list, not an item")
    found = scanner.value()
    if scanner.rest:
        raise FieldError(f"more than an item: {scanner.rest[:20]!a}")
    return found


def parse_dictionary(text: str) -> dict[str, Any]:
    """Section 4.2.2: values as `parse_item` has them; of a key that stands twice the last one counts. FieldError."""
    scanner, found = _Scanner(text.strip(" ")), dict[str, Any]()
    while scanner.rest:
        key = scanner.take(_KEY)[0]
        found.pop(key, None)
        if scanner.sees("="):
            found[key] = scanner.value()
        else:
            scanner.parameters()
            found[key] = True
        scanner.skip(_OWS)
        if not scanner.rest:
            break
        if not scanner.sees(",") or len(found) > _MOST:
            raise FieldError("members of a dictionary have commas between them, at most 1024 of them")
        scanner.skip(_OWS)
        if not scanner.rest:
            raise FieldError("a comma at the end")
    return found


# ---- the headers' types ----------------------------------------------------------------------------------------------


def integer(headers: Mapping[str, str], name: str) -> int | None:
    """The header if it is "a non-negative Integer"; None where it is missing. "Other values MUST cause the entire
    header field to be ignored." """
    found = item(headers, name)
    return found if type(found) is int and found >= 0 else None


def truth(headers: Mapping[str, str], name: str) -> bool | None:
    """The header if it is a Boolean; None where it is missing. "Other values MUST cause the entire header field to be
    ignored." """
    found = item(headers, name)
    return found if isinstance(found, bool) else None


def item(headers: Mapping[str, str], name: str) -> Any:
    """The header as an Item, None where it is missing or none."""
    text = headers.get(name)
    try:
        return None if text is None else parse_item(text)
    except FieldError:
        return None


def boolean(value: bool) -> str:
    """A Boolean, written."""
    return f"?{int(value)}"


def dictionary(members: Mapping[str, int | bytes]) -> str:
    """A Dictionary of Integers and Byte Sequences, written."""
    return ", ".join(
        f"{key}={value}" if isinstance(value, int) else f"{key}=:{base64.b64encode(value).decode()}:"
        for key, value in members.items()
    )
