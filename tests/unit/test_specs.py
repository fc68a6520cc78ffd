"""Backends in front of backends: whose option is whose, and every way to get a store wrong."""

from __future__ import annotations

from typing import Any

import pytest

from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.config import load
from ajaxupload.errors import ConfigError
from ajaxupload.specs import BackendSpec, spec_of
from ajaxupload.values import Backend


class Front(AbstractUploadBackend):
    """Stands in front of another backend, as `thumbnail` does."""

    STORE: Backend = "local"
    DEPTH: int = 1

    def upload_chunk(self, chunk: Any, *args: Any, **kwargs: Any) -> None:
        """Hand it on."""


def found(backends: dict[str, Any]) -> dict[str, BackendSpec]:
    return dict(load({"backends": backends, "endpoints": {"/up": {"backend": next(iter(backends))}}}).backends)


def problems_of(backends: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        found(backends)
    return caught.value.problems


def test_a_stores_options_stand_in_the_table_of_the_one_in_front() -> None:
    spec = found({"a": {"class": Front, "depth": "2", "upload_dir": "in"}})["a"]
    assert spec.options["DEPTH"] == 2
    store = spec.options["STORE"]
    assert (store.cls, store.options) == (LocalUploadBackend, {"UPLOAD_DIR": "in"})


@pytest.mark.parametrize("store", ["memory", MemoryUploadBackend, {"class": "memory", "collision": "error"}])
def test_a_store_is_named_as_any_backend_is(store: Any) -> None:
    assert found({"a": {"class": Front, "store": store}})["a"].options["STORE"].cls is MemoryUploadBackend


def test_a_store_may_have_a_table_of_its_own() -> None:
    specs = found({"a": {"class": Front, "store": "b"}, "b": {"class": "memory", "collision": "error"}})
    assert specs["a"].options["STORE"] is specs["b"]


def test_a_table_named_like_its_store_is_in_front_of_the_class() -> None:
    store = found({"local": {"class": Front, "upload_dir": "in"}})["local"].options["STORE"]
    assert (store.cls, store.options) == (LocalUploadBackend, {"UPLOAD_DIR": "in"})


def test_one_in_front_of_another_hands_on_as_far_as_it_goes() -> None:
    outer = found({"a": {"class": Front, "store": Front, "upload_dir": "in"}})["a"]
    inner = outer.options["STORE"]
    assert inner.cls is Front
    assert inner.options["STORE"].options == {"UPLOAD_DIR": "in"}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"class": Front, "store": "a"}, "'a' stands behind itself (a -> a)"),
        ({"class": Front, "store": "lokal"}, "did you mean 'local'"),
        ({"class": Front, "store": 5}, 'needs a "class"'),
        ({"class": Front, "uplod_dir": "x"}, "did you mean 'upload_dir'"),
        ({"class": Front, "store": "memory", "upload_dir": "x"}, "unknown option 'upload_dir'"),
        ({"class": Front, "depth": "deep"}, "depth must be a whole number"),
        ({"class": Front, "durable": "maybe"}, "durable must be true or false"),
        ("lokal", "did you mean 'local'"),
        (5, 'needs a "class"'),
        ({"class": int}, "int is no backend"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(table: Any, words: str) -> None:
    assert any(words in problem for problem in problems_of({"a": table})), problems_of({"a": table})


def test_a_ring_of_stores_is_told_once_with_its_way() -> None:
    ring = {"a": {"class": Front, "store": "b"}, "b": {"class": Front, "store": "a"}}
    assert [problem for problem in problems_of(ring) if "a -> b -> a" in problem]


def test_a_store_outside_of_a_configuration() -> None:
    assert spec_of("memory").cls is MemoryUploadBackend
    ready = spec_of({"class": "local", "upload_dir": "in"})
    assert spec_of(ready) is ready
    assert isinstance(spec_of("memory").create(), MemoryUploadBackend)
    for wrong in ("lokal", {"class": "local", "uplod_dir": "x"}):
        with pytest.raises(ConfigError, match="did you mean"):
            spec_of(wrong)
