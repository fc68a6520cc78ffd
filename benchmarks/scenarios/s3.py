"""To S3: bodies of unknown length and forms, into a stub that discards them.

What lives here: these scenarios. What must not: the stub (stub.py), and stores that keep anything.
"""

from __future__ import annotations

from benchmarks.client import Connection
from benchmarks.contender import Contender, Way
from benchmarks.peers import boto3_library, flask_views, ours, ours_to_s3, relay
from benchmarks.scenario import MIB, Choice, Scenario, Sent, each_at_once, form_of, names
from benchmarks.scenarios.bodies import send_form

__all__ = ["EIGHT", "EIGHT_MEMORY", "FAR", "FORM", "NEAR", "SCENARIOS"]

EIGHT_MEMORY = 64 * MIB  # the limit for all parts of eight uploads at once
_CHUNK = MIB
_LATENCY = 0.030  # seconds, of a store in the same country
_NAMES = iter(names())


def unknown_length(port: int, way: Way, choice: Choice) -> Sent:
    """A chunked body to who takes bodies; who is a library sends the file that it has."""
    with Connection(port) as connection:
        if way.trigger:
            connection.ask("POST", way.trigger, {})
        else:
            path = way.raw.format(name=next(_NAMES))
            connection.ask(way.method, path, {"Transfer-Encoding": "chunked"}, *_chunked(choice.size))
    return Sent(choice.size)


def _chunked(size: int) -> list[bytes | int]:
    body: list[bytes | int] = []
    end = b""
    for at in range(0, size, _CHUNK):
        count = min(_CHUNK, size - at)
        body += [end + b"%x\r\n" % count, count]
        end = b"\r\n"
    return [*body, end + b"0\r\n\r\n"]


def eight(port: int, way: Way, choice: Choice) -> Sent:
    """A quarter of the chosen size in each of eight forms at once."""
    each = max(1, choice.size // 4)
    count = 8 if choice.at_once > 1 else 1

    def turn(connection: Connection) -> None:
        headers, body = form_of([(next(_NAMES), each)])
        connection.ask("POST", way.form, headers, *body)

    each_at_once(port, [turn] * count, count)
    return Sent(each * count, count)


def _bodies(_choice: Choice) -> list[Contender]:
    theirs = [boto3_library.contender(signed=signed) for signed in (True, False)]
    return [ours.to_s3(), ours_to_s3.contender(), *theirs, relay.contender(), relay.from_file()]


def _forms(_choice: Choice) -> list[Contender]:
    return [ours.to_s3(), flask_views.contender(flask_views.UPLOAD_FILEOBJ), relay.contender()]


def _eight(_choice: Choice) -> list[Contender]:
    limited = ours.to_s3(f"{EIGHT_MEMORY // MIB} MiB")
    return [limited, flask_views.contender(flask_views.UPLOAD_FILEOBJ)]


NEAR = Scenario("s3", "A body of unknown length to S3", "speed", _bodies, unknown_length, latency=0.0)
FAR = Scenario("s3-30ms", "The same, each answer after 30 ms", "speed", _bodies, unknown_length, latency=_LATENCY)
FORM = Scenario("s3-form", "A form straight to S3", "speed", _forms, send_form, latency=0.0)
FORM_FAR = Scenario("s3-form-30ms", "The same, each answer after 30 ms", "speed", _forms, send_form, latency=_LATENCY)
EIGHT = Scenario(
    "s3-eight", "Eight forms to S3 at once", "speed", _eight, eight, latency=0.0, note="Part memory limited to 64 MiB."
)
SCENARIOS = (NEAR, FAR, FORM, FORM_FAR, EIGHT)
