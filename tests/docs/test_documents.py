"""The documents' code works: every Python block is run, every TOML block loads, every link leads somewhere.

Blocks of one document share their names and run in order, in an empty folder. What a block needs and a reader has
(an application to wrap, a Django project) is given in `_GIVEN`.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from sybil import Document
from sybil.parsers.markdown import CodeBlockParser

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")])


_GIVEN = """
import sys, types, django
sys.modules["docs"] = types.ModuleType("docs")  # Pyramid looks up the module that makes its Configurator
from django.conf import settings
settings.configure(SECRET_KEY="for tests", MEDIA_ROOT="media", MEDIA_URL="/media/", ROOT_URLCONF="__main__")
django.setup()
def site(environ, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"the site"]
exec(compile(open(sys.argv[1]).read(), sys.argv[1], "exec"), {"application": site, "app": site, "__name__": "docs"})
"""


def blocks(path: Path, language: str) -> list[tuple[int, str]]:
    """Line and text of each fenced block in `language`."""
    document = Document.parse(str(path), CodeBlockParser(language=language, evaluator=lambda example: None))
    return [(document.text.count("\n", 0, region.start) + 2, str(region.parsed)) for region in document]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path, "python")], ids=name_of)
def test_python_blocks_run(path: Path, tmp_path: Path) -> None:
    code = ""
    for line, text in blocks(path, "python"):
        code += "\n" * (line - 1 - code.count("\n")) + text.rstrip() + "\n"  # at the document's own line numbers
    (tmp_path / path.name).write_text(code, encoding="utf-8")
    # A process of its own: Django can be configured once in each.
    run = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", _GIVEN, path.name],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert run.returncode == 0, f"{name_of(path)} does not run:\n{run.stderr}"


@pytest.mark.parametrize("path", [path for path in DOCUMENTS if blocks(path, "toml")], ids=name_of)
def test_toml_blocks_load(path: Path) -> None:
    for _line, text in blocks(path, "toml"):
        assert tomllib.loads(text)


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if not target.startswith(("http://", "https://", "mailto:", "#")):
            assert (path.parent / target.partition("#")[0]).exists(), f"{name_of(path)} links to {target}"


def test_the_readme_is_short_and_has_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert 40 <= text.count("\n") <= 80
    assert "make serve" in text
    assert "make test" in text


def test_the_settings_page_names_every_setting_with_its_default() -> None:
    """The documentation states what is taken and how it is limited; this keeps it true."""
    import dataclasses

    from ajaxupload.backends.django_storage import DjangoStorageUploadBackend
    from ajaxupload.backends.local import LocalUploadBackend
    from ajaxupload.backends.memory import MemoryUploadBackend
    from ajaxupload.backends.object_store import ObjectStoreUploadBackend
    from ajaxupload.backends.s3 import S3UploadBackend
    from ajaxupload.backends.thumbnail import ThumbnailUploadBackend
    from ajaxupload.config import EndpointSettings, options_of
    from ajaxupload.values import parse_size

    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (`[a-z_`, ]+) \|([^|]+)\|[^|]+\|$", text, re.MULTILINE)
    rows = {key: default.strip() for keys, default in table for key in re.findall(r"`(\w+)`", keys)}
    fields = {field.name: field for field in dataclasses.fields(EndpointSettings) if field.name != "path"}
    backends = (
        LocalUploadBackend, MemoryUploadBackend, DjangoStorageUploadBackend, ThumbnailUploadBackend, S3UploadBackend,
        ObjectStoreUploadBackend,
    )  # fmt: skip
    options = {name.lower() for cls in backends for name in options_of(cls)}
    assert set(rows) | {"buffer_size"} == set(fields) | options
    for name, field in fields.items():
        if isinstance(field.default, int) and not isinstance(field.default, bool):
            assert parse_size(rows[name].strip('`"')) == field.default, name


@pytest.mark.parametrize("name", ["s3", "object_store"])
def test_the_settings_page_tells_a_stores_options_and_their_defaults(name: str) -> None:
    from ajaxupload.registry import resolve
    from ajaxupload.specs import options_of
    from ajaxupload.values import coerce

    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    section = text.partition(f"## Backend `{name}`\n")[2].partition("\n## ")[0]
    rows: dict[str, str] = {}
    for keys, defaults in re.findall(r"^\| (`[a-z0-9_`, ]+) \|([^|]+)\|", section, re.MULTILINE):
        found = re.findall(r"`(\w+)`", keys)
        told = re.findall(r"`([^`]+)`", defaults)
        rows |= dict(
            zip(found, told if len(told) == len(found) else told * len(found) or [""] * len(found), strict=True)
        )
    cls = resolve("backend", name)
    options = {option.lower(): kind for option, kind in options_of(cls).items() if option != "BUFFER_SIZE"}
    assert rows.keys() == options.keys()
    for key, kind in options.items():
        default = getattr(cls, key.upper())
        assert (coerce(rows[key].strip('"'), kind) == default) if rows[key] else not default, key
