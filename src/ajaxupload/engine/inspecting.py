"""How inspectors are asked about one file, and what it means when they fail.

What lives here: the life of a file's scans, and their verdicts. What must not: when a file is inspected (receive.py),
any inspector of ours (inspect/).

Inspectors are other people's programs that stand between a file and its name. One that fails has not said "yes": the
file is not stored, and its client may try again (503), unless the endpoint says that it may be let in unseen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, BinaryIO

from ..body import Block
from ..config import EndpointSettings
from ..errors import NotInspected, Unprocessable, UploadError
from ..inspect import Scan
from ..request import UploadRequest
from ..upload import Upload

__all__ = ["Inspection"]

_log = logging.getLogger("ajaxupload")


class Inspection:
    """What an endpoint's inspectors make of one file. `begin`, `feed` each block, `end`; `close` in any case.

    All of them raise the UploadError that refuses the file, NotInspected where nobody can say.
    """

    def __init__(self, settings: EndpointSettings, request: UploadRequest, upload: Upload) -> None:
        self._required = settings.inspect_required
        self._request = request.native
        self._upload = upload
        self._streams = [each for each in settings.inspect if hasattr(each, "begin")]
        self._functions = [each for each in settings.inspect if not hasattr(each, "begin")]
        self._scans: list[tuple[Any, Scan]] = []

    @property
    def watches(self) -> bool:
        """Does somebody want to see the bytes as they pass?"""
        return bool(self._streams)

    @property
    def reads(self) -> bool:
        """Does somebody want to read the file when all of it is here?"""
        return bool(self._functions)

    def begin(self) -> None:
        """Before the first byte."""
        for each in self._streams:
            begun, scan = self._ask(each, each.begin, self._request, self._upload)
            if begun:
                self._scans.append((each, scan))

    def feed(self, chunk: Block) -> None:
        """Bytes on their way into the store."""
        for pair in tuple(self._scans):
            fed, _ = self._ask(pair[0], pair[1].feed, chunk)
            if not fed:
                self._scans.remove(pair)  # it failed, and the file is let in without it
                _close(pair[1])

    def end(self, reread: Callable[[], BinaryIO]) -> None:
        """All bytes are here: the verdicts. `reread` opens the file at its start."""
        for each, scan in self._scans:
            self._judge(*self._ask(each, scan.end))
        for each in self._functions:
            self._judge(*self._ask(each, self._read, each, reread))

    def close(self) -> None:
        """Whatever has happened. Never raises."""
        while self._scans:
            _close(self._scans.pop()[1])

    def _read(self, function: Callable[..., Any], reread: Callable[[], BinaryIO]) -> Any:
        with reread() as file:
            return function(self._request, self._upload, file)

    def _judge(self, _asked: bool, verdict: Any) -> None:
        if verdict is False:  # as validators may say no
            raise Unprocessable("The file was checked and refused.", code="refused")

    def _ask(self, who: Any, question: Callable[..., Any], *args: Any) -> tuple[bool, Any]:
        """Whether it has answered, and what; it has not where it failed and need not have succeeded."""
        try:
            return True, question(*args)
        except NotInspected as error:
            self._failed(who, error.__cause__ or error)
            if self._required:
                raise
        except UploadError:
            raise
        except Exception as error:
            self._failed(who, error)
            if self._required:
                raise NotInspected from error
        return False, None

    def _failed(self, who: Any, error: BaseException) -> None:
        """For the operator. Of a socket's failure the words are enough, of a program's the place is wanted."""
        became = "it is not stored" if self._required else "it is let in UNINSPECTED (inspect_required is off)"
        _log.error(
            "%.200r could not look at %.200a: %s; %s", who, self._upload.name, error, became,
            exc_info=None if isinstance(error, OSError) else error,
        )  # fmt: skip


def _close(scan: Scan) -> None:
    try:
        scan.close()
    except Exception:  # noqa: BLE001 - the contract forbids it, and the verdict stands
        _log.exception("an inspector could not clean up")
