"""One object on its way to S3: a body of unknown length in bounded memory, parts in flight while the next is read.

What lives here: when a part is sent, how completion is recognised, and that every way of failing aborts. What must
not: hooks, settings, HTTP.
"""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ...errors import TooLarge
from .client import code_of
from .plan import Pool

__all__ = ["Destination", "Transfer"]

#: Threads that send parts, shared by all uploads of the process.
_SENDERS = 32
_executors: dict[int, ThreadPoolExecutor] = {}

#: A waiting file of at most this many bytes stays in memory; a larger one is parked at the store.
_KEPT = 64 << 10

Checksum = Callable[[bytearray], str]


def _crc32(content: bytearray) -> str:
    return base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode("ascii")


def _sha256(content: bytearray) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode("ascii")


#: Option value -> the API's name of the algorithm, of its field, and how it is reckoned.
CHECKSUMS: dict[str, tuple[str, str, Checksum]] = {
    "crc32": ("CRC32", "ChecksumCRC32", _crc32),
    "sha256": ("SHA256", "ChecksumSHA256", _sha256),
}


def _senders() -> ThreadPoolExecutor:
    """The process's threads: a fork copies no threads, so each process makes its own."""
    found = _executors.get(os.getpid())
    if found is None:
        found = _executors[os.getpid()] = ThreadPoolExecutor(_SENDERS, thread_name_prefix="ajaxupload-s3")
    return found


@dataclass(frozen=True)
class Destination:
    """Where the object goes and how: `arguments` are those of PutObject and CreateMultipartUpload alike.

    `mark` stands in the object's metadata: it tells our object from another of the same key when an answer got lost.
    `exclusive` asks the store to refuse a key that exists (If-None-Match: *).
    """

    client: Any
    bucket: str
    key: str
    arguments: dict[str, Any]
    mark: str
    exclusive: bool
    checksum: str


