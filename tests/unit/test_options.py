"""Options of protocols, and of what may be done with stored files: faults are named at start, all of them at once."""

from __future__ import annotations

from typing import Any

import pytest

from ajaxupload.config import EndpointSettings, load
from ajaxupload.errors import ConfigError

BACKEND = {"backends": {"default": {"class": "memory"}}}


def loaded(**settings: Any) -> EndpointSettings:
    return load({**BACKEND, "endpoints": {"/upload": settings}}).endpoints["/upload"]


FAULTS: list[tuple[dict[str, Any], str]] = [
    ({"protocol_options": {"fineuploder": {}}}, "unknown protocol 'fineuploder'; did you mean 'fineuploader'?"),
    ({"protocol_options": {"form": {"a": "b"}}}, "form has no options (these have: fineuploader, resumablejs, flow)"),
    ({"protocol_options": {"fineuploader": {"uuidNam": "x"}}}, "unknown key 'uuidNam'; did you mean 'uuidName'?"),
    ({"protocol_options": {"fineuploader": {"uuidName": 5}}}, "uuidName must be text without spaces, not 5"),
    ({"protocol_options": {"fineuploader": {"uuidName": "a b"}}}, "must be text without spaces, not 'a b'"),
    ({"protocol_options": {"flow": "f"}}, "flow must be a table of names and values, not 'f'"),
    ({"protocol_options": "flow"}, "protocol_options must be a table"),
    ({"allow_delete": True, "resumable": False}, "need what resumable = true keeps"),
    ({"allow_list": True, "resumable": False}, "need what resumable = true keeps"),
    ({"stored_for": 0}, "stored_for must be longer than no time at all"),
]


@pytest.mark.parametrize(("settings", "fault"), FAULTS, ids=lambda value: value if isinstance(value, str) else "")
def test_a_fault_is_named(settings: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigError) as caught:
        loaded(**settings)
    assert fault in str(caught.value)


def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    found = loaded()
    assert (found.allow_delete, found.allow_list, found.serve, dict(found.protocol_options)) == (
        False,
        False,
        False,
        {},
    )
    assert found.stored_for == 365 * 86400


def test_all_that_a_page_may_rename_is_taken() -> None:
    renamed = {
        "fineuploader": {"uuidName": "u", "filenameParam": "n", "inputName": "f", "totalFileSizeName": "s"},
        "resumablejs": {"parameterNamespace": "", "chunkNumberParameterName": "k"},
        "flow": {"prefix": "f"},
    }
    assert loaded(protocol_options=renamed).protocol_options == renamed
