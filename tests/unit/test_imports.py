"""Who may import whom: the architecture as a test.

What lives here: the one list of the package's layers, and the one table of who may import which other package. A
module counts as the part whose name stands first after `ajaxupload.`; imports inside functions and for type checkers
count as well, because knowing is what is forbidden, not when it happens.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

HERE = Path(__file__).name
SRC = Path(__file__).resolve().parents[2] / "src"
PACKAGE = SRC / "ajaxupload"

#: Lowest first. A part may import parts of lower rows only: not of its own row, not of higher ones. "__init__" is what
#: `from ajaxupload import ...` gives.
LAYERS = (
    ("blocks", "piped", "search"),
    ("errors", "upload", "values", "cleaning", "filetypes", "sniff", "typelists", "lent", "pace"),
    ("naming", "registry", "heads"),
    ("specs", "options"),
    ("meaning",),
    ("config",),
    ("validators", "events", "body", "inspect"),
    ("request", "parts"),
    ("forms", "assets"),
    ("files",),
    ("partials",),
    ("backends",),
    ("engine",),
    ("guard",),
    ("protocols",),
    ("endpoint",),
    ("middleware",),
    ("__init__",),
    ("demo",),
    ("adapters", "cli"),
    ("testing",),
    ("__main__",),
)

#: Other people's packages -> the modules of ours that may import them ("" is all). A new row needs a line in
#: pyproject.toml too: under `dependencies` for "", else under an extra.
OTHERS = {
    "blinker": ("",),
    "itsdangerous": ("",),
    "multipart": ("",),
    "puremagic": ("",),
    "tomli": ("",),
    "webob": ("",),
    "boto3": ("backends.s3",),
    "botocore": ("backends.s3",),
    "obstore": ("backends.object_store",),
    "PIL": ("backends.thumbnail",),
    "django": ("adapters.django", "backends.django_storage", "backends._django_stream"),
    "asgiref": ("adapters.django",),
    "flask": ("adapters.flask",),
    "werkzeug": ("adapters.flask",),
    "pyramid": ("adapters.pyramid",),
    "gunicorn": ("demo.serving",),
    "pytest": ("testing",),
    "stringzilla": ("search",),
    "google_crc32c": ("engine.digests",),  # no extra: taken where it is installed
    "uwsgi": ("body", "protocols.ietf.interim"),  # no package: it exists inside a uWSGI process only
}
EXTRAS = sorted(name for name, users in OTHERS.items() if users != ("",))

RANK = {part: rank for rank, row in enumerate(LAYERS) for part in row}


class Import(NamedTuple):
    """One import statement: the dotted name it reads, seen from the root, and its line."""

    target: str
    line: int


def dotted(path: Path, root: Path = SRC) -> str:
    """`src/ajaxupload/backends/__init__.py` -> "ajaxupload.backends.__init__"."""
    return ".".join(path.relative_to(root).with_suffix("").parts)


def imports_of(path: Path, root: Path = SRC) -> Iterator[Import]:
    """Every import in the file, relative ones made absolute, `from package import a` as `package.a`."""
    package = dotted(path, root).split(".")[:-1]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            yield from (Import(f"{source}.{alias.name}", node.lineno) for alias in node.names)


def part_of(target: str, package: Path = PACKAGE) -> str:
    """ "ajaxupload.backends.local.X" -> "backends"; a name that is no module of the package's -> "__init__"."""
    part = [*target.split("."), "__init__"][1]
    return part if (package / part).is_dir() or (package / f"{part}.py").is_file() else "__init__"


