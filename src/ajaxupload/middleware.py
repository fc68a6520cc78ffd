"""`AjaxUpload`: WSGI middleware. Our path? The endpoint. Otherwise the wrapped application, untouched.

What lives here: matching paths, by whole segments. What must not: anything about uploads.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .config import Settings, load, short_form
from .endpoint import Endpoint, mounted
from .errors import ConfigError

__all__ = ["AjaxUpload"]

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


class AjaxUpload:
    """Catches uploads at the configured paths and hands everything else through untouched.

        application = AjaxUpload(application, {"endpoints": {"/upload": {"backend": "local"}}})
        application = AjaxUpload(application, path="/upload", backend="local", upload_dir="uploads")

    The short form's `path` is "/upload" and its `backend` "local" unless it says otherwise. Raises ConfigError, listing
    every fault, when the configuration is wrong or a backend cannot store.
    """

    def __init__(
        self,
        app: WSGIApp,
        config: Mapping[str, Any] | None = None,
        *,
        path: str | None = None,
        backend: str | type | None = None,
        **options: Any,
    ) -> None:
        beside = [*(["path"] if path is not None else []), *(["backend"] if backend is not None else []), *options]
        if config is not None and beside:
            raise ConfigError(f"{', '.join(beside)}: with a dict, options stand in its tables, not beside it")
        self.app = app
        short = short_form(path or "/upload", backend or "local", options)
        self.settings: Settings = load(short if config is None else config)
        self.endpoints = {path: Endpoint(settings) for path, settings in self.settings.endpoints.items()}
        for endpoint in self.endpoints.values():
            endpoint.startup()
        self._by_group, pattern = _pattern(self.endpoints)
        self._match = re.compile(pattern).match

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer as PEP 3333 has it, or let the wrapped application."""
        found = self._match(environ.get("PATH_INFO", ""))
        if found is None:
            return self.app(environ, start_response)
        return self._upload(found, environ, start_response)

    def _upload(
        self, found: re.Match[str], environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        group = found.lastgroup or ""
        endpoint, prefix = self._by_group[group], group + "_"
        names = {
            name.removeprefix(prefix): _text(value)
            for name, value in found.groupdict().items()
            if name.startswith(prefix)
        }
        return endpoint(mounted(environ, endpoint.settings.path, names), start_response)


def _text(value: str) -> str:
    """PATH_INFO is Latin-1 of what are UTF-8 bytes (PEP 3333, "Unicode Issues")."""
    return value.encode("latin-1").decode("utf-8", "replace")


def _pattern(endpoints: Mapping[str, Endpoint]) -> tuple[dict[str, Endpoint], str]:
    """One expression for all paths, a group each, the most specific first; it ends at a segment's end."""
    by_group, parts = {}, []
    ordered = sorted(endpoints, key=lambda path: (-path.count("/"), path.count("{"), -len(path)))
    for number, path in enumerate(ordered):
        group = f"e{number}"
        by_group[group] = endpoints[path]
        words = re.split(r"(\{\w+\})", path)
        body = "".join(
            f"(?P<{group}_{word[1:-1]}>[^/]+)" if word.startswith("{") else re.escape(_wsgi(word)) for word in words
        )
        parts.append(f"(?P<{group}>{body})")
    return by_group, f"(?:{'|'.join(parts)})(?=/|\\Z)"


def _wsgi(text: str) -> str:
    return text.encode("utf-8").decode("latin-1")
