"""What a protocol is, and what it may know.

What lives here: the interface that each protocol fills in and the `Mount` through which it asks the engine and the
guard. What must not: any one client's wire format.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from webob import Response

from ..config import EndpointSettings
from ..engine import Batch, Engine, OnceBatch, Stored
from ..errors import MalformedForm, NoFile, NotFound, NotImplementedHere, TooLarge, UploadError
from ..forms import LONGEST_HEAD, Form, FormLimits
from ..guard import Guard
from ..partials import Partial, Record
from ..request import UploadRequest
from ..upload import Upload
from ..validators import human_size
from . import replies, visitors

__all__ = ["Mount", "Protocol", "form_of", "refuse_pieces", "refuse_questions", "store_files"]

#: Form or query fields that say "this is one piece of a file", each with the count that makes it more than one.
_PIECE_COUNTS = ("qqtotalparts", "dztotalchunkcount", "resumableTotalChunks", "flowTotalChunks")
#: Headers of protocols that send a file over several requests.
_PIECE_HEADERS = ("Tus-Resumable", "Upload-Draft-Interop-Version", "Upload-Complete", "Upload-Length", "Content-Range")
#: What widgets ask with GET or HEAD (Resumable.js, Flow.js, Fine Uploader, FilePond). Our description of the endpoint
#: would be taken for an answer: to Resumable.js and Flow.js any 200 means "this piece is stored already".
_QUESTIONS = ("resumableIdentifier", "flowIdentifier", "qqtimestamp", "patch", "restore", "load", "fetch")
#: Where Uppy's aws-s3 looks for a Companion: the body is its request to be told where to upload, not a file.
_COMPANION = re.compile(r"s3/(params|sts|multipart)(/|\Z)")


@dataclass(frozen=True)
class Mount:
    """An endpoint as its protocols see it."""

    settings: EndpointSettings
    engine: Engine
    guard: Guard
    #: Uploads that take several requests; None where the endpoint has none.
    partials: Stored | None = None

    def batch(
        self, request: UploadRequest, protocol: str, ids: Callable[[int], str] | None = None
    ) -> Batch | OnceBatch:
        """A place for the request's files; the guard is asked about each before its first byte is read.

        With an Idempotency-Key they are stored once, however often the request comes; so are those that the client has
        a key of its own for, where uploads are remembered: `ids(n)` is the id of the n-th file then.
        """
        admit = self._admit(request, "create")
        key = request.headers.get("Idempotency-Key", "").strip()
        stored = self.partials
        if stored is None or not (key or stored.keeps) or not stored.keyed():
            return self.engine.batch(request, protocol, admit)
        if key:
            ids = partial(self._key_file, request, key)
        return (
            stored.batch(request, protocol, admit) if ids is None else OnceBatch(stored, request, protocol, admit, ids)
        )

    def _key_file(self, request: UploadRequest, key: str, number: int) -> str:
        return self.key_id(request, "file", key, str(number))

    def resumable(self) -> Stored:
        """The verbs of uploads that take several requests. Raises NotImplementedHere where there are none."""
        if self.partials is None:
            raise NotImplementedHere("Uploads in several requests are switched off here (resumable).")
        return self.partials

    def open(self, request: UploadRequest, record: Record) -> tuple[Partial, bool]:
        """Get or create; the guard is asked. The caller closes it."""
        return self.resumable().open(request, record, self._admit(request, "create"))

    def find(self, request: UploadRequest, upload_id: str, action: str) -> Partial:
        """The asker's upload; the guard is asked whether it may do this to it. The caller closes it."""
        return self.resumable().find(request, upload_id, self._admit(request, action))

    def finish(self, request: UploadRequest, upload: Partial) -> Upload:
        """Publish it; the guard is asked."""
        return self.resumable().finish(request, upload, self._admit(request, "finish"))

    def stored(self, request: UploadRequest, upload_id: str, action: str) -> Partial:
        """What is stored under that id, if the asker may do this ("read", "delete") to it, and the guard says so:
        NotFound. Reading takes the id, which nobody can guess; deleting the one who stored it. The caller closes it."""
        admit = self._admit(request, action)
        return self.resumable().find_stored(request, upload_id, admit, own=action != "read")

    def delete(self, request: UploadRequest, upload_id: str) -> None:
        """Delete what the asker has stored under that id. NotFound, also where the endpoint does not allow it."""
        if not self.settings.allow_delete:
            raise NotFound
        with self.stored(request, upload_id, "delete") as found:
            self.resumable().delete(found)

    def listed(self, request: UploadRequest) -> list[Upload]:
        """What the asker has stored here, the oldest first. NotFound where the endpoint does not allow it."""
        if not self.settings.allow_list:
            raise NotFound
        who = self.guard.admit(request, "list", Upload(path_names=request.path_names))
        stored = self.resumable()
        found = stored.listed(request, who) if stored.keyed() else []
        if who is None:
            visitors.visitor_of(self, request)  # whoever comes with no cookie has one from now on
        return found

    def success(self, request: UploadRequest, uploads: Sequence[Upload], *, owned: bool = True) -> dict[str, Any]:
        """The superset, with what clients may do with each file later: where it is `owned`, delete it."""
        return replies.success(uploads, lambda upload: self._links(request, upload, owned))

    def _links(self, request: UploadRequest, upload: Upload, owned: bool) -> dict[str, str]:
        """blueimp's `deleteUrl` and `deleteType`, which the superset has for all; a `url` where the store has none."""
        found: dict[str, str] = {}
        offered = self.partials is not None and (self.partials.deletes or self.settings.serve)
        if self.partials is None or not offered or upload.state != "complete" or not self.partials.keyed():
            return found
        if owned and self.partials.deletes and self.owner_of(request, upload.principal, upload.id) is not None:
            found |= {"deleteUrl": self.url_of(request, upload.id), "deleteType": "DELETE"}
        if self.settings.serve and not upload.url and not upload.result.get("url"):
            found["url"] = self.url_of(request, upload.id)
        return found

    def owner_of(self, request: UploadRequest, principal: str | None, upload_id: str) -> str | None:
        """The key of whoever asks: see `engine.stored`."""
        who = principal
        if who is None:
            who = visitors.owner_of(self, request, upload_id) if upload_id else visitors.returning(self, request)
            if who is None:
                return None
        place = json.dumps([self.settings.path, dict(request.path_names), principal is None], sort_keys=True)
        return self.resumable().key_id("owner", place, who)

    def who(self, request: UploadRequest) -> str | None:
        """The asker's principal, None for an anonymous one; `authorize` is asked once. Raises what it refuses with."""
        if "ajaxupload.who" not in request.environ:
            upload = Upload(path_names=request.path_names)
            request.environ["ajaxupload.who"] = self.guard.admit(request, "status", upload)
        who: str | None = request.environ["ajaxupload.who"]
        return who

    def key_id(self, request: UploadRequest, *words: str) -> str:
        """The id that a client's own key has here: for this endpoint, store and person, and nobody can guess it."""
        place = json.dumps([self.settings.path, dict(request.path_names), self.who(request)], sort_keys=True)
        return self.resumable().key_id(place, *words)

    def address(self, request: UploadRequest) -> str:
        """Where the endpoint is, as its door has it: path-absolute, percent-encoded."""
        path = request.environ.get("ajaxupload.address") or request.environ.get("SCRIPT_NAME") or "/"
        return quote(path.encode("latin-1", "replace"))

    def url_of(self, request: UploadRequest, upload_id: str) -> str:
        """Where the upload is: path-absolute, percent-encoded. Where the door has nothing below the endpoint, that
        itself, asked about it."""
        if request.environ.get("ajaxupload.flat"):
            return f"{self.address(request)}?upload={upload_id}"
        return quote(request.environ.get("SCRIPT_NAME", "").encode("latin-1", "replace")) + f"/{upload_id}"

    def _admit(self, request: UploadRequest, action: str) -> Callable[[Upload], str | None]:
        return lambda upload: self.guard.admit(request, action, upload)


