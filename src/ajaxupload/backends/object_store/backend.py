"""`ObjectStoreUploadBackend`: the hooks over obstore's writer.

What lives here: options, keys, what is kept until it is sent. What must not: parts and retries, which are obstore's.

obstore runs threads that no fork survives: nothing here talks to the store before the first upload, because a server
may call `startup` in a process that forks its workers afterwards.
"""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any, BinaryIO
from urllib.parse import quote

import obstore

from ...errors import BadGateway, ConfigError, NameTaken
from ...values import Duration, Size
from .._headers import attachment, encoded, header_safe
from .._pool import POOL, SMALL
from ..base import AbstractUploadBackend
from .client import ERRORS, MARK, Seen, finding, first_line, holders, is_azure, look, read_object, store_for, telling
from .proof import proved

__all__ = ["ObjectStoreUploadBackend"]

_log = logging.getLogger("ajaxupload")

#: Parts that S3 and Google Cloud Storage take at most; Azure takes five times as many blocks.
_MOST_PARTS = 10_000
_LONGEST_NAME = 640
#: What is percent-encoded in a URL: obstore 0.12 signs Azure's as they are encoded, Azure reads them decoded.
_UNSIGNABLE = re.compile(r"[^A-Za-z0-9._~/-]")


class ObjectStoreUploadBackend(AbstractUploadBackend):
    """Streams each upload into one object below URL. The reply has `url` (signed, where the store can), `key`, `etag`.

    With `{uuid}` in KEY no key is ever taken. Without, a file of up to one part is refused by the store if its key is
    taken; for a larger one the key is only looked up before the end. An object that does not bear this upload's mark
    is never deleted. What a killed process leaves, the store must forget by itself: Azure does after a week, S3 and
    Google Cloud Storage need a lifecycle rule.
    """

    #: "s3://bucket/prefix", "az://container/prefix" or "gs://bucket/prefix".
    URL: str = ""
    #: obstore's configuration of that store, such as {"region": "eu-north-1"}; environment variables do as well.
    OPTIONS: Mapping[str, Any] = {}
    #: obstore's configuration of its HTTP client.
    CLIENT_OPTIONS: Mapping[str, Any] = {}
    #: The key below URL: `{uuid}` is random, `{filename}` the stored name.
    KEY: str = "{uuid}/{filename}"
    #: None: what the content looks like, else what the client says; a type given here stands for all.
    CONTENT_TYPE: str | None = None
    CACHE_CONTROL: str | None = None
    #: Kept with each object; names are letters, digits and underscores, values are percent-encoded.
    METADATA: Mapping[str, str] = {}
    #: Bytes; larger where 10,000 parts of this size do not hold the largest file allowed.
    PART_SIZE: Size = 8 << 20
    #: Parts of one upload in flight while the next one is read.
    MAX_CONCURRENCY: int = 4
    #: Bytes that all uploads of the process to remote stores hold together.
    MEMORY_LIMIT: Size = 512 << 20
    #: Seconds for one request, and how often it is tried.
    TIMEOUT: Duration = 60.0
    ATTEMPTS: int = 5
    #: Seconds for which the reply's signed GET URL holds; 0: no URL.
    URL_EXPIRES: Duration = 3600.0

    #: Seconds that an upload waits for memory before it is refused with 503.
    _patience = 30.0

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._first: list[bytes] = []  # all bytes, while they may be less than a part
        self._writer: Any = None  # obstore's, for more
        self._name = ""  # for downloads
        self._total = self._reserved = 0
        self._final = False  # the store was asked to make the object visible

    # ---- once per process

    def startup(self) -> None:
        """Are the options possible? Raises ConfigError. The store is not asked: see the file's docstring."""
        problems = list(self._faults())
        if not problems:
            try:
                self._store()
            except (ValueError, TypeError, *ERRORS) as error:
                problems = [first_line(error)]
        if problems:
            raise ConfigError([f"backend 'object_store': {problem}" for problem in problems])

    def examine(self) -> list[str]:
        """What is amiss with the store: proved by really writing, reading and deleting."""
        key = f"ajaxupload-check-{secrets.token_hex(8)}"
        try:
            store = self._store()
        except (ValueError, *ERRORS) as error:
            return [first_line(error)]
        return list(proved(store, self.URL, key, self._attributes(key), exclusive=self._exclusive))

    def advise(self) -> list[str]:
        """The rule that a bucket should have: whether it has cannot be seen from here."""
        if is_azure(self.URL):
            return []
        rule = "AbortIncompleteMultipartUpload"
        return [f"let a lifecycle rule of {self.URL} abort what killed processes leave ({rule}): it is paid for"]

    # ---- one upload

    def update_filename(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> str:
        """The object's key below URL. In Azure's, what obstore cannot sign becomes "_": downloads have the name."""
        self._name = filename
        key = self.KEY.replace("{uuid}", self.upload.id).replace("{filename}", filename)
        return _UNSIGNABLE.sub("_", key) if self.URL_EXPIRES and is_azure(self.URL) else key

    def setup(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Begin with nothing; the store hears of it with the first full part, or at the end of a small file."""
        self._first, self._total, self._final = [], 0, False

    def upload_chunk(self, chunk: bytes, *args: Any, **kwargs: Any) -> None:
        """Keep the first part's bytes; hand all others to obstore, which keeps what it is given until it is sent."""
        self._total += len(chunk)
        if self._total > SMALL and not self._reserved:
            self._reserve()
        with telling():
            if self._writer is None:
                self._first.append(chunk)
                if self._total > self._part_size():
                    self._open_writer()
            else:
                self._writer.write(chunk)

    def upload_complete(self, request: Any, filename: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Make the object visible and describe it."""
        with telling():
            etag = self._put(filename) if self._writer is None else self._close(filename)
        self._let_go()
        return {"key": filename, "etag": str(etag or "").strip('"')}

    def upload_aborted(self, filename: str, *args: Any, **kwargs: Any) -> None:
        """Leave nothing behind. Never raises."""
        writer, self._writer = self._writer, None
        final, self._final = self._final, False
        self._let_go()
        try:
            if writer is not None and not writer.closed():
                # obstore's writer completes what it has unless it is told of an error
                writer.__exit__(BrokenPipeError, BrokenPipeError("the upload was given up"), None)
            if final and (not self._exclusive or self._ours(filename) is not None):
                obstore.delete(self._store(), filename)
        except FileNotFoundError:
            pass
        except (ValueError, *ERRORS) as error:
            _log.warning("what was uploaded may remain at %s: %.300a: %s", self.URL, filename, first_line(error))

    # ---- abilities

    def open(self, filename: str) -> BinaryIO:
        """The stored object as a stream. Raises NotFound."""
        with telling(), finding(filename):
            return read_object(self._store(), filename)

    def delete(self, filename: str) -> None:
        """Remove the stored object. Raises NotFound."""
        with telling(), finding(filename):
            obstore.head(self._store(), filename)
            obstore.delete(self._store(), filename)

    def url(self, filename: str) -> str | None:
        """A signed GET URL; None when URL_EXPIRES is 0, and for stores that sign nothing."""
        if not self.URL_EXPIRES:
            return None
        try:
            with telling():
                return str(obstore.sign(self._store(), "GET", filename, timedelta(seconds=self.URL_EXPIRES)))
        except TypeError:  # a store on a disk or in memory
            return None

    def store_name(self) -> str:
        """The URL, and at whom."""
        return " ".join((self.URL, *holders(self.OPTIONS)))

    # ---- details

    @property
    def _exclusive(self) -> bool:
        """May a key be somebody's already?"""
        return "{uuid}" not in self.KEY

    def _faults(self) -> Iterator[str]:
        if not re.match(r"[a-z0-9]+://", self.URL):
            yield 'set "url" to "s3://bucket/prefix", "az://container/prefix" or "gs://bucket/prefix"'
        if "{uuid}" not in self.KEY and "{filename}" not in self.KEY:
            yield "key must contain {uuid} or {filename}, or every upload would be one object"
        for name in self.METADATA:
            if not str(name).isidentifier() or not str(name).isascii():
                yield f"metadata: {name!r} cannot be a name: letters, digits and underscores can"
        for name in ("MAX_CONCURRENCY", "ATTEMPTS", "TIMEOUT", "PART_SIZE"):
            if getattr(self, name) <= 0:
                yield f"{name.lower()} must be more than 0"

    def _store(self) -> Any:
        options, client_options = tuple(self.OPTIONS.items()), tuple(self.CLIENT_OPTIONS.items())
        return store_for(self.URL, options, client_options, self.ATTEMPTS, self.TIMEOUT)

    def _attributes(self, key: str) -> Any:
        upload = self.upload
        found = {str(name): quote(str(value)) for name, value in self.METADATA.items()}
        # Azure takes names that C# would take
        found |= {MARK: upload.id, "ajaxupload_name": encoded(upload.name, _LONGEST_NAME)}
        found["Content-Disposition"] = attachment(self._name or key)
        found["Content-Type"] = self.CONTENT_TYPE or upload.sniffed or header_safe(upload.type)
        return found | ({"Cache-Control": self.CACHE_CONTROL} if self.CACHE_CONTROL else {})

    def _part_size(self) -> int:
        largest = self.upload.size if self.upload.size is not None else self.upload.max_size or 0
        return max(self.PART_SIZE, -(-largest // _MOST_PARTS))

    def _reserve(self) -> None:
        """All that this upload may come to hold, at once: who waited with some of it would let others wait."""
        size = (self.MAX_CONCURRENCY + 1) * self._part_size()
        if self.upload.size is not None:
            size = min(size, max(self.upload.size, self._total))
        POOL.reserve(size, self.MEMORY_LIMIT, self._patience)
        self._reserved = size

    def _let_go(self) -> None:
        reserved, self._reserved = self._reserved, 0
        self._first = []
        POOL.give_back(reserved)

    def _open_writer(self) -> None:
        key = self.upload.filename
        self._writer = obstore.open_writer(
            self._store(),
            key,
            attributes=self._attributes(key),
            buffer_size=self._part_size(),
            max_concurrency=self.MAX_CONCURRENCY,
        )
        first, self._first = self._first, []
        for chunk in first:
            self._writer.write(chunk)

    def _put(self, key: str) -> str | None:
        mode: Any = "create" if self._exclusive else "overwrite"
        details: Any = {"attributes": self._attributes(key), "mode": mode, "use_multipart": False}
        content, self._final = b"".join(self._first), True
        try:
            return obstore.put(self._store(), key, content, **details)["e_tag"]
        except ERRORS as error:
            return self._found(key, error)

    def _close(self, key: str) -> str | None:
        if self._exclusive and look(self._store(), key) is not None:
            raise NameTaken
        self._final = True
        try:
            self._writer.close()
        except ERRORS as error:
            return self._found(key, error)
        return self._found(key, BadGateway())

    def _found(self, key: str, otherwise: Exception) -> str | None:
        """The ETag, if the object is there after all: an answer may have got lost, and whoever asks again is told that
        the key is taken, by us. Raises `otherwise`."""
        found = self._ours(key)
        if found is None:
            raise otherwise
        return found.etag

    def _ours(self, key: str) -> Seen | None:
        """What is under the key, if it is this upload's: its mark, where the key may be another's, and all bytes."""
        found = look(self._store(), key)
        if found is None or found.size != self._total or (self._exclusive and found.mark != self.upload.id):
            return None
        return found
