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
#: An exception to a check, and after it a reason in words.
EXCEPTION = re.compile(r"#\s*(type: ignore|noqa|pragma: no cover)(.*)")  # the words that the check looks for
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


PYTHON = {name_of(path): path.read_text(encoding="utf-8") for path in tracked() if path.suffix == ".py"}


@pytest.fixture(scope="module")
def trees() -> dict[str, ast.Module]:
    """Each module of the project, parsed."""
    return {name: ast.parse(text) for name, text in PYTHON.items()}


def test_the_modules_are_here() -> None:
    assert {"src/ajaxupload/__init__.py", "tests/unit/test_style.py"} <= PYTHON.keys()


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {name: len(text.splitlines()) for name, text in PYTHON.items()}
    assert not {name: length for name, length in lengths.items() if length > MAX_FILE}, "which concept wants out?"


@pytest.mark.slow
def test_no_function_is_longer_than_40_lines(trees: dict[str, ast.Module]) -> None:
    lengths = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert not {name: length for name, length in lengths.items() if length > MAX_FUNCTION}


@pytest.mark.slow
def test_every_module_opens_with_a_docstring(trees: dict[str, ast.Module]) -> None:
    silent = [name for name, tree in trees.items() if tree.body and not ast.get_docstring(tree)]
    assert not silent, "say what lives here and what must not"


def without_reason(text: str) -> Iterator[str]:
    """The exceptions in `text` that say nothing about why."""
    for number, line in enumerate(text.splitlines(), 1):
        if (found := EXCEPTION.search(line)) and not REASON.search(re.sub(r"^\[[^]]*\]|^: [A-Z0-9, ]+", "", found[2])):
            yield f"line {number}: {found[0]}"


def test_every_exception_to_a_check_has_its_reason() -> None:
    found = {name: list(without_reason(text)) for name, text in PYTHON.items()}
    assert not {name: faults for name, faults in found.items() if faults}


@pytest.mark.parametrize(
    ("comment", "faults"),
    [
        ("type: ignore[attr-defined]  # xdist adds it", 0),
        ("type: ignore[attr-defined]", 1),
        ("noqa: BLE001 - hooks may raise anything", 0),
        ("noqa: BLE001, S101", 1),
        ("pragma: no cover - needs a full disk", 0),  # input: has a reason, the check must be content
        ("pragma: no cover", 1),  # input: has no reason, the check must see that
    ],
)
def test_the_reason_check_sees(comment: str, faults: int) -> None:
    assert len(list(without_reason(f"x = 1  # {comment}"))) == faults


@pytest.mark.slow
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
