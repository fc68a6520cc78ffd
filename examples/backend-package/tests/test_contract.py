"""The package's own proof: everything that ajaxupload promises of a backend."""

from __future__ import annotations

import gzip
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ajaxupload_gzip import GzipUploadBackend

from ajaxupload.testing import BackendContract


class TestGzip(BackendContract):
    @pytest.fixture(autouse=True)
    def started(self, tmp_path: Path) -> None:
        self.folder = tmp_path
        self.make_backend().startup()

    def make_backend(self, **options: Any) -> GzipUploadBackend:
        return GzipUploadBackend(media_root=str(self.folder / "media"), **options)

    def read(self, result: Mapping[str, Any]) -> bytes:
        return gzip.decompress((self.folder / "media/uploads" / result["filename"]).read_bytes())

    def stored(self) -> list[str]:
        root = self.folder / "media/uploads"
        return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]

    def leftovers(self) -> list[str]:
        private = self.folder / ".media.ajaxupload"
        return [name for _, _, names in os.walk(private) for name in names if not name.endswith(".lock")]
