"""What was stored, by its upload's URL: GET `<endpoint>/<id>`, where the endpoint has `serve` on.

What lives here: who may have which file. What must not: how a file leaves without doing harm (download.py).
"""

from __future__ import annotations

import io
import re

from webob import Response

from ..errors import NotFound
from ..request import UploadRequest
from .base import Mount
from .download import attachment

__all__ = ["stored_file"]

_ID = re.compile(r"[A-Za-z0-9_-]{8,64}", re.ASCII)


def stored_file(mount: Mount, request: UploadRequest) -> Response:
    """The file of a complete upload of the asker's, as an attachment. Raises NotFound.

    Only while the upload's record lives (`expires`), and only from a backend that can `open`.
    """
    if not mount.settings.serve or not _ID.fullmatch(request.tail):
        raise NotFound
    with mount.find(request, request.tail, "read") as partial:
        record = partial.record
    opened = getattr(mount.settings.backend.create(), "open", None)
    if record.state != "complete" or record.filename is None or opened is None:
        raise NotFound
    file = opened(record.filename)
    try:
        file.fileno()
        return attachment(file, record.name)
    except (AttributeError, io.UnsupportedOperation):
        return attachment(file, record.name, record.size or 0)
