"""ajaxupload's S3 backend as a library: from a local file whose length nobody tells it, as boto3's `upload_fileobj`.

What lives here: the calls that an upload makes of a backend, with its default settings. What must not: HTTP (ours.py).
"""

from __future__ import annotations

import os
import sys

from benchmarks.contender import Contender, Site, Way, modules
from benchmarks.peers import library, ours

__all__ = ["FROM_FILE", "contender"]

FROM_FILE = "ajaxupload's S3 backend, from a file"
_BLOCK = 1 << 20  # bytes, of what a quick client's body is received in


def contender() -> Contender:
    """Uploading the site's source to the stub."""

    def command(site: Site) -> list[str]:
        return [sys.executable, "-m", __name__, str(site.port)]

    return Contender(FROM_FILE, command, Way(trigger="/"), lambda: modules("boto3"), ours=True, sink=True)


def main(port: int) -> None:
    """Serve until a signal comes."""
    from ajaxupload.backends.s3 import S3UploadBackend

    options = {name.upper(): value for name, value in ours.to_stub().items()}
    block = bytearray(_BLOCK)
    view = memoryview(block)

    def work() -> None:
        backend = S3UploadBackend(**options)
        backend.upload.filename = key = backend.update_filename(None, "big.bin")
        backend.setup(key)
        with open(os.environ["BENCH_SOURCE"], "rb", buffering=0) as file:  # noqa: PTH123 - as boto3_library.py
            while count := file.readinto(block):
                backend.upload_chunk(view[:count])
        backend.upload_complete(None, key)

    library.serve(port, work)


if __name__ == "__main__":
    main(int(sys.argv[1]))