class Protocol:
    """One wire protocol. Instances are made once per endpoint and keep nothing of a request.

    `matches` decides from method, URL and headers alone wherever it can; one that must see a form's leading fields
    asks `form_of(request, ...)`, which reads as far as the first file and no further.
    """

    name = ""
    #: The methods that it takes, GET, HEAD and OPTIONS aside.
    methods: tuple[str, ...] = ("POST",)
    #: Those that it takes at an upload's URL, `<endpoint>/<id>`.
    upload_methods: tuple[str, ...] = ()

    def __init__(self, mount: Mount) -> None:
        self.mount = mount

    def matches(self, request: UploadRequest) -> bool:
        """Is this request in my protocol?"""
        raise NotImplementedError

    def answers(self, request: UploadRequest) -> bool:
        """Is this GET, HEAD or OPTIONS a question that is mine to answer? `handle` is asked then."""
        return False

    def called(self, request: UploadRequest, name: str) -> str | None:
        """The id of the asker's upload that my clients call so in URLs; None where they call it by its id."""
        return None

    def advertise(self, request: UploadRequest, response: Response) -> None:
        """Add to the answer to OPTIONS what my clients look for there."""

    def handle(self, request: UploadRequest) -> Response:
        """Do what the request asks. Raises an UploadError to refuse; `refuse` then words the answer."""
        raise NotImplementedError

    def refuse(self, request: UploadRequest, error: UploadError) -> Response:
        """The answer that lets this protocol's clients show `error.message`: by default in the shape that they take."""
        return replies.refusal(request, error)


