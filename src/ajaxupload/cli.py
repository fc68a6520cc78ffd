"""The command `ajaxupload`: serve, check, clean.

What lives here: the words of the command line, what is said on the terminal, and exit statuses. What must not: how a
configuration is checked (config.py), what the page shows and how the server runs (demo/).

Whatever is wrong is said on stderr, all of it at once, and never by a traceback. Exit status: 0 when the work was done,
1 when `check` found faults, 2 when a command could not start.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from . import __version__
from .config import EndpointSettings, Settings
from .demo.plan import Plan, advice, backends_of, place_faults, startup_faults
from .demo.shelf import place_of
from .demo.site import Site
from .endpoint import Endpoint
from .engine import Quota, partials_of
from .errors import ConfigError, UploadError
from .registry import names, nearest
from .validators import human_size
from .values import parse_duration

__all__ = ["main"]

_PORT, _WORKERS, _THREADS = 8000, 2, 32
#: More processes or threads than this is a slip of the finger.
_COUNT = range(1, 1025)
_SECRET = ("KEY", "SECRET", "TOKEN", "PASSWORD")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status. SystemExit for --help, wrong usage and the server's own end."""
    parser = _parser()
    words, strange = parser.parse_known_args(argv)
    problems = [f"{word}: unknown option{nearest(word, words.known)}" for word in strange if word.startswith("-")]
    problems = problems or [f"{word!r} is too much: one DIR is enough" for word in strange]
    usage = bool(problems)
    try:
        return int(words.command(words, Plan(words, problems)))
    except ConfigError as error:
        _complain(words.name, error.problems)
        return 1 if words.name == "check" and not usage else 2
    except KeyboardInterrupt:
        return 130  # as shells report a program that Ctrl-C ended


def _complain(command: str, problems: Sequence[str]) -> None:
    start = f"ajaxupload {command}: "
    if len(problems) == 1:
        print(start + problems[0], file=sys.stderr)
    else:
        print(
            f"{start}{len(problems)} problems:", *(f"  - {problem}" for problem in problems), sep="\n", file=sys.stderr
        )


# ---- the words -------------------------------------------------------------------------------------------------------


