"""What sorl-thumbnail makes of the same pictures: `python -m tests.thumbnail.sorl FOLDER < cases.json`.

What lives here: its own backend and engine, called for a list of cases. A process of its own, because it needs Django
configured, and other tests configure Django in their own way. What must not: anything of ours.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings

settings.configure(SECRET_KEY="for tests", INSTALLED_APPS=["sorl.thumbnail"], THUMBNAIL_FORMAT="PNG")

import django  # noqa: E402 - after the settings

django.setup()

from PIL import Image  # noqa: E402 - after the settings
from sorl.thumbnail.base import ThumbnailBackend  # type: ignore[import-untyped]  # noqa: E402 - ships no types


class Written:
    """The thumbnail's file, as sorl's backend writes it."""

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.path = path

    def write(self, content: bytes) -> None:
        self.path.write_bytes(content)

    def set_size(self, size: tuple[int, int]) -> None:
        """Nobody asks."""


def make(source: Path, geometry: str, options: dict[str, Any], target: Path) -> None:
    backend = ThumbnailBackend()
    with Image.open(source) as picture:
        backend._create_thumbnail(picture, geometry, {**backend.default_options, **options}, Written(target))


def main(folder: Path) -> None:
    for number, (source, geometry, options) in enumerate(json.load(sys.stdin)):
        make(folder / source, geometry, options, folder / f"sorl-{number}.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
