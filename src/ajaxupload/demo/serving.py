"""How `ajaxupload serve` serves: gunicorn's threads, set up for uploads that take hours.

What lives here: the listening socket, the server's settings, and how it ends. What must not: what is served (site.py),
what is logged (log.py) and command-line words (cli.py).

Threads, because they stream: gunicorn's `sync` workers are killed at their timeout however well an upload moves, and
waitress keeps the whole body somewhere first. What a thread worker lacks is added here: a time limit for clients that
send nothing any more, and an end that interrupts what is under way instead of being killed after a long wait, so that
uploads are given up by the engine's own rules and their clients are told.
"""

from __future__ import annotations

import _thread
import contextlib
import errno
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError, MissingExtra
from .interruptible import Interruptible
from .log import log_uploads

try:
    from gunicorn.app.base import BaseApplication
    from gunicorn.arbiter import Arbiter
    from gunicorn.sock import TCP6Socket, TCPSocket
    from gunicorn.workers.base import Worker
    from gunicorn.workers.gthread import ThreadWorker
except ImportError as error:
    raise MissingExtra("ajaxupload serve", "gunicorn", "serve") from error

__all__ = ["Listener", "listen", "run"]

WSGIApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

#: Connections that the kernel holds while all threads are busy; browsers wait, they do not fail.
_BACKLOG = 512
#: Seconds without a byte after which a client is given up: without it 32 connections that take nothing would hold 32
#: threads for ever. Those that send nothing are given up by the endpoint's `idle_timeout`, unless that is longer.
IDLE_SECONDS = 60.0
#: Seconds that uploads under way may still take after SIGTERM, and that giving them up may take after Ctrl-C: it takes
#: one, unless the disk is so busy that what they have written cannot be removed; who is killed then tells its client
#: nothing.
_GRACE, _HURRY = 30, 15
#: Seconds by which the parent waits longer than its workers, which give up by themselves; it would kill.
_MARGIN = 5
#: Seconds for which an interrupted client that has not hung up is listened to, at most and after its last byte: a
#: segment for which there was no room is sent again after 0.2 s, then after twice as long each time.
_LINGER, _QUIET, _FORGOTTEN = 3.5, 2.0, 1 << 16
_ENDS = (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM)
#: Seconds that an idle connection is kept: longer than a person needs from the page to the file chooser's "open".
_KEEP_ALIVE = 15


@dataclass(frozen=True)
class Listener:
    """A bound and listening socket. `url` is what to open in a browser, `exposed` whether other machines reach it."""

    socket: socket.socket
    url: str
    exposed: bool


def listen(host: str, port: int) -> Listener:
    """Listen on `host` and `port`, 0 for any free one. ConfigError says in a line why that cannot be."""
    where = f"{host} port {port}"
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        bound = socket.create_server(address, family=family, backlog=_BACKLOG)
    except (socket.gaierror, UnicodeError) as error:
        raise ConfigError(
            f"--host {host!r} is no address of this machine: use 127.0.0.1, or 0.0.0.0 for all"
        ) from error
    except OSError as error:
        raise ConfigError(_cannot_listen(where, error)) from error
    address = bound.getsockname()
    exposed = not (address[0].startswith("127.") or address[0] == "::1")
    shown = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address[0], address[0])  # noqa: S104 - compared, not bound
    shown = f"[{shown}]" if ":" in shown else shown
    return Listener(bound, f"http://{shown}:{address[1]}/", exposed)


