"""Configuration: one dict, checked whole; every fault is named at once, with the nearest known name."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

import pytest

from ajaxupload import AjaxUpload
from ajaxupload.backends.base import AbstractUploadBackend
from ajaxupload.backends.local import LocalUploadBackend
from ajaxupload.backends.memory import MemoryUploadBackend
from ajaxupload.config import Size, load, options_of, short_form, unflatten
from ajaxupload.errors import ConfigError, MissingExtra
from ajaxupload.registry import names, resolve


class Custom(AbstractUploadBackend):
    """A third party's backend with options of several kinds."""

    PART: Size = 8 << 20
    MANNER: Literal["fast", "safe"] = "safe"
    QUALITY = 85
    LABEL = None

    def upload_chunk(self, chunk: Any) -> None:
        """Forget it."""


CUSTOM = f"{__name__}:Custom"


def problems_of(config: dict[str, Any]) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load(config)
    return caught.value.problems


def test_the_documented_dict_loads() -> None:
    settings = load(
        {
            "backends": {
                "default": {"class": "local", "media_root": "media", "upload_dir": "uploads"},
                "big": {"class": Custom, "part": "16 MiB", "manner": "fast", "quality": "90", "label": "x"},
            },
            "endpoints": {
                "/upload": {"backend": "default", "max_size": "2 GiB"},
                "/album/{slug}/upload/": {"backend": "big", "allow": ["image/*"], "name": "{slug}/{uuid}{ext}"},
            },
            "secret_key": "s",
        }
    )
    upload = settings.endpoints["/upload"]
    assert (upload.max_size, upload.backend.cls) == (2 << 30, LocalUploadBackend)
    assert upload.backend.options == {"MEDIA_ROOT": "media", "UPLOAD_DIR": "uploads"}
    big = settings.endpoints["/album/{slug}/upload"].backend.create()
    assert (big.PART, big.MANNER, big.QUALITY, big.LABEL) == (16 << 20, "fast", 90, "x")


def test_defaults_limit_a_file_to_100_mib_and_a_form_to_20_files() -> None:
    settings = load({"endpoints": {"/upload": {}}}).endpoints["/upload"]
    assert (settings.max_size, settings.max_files, settings.csrf, settings.sniff) == (100 << 20, 20, True, None)
    assert settings.backend.cls is LocalUploadBackend


def test_every_fault_is_listed_at_once_with_the_nearest_known_name() -> None:
    problems = problems_of(
        {
            "backend": {},
            "backends": {"default": {"class": "locale"}, "b": {"class": "local", "uplod_dir": "x", "durable": "maybe"}},
            "endpoints": {"/upload": {"backend": "b", "max_sise": 1, "min_size": "lots"}, "upload": {}, "/x": 3},
            "secret_key": 5,
        }
    )
    for words in (
        "unknown key 'backend'; did you mean 'backends'?",
        "unknown backend 'locale'; did you mean 'local'?",
        "unknown option 'uplod_dir'; did you mean 'upload_dir'",
        "durable must be true or false, not 'maybe'",
        "unknown key 'max_sise'; did you mean 'max_size'",
        "min_size must be a size",
        "endpoint 'upload': a path looks like '/upload'",
        "endpoint '/x': must be a table",
        "secret_key must be text",
    ):
        assert any(words in problem for problem in problems), (words, problems)


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ({"name": "{nmae}"}, "name"),
        ({"protocols": ["vallums"]}, "did you mean 'valums'"),
        ({"allow": ["../x"]}, "allow"),
        ({"allow": ["images/*"]}, "did you mean 'image/...'"),
        ({"digest": "sha257"}, "no hash algorithm"),
        ({"digest": "shake_128"}, "no hash algorithm"),
        ({"redirect": "/done\r\nSet-Cookie: a=b"}, "redirect"),
        ({"redirect": "/d\u00f6ne"}, "percent-encoded"),
        ({"max_size": 0}, "max_size must be at least 1"),
        ({"max_files": -1}, "max_files must be at least 1"),
        ({"max_fields": -1}, "max_fields must be at least 0"),
        ({"max_size": float("inf")}, "max_size must be a size"),
        ({"min_size": 10, "max_size": 5}, "min_size is larger than max_size"),
        ({"allowed_origins": ["example.com"]}, "must look like 'https://www.example.com'"),
        ({"backend": "nowhere"}, "unknown backend 'nowhere'"),
        ({"backend": {"class": "no.such:Backend"}}, "cannot be imported"),
        ({"backend": {}}, 'needs a "class"'),
        ({"backend": MemoryUploadBackend()}, 'needs a "class", itself or by name, not <'),
        ({"backend": {"class": 5}}, "not 5"),
        ({"protocols": ["collections:OrderedDict"]}, "is no protocol"),
        ({"upload_dir": "x"}, "'upload_dir' is an option of the backend: put it into the backend's table"),
        ({"authorize": "not callable"}, "authorize"),
        ({"backend": "os.path:join"}, "not a class"),
    ],
)
def test_what_types_cannot_say_is_checked_too(endpoint: dict[str, Any], words: str) -> None:
    assert any(words in problem for problem in problems_of({"endpoints": {"/upload": endpoint}}))


