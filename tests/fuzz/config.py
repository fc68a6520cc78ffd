"""Any configuration, as a dict or as TOML: it loads, or it is a ConfigError that lists what is wrong.

What lives here: structures of every shape that TOML, Python and INI files can bring. What must not: names of classes
outside of this project: they would be imported, which is what they are for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ajaxupload.config import EndpointSettings, Settings, load, short_form, unflatten
from ajaxupload.errors import ConfigError
from ajaxupload.specs import hints_of
from tests.fuzz.feed import Feed

KEYS = (*sorted(hints_of(EndpointSettings)), *sorted(hints_of(Settings)), "class", "default", "/upload", "/a/{b}/c")
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 10**30, 0.5, float("nan"), float("inf"), "", "10 MiB", "-1 B", "2 h", "1e999 s",
    "local", "memory", "thumbnail", "s3", "default", "image/*", ".jpg", "*", "{name}", "{", "{x}", "../{name}",
    "sha256", "on", "https://x.example", "\0", "\ud800", b"b", (), [[]], {"x": {}}, {1: 2}, 1j, object(), len, int,
    "0o777", "tus",
)  # fmt: skip
SEEDS = (
    b"\x00\x02\x00\x01\x05\x01\x06\x01\x03\x02\x05\x05\x05",
    b"\x01upload_dir = 'x'\nmax_size = '2 GiB'",
    b"\x02endpoints./upload.max_size = 10\nbackends.default.class = memory",
    b"\x03max_size",
    b"\x03.cla\xdass\x94\x9e\x1a\x8ceam",
)
WORDS = (
    b"endpoints", b"backends", b"./upload", b".default", b".class", b" = ", b"local", b"memory", b"'", b'"', b"[", b"]",
    b"{", b"}", b"max_size", b"10 MiB", b"\n", b"=", b".", b"\xff", b"\0", b"allow", b"protocols", b"name",
)  # fmt: skip


def value(feed: Feed, depth: int = 0) -> Any:
    """Any value: a table, a list, a text, or one of those that are odd."""
    kind = feed.byte()
    if kind < 80 and depth < 4:
        return {key(feed): value(feed, depth + 1) for _ in range(feed.byte() % 5)}
    if kind < 100 and depth < 4:
        return [value(feed, depth + 1) for _ in range(feed.byte() % 4)]
    return harmless(feed.text()) if kind < 120 else feed.choice(VALUES)


def key(feed: Feed) -> Any:
    """A key that is known, mostly."""
    kind = feed.byte()
    return feed.choice(KEYS) if kind < 220 else feed.text() if kind < 250 else feed.choice((1, None, (), b"x"))


def harmless(text: str) -> str:
    """What names no module: a name with a dot or a colon would be imported."""
    return text.replace(".", "").replace(":", "")


def shape(feed: Feed) -> dict[str, Any]:
    """A configuration with the right outermost tables, so that something is looked at within."""
    endpoint, backend = value(feed, 1), value(feed, 1)
    more = {str(key(feed)): value(feed) for _ in range(feed.byte() % 2)}
    if isinstance(backend, dict):
        backend = {"class": feed.choice(("local", "memory", "thumbnail", "django_storage")), **backend}
    return {"endpoints": {feed.choice(("/upload", "/a/{b}", "x")): endpoint}, "backends": {"default": backend}, **more}


def flat(text: str) -> dict[str, str]:
    """As a file of settings has them: dotted names, all values text."""
    lines = (line.partition("=") for line in text.splitlines())
    return {name.strip(): harmless(written.strip()) for name, _, written in lines if name.strip()}


def loaded(what: Callable[[], Any]) -> None:
    """It loads, or says what is wrong."""
    try:
        what()
    except ConfigError as error:
        assert error.problems
        assert all(problem.strip() for problem in error.problems)


def check(data: bytes) -> None:
    """In one of four shapes."""
    feed = Feed(data)
    kind, text = feed.byte() % 4, data[1:].decode("utf-8", "replace")
    if kind == 0:
        loaded(lambda: load(shape(feed)))
    elif kind == 1:
        loaded(lambda: load(value(feed)))
    elif kind == 2:
        loaded(lambda: load(unflatten(flat(text))))
    else:
        backend = feed.choice(("local", "memory", "thumbnail", "nothing"))
        options = {harmless(str(key(feed))): value(feed, 2) for _ in range(feed.byte() % 4)}
        loaded(lambda: load(short_form("/upload", backend, options)))