def _cannot_listen(where: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"{where} is in use by another program: choose another one with --port, or 0 for any free one"
    if error.errno == errno.EACCES:
        return f"{where} needs privileges: choose a port from 1024 on with --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{where}: this machine has no such address: use 127.0.0.1, or 0.0.0.0 for all it has"
    return f"cannot listen on {where}: {error.strerror or error}"


class _Worker(ThreadWorker):  # type: ignore[misc]  # gunicorn has no types
    """A thread worker that can be interrupted: the requests under way see their input end, clean up and answer."""

    def init_process(self) -> None:
        self._interrupted = False
        self._end, self._ending = os.pipe()
        super().init_process()

    def enqueue_req(self, conn: Any) -> None:
        if not isinstance(conn.sock, Interruptible):
            conn.sock = Interruptible.of(conn.sock, self._end)
            conn.wait_for_data = conn.sock.wait  # gunicorn from 25 on: for the first byte, of a browser's spare one
        super().enqueue_req(conn)

    def handle(self, conn: Any) -> Any:
        try:
            return super().handle(conn)
        finally:
            if self._interrupted:
                _linger(conn.sock)
                conn.close()  # the loop that would do so has ended, or is about to

    def handle_quit(self, sig: int, frame: Any) -> None:
        for each in _ENDS:  # once is enough: the parent passes on what a terminal has sent to us as well
            signal.signal(each, _again)
        self._interrupt()
        Worker.handle_quit(self, sig, frame)  # ThreadWorker's own waits for the pool's lock

    def run(self) -> None:
        super().run()
        self._interrupt()  # what the period of grace was not enough for

    def _interrupt(self) -> None:
        """Takes no lock: a signal may find this very thread holding the pool's, in `submit`, which would then wait for
        itself for ever. (`threading.Thread` takes one as well.)"""
        self._interrupted = True
        os.write(self._ending, b"!")
        _thread.start_new_thread(self.tpool.shutdown, (False,), {"cancel_futures": True})


def _linger(connection: socket.socket) -> None:
    """Take what an interrupted client still sends, so that it reads its answer.

    RFC 9112 section 9.6: "If the server performs an immediate close of a TCP connection, there is a significant risk
    that the client will not be able to read the last HTTP response." gunicorn's own care ends at 64 KiB.
    """
    end = time.monotonic() + _LINGER
    with contextlib.suppress(OSError):  # it is closed already, reset, or has been quiet
        while (left := end - time.monotonic()) > 0:
            connection.settimeout(min(_QUIET, left))
            if not socket.socket.recv(connection, _FORGOTTEN):
                break


class _Arbiter(Arbiter):  # type: ignore[misc]  # gunicorn has no types
    """The parent process, ended as a program in a terminal is: at once by Ctrl-C, and when the terminal is closed."""

    def start(self) -> None:
        taken = self.app.listener.socket
        kind = TCP6Socket if taken.family == socket.AF_INET6 else TCPSocket
        self.LISTENERS = [kind(taken.getsockname(), self.cfg, self.log, fd=taken.detach())]
        super().start()

    def spawn_worker(self) -> Any:
        # A signal that reaches a child before it has handlers of its own would land in its copy of our queue and be
        # lost; held back meanwhile, it is delivered in `_after_fork`.
        signal.pthread_sigmask(signal.SIG_BLOCK, _ENDS)
        try:
            return super().spawn_worker()
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)

    def handle_int(self) -> None:
        self.cfg.set("graceful_timeout", _HURRY)
        super().handle_int()

    handle_quit = handle_int

    def handle_hup(self) -> None:
        raise StopIteration  # gunicorn's own way to end gracefully


class _Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn as a library: no configuration file, no environment variable, no command line of its own."""

    def __init__(self, app: WSGIApp, listener: Listener, settings: dict[str, Any]) -> None:
        self.listener = listener
        self._app = app
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        for key, value in self._settings.items():
            if key in self.cfg.settings:  # not every version has all of them
                self.cfg.set(key, value)

    def load(self) -> WSGIApp:
        return self._app

    def run(self) -> None:
        arbiter = _Arbiter(self)
        if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:  # nohup
            arbiter.SIGNALS = [each for each in arbiter.SIGNALS if each != signal.SIGHUP]
        arbiter.run()


def run(app: WSGIApp, listener: Listener, ready: Callable[[], None], *, workers: int, threads: int) -> None:
    """Serve until a signal ends it; raises SystemExit with the server's own status. `ready` is called once signals and
    requests are taken.

    SIGTERM and SIGHUP let uploads under way finish for 30 s, SIGINT (Ctrl-C) gives them up. The socket is the server's
    from here on.
    """
    log_uploads()
    settings = {
        "backlog": _BACKLOG,
        "worker_class": _Worker,
        "workers": workers,
        "threads": threads,
        "preload_app": True,  # made once, before the workers are forked: they share its keys
        "keepalive": _KEEP_ALIVE,
        # A thread worker's heartbeat says nothing about its uploads, and a machine that is flushing gigabytes to disk
        # must not be taken for one that hangs.
        "timeout": 0,
        "graceful_timeout": _GRACE + _MARGIN,
        "post_fork": _after_fork,
        "when_ready": lambda _server: ready(),
        "loglevel": "warning",
        "control_socket_disable": True,  # gunicorn 27 would make a socket file in the working directory
        "proc_name": "ajaxupload",
    }
    _Server(_patient(app), listener, settings).run()


def _after_fork(_server: Any, worker: Any) -> None:
    worker.cfg.set("graceful_timeout", _GRACE)
    for each in _ENDS:
        signal.signal(each, _leave)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDS)


def _again(_signal: int, _frame: Any) -> None:
    """It is ending already. Not SIG_IGN: Python complains of a signal that is pending when it begins to be ignored."""


def _leave(_signal: int, _frame: Any) -> None:
    """The end of a worker that has not begun. Ctrl-C reaches it twice, from the terminal and from its parent, and the
    second time it may be on its way out already."""
    for each in _ENDS:
        signal.signal(each, _again)
    sys.exit(0)


def _patient(app: WSGIApp) -> WSGIApp:
    """`app`, its clients given IDLE_SECONDS: a read then raises TimeoutError, which body.py knows."""

    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        environ["gunicorn.socket"].settimeout(IDLE_SECONDS)
        return app(environ, start_response)

    return application