def faults_of(path: Path, root: Path = SRC) -> Iterator[str]:
    """What is wrong with the file's imports, in words."""
    package, own = root / "ajaxupload", dotted(path, root).removeprefix("ajaxupload.")
    part = own.split(".")[0]
    if part not in RANK:
        yield f"{own}: unknown part {part!r}: give it its place in LAYERS ({HERE}) and in architecture.md"
        return
    for target, line in imports_of(path, root):
        top = target.split(".")[0]
        if top == "ajaxupload":
            other = part_of(target, package)
            if other != part and RANK.get(other, -1) >= RANK[part]:
                yield f"{own}:{line}: {part} must not import {other}: imports go down LAYERS only"
        elif top in OTHERS:
            if not any(own == user or f"{own}.".startswith(f"{user}.") or not user for user in OTHERS[top]):
                yield f"{own}:{line}: {top} may be imported by {', '.join(OTHERS[top])} only"
        elif top not in sys.stdlib_module_names and top != "__future__":
            yield f"{own}:{line}: {top} is no dependency: list it in OTHERS ({HERE}) and in pyproject.toml"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=dotted)
def test_imports_go_down_only(path: Path) -> None:
    assert not list(faults_of(path))


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("errors.py", "from .upload import Upload", "errors must not import upload"),
        ("errors.py", "def late():\n    from ajaxupload import engine", "errors must not import engine"),
        ("engine/receive.py", "from ..protocols.raw import Raw", "engine must not import protocols"),
        ("engine/receive.py", "import ajaxupload.protocols.raw", "engine must not import protocols"),
        ("engine/receive.py", "from .. import AjaxUpload", "engine must not import __init__"),
        ("engine/receive.py", "from . import protocols", ""),
        ("engine/receive.py", "from .resume import write\nfrom ..errors import UploadError", ""),
        ("cli.py", "from ajaxupload import __version__\nfrom .demo import serving", ""),
        ("demo/serving.py", "import gunicorn.app.base", ""),
        ("cli.py", "from .adapters import flask", "cli must not import adapters"),
        ("engine/receive.py", "import flask", "flask may be imported by adapters.flask only"),
        ("backends/s3.py", "import boto3.session", ""),
        ("backends/s3x.py", "import boto3", "boto3 may be imported by backends.s3 only"),
        ("engine/receive.py", "import numpy", "numpy is no dependency"),
        ("novelty.py", "", "unknown part 'novelty'"),
    ],
)
def test_the_check_sees(tmp_path: Path, name: str, text: str, fault: str) -> None:
    package = tmp_path / "ajaxupload"
    for folder in ("adapters", "backends", "demo", "engine", "protocols"):
        (package / folder).mkdir(parents=True)
    for module in ("errors", "upload", "cli"):
        (package / f"{module}.py").touch()
    path = package / name
    path.write_text(text, encoding="utf-8")
    found = list(faults_of(path, tmp_path))
    assert len(found) == bool(fault)
    assert fault in "".join(found)


def test_layers_name_each_part_once() -> None:
    assert len(RANK) == sum(map(len, LAYERS))


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter holds after `statement`."""
    code = f"import sys\n{statement}\nprint(*{{name.split('.')[0] for name in sys.modules}})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    return set(run.stdout.split())


def core_modules() -> list[str]:
    """All of ours but what an extra or a framework belongs to, and `__main__`, which runs."""
    users = tuple(user for name in EXTRAS for user in OTHERS[name])
    names = (dotted(path).removesuffix(".__init__") for path in sorted(PACKAGE.rglob("*.py")))
    parts = ((name, name.removeprefix("ajaxupload.")) for name in names)
    return [name for name, own in parts if not own.startswith((*users, "adapters", "__main__"))]


def test_import_ajaxupload_loads_no_framework() -> None:
    assert loaded_by("import ajaxupload").isdisjoint(EXTRAS)


def test_no_module_of_the_core_loads_a_framework() -> None:
    assert loaded_by(f"import {', '.join(core_modules())}").isdisjoint(EXTRAS)


def test_the_command_line_loads_no_framework_until_it_serves() -> None:
    if not (PACKAGE / "cli.py").is_file():
        pytest.fail("the console script ajaxupload.cli:main has no module")
    assert loaded_by("import ajaxupload.cli").isdisjoint(EXTRAS)


def test_the_architecture_page_names_the_same_layers() -> None:
    text = (SRC.parent / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    rows = next(row for row in text.split("`") if row.startswith("blocks, piped, search < ")).split("<")
    assert tuple(tuple(name.strip() for name in row.split(",")) for row in rows) == LAYERS
