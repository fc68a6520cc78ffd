"""The example project in examples/django, as its README says to set it up.

What lives here: running its `manage.py`. What must not: what is expected of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from .servers import ROOT

EXAMPLE = ROOT / "examples" / "django"
PASSWORD = "a long password for tests"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d49484452") + bytes(17)


def manage(data: Path, *words: str, **env: str) -> str:
    """Run `python manage.py ...` with what it stores below `data`; what it said."""
    environ = {**os.environ, "EXAMPLE_DATA": str(data), **env}
    command = [sys.executable, "manage.py", *words]
    run = subprocess.run(command, cwd=EXAMPLE, env=environ, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return run.stdout + run.stderr


def set_up(data: Path) -> None:
    """The README's commands up to the server, with two users."""
    manage(data, "migrate")
    for name in ("ada", "bob"):
        who = ("--username", name, "--email", f"{name}@example.com")
        manage(data, "createsuperuser", "--noinput", *who, DJANGO_SUPERUSER_PASSWORD=PASSWORD)
