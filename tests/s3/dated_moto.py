"""moto's server with the one thing that it makes up told truly: when a multipart upload began, of all of which it says
2010. Run as a program, with moto's own arguments.

What lives here: that date. What must not: starting the server (stores.py).
"""

from __future__ import annotations

import sys
from datetime import datetime, timezone
from typing import Any

from moto.s3.models import FakeMultipart
from moto.s3.responses import S3Response
from moto.server import main

_begin: Any = FakeMultipart.__init__
_serialize: Any = S3Response.serialized


def _begun(upload: Any, *args: Any, **kwargs: Any) -> None:
    _begin(upload, *args, **kwargs)
    upload.began = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000Z")


def _serialized(response: Any, action: Any) -> Any:
    if response.data.get("Action") == "ListMultipartUploads":
        known = response.backend.list_multipart_uploads(response.bucket_name)
        for upload in action.result["Uploads"]:
            upload["Initiated"] = known[upload["UploadId"]].began
    return _serialize(response, action)


if __name__ == "__main__":
    patched: tuple[Any, Any] = FakeMultipart, S3Response
    patched[0].__init__, patched[1].serialized = _begun, _serialized
    main(sys.argv[1:])
