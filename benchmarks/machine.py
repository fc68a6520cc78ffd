"""What was measured on: the machine, how busy it was, and the versions of everybody.

What lives here: looking these up. What must not: deciding anything by them, but whether the machine is busy.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
import time
from pathlib import Path

__all__ = ["busy", "described", "versions"]

_PACKAGES = (
    *("ajaxupload", "gunicorn", "cheroot", "pyuwsgi", "granian", "Django", "Flask", "Werkzeug"),
    *("tuspyserver", "uvicorn", "boto3", "multipart", "stringzilla"),
)
_NODE = ("@tus/server", "@tus/file-store", "busboy", "multer")
_NODE_MODULES = Path(__file__).resolve().parent / "node_modules"


def busy() -> str:
    """What makes the numbers doubtful, "" on a machine that has nothing else to do."""
    load, processors = os.getloadavg()[0], os.cpu_count() or 1
    return f"the load was {load:.1f} on {processors} processors before anything began" if load > processors / 4 else ""


def described(folder: Path) -> list[tuple[str, str]]:
    """Name and value of what matters; `folder` is where was stored."""
    memory = Path("/proc/meminfo").read_text(encoding="ascii").split()[1]
    return [
        ("date", time.strftime("%Y-%m-%d", time.gmtime())),
        ("processor", f"{_processor()}, {os.cpu_count()} to be had"),
        ("memory", f"{int(memory) / (1 << 20):.0f} GiB"),
        ("system", f"{platform.system()} {platform.release()}"),
        ("stored on", _file_system(folder)),
        ("Python", platform.python_version()),
    ]


def versions() -> list[tuple[str, str]]:
    """Name and version of everybody who is there."""
    found = [(name, version) for name in _PACKAGES if (version := _python(name))]
    found += [(name, version) for name in _NODE if (version := _npm(name))]
    programs = (("nginx", "-v"), ("node", "--version"))
    return found + [(name, version) for name, option in programs if (version := _program(name, option))]


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _file_system(folder: Path) -> str:
    """The type of the file system that the folder is on: the longest mount point above it (proc(5))."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines()]
    above = [(len(each[1]), each[2]) for each in mounts if folder.resolve().is_relative_to(each[1])]
    return max(above)[1] if above else "unknown"


def _python(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def _npm(name: str) -> str:
    about = _NODE_MODULES / name / "package.json"
    return str(json.loads(about.read_text(encoding="utf-8"))["version"]) if about.is_file() else ""


def _program(name: str, option: str) -> str:
    if shutil.which(name) is None:
        return ""
    done = subprocess.run([name, option], capture_output=True, text=True, check=False)
    return (done.stdout + done.stderr).strip().rpartition("/")[2].lstrip("v")
