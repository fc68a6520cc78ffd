"""The file names of the corpora through `safe_name`, the type rules and the templates, judged by the corpora's own
checker."""

from __future__ import annotations

import base64
import importlib.util
import json
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ajaxupload.errors import UnsupportedType
from ajaxupload.naming import display_name, render, safe_name
from ajaxupload.validators import TypeRules

pytestmark = pytest.mark.corpora
NOW = datetime(2026, 11, 22, tzinfo=timezone.utc)


@pytest.fixture(scope="module")
def name_ok(corpora: Path) -> Any:
    """The invariants that `run_corpus.py` checks on stored files (its I3)."""
    spec = importlib.util.spec_from_file_location("run_corpus", corpora / "run_corpus.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.name_ok


@pytest.fixture(scope="module")
def cases(corpora: Path) -> list[tuple[str, str, bytes]]:
    """Id, expectation, name."""
    manifest = json.loads((corpora / "names" / "manifest.json").read_text(encoding="utf-8"))
    assert len(manifest) > 1000
    return [(case["id"], case["expect"], base64.b64decode(case["name_b64"])) for case in manifest]


def test_every_name_is_stored_under_a_safe_one_however_it_was_decoded(cases: Any, name_ok: Any) -> None:
    for case, _, raw in cases:
        for client in (raw, raw.decode("utf-8", "surrogateescape"), raw.decode("latin-1")):
            safe = safe_name(client)
            assert not name_ok(safe.encode()), (case, safe)
            assert len(safe.encode()) <= 200, (case, safe)
            assert safe_name(safe) == safe, case


def test_plain_names_stay_as_they_are(cases: Any) -> None:
    names = [raw.decode() for _, expect, raw in cases if expect == "accept"]
    assert [name for name in names if safe_name(name) != name] == ["0..0"]  # a dot run
    assert [name for name in names if display_name(name) != name] == []


def test_r09_no_name_keeps_an_extension_outside_the_list(cases: Any) -> None:
    rules = TypeRules(["jpg", "png", "gif", "txt", "pdf"])
    for case, expect, raw in cases:
        try:
            rules.check_name(raw)
        except UnsupportedType:
            continue
        assert expect != "reject_with_allowlist", (case, raw)
        assert Path(safe_name(raw)).suffix.lower() in (".jpg", ".png", ".gif", ".txt", ".pdf"), (case, raw)


def test_n16_every_name_as_any_value_of_a_template_stays_in_its_place(cases: Any, name_ok: Any) -> None:
    for case, _, raw in cases:
        word = raw.decode("utf-8", "replace")
        path = render(
            "{year}/{album}/{principal}/{stem}-{album}{ext}",
            name=raw,
            upload_id=word,
            now=NOW,
            principal=word,
            path_names={"album": word},
        )
        parts = path.split("/")
        assert len(parts) == 4, (case, path)
        assert not [part for part in parts if name_ok(part.encode())], (case, path)
