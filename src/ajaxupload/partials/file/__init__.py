"""Uploads kept as files of this machine (or of a network file system): one record, one ledger, one file of bytes each.

What lives here: `lock` (one at a time, over processes), `ledger` (what counts, who may write), `partial` (one upload),
`store` (all of them), `tally` and `total` (how many may be open, and of what size), `accounts` and `books` (quotas),
`shelf` (what was stored, by owner). What must not: backends, requests.

    <root>/ab/<id>.json    the record: a line for each change, the last that is whole counts
    <root>/ab/<id>.log     the ledger: locked for moments
    <root>/ab/<id>.part    the bytes, each at its place from the beginning: finishing is a link, nothing is assembled
    <root>/open/<hash>/..  one name for each open upload, by principal: links to open/entry, an empty file
    <root>/open/lock       whose holder changes these, with their sum in it
    <root>/stored/..       one empty file for each stored one, by owner; and whose each stored name is
    <root>/quota/..        what was stored and is set aside, by account, where there are quotas
    <root>/key             what client keys are made unguessable with
"""

from __future__ import annotations

from .store import FilePartials

__all__ = ["FilePartials"]
