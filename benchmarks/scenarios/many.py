"""Thousands of small files: in one form, and each in a request of its own.

What lives here: these two scenarios. What must not: what a form's parsing costs without a server (inside.py).
"""

from __future__ import annotations

from benchmarks.client import Connection
from benchmarks.contender import Contender, Way
from benchmarks.peers import django_views, flask_views, loops, nginx, node, ours
from benchmarks.scenario import Choice, Scenario, Sent, each_at_once, form_of, names

__all__ = ["SCENARIOS", "SMALL_FORM", "SMALL_UPLOADS"]

_CONNECTIONS = 4
_NAMES = iter(names())


def small_form(port: int, way: Way, choice: Choice) -> Sent:
    """All in one form."""
    content = bytes(range(256)) * (choice.small // 256 + 1)
    headers, body = form_of((next(_NAMES), content[: choice.small]) for _ in range(choice.count))
    with Connection(port) as connection:
        connection.ask("POST", way.form, headers, *body)
    return Sent(choice.small * choice.count, choice.count)


def small_uploads(port: int, way: Way, choice: Choice) -> Sent:
    """Each a raw body, over connections that are kept."""
    content = bytes(choice.small)

    def turn(connection: Connection) -> None:
        connection.ask(way.method, way.raw.format(name=next(_NAMES)), {}, content)

    each_at_once(port, [turn] * choice.count, _CONNECTIONS)
    return Sent(choice.small * choice.count, choice.count)


def _form(_choice: Choice) -> list[Contender]:
    mine = [ours.contender(), ours.contender(durable=True)]
    python = [flask_views.contender(flask_views.FILES), django_views.contender(django_views.FILES)]
    return [*mine, *python, node.contender(node.BUSBOY)]


def _raw(_choice: Choice) -> list[Contender]:
    mine = [ours.contender(), ours.contender(durable=True), ours.contender(door="django"), ours.contender(door="flask")]
    python = [flask_views.contender(flask_views.STREAM), django_views.contender(django_views.RAW)]
    return [*mine, *python, nginx.contender(), loops.contender(), loops.bare()]


SMALL_FORM = Scenario(
    "small-form", "Small files in one form", "rate", _form, small_form, tmpfs=True, note="On a tmpfs."
)
SMALL_UPLOADS = Scenario(
    "small-uploads", "Small uploads, one request each", "rate", _raw, small_uploads, note="Over four connections."
)
SCENARIOS = (SMALL_FORM, SMALL_UPLOADS)
