"""One large file: as a raw body, in a form, and many of them at once.

What lives here: these four scenarios. What must not: small files (many.py), pieces (tus.py), S3 (s3.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from benchmarks.client import Connection
from benchmarks.contender import GUNICORN, Contender, Way
from benchmarks.peers import django_views, flask_views, loops, nginx, node, ours
from benchmarks.scenario import MIB, Choice, Scenario, Sent, each_at_once, form_of, names

__all__ = ["AT_ONCE", "FORM", "FORMS_AT_ONCE", "RAW", "SCENARIOS", "send_form", "send_raw"]

_EACH = 16 * MIB  # of uploads at once
_NAMES = iter(names())


def send_raw(port: int, way: Way, choice: Choice) -> Sent:
    """One body."""
    with Connection(port) as connection:
        connection.ask(way.method, way.raw.format(name=next(_NAMES)), {}, choice.size)
    return Sent(choice.size)


def send_form(port: int, way: Way, choice: Choice) -> Sent:
    """One file in a form."""
    headers, body = form_of([(next(_NAMES), choice.size)])
    with Connection(port) as connection:
        connection.ask("POST", way.form, headers, *body)
    return Sent(choice.size)


def at_once(port: int, way: Way, choice: Choice) -> Sent:
    """Files of 16 MiB (less, where so many would be more than the chosen size), each over a connection of its own."""
    each = max(1, min(_EACH, choice.size // choice.at_once))

    def turn(connection: Connection) -> None:
        name = next(_NAMES)
        if way.raw:
            connection.ask(way.method, way.raw.format(name=name), {}, each)
        else:
            headers, body = form_of([(name, each)])
            connection.ask("POST", way.form, headers, *body)

    each_at_once(port, [turn] * choice.at_once, choice.at_once)
    return Sent(each * choice.at_once, choice.at_once)


def _on_others(choice: Choice, *made: Callable[[str], Contender]) -> list[Contender]:
    return [make(server) for server in choice.servers if server != GUNICORN for make in made]


def _ours_on(server: str) -> Contender:
    return ours.contender(server=server)


def _loop_on(server: str) -> Contender:
    return loops.contender(server=server)


def _raw(choice: Choice) -> list[Contender]:
    mine = [ours.contender(), ours.contender(durable=True), ours.contender(door="django"), ours.contender(door="flask")]
    django = [django_views.contender(name) for name in (django_views.RAW, django_views.RAW_LARGE)]
    least = [loops.contender(), *map(loops.bare, (loops.BARE, loops.FILLED, loops.SYNCED))]
    theirs = [flask_views.contender(flask_views.STREAM), *django, nginx.contender(), *least]
    return [*mine, *theirs, *_on_others(choice, _ours_on, _loop_on)]


def _form(choice: Choice) -> list[Contender]:
    mine = [ours.contender(), ours.contender(durable=True), ours.contender(door="django"), ours.contender(door="flask")]
    python = [flask_views.contender(flask_views.FILES), django_views.contender(django_views.FILES)]
    theirs = [*python, node.contender(node.BUSBOY), node.contender(node.MULTER)]
    return [*mine, *theirs, *_on_others(choice, _ours_on, _flask_on)]


def _flask_on(server: str) -> Contender:
    return flask_views.contender(flask_views.FILES, server=server)


def _raw_at_once(choice: Choice) -> list[Contender]:
    theirs = [flask_views.contender(flask_views.STREAM), django_views.contender(django_views.RAW_LARGE)]
    return [ours.contender(), *theirs, nginx.contender(), loops.bare(), *_on_others(choice, _ours_on)]


def _forms_at_once(_choice: Choice) -> list[Contender]:
    python = [flask_views.contender(flask_views.FILES), django_views.contender(django_views.FILES)]
    return [_form_only(ours.contender()), *python, node.contender(node.BUSBOY)]


def _form_only(contender: Contender) -> Contender:
    """Sent forms, though it takes raw bodies."""
    return replace(contender, way=Way(form=contender.way.form))


RAW = Scenario("raw", "One raw body", "speed", _raw, send_raw)
FORM = Scenario("multipart", "One file in a form", "speed", _form, send_form)
AT_ONCE = Scenario("at-once", "Raw bodies at once", "speed", _raw_at_once, at_once, threads=64)
FORMS_AT_ONCE = Scenario("forms-at-once", "Forms at once", "speed", _forms_at_once, at_once, threads=64)
SCENARIOS = (RAW, FORM, AT_ONCE, FORMS_AT_ONCE)
