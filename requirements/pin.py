"""Writes requirements/dev.txt: one exact version of everything that `make` installs, for every supported Python.

    python requirements/pin.py python3.10 python3.11 python3.12 python3.13

Each interpreter named resolves the extra "all" and the group "dev" of pyproject.toml for itself (a newer release of
something may have left an older Python behind); the answers are merged, with markers where they differ. The last
interpreter's answer also stands for newer Pythons. Plain names and versions only: where they are fetched from is the
business of whoever installs.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = """\
# Exact versions for the project's own virtualenvs (make serve, quick, check, test). Written by requirements/pin.py;
# after a change to the dependencies in pyproject.toml run it again with every supported Python.
"""


def resolve(python: str) -> tuple[str, dict[str, str]]:
    """The interpreter's "3.x" and what it would install: name -> version."""
    with tempfile.TemporaryDirectory() as folder:
        own, report = f"{folder}/venv/bin/python", f"{folder}/report.json"
        subprocess.run([python, "-m", "venv", f"{folder}/venv"], check=True)
        pip = [own, "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, "--upgrade", "pip>=25.1"], check=True)  # the first that reads [dependency-groups]
        plan = ["--dry-run", "--ignore-installed", "--report", report, ".[all]", "--group", "dev"]
        subprocess.run([*pip, *plan], check=True, cwd=ROOT)
        found = json.loads(Path(report).read_text(encoding="utf-8"))
    packages = (each["metadata"] for each in found["install"])
    version = ".".join(found["environment"]["python_version"].split(".")[:2])
    return version, {each["name"]: each["version"] for each in packages if each["name"] != "ajaxupload"}


def lines_of(name: str, pins: dict[str, str | None]) -> list[str]:
    """`name==version` lines for {"3.10": version or None, ...} in rising order, with a marker where Pythons differ."""
    pythons, lines = list(pins), []
    start = 0
    for end in range(1, len(pythons) + 1):
        if end < len(pythons) and pins[pythons[end]] == pins[pythons[start]]:
            continue
        low = f'python_version >= "{pythons[start]}"' if start else ""
        high = f'python_version < "{pythons[end]}"' if end < len(pythons) else ""
        marker = " and ".join(filter(None, (low, high)))
        if version := pins[pythons[start]]:
            lines.append(f"{name}=={version}" + (f" ; {marker}" if marker else ""))
        start = end
    return lines


def main(pythons: list[str]) -> None:
    """Write the merged file. Interpreters are given oldest first."""
    answers = dict(map(resolve, pythons))
    names = sorted({name for answer in answers.values() for name in answer}, key=str.lower)
    lines = [line for name in names for line in lines_of(name, {each: answers[each].get(name) for each in answers})]
    (ROOT / "requirements" / "dev.txt").write_text(HEADER + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or sys.exit("name the interpreters, oldest first: python3.10 python3.11 ..."))