def form_of(request: UploadRequest, settings: EndpointSettings) -> Form:
    """The request's multipart form, one per request however many protocols look at it."""
    form: Form | None = request.environ.get("ajaxupload.form")
    if form is None:
        if request.media_type != "multipart/form-data":
            raise MalformedForm(f"A multipart/form-data body is expected here, not {request.media_type[:80]!a}.")
        _check_declared(request, settings)
        limits = FormLimits(settings.max_fields, settings.max_field_size, settings.max_fields_size, settings.max_files)
        form = Form(request.upload_body, request.environ["CONTENT_TYPE"], limits)
        request.environ["ajaxupload.form"] = form
    return form


def _check_declared(request: UploadRequest, settings: EndpointSettings) -> None:
    """TooLarge for a form that declares more bytes than all files and fields together may have: before any is read."""
    length = request.upload_body.length
    heads = (settings.max_files + settings.max_fields) * LONGEST_HEAD
    if length is not None and length > settings.max_files * settings.max_size + settings.max_fields_size + heads:
        limit = f"{settings.max_files} files of {human_size(settings.max_size)}"
        raise TooLarge(f"The form is larger than {limit}, which is all that is taken at once (max_files, max_size).")


def refuse_pieces(request: UploadRequest, form: Form | None = None) -> None:
    """Refuse a request that carries a piece of a file: stored as a file of its own it would be a corrupt one."""
    if says := _piece_mark(request, {**request.query, **(form.leading() if form else {})}, form):
        raise NotImplementedHere(
            f"This is one piece of a file (says {says}); this endpoint takes whole files only. Switch chunking off."
        )


def refuse_questions(request: UploadRequest) -> None:
    """Refuse a GET or HEAD of a protocol that is not spoken here."""
    header = next((name for name in _PIECE_HEADERS if name in request.headers), None)
    if question := header or next((name for name in _QUESTIONS if name in request.query), None):
        raise NotImplementedHere(
            f"This endpoint takes whole files only and cannot answer this ({question}). Switch chunking off."
        )


def _piece_mark(request: UploadRequest, fields: Mapping[str, str], form: Form | None) -> str | None:
    """What tells that the request is not about a whole file, None if nothing does."""
    if header := next((name for name in _PIECE_HEADERS if name in request.headers), None):
        return f"the {header} header"
    counts = [fields[name] for name in _PIECE_COUNTS if name in fields]
    if "chunk" in fields:  # Plupload's names are common words: only both together are its own
        counts.append(fields.get("chunks", "1"))
    if any(count.strip() not in ("0", "1") for count in counts):
        return "its part count"
    # Plupload with send_chunk_number: false. Its pieces are called "blob"; a whole file has its name.
    if {"name", "offset", "total"} <= fields.keys() and (form is None or _is_blob(form)):
        return "its offset"
    return "its address" if request.method == "POST" and _COMPANION.match(request.tail) else None


def _is_blob(form: Form) -> bool:
    return form.first_file is not None and form.first_file.filename == "blob"


def store_files(
    mount: Mount, request: UploadRequest, form: Form, protocol: str, ids: Callable[[int], str] | None = None
) -> list[Upload]:
    """Store the form's files, all or none; `ids` as in `Mount.batch`. NoFile when it holds none."""
    with mount.batch(request, protocol, ids) as batch:
        found = False
        for part in form.files():
            found = True
            batch.receive(part.filename, part.chunks, type=part.type, field=part.field, fields=part.fields)
        if not found:
            raise NoFile
        return batch.publish()
