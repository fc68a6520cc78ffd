"""What a command line asks for, as the dict that `AjaxUpload` takes.

What lives here: DIR, --backend, --option, --path and --config, and what of them excludes each other. What must not:
which settings exist and what their values mean (config.py).

A configuration file stands by itself: it means the same for `serve`, for `check` and for an application that loads it,
wherever the command is called. So relative paths in it start at the file's own folder, and its limits are the library's
(100 MiB), where a command line without a file gets 100 GiB.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..config import BackendSpec, EndpointSettings, Settings, endpoint_keys, load, short_form
from ..engine import Quota
from ..errors import ConfigError
from ..registry import nearest, resolve
from ..specs import takers_of
from .site import FILES, HOME, RESERVED

__all__ = ["Plan", "advice", "backends_of", "place_faults", "startup_faults"]

#: "Try it with a big file" is what `serve` is for; a form that strangers reach gets its limit from a configuration.
_MAX_SIZE = "100 GiB"
_DIR, _PATH = "uploads", "/upload"


class Plan:
    """The configuration that the words ask for, and all that is wrong with them so far (`problems`)."""

    def __init__(self, words: Any, problems: list[str]) -> None:
        self.problems = problems
        self.config = self._from_file(words) if words.config is not None else self._from_words(words)

    def settings(self) -> Settings | None:
        """The configuration, checked. None when it is wrong; `problems` say why."""
        if self.config is None:
            return None
        try:
            return load(self.config)
        except ConfigError as error:
            self.problems.extend(error.problems)
            return None

    def lead_home(self, *, forms: bool = True) -> None:
        """Hand out what was stored, and let plain `forms` come back to the page, unless the configuration says else."""
        tables = (self.config or {}).get("endpoints")
        for path, table in tables.items() if isinstance(tables, Mapping) else ():
            if isinstance(table, dict):
                table.setdefault("serve", True)
                if forms:
                    table.setdefault("redirect", HOME)
            if f"{path}/".startswith(RESERVED):
                self.problems.append(f"endpoint {path!r}: the page keeps this path for itself: choose another one")

    # ---- a file ------------------------------------------------------------------------------------------------------

    def _from_file(self, words: Any) -> dict[str, Any] | None:
        given = {"DIR": words.DIR, "--backend": words.backend, "--option": words.option, "--path": words.path}
        self.problems.extend(
            f"{word} and --config exclude each other: write it into the file" for word, value in given.items() if value
        )
        try:
            with Path(words.config).open("rb") as file:
                # Not an import statement: which of the two exists depends on the Python, which type checkers resent.
                config: dict[str, Any] = importlib.import_module(_TOML).load(file)
            os.chdir(Path(words.config).resolve().parent)
        except OSError as error:
            self.problems.append(f"--config {words.config}: {error.strerror or error}")
        except ValueError as error:  # of the TOML, or of its UTF-8
            self.problems.append(f"--config {words.config} is not TOML: {error}")
        else:
            sys.path.append(str(Path.cwd()))
            return config
        return None

    # ---- words -------------------------------------------------------------------------------------------------------

    def _from_words(self, words: Any) -> dict[str, Any]:
        sys.path.append(str(Path.cwd()))  # last: a file that lies around here must not stand in for an installed module
        options = self._options(words.option)
        try:
            cls: type | None = resolve("backend", words.backend or "local")
        except ConfigError as error:
            self.problems.extend(f"--backend: {problem}" for problem in error.problems)
            cls = None
        known = {key for key in endpoint_keys() if key != "backend"}
        if cls is not None:
            known |= {name.lower() for name in takers_of(cls, options)}
            for key in options.keys() - known:
                self.problems.append(f"--option {key}: unknown{nearest(key, sorted(known))}")
        options = {key: value for key, value in options.items() if key in known}
        if cls is not None:
            self._choose_folder(words, cls, options)
        return short_form(words.path or _PATH, cls or "memory", {"max_size": _MAX_SIZE, **options})

    def _options(self, words: list[str]) -> dict[str, str]:
        options: dict[str, str] = {}
        for word in words:
            key, equals, value = word.partition("=")
            key = key.strip().lower().replace("-", "_")
            if not equals or not key:
                self.problems.append(f"--option {word!r}: write KEY=VALUE")
            elif key in options:
                self.problems.append(f"--option {key} is given twice; several values go into one, separated by commas")
            else:
                options[key] = value
        return options

    def _choose_folder(self, words: Any, cls: type, options: dict[str, Any]) -> None:
        """DIR for the local backend, made absolute, so that the URL of what lies in it is FILES and the name."""
        from ..backends.local import LocalUploadBackend

        if not issubclass(cls, LocalUploadBackend):
            if words.DIR:
                self.problems.append(f"DIR is for the local backend: {cls.__name__} is told by --option where to store")
        elif words.DIR and ("upload_dir" in options or "media_root" in options):
            self.problems.append("DIR and --option upload_dir or media_root say the same: give one of them")
        elif "media_root" not in options:
            options["upload_dir"] = str(Path(words.DIR or options.get("upload_dir") or _DIR).absolute())
            options.setdefault("media_url", FILES)


_TOML = "tomllib" if sys.version_info >= (3, 11) else "tomli"


def backends_of(settings: Settings) -> list[BackendSpec]:
    """Every configured backend once, those of endpoints and those that only have a name."""
    found: list[BackendSpec] = []
    for spec in (*settings.backends.values(), *(endpoint.backend for endpoint in settings.endpoints.values())):
        if spec not in found:
            found.append(spec)
    return found


def startup_faults(settings: Settings) -> Iterator[str]:
    """Start every backend; what each has to say against its place."""
    for spec in backends_of(settings):
        try:
            spec.create().startup()
        except ConfigError as error:
            yield from (f"backend {spec.name!r}: {problem}" for problem in error.problems)
        except Exception as error:  # noqa: BLE001 - anybody's backend: whatever it raises, it cannot start
            yield f"backend {spec.name!r} cannot start: {type(error).__name__}: {error}"
        else:
            yield from _quota_faults(endpoint for endpoint in settings.endpoints.values() if endpoint.backend == spec)


def _quota_faults(endpoints: Iterable[EndpointSettings]) -> Iterator[str]:
    for endpoint in endpoints:
        try:
            Quota(endpoint).startup()
        except ConfigError as error:
            yield from error.problems


def place_faults(settings: Settings) -> Iterator[str]:
    """What is amiss with each backend's place: by starting them, and then by really writing, reading and deleting."""
    faults = list(startup_faults(settings))
    yield from faults
    if not faults:
        yield from _asked(settings, "examine")
        yield from _inspectors_asked(settings)


def advice(settings: Settings) -> Iterator[str]:
    """What each backend's place does without and should not."""
    yield from _asked(settings, "advise")


def _inspectors_asked(settings: Settings) -> Iterator[str]:
    """Scanners that cannot be reached would refuse every file."""
    for endpoint in settings.endpoints.values():
        for each in endpoint.inspect:
            try:
                yield from (f"endpoint {endpoint.path!r}: {text}" for text in getattr(each, "examine", list)())
            except Exception as error:  # noqa: BLE001 - anybody's inspector
                yield f"endpoint {endpoint.path!r}: {each!r} cannot be examined: {type(error).__name__}: {error}"


def _asked(settings: Settings, hook: str) -> Iterator[str]:
    for spec in backends_of(settings):
        try:
            yield from (f"backend {spec.name!r}: {text}" for text in getattr(spec.create(), hook)())
        except Exception as error:  # noqa: BLE001 - as above: it could not be found out
            yield f"backend {spec.name!r} cannot be examined: {type(error).__name__}: {error}"