class _Parser(argparse.ArgumentParser):
    """argparse, in a line instead of a page."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n{self.prog} --help tells more\n")


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="ajaxupload", description="Browser file uploads: try them, check a configuration, tidy up.")
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, command, text in (
        ("serve", _serve, "a page to upload to, on a server that streams"),
        ("check", _check, "say what a configuration would serve, or all that is wrong with it"),
        ("clean", _clean, "remove what uploads that broke off have left"),
    ):
        sub = commands.add_parser(name, help=text, description=text, allow_abbrev=False)
        known = [
            "--help",
            *_what(sub),
            *(_where(sub) if name == "serve" else ()),
            *(_age(sub) if name == "clean" else ()),
        ]
        sub.set_defaults(name=name, command=command, known=known)
    return parser


def _add(parser: argparse.ArgumentParser, option: str, **details: Any) -> Iterator[str]:
    yield from parser.add_argument(option, **details).option_strings


def _what(parser: argparse.ArgumentParser) -> Iterator[str]:
    """What is served. Options have no types and no defaults here, so that all faults are found together."""
    yield from _add(parser, "DIR", nargs="?", help="where the local backend stores (default: uploads)")
    yield from _add(parser, "--backend", metavar="NAME", help=f"{', '.join(names('backend'))}, or package.module:Class")
    yield from _add(
        parser, "--option", metavar="KEY=VALUE", action="append", default=[],
        help="a setting of the endpoint or the backend: --option allow=image/* --option max_size='2 GiB'",
    )  # fmt: skip
    yield from _add(parser, "--path", metavar="PATH", help="the URL path that takes uploads (default: /upload)")
    yield from _add(parser, "--config", metavar="FILE", help="a TOML file with all of it, instead of the words above")


def _where(parser: argparse.ArgumentParser) -> Iterator[str]:
    # Made absolute before --config moves into its own folder.
    yield from _add(
        parser, "--page", metavar="FILE", type=lambda word: Path(word).absolute(),
        help="an HTML page of yours, at / in place of ours: try an upload widget there",
    )  # fmt: skip
    yield from _add(
        parser, "--host", default="127.0.0.1", help="the address to listen on; 0.0.0.0 is all (%(default)s)"
    )
    yield from _add(parser, "--port", metavar="N", help=f"0 is any free one (default: {_PORT})")
    yield from _add(
        parser, "--allow-host", metavar="NAME", action="append", default=[],
        help="another name by which browsers reach this server, behind a proxy say",
    )  # fmt: skip
    yield from _add(parser, "--workers", metavar="N", help=f"processes (default: {_WORKERS})")
    yield from _add(parser, "--threads", metavar="N", help=f"uploads at once in each process (default: {_THREADS})")


def _age(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield from _add(
        parser, "--older-than", metavar="AGE", help="spare what changed lately: '2 h' (default: spare nothing)"
    )


def _number(option: str, value: str | None, default: int, allowed: range, problems: list[str]) -> int:
    if value is None:
        return default
    if value.isascii() and value.isdigit() and len(value) <= 9 and int(value) in allowed:
        return int(value)
    problems.append(f"{option} must be a number from {allowed[0]} to {allowed[-1]}, not {value!r}")
    return default


# ---- serve -----------------------------------------------------------------------------------------------------------


def _serve(words: argparse.Namespace, plan: Plan) -> int:
    """Serve until a signal ends it."""
    problems = plan.problems
    port = _number("--port", words.port, _PORT, range(65536), problems)
    workers = _number("--workers", words.workers, _WORKERS, _COUNT, problems)
    threads = _number("--threads", words.threads, _THREADS, _COUNT, problems)
    _examine(words.page, problems)
    plan.lead_home(forms=words.page is None)
    settings = plan.settings()
    try:
        from .demo import serving
    except ConfigError as error:
        raise ConfigError([*problems, *error.problems]) from error
    if settings is None or problems:
        raise ConfigError(problems)
    listener = serving.listen(words.host, port)
    with listener.socket:
        if faults := list(startup_faults(settings)):
            raise ConfigError(faults)
        hosts = None if listener.exposed else {words.host.lower(), *(name.lower() for name in words.allow_host)}
        site = Site(plan.config or {}, hosts=hosts, own_page=words.page)
        ready = partial(_announce, settings, listener.url, exposed=listener.exposed)
        serving.run(site, listener, ready, workers=workers, threads=threads)
    return 0


def _examine(page: Path | None, problems: list[str]) -> None:
    """Can it be read? It is read anew for each visitor, so that who edits it needs only to reload."""
    try:
        if page is not None:
            page.open("rb").close()
    except OSError as error:
        problems.append(f"--page {page}: {error.strerror or error}")


def _announce(settings: Settings, url: str, *, exposed: bool) -> None:
    for endpoint in settings.endpoints.values():
        print(f"{endpoint.path}: up to {human_size(endpoint.max_size)} a file, {_place(endpoint)}")
    if exposed:
        print("Whoever reaches this machine over the network can upload, and see and fetch what was stored.")
    print(f"Open {url} (Ctrl-C ends)", flush=True)


# ---- check and clean -------------------------------------------------------------------------------------------------


def _check(_words: argparse.Namespace, plan: Plan) -> int:
    """Say what would be served; raises ConfigError with every fault, those of the backends' places included."""
    settings = plan.settings()
    problems = [*plan.problems, *(place_faults(settings) if settings else ())]
    if settings is None or problems:
        raise ConfigError(problems)
    for endpoint in settings.endpoints.values():
        print(endpoint.path)
        for key, value in _facts(endpoint):
            print(f"    {key:<11}{value}")
    for text in advice(settings):
        print(f"Advice: {text}")
    count = len(settings.endpoints)
    print(f"All is well: {count} endpoint{'s' if count > 1 else ''} can be served.")
    return 0


