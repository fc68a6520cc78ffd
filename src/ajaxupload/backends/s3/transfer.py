"""One object on its way to S3: a body of unknown length in bounded memory, parts in flight while the next is read.

What lives here: how bytes become parts, when a part is sent, what is sent at the end. What must not: hooks, settings,
HTTP, tidying up (aftermath.py).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, wait
from typing import Any
from urllib.parse import parse_qsl

from botocore.exceptions import BotoCoreError, ClientError

from ...errors import BadGateway, NameTaken, StorageUnavailable, TooLarge
from .._pool import CROWDED, POOL, SMALL
from .aftermath import Aftermath, Destination, Upload, senders
from .client import may_be_done, tries
from .content import CHECKSUMS, Content

__all__ = ["Transfer"]

_log = logging.getLogger("ajaxupload")


class Transfer:
    """Sends what `write` is given. At most `concurrency` parts are in flight while one is being filled.

    `sizes` yields the size of each part, `expected` is how many bytes will come in all, if that is known. Memory is
    taken from the process's pool, at most `memory_limit` by all uploads together; `patience` is how many seconds one
    waits for it. `write`, `park` and `finish` raise botocore's errors, also of parts sent before.
    """

    def __init__(
        self,
        to: Destination,
        sizes: Iterator[int],
        *,
        expected: int | None,
        concurrency: int,
        memory_limit: int,
        patience: float,
    ) -> None:
        self._to, self._sizes, self._expected = to, sizes, expected
        self._concurrency = concurrency
        self._memory_limit, self._patience = memory_limit, patience
        self._checksum = CHECKSUMS[to.checksum]
        self._upload = Upload()
        self._size = 0  # of the part that is being filled, when it is full
        self._buffer = memoryview(b"")
        self._filled = 0
        self._pooled: memoryview | None = None  # the buffer, where it is the pool's
        self._flying: dict[Future[dict[str, Any]], tuple[Content, memoryview | None]] = {}
        self._parts: list[dict[str, Any]] = []
        self._numbers = 0
        self.total = 0

    # ---- bytes in

    def write(self, chunk: bytes | bytearray | memoryview) -> None:
        """Copy `chunk`; send parts that are full once more comes: who knows which is the last?"""
        view = memoryview(chunk)
        while view:
            if self._filled == len(self._buffer):
                self._make_room()
            taken = min(len(view), len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + taken] = view[:taken]
            self._filled += taken
            self.total += taken
            view = view[taken:]

    def park(self) -> None:
        """No more bytes will come, but the end must wait: hand what is not small to the store, as invisible parts."""
        if self._filled and (self._filled > SMALL or self._upload.id is not None):
            self._send()
        self._collect_all()
        self._buffer = memoryview(bytearray(self._buffer[: self._filled]))

    def _make_room(self) -> None:
        """A buffer for the next part, or a larger one for the first. Raises TooLarge, StorageUnavailable."""
        if self._filled == self._size:
            if self._filled:
                self._send()
            self._size = next(self._sizes, 0)
            if not self._size:
                raise TooLarge("The file is larger than the store can hold.")
        if not self.total:
            self._buffer = memoryview(bytearray(min(SMALL, self._size)))
            return
        size = self._size
        if self._expected is not None and self._expected > self.total:
            size = min(size, self._filled + self._expected - self.total)
        memory = self._take(size)
        memory[: self._filled] = self._buffer[: self._filled]
        self._give_back()
        self._buffer = self._pooled = memory

    def _take(self, size: int) -> memoryview:
        while self._flying:  # own parts that land give their memory back: wait for those before asking others
            memory = POOL.take(size, self._memory_limit, 0)
            if memory is not None:
                return memory
            self._collect(FIRST_COMPLETED)
        memory = POOL.take(size, self._memory_limit, self._patience)
        if memory is None:
            raise StorageUnavailable(CROWDED)
        return memory

    def _give_back(self) -> None:
        memory, self._pooled = self._pooled, None
        if memory is not None:
            POOL.give_back(memory)

    # ---- parts out

    def _send(self) -> None:
        while len(self._flying) >= self._concurrency:
            self._collect(FIRST_COMPLETED)
        if self._upload.id is None:
            self._create()
        content = Content(self._buffer[: self._filled])
        self._buffer, self._filled = memoryview(b""), 0
        self._numbers += 1
        future = senders().submit(self._send_part, self._numbers, content, self._pooled)
        self._flying[future] = content, self._pooled
        self._pooled = None

    def _create(self) -> None:
        if self._to.exclusive and self._to.look() is not None:  # not all stores look when an upload is completed
            raise NameTaken
        told = {"ChecksumAlgorithm": self._checksum.algorithm} if self._checksum.algorithm else {}
        self._upload.strays = True  # until an answer to the first try says otherwise
        try:
            answer = self._to.ask("create_multipart_upload", **self._to.arguments, **told)
        except ClientError as error:
            self._upload.strays = tries(error.response) > 1
            raise
        self._upload.strays = tries(answer) > 1
        self._upload.id = str(answer["UploadId"])

    def _send_part(self, number: int, content: Content, memory: memoryview | None) -> dict[str, Any]:
        """In a thread of its own: the part as CompleteMultipartUpload names it."""
        try:
            given = {"UploadId": self._upload.id, "PartNumber": number}
            answer, value = self._put("upload_part", content, **given)
        finally:
            content.release()
            if memory is not None:
                POOL.give_back(memory)
        # Said again at the end only to stores that know it: Ceph reads 1 MiB there, less than ten thousand parts take.
        told = {self._checksum.field: value} if self._checksum.field in answer else {}
        return {"PartNumber": number, "ETag": answer["ETag"], **told}

    def _put(self, operation: str, content: Content, **parameters: Any) -> tuple[dict[str, Any], str]:
        """Send `content`. Returns the answer and the checksum. Raises BadGateway if other bytes arrived."""
        value = self._checksum.of(content)
        answer = self._to.ask(operation, Body=content, **{self._checksum.field: value}, **parameters)
        if not self._checksum.proves(answer, value, content):
            _log.error(
                "the S3 store received other bytes than were sent: %.300s is given up. If this store's ETags are no "
                'MD5 sums, set "checksum" to "md5": the store itself compares then',
                {name: each for name, each in answer.items() if name != "ResponseMetadata"},
            )
            raise BadGateway
        return answer, value

    def _collect(self, until: str) -> None:
        """Wait for one or all parts in flight and take their answers; the first failure is raised."""
        done, _ = wait(self._flying, return_when=until)
        for future in done:
            del self._flying[future]
            self._parts.append(future.result())

    def _collect_all(self) -> None:
        if self._flying:
            self._collect(ALL_COMPLETED)

    # ---- the end

    def finish(self) -> dict[str, Any]:
        """Make the object visible. Returns the store's answer: `ETag`, and `VersionId` where there are versions."""
        if self._upload.id is not None:
            if self._filled:
                self._send()
            self._collect_all()
            if self._to.exclusive and self._to.look() is not None:
                raise NameTaken
        answer = self._make_visible()
        if not answer.get("ETag"):  # Ceph 16 leaves it out when an upload is completed for the first time
            answer = {**answer, **(self._to.ours(self.total) or {})}
        if self._upload.id is not None and "Tagging" in self._to.arguments:
            self._tag()
        self._upload.id, self._upload.version = None, answer.get("VersionId")
        self._let_go()
        if self._upload.strays:
            Aftermath(self._to, self._upload).sweep()
        return answer

    def _make_visible(self) -> dict[str, Any]:
        self._upload.final, self._upload.total = True, self.total
        try:
            return self._put_object() if self._upload.id is None else self._complete()
        except (BotoCoreError, ClientError) as error:
            # The answer may have got lost on its way while the object is whole, and then a retry is told that the
            # upload does not exist (any more) or that the key is taken: by us.
            self._upload.final = may_be_done(error)
            found = self._to.ours(self.total) if self._upload.final else None
            if found is None:
                raise
            return found

    def _put_object(self) -> dict[str, Any]:
        content = Content(self._buffer[: self._filled])
        answer, _ = self._put("put_object", content, **self._to.arguments, **self._to.condition)
        return answer

    def _complete(self) -> dict[str, Any]:
        parts = sorted(self._parts, key=lambda part: int(part["PartNumber"]))
        given = {"UploadId": self._upload.id, "MultipartUpload": {"Parts": parts}}
        return self._to.ask("complete_multipart_upload", **given, **self._to.condition)

    def _tag(self) -> None:
        """Say again what CreateMultipartUpload was told, to stores that forgot it (Ceph 16)."""
        tags = parse_qsl(self._to.arguments["Tagging"], keep_blank_values=True)
        if (self._to.look() or {}).get("TagCount") != len(tags):
            named = [{"Key": name, "Value": value} for name, value in tags]
            self._to.ask("put_object_tagging", Tagging={"TagSet": named})

    def abort(self) -> None:
        """Hold nothing here and leave nothing at the store, finished or not. What the store cannot be told in a few
        seconds it is told in the background. May come again."""
        for future, (content, memory) in list(self._flying.items()):
            content.release()  # what is being sent breaks off
            if future.cancel():
                del self._flying[future]
                if memory is not None:
                    POOL.give_back(memory)
        flying = list(self._flying)
        self._flying.clear()
        self._let_go()
        upload, self._upload = self._upload, Upload()
        if upload.id is not None or upload.strays or upload.final:
            Aftermath(self._to, upload).tidy_up(flying)

    def _let_go(self) -> None:
        self._buffer, self._filled, self._size = memoryview(b""), 0, 0
        self._give_back()
