"""ajaxupload: one URL that any browser upload widget can talk to, in any WSGI application, into any store.

What lives here: the names that users import. Everything else is reached by its module.
"""

from __future__ import annotations

from .backends.base import AbstractUploadBackend
from .endpoint import Endpoint, upload_endpoint
from .errors import AjaxUploadError, ConfigError, UploadError
from .middleware import AjaxUpload
from .upload import Upload

__all__ = [
    "AbstractUploadBackend",
    "AjaxUpload",
    "AjaxUploadError",
    "ConfigError",
    "Endpoint",
    "Upload",
    "UploadError",
    "upload_endpoint",
]

__version__ = "0.1.0"