def _facts(endpoint: EndpointSettings) -> Iterator[tuple[str, str]]:
    spec = endpoint.backend
    yield "backend", f"{spec.name} ({spec.cls.__module__}:{spec.cls.__qualname__})"
    yield "place", _place(endpoint)
    least = f"{human_size(endpoint.min_size)} to " if endpoint.min_size else "up to "
    yield "limits", f"{least}{human_size(endpoint.max_size)} a file, {endpoint.max_files} files in one form"
    if endpoint.quota is not None:
        own = "as your function says" if callable(endpoint.quota) else human_size(endpoint.quota)
        yield "quota", f"{own}, for each principal"
    yield "types", _types(endpoint)
    yield "names", endpoint.name
    yield "protocols", ", ".join(protocol.name for protocol in Endpoint(endpoint).protocols)
    others = f", and {', '.join(endpoint.allowed_origins)}" if endpoint.allowed_origins else ""
    yield "origins", f"this site{others}" if endpoint.csrf else "any (csrf is off)"
    yield "who", "whom authorize lets in" if endpoint.authorize else "anybody"


def _place(endpoint: EndpointSettings) -> str:
    place = place_of(endpoint.backend)
    if place is not None:
        return f"stored in {place.root} (unfinished in {place.private})"
    options = (f"{key.lower()}={_shown(key, value)}" for key, value in endpoint.backend.options.items())
    return " ".join([endpoint.backend.cls.__name__, *options])


def _shown(key: str, value: object) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{each}={_shown(str(each).upper(), inner)}" for each, inner in value.items()) + "}"
    # "KEY" alone is no key but the name of an object at S3
    return "***" if key != "KEY" and any(word in key for word in _SECRET) else repr(value)


def _types(endpoint: EndpointSettings) -> str:
    accepted = ", ".join(endpoint.allow) or "all"
    return accepted + (f", but not {', '.join(endpoint.deny)}" if endpoint.deny else "")


def _clean(words: argparse.Namespace, plan: Plan) -> int:
    """Remove leftovers of all configured backends, and say how many."""
    age = 0.0
    if words.older_than is not None:
        try:
            age = parse_duration(words.older_than)
        except ValueError as error:
            plan.problems.append(f"--older-than {error}")
    settings = plan.settings()
    if settings is None or plan.problems:
        raise ConfigError(plan.problems)
    for spec in backends_of(settings):
        place = place_of(spec)
        try:
            count = spec.create().clean(age)
        except (OSError, UploadError) as error:
            raise ConfigError(f"backend {spec.name!r} could not be cleaned: {error}") from error
        where = place.root if place else f"backend {spec.name!r}"
        print(f"{where}: {count or 'no'} leftover{'' if count == 1 else 's'} removed")
    _sweep(settings, age if words.older_than is not None else None)
    return 0


def _forget_missing(endpoint: EndpointSettings) -> None:
    """Files that something else has deleted count for nobody's quota any more."""
    try:
        count = Quota(endpoint).look_through()
    except OSError as error:
        raise ConfigError(
            f"{endpoint.path}: it could not be looked through which files are still there: {error}"
        ) from error
    if count:
        print(f"{endpoint.path}: {count} file{'' if count == 1 else 's'} gone, no longer counted for a quota")


def _sweep(settings: Settings, age: float | None) -> None:
    """Unfinished uploads that have expired, of every place where an endpoint keeps some; or all that are that old."""
    seen: set[str] = set()
    for endpoint in (each for each in settings.endpoints.values() if each.resumable or each.quota is not None):
        _forget_missing(endpoint)
        store = partials_of(endpoint)
        if store.root in seen:
            continue
        seen.add(store.root)
        try:
            count = sum(1 for _ in store.sweep(age))
        except OSError as error:
            raise ConfigError(f"{store.root} could not be cleaned: {error}") from error
        if count:
            print(f"{store.root}: {count} unfinished or remembered upload{'' if count == 1 else 's'} removed")