class Transfer:
    """Sends what `write` is given. At most `concurrency` parts are in flight and one is being filled.

    `sizes` yields the size of each part. Memory is taken from `pool`, all uploads together at most `memory_limit`.
    """

    def __init__(
        self,
        destination: Destination,
        sizes: Iterator[int],
        *,
        concurrency: int,
        pool: Pool,
        memory_limit: int,
        patience: float,
    ) -> None:
        self._to = destination
        self._sizes = sizes
        self._concurrency = concurrency
        self._pool, self._memory_limit, self._patience = pool, memory_limit, patience
        self._algorithm, self._field, self._reckon = CHECKSUMS[destination.checksum]
        self._buffer: bytearray | None = None
        self._filled = 0
        self._held = 0
        self._upload_id: str | None = None
        self._flying: dict[Future[dict[str, Any]], int] = {}
        self._parts: list[dict[str, Any]] = []
        self._numbers = 0
        self._put_tried = False
        self._done = False
        self.total = 0

    # ---- bytes in

    def write(self, chunk: Any) -> None:
        """Copy `chunk`; send a part whenever one is full. Raises botocore's errors, also of parts sent before."""
        view = memoryview(chunk)
        self.total += len(view)
        while view:
            if self._buffer is None:
                self._buffer, self._filled = self._next_buffer(), 0
            taken = min(len(view), len(self._buffer) - self._filled)
            self._buffer[self._filled : self._filled + taken] = view[:taken]
            self._filled += taken
            view = view[taken:]
            if self._filled == len(self._buffer):
                self._send()

    def park(self) -> None:
        """No more bytes will come, but the end must wait: give the memory back, as an invisible part at the store."""
        if self._buffer is not None and (self._filled > _KEPT or self._upload_id is not None):
            self._send()
        self._collect_all()
        if self._buffer is not None:
            small = self._buffer[: self._filled]
            self._release(len(self._buffer))
            self._buffer = small

    def _next_buffer(self) -> bytearray:
        size = next(self._sizes, 0)
        if not size:
            raise TooLarge("The file is larger than the store can hold.")
        while len(self._flying) >= self._concurrency:
            self._collect(1)
        while self._flying:  # own parts that land give their memory back: wait for those before asking others
            if self._pool.take(size, self._memory_limit, 0):
                break
            self._collect(1)
        else:
            self._pool.must_have(size, self._memory_limit, self._patience)
        self._held += size
        return bytearray(size)

    # ---- parts out

    def _send(self) -> None:
        buffer = self._buffer
        if buffer is None:
            return
        if self._upload_id is None:
            self._upload_id = self._create()
        reserved = len(buffer)
        del buffer[self._filled :]
        self._buffer = None
        self._numbers += 1
        future = _senders().submit(self._send_part, self._numbers, buffer)
        self._flying[future] = reserved

    def _create(self) -> str:
        to = self._to
        answer = to.client.create_multipart_upload(
            Bucket=to.bucket, Key=to.key, ChecksumAlgorithm=self._algorithm, **to.arguments
        )
        return str(answer["UploadId"])

    def _send_part(self, number: int, content: bytearray) -> dict[str, Any]:
        checksum = self._reckon(content)
        answer = self._to.client.upload_part(
            Bucket=self._to.bucket,
            Key=self._to.key,
            UploadId=self._upload_id,
            PartNumber=number,
            Body=content,
            **{self._field: checksum},
        )
        return {"PartNumber": number, "ETag": answer["ETag"], self._field: checksum}

    def _collect(self, count: int | None) -> None:
        """Wait for `count` parts (None: all) and take their answers; the first failure is raised."""
        done, _ = wait(self._flying, return_when=FIRST_COMPLETED if count else "ALL_COMPLETED")
        for future in done:
            self._release(self._flying.pop(future))
            self._parts.append(future.result())

    def _collect_all(self) -> None:
        while self._flying:
            self._collect(None)

    def _release(self, size: int) -> None:
        self._held -= size
        self._pool.give_back(size)

    # ---- the end

    def finish(self) -> dict[str, Any]:
        """Make the object visible. Returns the store's answer: `ETag`, and `VersionId` where there are versions."""
        try:
            if self._upload_id is None:
                answer = self._put()
            else:
                self._send()
                self._collect_all()
                answer = self._complete()
        except (BotoCoreError, ClientError):
            # The answer may have got lost on its way while the object is whole, and then a retry is told that the
            # upload does not exist (any more) or that the key is taken: by us.
            found = self._ours()
            if found is None:
                raise
            answer = found
        self._done = True
        self._let_go()
        return answer

    def _put(self) -> dict[str, Any]:
        to, content = self._to, self._buffer if self._buffer is not None else bytearray()
        del content[self._filled :]
        condition = {"IfNoneMatch": "*"} if to.exclusive else {}
        checksum = {self._field: self._reckon(content)}
        self._put_tried = True
        answer: dict[str, Any] = to.client.put_object(
            Bucket=to.bucket, Key=to.key, Body=content, **to.arguments, **condition, **checksum
        )
        return answer

    def _complete(self) -> dict[str, Any]:
        to = self._to
        parts = sorted(self._parts, key=lambda part: part["PartNumber"])
        answer: dict[str, Any] = to.client.complete_multipart_upload(
            Bucket=to.bucket,
            Key=to.key,
            UploadId=self._upload_id,
            MultipartUpload={"Parts": parts},
            **({"IfNoneMatch": "*"} if to.exclusive else {}),
        )
        return answer

    def _ours(self) -> dict[str, Any] | None:
        """What the store says of the key if the object there is this very one: our mark, all bytes."""
        try:
            found: dict[str, Any] = self._to.client.head_object(Bucket=self._to.bucket, Key=self._to.key)
        except (BotoCoreError, ClientError):
            return None
        metadata = {name.lower(): value for name, value in found.get("Metadata", {}).items()}
        same = metadata.get("ajaxupload-id") == self._to.mark and found.get("ContentLength") == self.total
        return found if same else None

    def abort(self) -> None:
        """Leave nothing at the store and hold nothing here. Raises what the store's refusal to forget raises."""
        for future in self._flying:
            future.cancel()
        wait(self._flying)  # a part that lands after the abort would stay, unseen and paid for
        self._flying.clear()
        self._let_go()
        try:
            if self._done:
                self._to.client.delete_object(Bucket=self._to.bucket, Key=self._to.key)
            elif self._upload_id is not None:
                self._abort_upload()
            elif self._put_tried and self._ours() is not None:
                self._to.client.delete_object(Bucket=self._to.bucket, Key=self._to.key)
        finally:
            self._done, self._upload_id = False, None

    def _abort_upload(self) -> None:
        to = self._to
        try:
            to.client.abort_multipart_upload(Bucket=to.bucket, Key=to.key, UploadId=self._upload_id)
        except ClientError as error:
            if code_of(error) not in ("NoSuchUpload", "NoSuchKey"):
                raise
        if self._ours() is not None:  # it had been completed after all, and nobody was told
            to.client.delete_object(Bucket=to.bucket, Key=to.key)

    def _let_go(self) -> None:
        self._buffer = None
        self._release(self._held)
