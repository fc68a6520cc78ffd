"""The widget's files as they are shipped: small enough, fresh, complete in every language, declared as they are.

What lives here: facts about files, without a browser. `npm run build --prefix tests/js` makes the copies anew.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import re

import pytest

from tests.browser.scripted import STATIC
from tests.conftest import ROOT

SOURCE = (STATIC / "ajax-upload.js").read_text()
TYPES = (STATIC / "ajax-upload.d.ts").read_text()
LANGUAGES = sorted(path.stem for path in (STATIC / "strings").glob("*.json"))
# Plural forms that English has and another language may not, or the other way round.
FORM = re.compile(r"_(zero|one|two|few|many)$")


def english() -> dict[str, str]:
    """The texts inside the script."""
    block = SOURCE[SOURCE.index("const STRINGS = {") : SOURCE.index("\n  };\n")]
    return dict(re.findall(r"^    (\w+): '(.*)',$", block, re.MULTILINE))


def placeholders(text: str) -> set[str]:
    """What a text is filled in with."""
    return set(re.findall(r"\{(\w+)\}", text))


@pytest.mark.parametrize(("name", "limit"), [("ajax-upload.min.js", 12 << 10), ("ajax-upload.css", 2 << 10)])
def test_the_size_by_gzip_9_is_within_the_budget(name: str, limit: int) -> None:
    assert len(gzip.compress((STATIC / name).read_bytes(), 9)) <= limit


def test_the_minified_script_was_made_of_this_source() -> None:
    stamp = hashlib.sha256(SOURCE.encode()).hexdigest()[:8]
    head = (STATIC / "ajax-upload.min.js").read_text()[:80]
    assert stamp in head, "stale: npm run build --prefix tests/js"


@pytest.mark.parametrize(
    ("copy", "original"),
    [("js/fileuploader.js", "ajax-upload.min.js"), ("css/fileuploader.css", "ajax-upload.css")],
)
def test_the_old_paths_hold_the_same_bytes(copy: str, original: str) -> None:
    assert (STATIC / copy).read_bytes() == (STATIC / original).read_bytes()


def test_the_languages_are_those_promised() -> None:
    assert LANGUAGES == ["de", "es", "fr", "zh"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_every_text_with_the_same_placeholders(language: str) -> None:
    texts = json.loads((STATIC / "strings" / f"{language}.json").read_text())
    originals = english()
    assert {FORM.sub("", key) for key in texts} == {FORM.sub("", key) for key in originals}
    wrong = {
        key: text
        for key, text in texts.items()
        if not placeholders(text) <= placeholders(originals[FORM.sub("", key)]) | {"file", "count"}
        or (key in originals and placeholders(text) != placeholders(originals[key]))
    }
    assert wrong == {}


def test_every_text_is_used_and_declared() -> None:
    code = SOURCE[SOURCE.index("\n  };\n") :]
    body = TYPES[TYPES.index("interface UploadStrings") :]
    declared = re.findall(r"^  (\w+): string;$", body[: body.index("\n}")], re.MULTILINE)
    assert declared == list(english())
    states = ("queued", "sending", "processing", "paused", "done", "failed")
    used = (key for key in english() if re.search(rf"\b{FORM.sub('', key)}\b", code) or key in states)
    assert list(used) == list(english())


def test_the_source_keeps_its_own_law() -> None:
    """What eslint checks with Node, seen without it: one innerHTML, for the page's own templates, and nothing else."""
    assert SOURCE.count(".innerHTML") == 1
    assert not re.search(r"\beval\(|new Function|\.style\b|cssText|createObjectURL|document\.write", SOURCE)


def test_the_tests_that_the_documentation_names_are_there() -> None:
    page = (ROOT / "docs" / "reference" / "widget.md").read_text()
    here = "".join(path.read_text() for path in (ROOT / "tests" / "browser").glob("test_*.py"))
    named = re.findall(r"`(test_\w+)`", page)
    assert len(named) > 15
    assert [name for name in named if f"def {name}(" not in here] == []


def test_events_and_attributes_are_documented() -> None:
    page = (ROOT / "docs" / "reference" / "widget.md").read_text()
    attributes = re.findall(r"^    '?([a-z-]+)'?: (?:asIs|asSize|asCount|isOn|\()", SOURCE, re.MULTILINE)
    assert len(attributes) >= 14
    events = re.findall(r"^  '(upload-[a-z-]+)': CustomEvent", TYPES, re.MULTILINE)
    missing = [name for name in [*attributes, *events] if f"`{name}`" not in page]
    assert missing == []
