"""House rules that no linter knows: sizes, opening words, reasons beside exceptions, and what must not be tracked."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import ajaxupload

ROOT = Path(__file__).resolve().parents[2]
MAX_FILE, MAX_FUNCTION = 300, 40

#: Spelled in pieces, so that this file does not hold them itself: registries (whoever installs decides where from)
#: and paths of one machine.
FORBIDDEN = [
    "".join(pieces)
    for pieces in (
        ("py", "pi.org"),
        ("python", "hosted.org"),
        ("npm", "js.com"),
        ("npm", "js.org"),
        ("deb.", "debian.org"),
        ("proxy.", "golang.org"),
        ("/wo", "rk/"),
        ("/tmp/", "au/"),
        ("/root/", ".pyenv"),
        ("/home/", "runner"),
    )
]
#: An exception to a check, and after it a reason in words. (These words are looked for here, and except nothing.)
EXCEPTION = re.compile(r"#\s*(type: ignore|noqa|pragma: no cover)(.*)")
REASON = re.compile(r"[a-z]{2,}.*[a-z]{2,}")


def tracked() -> list[Path]:
    """Every file that is in the repository or about to be."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # an unpacked source distribution, or no git: what lies there
        folders = ("src", "tests", "docs", "examples", "requirements")
        found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
        return [path for path in found if not {"__pycache__", "node_modules"} & set(path.parts)]
    return [path for name in run.stdout.split("\0") if name and (path := ROOT / name).is_file()]


def name_of(path: Path) -> str:
    """As it is called from the project's root."""
    return str(path.relative_to(ROOT))


PYTHON = [path for path in tracked() if path.suffix == ".py"]
each_module = pytest.mark.parametrize("path", PYTHON, ids=name_of)


@each_module
def test_no_file_is_longer_than_300_lines(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE, "which concept wants out?"


@each_module
def test_no_function_is_longer_than_40_lines(path: Path) -> None:
    functions = (
        node
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    )
    lengths = {f"{node.name}, line {node.lineno}": (node.end_lineno or 0) - node.lineno + 1 for node in functions}
    assert not {name: length for name, length in lengths.items() if length > MAX_FUNCTION}


@each_module
def test_every_module_opens_with_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not tree.body or ast.get_docstring(tree), "say what lives here and what must not"


def without_reason(text: str) -> Iterator[str]:
    """The exceptions in `text` that say nothing about why."""
    for number, line in enumerate(text.splitlines(), 1):
        if (found := EXCEPTION.search(line)) and not REASON.search(re.sub(r"^\[[^]]*\]|^: [A-Z0-9, ]+", "", found[2])):
            yield f"line {number}: {found[0]}"


@each_module
def test_every_exception_to_a_check_has_its_reason(path: Path) -> None:
    assert not list(without_reason(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("comment", "faults"),
    [
        ("type: ignore[attr-defined]  # xdist adds it", 0),
        ("type: ignore[attr-defined]", 1),
        ("noqa: BLE001 - hooks may raise anything", 0),
        ("noqa: BLE001, S101", 1),
        # Two comments as the check reads them, not two exceptions: with a reason it is content, without it is not.
        ("pragma: no cover - needs a full disk", 0),
        ("pragma: no cover", 1),
    ],
)
def test_the_reason_check_sees(comment: str, faults: int) -> None:
    assert len(list(without_reason(f"x = 1  # {comment}"))) == faults


@pytest.mark.parametrize("word", FORBIDDEN)
def test_no_tracked_file_names(word: str) -> None:
    holders = [name_of(path) for path in tracked() if word.encode() in path.read_bytes()]
    assert not holders


def test_all_is_sorted_and_without_doubles() -> None:
    assert list(ajaxupload.__all__) == sorted(set(ajaxupload.__all__))


def test_all_names_what_is_there_and_public() -> None:
    names = vars(ajaxupload)
    modules = {name for name, value in names.items() if isinstance(value, type(ajaxupload))}
    public = {name for name in names if not name.startswith("_")} - modules - {"annotations"}
    listed = {name for name in ajaxupload.__all__ if not name.startswith("_")}
    assert listed <= names.keys() | modules
    assert public == listed - modules