@pytest.mark.parametrize("path", ["/a/{x}/{x}", "/a//b", "", "/", "/a/{1}", "/a{b}/c"])
def test_a_path_that_cannot_match_is_refused(path: str) -> None:
    assert problems_of({"endpoints": {path: {}}})


@pytest.mark.parametrize(("first", "second"), [("/a", "/a/"), ("/a/{x}/b", "/a/{y}/b")])
def test_two_paths_for_the_same_requests_are_a_fault(first: str, second: str) -> None:
    assert problems_of({"endpoints": {first: {}, "/other": {}, second: {}}}) == (
        f"endpoint {second!r}: takes the same requests as {first!r}",
    )


def test_what_is_no_dict_is_told_with_what_one_looks_like() -> None:
    for config in ("/upload", None, ["/upload"]):
        with pytest.raises(ConfigError, match="the configuration must be a dict"):
            load(config)  # type: ignore[arg-type]  # which it refuses


def test_types_are_kept_as_a_file_inputs_accept_takes_them() -> None:
    settings = load({"endpoints": {"/up": {"allow": "PNG, image/*, *.jpg, text/xml", "deny": [".SVG"]}}}).endpoints
    assert settings["/up"].allow == ("image/*", "application/xml", ".png", ".jpg")
    assert settings["/up"].deny == (".svg",)


def test_a_configuration_without_endpoints_says_how_to_add_one() -> None:
    assert "no endpoints" in problems_of({})[0]
    assert "backends must be a table" in problems_of({"backends": []})[0]


def test_a_single_fault_is_the_whole_message_and_several_are_a_list() -> None:
    assert str(ConfigError("one")) == "one"
    assert str(ConfigError(["one", "two"])) == "2 problems in the configuration:\n  - one\n  - two"
    assert str(MissingExtra("backend 's3'", "boto3", "s3")) == "backend 's3' needs boto3: pip install 'ajaxupload[s3]'"


@pytest.mark.parametrize("spelling", ["memory", MemoryUploadBackend, "ajaxupload.backends.memory:MemoryUploadBackend"])
def test_a_backend_is_named_by_registry_name_class_or_dotted_path(spelling: Any) -> None:
    settings = load({"endpoints": {"/upload": {"backend": spelling}}})
    assert settings.endpoints["/upload"].backend.cls is MemoryUploadBackend
    assert resolve("backend", spelling) is MemoryUploadBackend


def test_the_short_form_shares_keys_out_between_endpoint_and_backend() -> None:
    settings = load(short_form("/up", "local", {"upload_dir": "in", "MAX_SIZE".lower(): "1 MiB", "DURABLE": False}))
    endpoint = settings.endpoints["/up"]
    assert endpoint.max_size == 1 << 20
    assert endpoint.backend.options == {"UPLOAD_DIR": "in", "DURABLE": False}


