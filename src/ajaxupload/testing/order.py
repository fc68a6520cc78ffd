"""`OrderContract`: the promises about the order of hooks, tried with the engine itself instead of a driver.

What lives here: a request with files, and which hooks it made. What must not: what a store does with bytes: backend.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import wraps
from typing import Any

from webob import Request, Response

from ..backends.base import AbstractUploadBackend
from ..config import BackendSpec, EndpointSettings
from ..endpoint import Endpoint

__all__ = ["OrderContract"]

_HOOKS = ("update_filename", "setup", "upload_chunk", "upload_waits", "upload_complete", "upload_aborted")
_STORED = re.compile(r"update_filename setup( upload_chunk)*( upload_waits)? upload_complete")
_GIVEN_UP = re.compile(r"update_filename setup( upload_chunk)*( upload_waits)?( upload_complete)?( upload_aborted)+")


@dataclass(frozen=True)
class _Noted(BackendSpec):
    """Makes backends whose hooks are noted down, in a list for each upload."""

    make: Callable[[], AbstractUploadBackend] = AbstractUploadBackend
    uploads: list[list[str]] = field(default_factory=list)

    def create(self) -> Any:
        """A new one."""
        backend, hooks = self.make(), list[str]()
        self.uploads.append(hooks)
        for name in _HOOKS:
            setattr(backend, name, _noting(name, getattr(backend, name), hooks))
        return backend

    def orders(self) -> list[str]:
        """What was called of each upload's backend, in order."""
        return [" ".join(hooks) for hooks in self.uploads if hooks]


def _noting(name: str, hook: Callable[..., Any], hooks: list[str]) -> Callable[..., Any]:
    @wraps(hook)
    def noted(*args: Any, **kwargs: Any) -> Any:
        hooks.append(name)
        return hook(*args, **kwargs)

    return noted


class OrderContract:
    """Part of `BackendContract`, which says how a backend is made and looked at."""

    make_backend: Callable[..., AbstractUploadBackend]
    stored: Callable[[], Collection[str]]
    leftovers: Callable[[], Collection[str]]
    content: Callable[..., bytes]
    holds: Callable[[Mapping[str, Any], bytes], bool]

    def test_the_engine_calls_the_hooks_in_their_order_and_the_files_of_a_form_are_stored(self) -> None:
        contents, before = [self.content(3000, seed) for seed in (1, 2)], len(self.stored())
        spec, answer = self._posted(contents, max_size=10_000)
        assert answer.status_code == 200, answer.text
        assert [bool(_STORED.fullmatch(order)) for order in spec.orders()] == [True, True], spec.orders()
        for told, content in zip(answer.json["files"], contents, strict=True):
            assert self.holds(told, content)
        assert len(self.stored()) == before + 2
        assert not self.leftovers()

    def test_a_form_with_a_file_that_is_refused_leaves_none_of_its_files(self) -> None:
        before = sorted(self.stored())
        spec, answer = self._posted([self.content(3000), self.content(9000)], max_size=6000)
        assert answer.status_code == 413, answer.text
        self._nothing_stays(spec, before)
        assert spec.orders(), "the first file was refused as well"

    def test_a_request_that_breaks_off_leaves_nothing(self) -> None:
        before, content = sorted(self.stored()), self.content(300_000)
        request = Request.blank("/cut.bin", method="PUT", body=content)
        request.content_length = len(content) + 1
        spec, answer = self._answered(request)
        assert answer.status_code == 400, answer.text
        self._nothing_stays(spec, before)

    def _posted(self, contents: list[bytes], **settings: Any) -> tuple[_Noted, Response]:
        files = {f"field{number}": (f"{number}.bin", content) for number, content in enumerate(contents)}
        return self._answered(Request.blank("/", POST=files, headers={"Accept": "application/json"}), **settings)

    def _answered(self, request: Request, **settings: Any) -> tuple[_Noted, Response]:
        spec = _Noted("default", type(self.make_backend()), {}, self.make_backend)
        endpoint = Endpoint(EndpointSettings(path="/", backend=spec, **settings))
        return spec, request.get_response(endpoint)

    def _nothing_stays(self, spec: _Noted, before: list[str]) -> None:
        assert all(_GIVEN_UP.fullmatch(order) for order in spec.orders()), spec.orders()
        assert sorted(self.stored()) == before
        assert not self.leftovers()
