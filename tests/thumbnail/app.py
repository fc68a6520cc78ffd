"""The application that the corpora are sent to: thumbnails in front of `local`, below AJAXUPLOAD_WIRE_ROOT."""

from __future__ import annotations

import os
from typing import Any

from ajaxupload import AjaxUpload
from tests.wire.apps.wiring import site

_LOCAL = {
    "class": "local",
    "media_root": os.environ["AJAXUPLOAD_WIRE_ROOT"] + "/media",
    "upload_dir": ".",
    "private_dir": os.environ["AJAXUPLOAD_WIRE_PRIVATE"],
}
_PHOTOS: dict[str, Any] = {"class": "thumbnail", "store": "disk", "temp_dir": os.environ["AJAXUPLOAD_WIRE_PRIVATE"]}
_ALBUM = {
    "keep_original": True,
    "max_frames": 30,
    "dimensions": {"tiny": {"dimension": "20x20", "crop": "smart", "format": "webp"}, "small": "64", "padded": "90x90"},
    "padding": True,
    "upscale": False,
}

application = AjaxUpload(
    site,
    {
        "backends": {"disk": _LOCAL, "photos": _PHOTOS, "album": {**_PHOTOS, **_ALBUM}},
        "endpoints": {
            "/upload": {"backend": "photos", "max_size": "10 MiB"},
            "/album": {"backend": "album", "max_size": "10 MiB"},
        },
        "secret_key": "made up for these tests",
    },
)
