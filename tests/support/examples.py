"""The examples, started as their READMEs say.

What lives here: commands and places. What must not: what a visitor does there.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tests.support.serving import serving

__all__ = ["FLASK", "PYRAMID", "Site"]

#: The port, and the folder that is stored into.
Site = tuple[int, Path]

_EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
_GUNICORN = ["gunicorn", "-k", "gthread", "--threads", "8", "-w", "2", "--no-control-socket", "-b", "127.0.0.1:0"]


@contextmanager
def _flask(root: Path, *command: str) -> Iterator[Site]:
    box = root / "box"
    argv = [sys.executable, "-m", *command]
    with serving(argv, cwd=_EXAMPLES / "flask", log=root / "log", DROPBOX=os.fspath(box)) as port:
        yield port, box


@contextmanager
def _pyramid(root: Path, *command: str) -> Iterator[Site]:
    """In a copy of the example: its ini file stores beside itself."""
    shutil.copytree(_EXAMPLES / "pyramid", root, dirs_exist_ok=True, ignore=shutil.ignore_patterns("dropbox"))
    ini = root / "development.ini"
    ini.write_text(ini.read_text().replace("127.0.0.1:6543", "127.0.0.1:0") + "control_socket_disable = true\n")
    with serving([sys.executable, "-m", *command], cwd=root, log=root / "log", PYTHONPATH=os.fspath(root)) as port:
        yield port, root / "dropbox"


#: How it is started -> a function of an empty folder.
Ways = dict[str, Callable[[Path], AbstractContextManager[Site]]]

FLASK: Ways = {
    "flask-run": lambda root: _flask(root, "flask", "--app", "app", "run", "--port", "0"),
    "gunicorn": lambda root: _flask(root, *_GUNICORN, "app:create_app()"),
}
PYRAMID: Ways = {
    "pserve": lambda root: _pyramid(root, "pyramid.scripts.pserve", "development.ini"),
    "gunicorn": lambda root: _pyramid(root, *_GUNICORN, "--paste", "development.ini"),
}
