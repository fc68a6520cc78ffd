"""Looking for an upload by its id, so that what is somebody else's cannot be told from what is not there.

What lives here: the steps of that, which are the same for both but for the reading of a record. What must not: whose an
upload is (resume.py).
"""

from __future__ import annotations

from collections.abc import Callable

from ..errors import NotFound, UploadError
from ..partials import Partial, Partials
from ..request import UploadRequest
from ..upload import Upload
from .hooks import storing

__all__ = ["look_for"]

#: Asks the application: returns the principal or raises.
_Admit = Callable[[Upload], "str | None"]


def look_for(store: Partials, request: UploadRequest, upload_id: str, admit: _Admit) -> tuple[Partial, str | None]:
    """The upload with that id, and who asks for it. NotFound, when the application was asked about it all the same. The
    caller closes it."""
    try:
        with storing():
            partial = store.find(upload_id)
    except NotFound:
        _ask_in_vain(request, upload_id, admit)
        raise
    try:
        return partial, admit(partial.record.upload(partial.offset))
    except BaseException:
        partial.__exit__()
        raise


def _ask_in_vain(request: UploadRequest, upload_id: str, admit: _Admit) -> None:
    """What takes an application's hook longest, looking the asker up, takes as long for what is not there; and who must
    log in first hears of that whatever is there. A hook that falls over what it knows nothing of has answered."""
    upload = Upload(id=upload_id, path_names=dict(request.path_names))
    try:
        admit(upload)
    except UploadError:
        raise
    except Exception as error:
        raise NotFound from error