def test_a_slip_in_the_short_form_is_told_with_the_endpoints_key() -> None:
    problems = problems_of(short_form("/up", "local", {"max_sise": "1 MiB", "uplod_dir": "in"}))
    assert any("did you mean 'max_size'" in problem for problem in problems)
    assert any("did you mean 'upload_dir'" in problem for problem in problems)
    assert "unknown backend 'lokal'" in problems_of(short_form("/up", "lokal", {"max_sise": 1}))[0]


def test_an_instance_where_a_class_belongs_is_told_whatever_stands_beside_it() -> None:
    with pytest.raises(ConfigError, match='needs a "class"'):
        AjaxUpload(lambda *_: [], backend=MemoryUploadBackend(), upload_dir="x")  # type: ignore[arg-type]  # the slip


def test_faults_of_type_and_of_meaning_are_listed_together() -> None:
    problems = problems_of({"endpoints": {"/up": {"max_size": "much", "digest": "sha257", "name": "{nmae}"}}})
    assert len(problems) == 3


@pytest.mark.parametrize("options", [{"max_size": 1}, {"path": "/upload"}, {"backend": "local", "upload_dir": "x"}])
def test_options_beside_a_dict_are_refused_instead_of_ignored(options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=f"{', '.join(options)}: with a dict, options stand in its tables"):
        AjaxUpload(lambda environ, start_response: [], {"endpoints": {"/up": {"backend": "memory"}}}, **options)


def test_the_short_form_may_be_a_dict() -> None:
    settings = load({"path": "/up", "backend": "memory", "max_size": "1 KiB"})
    assert (settings.endpoints["/up"].max_size, settings.endpoints["/up"].backend.cls) == (1024, MemoryUploadBackend)


def test_ini_lines_become_the_dict() -> None:
    flat = {
        "endpoints./v1.0/upload.max_size": "2 MiB",
        "endpoints./v1.0/upload.backend": "photos",
        "backends.photos.class": "memory",
        "secret_key": "s",
    }
    settings = load(unflatten(flat))
    assert settings.endpoints["/v1.0/upload"].max_size == 2 << 20
    short = load(unflatten({"path": "/up", "upload_dir": "x", "secret_key": "s"}))
    assert (short.secret_key, short.endpoints["/up"].backend.options) == ("s", {"UPLOAD_DIR": "x"})


def test_settings_are_frozen() -> None:
    settings = load({"endpoints": {"/upload": {}}}).endpoints["/upload"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        settings.max_size = 1  # type: ignore[misc]  # that it cannot be set is what is tested


def test_a_class_whose_annotations_cannot_be_read_is_typed_by_its_defaults() -> None:
    class Odd(AbstractUploadBackend):
        LIMIT: "NoSuchType" = 5  # type: ignore[name-defined]  # noqa: F821, UP037 - a name for a type checker only

    assert options_of(Odd)["LIMIT"] is int


def test_entry_points_of_installed_packages_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    from importlib.metadata import EntryPoint

    from ajaxupload import registry

    entry = EntryPoint("mine", CUSTOM, "ajaxupload.backends")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == "ajaxupload.backends" else [])
    assert "mine" in names("backend")
    assert resolve("backend", "mine").__name__ == "Custom"


@pytest.mark.parametrize("value", ["no_such_package:Backend", f"{__name__}:NoSuchBackend"])
def test_an_installed_package_that_is_broken_is_a_fault_of_the_configuration(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from importlib.metadata import EntryPoint

    from ajaxupload import registry

    monkeypatch.setattr(registry, "entry_points", lambda group: [EntryPoint("mine", value, group)])
    assert (
        "'mine' of an installed package cannot be imported"
        in problems_of({"endpoints": {"/up": {"backend": "mine"}}})[0]
    )
