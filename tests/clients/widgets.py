"""The widgets, what each can do, and the options that it needs for it: the table that tests run and docs print.

What lives here: facts about clients. What must not: how a fact is tried out (test_*.py) and pages (pages/).

Options are what the page hands to the widget's own constructor; `resume`, `help` and the like, which no widget knows,
are spelled out in its page.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

__all__ = ["CHUNK", "FILM", "MODES", "WIDGETS", "Widget"]

#: Bytes of a piece: small, so that a small file has many.
CHUNK = 16 << 10
#: Bytes of a file in seven pieces, the last of them short.
FILM = 6 * CHUNK + 1000
#: Mode -> what is tried, in the order of the docs' columns.
MODES = {
    "whole": "one request for a file: three at once, names in any script",
    "empty": "a file without a byte",
    "chunked": "a file in pieces",
    "many": "pieces of several files side by side, from a browser that comes for the first time",
    "parallel": "pieces side by side",
    "reload": "the page is loaded again in the middle, and the same file chosen: what is there is not sent again",
    "restart": "the server is killed in the middle and started again",
    "retry": "a request is answered with 503",
    "lost": "a piece is stored, and the connection cut before the answer, twice",
    "reset": "the connection is reset in the middle of a piece, twice",
    "again": "given up after a failure, and started again by hand: what is there is not sent again",
    "cancel": "cancelled in the middle, nothing is stored",
    "delete": "deleted by a click",
    "list": "listed in a page that is loaded later",
}
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Widget:
    """One widget at one version.

    `picker` finds its file input, `shown` where it tells a person what went wrong. `modes` has the options for each
    thing that it can do. `helped` are the options with which it shows the server's reason; `lack` is what it shows
    without them, None if it needs none. `listed` finds the names of files that it shows; `delete`, `cancel` and `again`
    the buttons that it draws, where it draws them: else its page has a function of that name. `page` is its page, the
    one of its name if not said: several may share one. `tells` says that it tells the server when a person cancels.
    """

    name: str
    title: str
    picker: str
    shown: str
    modes: Mapping[str, Mapping[str, Any]]
    helped: Mapping[str, Any] = field(default_factory=dict)
    lack: str | None = None
    listed: str = ""
    delete: str = ""
    cancel: str = ""
    again: str = ""
    page: str = ""
    tells: bool = False


def chunked(pieces: Mapping[str, Any], **modes: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Modes of a widget whose pieces are switched on by `pieces`; to these each mode's own options are added."""
    plain = {"whole": modes.pop("whole", NOTHING), "empty": modes.pop("empty", NOTHING)}
    return {**plain, "chunked": pieces, "cancel": pieces, **{mode: {**pieces, **modes[mode]} for mode in modes}}


