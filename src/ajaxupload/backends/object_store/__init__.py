"""`object_store`: Azure Blob, Google Cloud Storage and S3, by obstore.

One backend: `backend` the hooks and options, `client` the store and what its errors mean, `proof` what `ajaxupload
check` finds out about it.
"""

from __future__ import annotations

from ...errors import MissingExtra

try:
    import obstore as _obstore
except ImportError as error:
    raise MissingExtra("backend 'object_store'", "obstore", "object_store") from error

from .backend import ObjectStoreUploadBackend

__all__ = ["ObjectStoreUploadBackend"]

del _obstore
