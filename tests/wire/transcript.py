r"""Transcripts: requests as the bytes that go over the wire, and what must come back and lie on the disk.

What lives here: reading the files in `tables/` into `Case`s. What must not: sending anything (client.py), judging what
came back (judge.py). A file holds cases like this one:

    == a body sent with ?qqfile= is the file            a fact, which is the test's name
    > POST /upload?qqfile=a+b.txt HTTP/1.1              the request, a line each, CRLF between them;
    > X-Requested-With: XMLHttpRequest                  Host and Content-Length are added unless they are written
    >
    > hello                                             no line end after the last line: write an empty one for that
    < 200                                               the status, and then, each as often as wanted:
    < Content-Type: application/json                    a header whose value holds this text
    < !Location                                         a header that must not be there
    <
    < {"success": true, "files": [{"size": 5}]}         JSON that the answer's JSON must contain (lists: item by item)
    < <li>a b.txt                                       or a text that the body must contain,
    < !<script                                          or must not
    = a b.txt  hello                                    each stored file, two spaces, its bytes; none: nothing stored
    @ wsgiref flask: 411 400                            on these doors any of these statuses, and nothing stored,
    @ cheroot: 200 = a.txt  hel                         or this

In bodies `{7*ab}` is seven times `ab` and `\xNN` a byte. In a name of a stored file `*` stands for the seven random
characters that a taken name gets. The header `!Content-Length` keeps that one from being added. Lines that begin with
`#` are for the reader.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TABLES = Path(__file__).with_name("tables")
_REPEAT = re.compile(rb"\{(\d+)\*([^}]+)\}")
_BYTE = re.compile(rb"\\x([0-9a-fA-F]{2})")


@dataclass(frozen=True)
class Elsewhere:
    """What one door may do instead."""

    statuses: tuple[int, ...]
    stored: tuple[tuple[str, bytes], ...] = ()


@dataclass(frozen=True)
class Case:
    """One request and what is expected of it."""

    fact: str
    head: bytes  # without Host and Content-Length where those are to be added, without the empty line
    body: bytes
    status: int
    headers: dict[str, str | None] = field(default_factory=dict)  # None: must be absent
    json: Any = None
    texts: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    stored: tuple[tuple[str, bytes], ...] = ()
    elsewhere: dict[str, Elsewhere] = field(default_factory=dict)

    def request(self, host: str, **more: str) -> bytes:
        """The bytes to send; `more` header lines are added unless they are written in the transcript."""
        first, *lines = self.head.split(b"\r\n")
        names = {line.partition(b":")[0].strip(b"! ").lower() for line in lines}
        added = {"Host": host, **{name.replace("_", "-"): value for name, value in more.items()}}
        if b"transfer-encoding" not in names and (self.body or first.startswith((b"POST ", b"PUT "))):
            added["Content-Length"] = str(len(self.body))
        lines += [f"{name}: {value}".encode() for name, value in added.items() if name.lower().encode() not in names]
        head = [first, *(line for line in lines if not line.startswith(b"!"))]
        return b"\r\n".join(head) + b"\r\n\r\n" + self.body


def literal(text: str) -> bytes:
    """The bytes that a text in a transcript stands for."""
    data = _REPEAT.sub(lambda found: found[2] * int(found[1]), text.encode())
    return _BYTE.sub(lambda found: bytes.fromhex(found[1].decode()), data)


def table(name: str) -> list[Case]:
    """The cases of one file."""
    text = (TABLES / f"{name}.txt").read_text(encoding="utf-8")
    blocks = re.split(r"^== ", text, flags=re.MULTILINE)[1:]
    cases = [_case(block) for block in blocks]
    assert len({case.fact for case in cases}) == len(cases), f"a fact stands twice in {name}.txt"
    return cases


def _case(block: str) -> Case:
    fact, *lines = block.splitlines()
    sent, got, rest = [], [], {"=": list[str](), "@": list[str]()}
    for line in lines:
        mark, text = line[:1], line[2:]
        if mark == ">":
            sent.append(text)
        elif mark == "<":
            got.append(text)
        elif mark in rest:
            rest[mark].append(text)
        elif line and mark != "#":
            raise ValueError(f"{fact}: what is {line!r}?")
    end = sent.index("") if "" in sent else len(sent)
    status, headers, facts = _answer(got)
    return Case(
        fact,
        head=b"\r\n".join(map(literal, sent[:end])),
        body=b"\r\n".join(map(literal, sent[end + 1 :])),
        status=status,
        headers=headers,
        json=next((json.loads(text) for text in facts if text.startswith("{")), None),
        texts=tuple(text for text in facts if not text.startswith(("{", "!"))),
        absent=tuple(text[1:] for text in facts if text.startswith("!")),
        stored=tuple(_stored(rest["="])),
        elsewhere=dict(_elsewhere(rest["@"])),
    )


def _answer(lines: list[str]) -> tuple[int, dict[str, str | None], list[str]]:
    end = lines.index("") if "" in lines else len(lines)
    headers: dict[str, str | None] = {}
    for line in lines[1:end]:
        name, _, value = line.partition(": ")
        headers[name.removeprefix("!")] = None if name.startswith("!") else value
    return int(lines[0]), headers, lines[end + 1 :]


def _stored(lines: list[str]) -> Iterator[tuple[str, bytes]]:
    for line in lines:
        name, _, content = line.partition("  ")
        yield name, literal(content)


def _elsewhere(lines: list[str]) -> Iterator[tuple[str, Elsewhere]]:
    for line in lines:
        doors, _, rest = line.partition(": ")
        statuses, _, stored = rest.partition(" = ")
        instead = Elsewhere(tuple(map(int, statuses.split())), tuple(_stored([stored] if stored else [])))
        for door in doors.split():
            yield door, instead