_FU_PIECES = {"enabled": True, "partSize": CHUNK}
_FU_AGAIN = {"retry": {"enableAuto": True}}
FINE_UPLOADER = Widget(
    "fineuploader",
    "Fine Uploader 5.16",
    picker="#uploader input[type=file]",
    shown=".qq-upload-status-text-selector",
    listed=".qq-upload-file-selector",
    delete=".qq-upload-delete-selector",
    again=".qq-upload-retry-selector",
    modes=chunked(
        {"chunking": _FU_PIECES},
        empty={"validation": {"allowEmpty": True}},
        many={},
        parallel={"chunking": {**_FU_PIECES, "concurrent": {"enabled": True}, "success": {}}},
        reload={"resume": {"enabled": True}},
        restart={"retry": {"enableAuto": True, "autoAttemptDelay": 0.3, "maxAutoAttempts": 50}},
        retry=_FU_AGAIN,
        lost=_FU_AGAIN,
        reset=_FU_AGAIN,
        again={"retry": {"showButton": True}},
        delete={"deleteFile": {"enabled": True}},
        list={"session": {}},
    ),
    helped={"failedUploadTextDisplay": {"mode": "custom", "responseProperty": "error"}},
    lack="Upload failed",
)
_DROPZONE = chunked(
    {"chunking": True, "chunkSize": CHUNK},
    many={},
    parallel={"parallelChunkUploads": True},
    restart={"retryChunks": True, "retryChunksLimit": 10_000},
    retry={"retryChunks": True},
    lost={"retryChunks": True},
    reset={"retryChunks": True},
)
DROPZONE = Widget(
    "dropzone", "Dropzone 6.3", picker=".dz-hidden-input", shown="[data-dz-errormessage]", modes=_DROPZONE
)
DROPZONE5 = replace(DROPZONE, name="dropzone5", title="Dropzone 5.9", page="dropzone")
FILEPOND = Widget(
    "filepond",
    "FilePond 4.32",
    picker=".filepond--browser",
    shown=".filepond--file-status-main",
    listed=".filepond--file-info-main",
    delete=".filepond--action-revert-item-processing",
    cancel=".filepond--action-abort-item-processing",
    again=".filepond--action-retry-item-processing",
    tells=True,
    modes=chunked(
        {"chunkUploads": True, "chunkSize": CHUNK},
        many={},
        restart={"chunkRetryDelays": [200] * 50},
        retry={"chunkRetryDelays": [50]},
        lost={"chunkRetryDelays": [50] * 4},
        reset={"chunkRetryDelays": [50] * 4},
        again={"chunkRetryDelays": []},
        delete={},
        list={},
    ),
    helped={"help": True},
    lack="Error during upload",
)
_RETRYING = {"maxChunkRetries": 3, "chunkRetryInterval": 50}
_RESUMABLE = chunked(
    {**_RETRYING, "chunkSize": CHUNK, "simultaneousUploads": 1},
    whole={"chunkSize": 1 << 20},
    empty={"minFileSize": 0},
    many={"simultaneousUploads": 4, "testChunks": False},
    parallel={"simultaneousUploads": 4},
    reload={"simultaneousUploads": 3},
    restart={"maxChunkRetries": 100, "chunkRetryInterval": 100, "simultaneousUploads": 3},
    retry={"simultaneousUploads": 3},
    lost={"simultaneousUploads": 3},
    reset={"simultaneousUploads": 3},
    again={"maxChunkRetries": 0},
)
RESUMABLE = Widget(
    "resumablejs",
    "Resumable.js 1.1",
    picker="#pick",
    shown="#list li",
    modes=_RESUMABLE,
    helped=_RETRYING,
)
FLOW = replace(RESUMABLE, name="flow", title="Flow.js 2.14", page="resumablejs")
PLUPLOAD = Widget(
    "plupload",
    "Plupload 2.3",
    picker=".moxie-shim input[type=file]",
    shown="#list li",
    modes=chunked(
        {"chunk_size": CHUNK},
        empty={"filters": {"prevent_empty": False}},
        restart={"max_retries": 20},
        retry={"max_retries": 1},
        lost={"max_retries": 2},
        reset={"max_retries": 2},
        again={},
    ),
    helped={"help": True},
    lack="HTTP Error.",
)
BLUEIMP = Widget(
    "blueimp",
    "jQuery File Upload 10.32",
    picker="#fileupload input[type=file]",
    shown=".files .error",
    listed=".template-download .name",
    delete=".template-download .delete",
    cancel=".template-upload .cancel",
    modes=chunked(
        {"maxChunkSize": CHUNK},
        many={},
        reload={"resume": True},
        restart={"retries": 50},
        retry={"retries": 1},
        lost={"retries": 2},
        reset={"retries": 2},
        again={},
        delete={"list": True},
        list={"list": True},
    ),
)
UPPY = Widget(
    "uppy",
    "Uppy 6 (XHR upload)",
    picker="#pick",
    shown="#list li",
    modes={
        "whole": NOTHING,
        "empty": NOTHING,
        "retry": {"help": True},
        "lost": {"once": True},
        "reset": {"help": True},
        "cancel": NOTHING,
    },
    helped={"help": True},
    lack="This looks like a network error",
)
_TUS = chunked(
    {"chunkSize": CHUNK},
    many={},
    parallel={"parallelUploads": 3},
    reload={},
    restart={"retryDelays": [200] * 50},
    retry={"retryDelays": [50]},
    lost={"retryDelays": [50] * 2},
    reset={"retryDelays": [50] * 2},
    again={"retryDelays": []},
)
UPPY_TUS = Widget("uppytus", "Uppy 6 (Tus)", picker="#pick", shown="#list li", modes=_TUS, page="uppy", tells=True)
TUS = replace(UPPY_TUS, name="tusjs", title="tus-js-client 4.3", page="")
_PLAIN = {"whole": NOTHING, "empty": NOTHING}
HTMX2 = Widget("htmx2", "htmx 2.0", picker="#pick", shown="#answer [role=alert]", modes=_PLAIN, page="htmx")
HTMX4 = replace(HTMX2, name="htmx4", title="htmx 4.0")

WIDGETS = {
    each.name: each
    for each in (
        FINE_UPLOADER,
        DROPZONE,
        DROPZONE5,
        FILEPOND,
        RESUMABLE,
        FLOW,
        PLUPLOAD,
        BLUEIMP,
        UPPY,
        UPPY_TUS,
        TUS,
        HTMX2,
        HTMX4,
    )
}
